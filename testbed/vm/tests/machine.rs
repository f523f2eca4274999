//! A machine does what it is told, and says how it ended.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use nix::sys::termios::tcgetattr;
use vm::{Kernel, Lost, Machine, Outcome, User};

/// A machine, where one can be made.
fn machine() -> Option<Machine> {
    match vm::ready() {
        Ok(()) => Some(Machine::new(Kernel::V6_12)),
        Err(why) => {
            testbed::skipped(&why.to_string());
            None
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder of this test's own, gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_command_runs_with_files_in_and_files_out() {
    let Some(machine) = machine() else { return };
    let folder = Folder::new("files");
    let (put, got) = (folder.0.join("put"), folder.0.join("got"));
    fs::create_dir_all(put.join("deep")).unwrap();
    fs::write(put.join("deep/file"), "from the host").unwrap();
    let script = "mkdir /results; cat /input/deep/file; echo complaint >&2
         uname -r >/results/kernel; exit 42";
    let outcome =
        machine.put(&put, "/input").get("/results", &got).run(["sh", "-c", script]).unwrap();
    let Outcome { status, out, error } = outcome;
    assert_eq!(
        (status, text(&out), text(&error)),
        (42, "from the host".into(), "complaint\n".into())
    );
    assert!(fs::read_to_string(got.join("kernel")).unwrap().starts_with("6.12."));
}

/// What the chapters count on.
#[test]
fn an_ordinary_user_finds_an_ordinary_machine() {
    let Some(machine) = machine() else { return };
    let script = "id; hostname; pwd; cat /proc/self/cgroup; findmnt -t cgroup
         find /tmp -mindepth 1; touch here; stat -f -c %T .
         mkdir /sys/fs/cgroup/session.scope/mine && echo delegated
         unshare -Urm sh -c 'mkdir /tmp/root && mount -t tmpfs root /tmp/root && cd /tmp/root &&
             mkdir old && pivot_root . old && echo pivoted'
         cat /proc/sys/vm/swappiness; : >/dev/net/tun && ping -c 1 -W 9 127.0.0.1 >/dev/null; kill -9 $$";
    let machine = machine.user(User::Student).delegate().sysctl("vm.swappiness=7");
    let Outcome { status, out, error } = machine.run(["bash", "-c", script]).unwrap();
    let expected = "uid=1000(student) gid=1000(student) groups=1000(student)\nlaptop\n\
         /home/student\n0::/session.scope\next2/ext3\ndelegated\npivoted\n7\n";
    assert_eq!((text(&out), status), (expected.into(), 137), "{}", text(&error));
}

#[test]
fn what_is_no_command_is_said_as_a_shell_says_it() {
    let Some(machine) = machine() else { return };
    assert_eq!(machine.run(["/no/such/thing"]).unwrap().status, 127);
}

#[test]
fn a_machine_that_dies_or_takes_too_long_is_told_from_a_command_that_fails() {
    let Some(machine) = machine() else { return };
    let died = machine.run(["sh", "-c", "echo c >/proc/sysrq-trigger; sleep 100"]).unwrap_err();
    let Some(Lost::Died(console)) = died.downcast_ref() else { panic!("{died:#}") };
    assert!(console.contains("sysrq triggered crash"), "{console}");
    let late = machine.patience(Duration::from_secs(1)).run(["sleep", "1000"]).unwrap_err();
    assert!(matches!(late.downcast_ref(), Some(Lost::TimedOut(_))), "{late:#}");
}

#[test]
fn what_qemu_will_not_be_it_says_itself() {
    let Some(machine) = machine() else { return };
    let refused = machine.memory(u32::MAX).run(["true"]).unwrap_err();
    let Some(Lost::Refused(said)) = refused.downcast_ref() else { panic!("{refused:#}") };
    assert!(said.contains("qemu-system-x86_64: "), "{said}");
}

/// The test runs itself as the program in the terminal.
#[test]
fn a_shell_whose_machine_dies_leaves_the_terminal_as_it_was() {
    let Some(machine) = machine() else { return };
    if env::var_os("IN_TERMINAL").is_some() {
        let died = machine.converse(["sh", "-c", "echo c >/proc/sysrq-trigger; sleep 1000"]);
        let died = died.unwrap_err();
        assert!(matches!(died.downcast_ref(), Some(Lost::Died(_))), "{died:#}");
        return;
    }
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).unwrap();
    let before = tcgetattr(&terminal.slave).unwrap();
    let end = || Stdio::from(terminal.slave.try_clone().unwrap());
    let name = "a_shell_whose_machine_dies_leaves_the_terminal_as_it_was";
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture", name])
        .env("IN_TERMINAL", "")
        .stdin(end())
        .stdout(end())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("once more"), "{said}");
    assert_eq!(tcgetattr(&terminal.slave).unwrap(), before);
}
