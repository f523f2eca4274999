//! For the tests: a host that may be broken, and what it looks like.
//!
//! A container runtime's tests do to the machine what a container runtime does. So each of them
//! gets a [`Host`] of its own: a process in new mount, network, UTS, IPC and PID namespaces, with an
//! empty `/run` and `/tmp`, and with `/` *shared*, as systemd makes it (where `/` is private a
//! leaking mount would not show). Of the machine's cgroups it sees only its own, and the ordinary
//! user's home is an empty one on a disk. [`Host::snapshot`] lists everything in it that a run could
//! leave behind. When the value is dropped its PID 1 is killed, and with it goes all that was made in it.

mod cgroups;
mod home;
pub mod refusals;
pub mod registry;

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::cgroups::Cgroups;
use crate::home::Home;

/// The ordinary user of the tests.
pub const USER: u32 = 1000;

/// A machine of the test's own.
pub struct Host {
    holder: Child,
    /// The number of its PID 1, as the real host sees it.
    pid: u32,
    /// Removed after the holder has gone.
    _cgroups: Cgroups,
    /// The same.
    _home: Home,
}

/// Who runs a command on a [`Host`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Root.
    Root,
    /// An ordinary user, [`USER`].
    User,
}

/// Both, for tests of what works for both.
pub const BOTH: [Who; 2] = [Who::Root, Who::User];

impl Host {
    /// Makes one; `None` (and a line that says so) where the tests don't run as root, with all of
    /// root's rights.
    #[must_use]
    pub fn new() -> Option<Self> {
        if !may_administer() {
            skipped("a host of the test's own needs root");
            return None;
        }
        let (cgroups, home) = (Cgroups::new(), Home::new(USER));
        // The home before `/tmp` is hidden: the project may lie there. A new network begins with
        // what the real host has set, as Docker on it does.
        let script = format!(
            "mount --make-rshared / && mount -t tmpfs -o mode=755 run /run && \
             mkdir /run/user-home && mount --bind '{}' /run/user-home && \
             mount -t tmpfs -o mode=1777 tmp /tmp && ip link set lo up && \
             echo 0 >/proc/sys/net/ipv4/ip_forward && \
             echo ready && exec sleep infinity",
            home.path().display()
        );
        let script = cgroups.script() + &script;
        // If the test is killed, its host goes with it.
        let mut holder = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "unshare"])
            .args(["--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "--kill-child"])
            .args(["--mount-proc", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare(1) starts");
        let mut line = String::new();
        let stdout = holder.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n", "the test's host was made");
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let children = fs::read_to_string(children).expect("unshare(1) has a child");
        let pid = children.trim().parse().expect("one child");
        Some(Self { holder, pid, _cgroups: cgroups, _home: home })
    }

    /// The number of this host's PID 1.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// A command on this host; with `HOME`, `XDG_CACHE_HOME`, `XDG_DATA_HOME` (in its `/run`) and
    /// `XDG_RUNTIME_DIR` of its own.
    #[must_use]
    pub fn command(&self, who: Who, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.pid));
        command.args(["--mount", "--net", "--uts", "--ipc", "--pid", "--"]);
        if who == Who::User {
            command.args(["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--"]);
        }
        let home = if who == Who::User { "/run/user-home" } else { "/root" };
        command.arg(program).env("HOME", home).env("XDG_CACHE_HOME", cache(who));
        let data = if who == Who::User { "/run/user-home/data" } else { "/run/data" };
        command.env("XDG_DATA_HOME", data).env_remove("XDG_RUNTIME_DIR").stdin(Stdio::null());
        command
    }

    /// Starts a program on this host, and kills it with SIGKILL after `delay` if it still runs. Says
    /// whether it was faster.
    ///
    /// # Panics
    ///
    /// When it can't be started.
    pub fn kill_after(&self, who: Who, delay: Duration, program: &Path, words: &[&str]) -> bool {
        // Not our own child: that is nsenter, and its child would live on.
        let mut command = self.command(who, "timeout");
        command.args(["-s", "KILL", &delay.as_secs_f64().to_string()]).arg(program).args(words);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().expect("nsenter").success()
    }

    /// Runs a shell script on this host as root, which has to succeed, and returns what it prints.
    #[must_use]
    pub fn sh(&self, script: &str) -> String {
        let output = self.command(Who::Root, "sh").args(["-c", script]).output().expect("nsenter");
        assert!(output.status.success(), "{script}: {}", stderr(&output));
        stdout(&output)
    }

    /// Everything on this host that a run could leave behind, a line each.
    #[must_use]
    pub fn snapshot(&self) -> BTreeSet<String> {
        // Few programs: in an emulated machine the start of each takes its time.
        let text = self.sh("echo '= mount'; cat /proc/1/mountinfo
             echo '= link'; ip -o link
             echo '= address'; ip -o addr
             echo '= route'; ip route show table all
             echo '= rule'; nft list ruleset 2>/dev/null
             echo '= forwarding'; read -r line </proc/sys/net/ipv4/ip_forward; echo \"$line\"
             echo '= hostname'; read -r line </proc/sys/kernel/hostname; echo \"$line\"
             echo '= file'; find /run /tmp
             echo '= ipc'; ipcs
             echo '= cgroup'; [ ! -e /sys/fs/cgroup ] || find /sys/fs/cgroup -type d
             echo '= process'; ps -eo args=");
        let mut kind = "";
        let mut lines = BTreeSet::new();
        for line in text.lines() {
            match line.strip_prefix("= ") {
                Some(next) => kind = next,
                None => lines.extend(fact(kind, line).map(|fact| format!("{kind}: {fact}"))),
            }
        }
        lines
    }
}

/// A line about something of this kind, without numbers that are others each time; nothing, if it is
/// about ourselves.
fn fact(kind: &str, line: &str) -> Option<String> {
    match kind {
        "mount" => line.splitn(3, ' ').nth(2).map(String::from),
        "link" | "address" => {
            let (_, line) = line.split_once(": ")?;
            let Some((name, rest)) = line.split_once("@if") else { return Some(line.into()) };
            Some(name.to_owned() + rest.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        "process" => {
            let ours = ["ps", "sh", "sleep infinity", "["];
            (!ours.iter().any(|name| line.starts_with(name))).then(|| line.into())
        }
        _ => Some(line.into()),
    }
}

/// Whether we are root, with all its rights: in most containers it lacks `CAP_SYS_ADMIN`
/// (`capabilities(7)`).
fn may_administer() -> bool {
    const CAP_SYS_ADMIN: u32 = 21;
    let status = fs::read_to_string("/proc/self/status").expect("/proc/self/status");
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:")).expect("CapEff");
    u64::from_str_radix(set.trim(), 16).expect("a set") & (1 << CAP_SYS_ADMIN) != 0
}

/// Compares two snapshots, and shows the lines in which they differ.
///
/// # Panics
///
/// When they differ.
pub fn assert_same(before: &BTreeSet<String>, after: &BTreeSet<String>) {
    let gone: Vec<_> = before.difference(after).collect();
    let new: Vec<_> = after.difference(before).collect();
    assert!(gone.is_empty() && new.is_empty(), "new: {new:#?}\ngone: {gone:#?}");
}

impl Drop for Host {
    fn drop(&mut self) {
        // --kill-child: PID 1 of the host dies with `unshare`, and everything else with PID 1.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Where root's test runs keep the workshop's own root folder: beside the built programs, since
/// making it anew for each test takes its time. An ordinary user may not write there.
fn cache(who: Who) -> PathBuf {
    match who {
        Who::User => "/run/user-home/.cache".into(),
        Who::Root => target().join("tmp/cache"),
    }
}

/// Cargo's target folder: a test's program is in `target/PROFILE/deps`.
fn target() -> PathBuf {
    let program = env::current_exe().expect("a path");
    program.ancestors().nth(3).expect("target/PROFILE/deps/test").into()
}

/// A program that can be executed on the host by both, wherever the project lies: itself, or, where
/// a folder above it is closed to [`Who::User`] or hidden by the host's own `/tmp`, a copy in the
/// host's `/run/programs`.
///
/// # Panics
///
/// When the copy can't be made.
#[must_use]
pub fn reachable(host: &Host, program: &str) -> PathBuf {
    let path = Path::new(program);
    // Through the magic link into the host's own file tree (proc_pid_root(5)).
    let inside = |path: &Path| PathBuf::from(format!("/proc/{}/root{}", host.pid, path.display()));
    let open = |path: &Path| {
        fs::metadata(inside(path)).is_ok_and(|found| found.permissions().mode() & 0o001 != 0)
    };
    if path.ancestors().all(open) {
        return path.into();
    }
    let folder = Path::new("/run/programs");
    let copy = folder.join(path.file_name().expect("a program's name"));
    // A second copy would be refused while the first one runs.
    if !inside(&copy).exists() {
        fs::create_dir_all(inside(folder)).expect("a folder for the copy");
        fs::copy(path, inside(&copy)).expect("a copy of the program");
    }
    copy
}

/// How long to go on with what is tried again and again.
const ENOUGH: Duration = Duration::from_secs(15);

/// So many rounds of something whose moment differs from round to round; where a round takes long,
/// as in an emulated machine, fewer have to do.
pub fn rounds(most: u32) -> impl Iterator<Item = u32> {
    let begun = Instant::now();
    (0..most).take_while(move |_| begun.elapsed() < ENOUGH)
}

/// Says why a test is not run. `.ci/run` counts these lines, and allows none where the machine
/// could have run it.
pub fn skipped(why: &str) {
    // Not `eprintln!`: the test runner would keep that for itself.
    let _ = std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes());
}

/// What a command wrote to standard output.
#[must_use]
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a command wrote to standard error.
#[must_use]
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_has_everything_and_is_the_same_again() {
        let Some(host) = Host::new() else { return };
        let _ = host.sh("ip link add one type veth peer name two; touch /tmp/file");
        let before = host.snapshot();
        for kind in ["mount", "link", "address", "route", "forwarding", "hostname", "file", "ipc"] {
            assert!(before.iter().any(|line| line.starts_with(&format!("{kind}: "))), "{kind}");
        }
        assert!(before.contains("file: /tmp/file"));
        assert_same(&before, &host.snapshot());
    }

    #[test]
    fn numbers_of_the_kernels_are_left_out() {
        let told = |kind, line| fact(kind, line).unwrap();
        assert_eq!(told("mount", "36 28 0:30 / /run rw - tmpfs"), "0:30 / /run rw - tmpfs");
        assert_eq!(told("link", "7: eth0@if12: <UP> mtu 1500"), "eth0: <UP> mtu 1500");
        assert_eq!(told("address", "1: lo    inet 127.0.0.1/8"), "lo    inet 127.0.0.1/8");
        assert_eq!(fact("process", "ps -eo args="), None);
    }
}
