//! What a user relies on: the exit status, the sentence, a clean start for the command.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use testbed::{BOTH, Host, Who, refusals, stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sol00-process");

fn run(words: &[&str]) -> Output {
    Command::new(PROGRAM).arg("run").args(words).stdin(Stdio::null()).output().unwrap()
}

/// A run of a shell script that has printed its first line, and what it prints next.
fn started(script: &str) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(PROGRAM);
    let command = command.args(["run", "sh", "-c", script]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    (child, stdout)
}

/// A folder of this test's own, gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, content: &[u8], mode: u32) -> String {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().into()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn ends_as_the_command_ends() {
    for status in [0, 1, 2, 42, 125, 137, 255] {
        assert_eq!(run(&["sh", "-c", &format!("exit {status}")]).status.code(), Some(status));
    }
    // HUP, KILL, SEGV, TERM, and a real-time signal, which has no name.
    for signal in [1, 9, 11, 15, 35] {
        let output = run(&["sh", "-c", &format!("kill -{signal} $$")]);
        assert_eq!(output.status.code(), Some(128 + signal));
    }
}

#[test]
fn says_why_a_command_cannot_be_executed() {
    let folder = Folder::new("refused programs");
    let script = folder.file("script", b"#!/no/such/interpreter -x\n", 0o755);
    let plain = folder.file("plain", b"echo hello\n", 0o755);
    let closed = folder.file("closed", b"#!/bin/sh\n", 0o644);
    let mut program = fs::read("/proc/self/exe").unwrap();
    program[18] = 0xf3 - program[18]; // Some other machine than this one.
    program.truncate(1 << 16);
    let foreign = folder.file("foreign", &program, 0o755);
    let cases: [(&str, i32, &str); 8] = [
        ("no-such-program", 127, "\"no-such-program\") failed: No such file or directory (ENOENT)"),
        ("/no/such/program", 127, "No such file or directory (ENOENT)"),
        ("/etc/passwd/x", 127, "No such file or directory (ENOENT)"),
        (&script, 127, "its #! line names is not: \"/no/such/interpreter\""),
        (&plain, 126, "neither an ELF program nor a script that begins with #!"),
        (&closed, 126, "chmod +x"),
        (&foreign, 126, "the program is for"),
        ("/etc", 126, "it is a folder"),
    ];
    for (program, status, words) in cases {
        let output = run(&[program]);
        assert_eq!(output.status.code(), Some(status), "{program}");
        let said = stderr(&output);
        assert!(said.starts_with("sol00-process: execve(") && said.contains(words), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn looks_for_the_command_in_the_whole_path() {
    let Some(host) = Host::new() else { return };
    let _ = host.sh("mkdir -p /tmp/closed /tmp/first /tmp/second; chmod 700 /tmp/closed
         echo '#!/bin/sh' >/tmp/first/tool; mkdir /tmp/first/only-a-folder
         printf '#!/bin/sh\necho second' >/tmp/second/tool; chmod +x /tmp/second/tool");
    let program = testbed::reachable(&host, PROGRAM);
    for who in BOTH {
        // One folder that may not be entered, one with a file that may not be executed.
        let path = "/tmp/closed:/nowhere:/tmp/first:/tmp/second:/bin";
        let run = |name: &str, path: &str| {
            let mut command = host.command(who, "env");
            command.arg(format!("PATH={path}")).arg(&program).args(["run", name]).output().unwrap()
        };
        assert_eq!(stdout(&run("tool", path)), "second\n");
        assert_eq!(run("no-such-program", path).status.code(), Some(127));
        assert_eq!(run("only-a-folder", path).status.code(), Some(126));
        assert_eq!(run("tool", "/tmp/closed:/tmp/first").status.code(), Some(126));
        // What is in the closed folder only root can tell.
        let output = run("/tmp/closed/tool", path);
        let (status, words) = match who {
            Who::Root => (127, "ENOENT"),
            Who::User => (126, "(EACCES); this user may not enter a folder"),
        };
        assert_eq!(output.status.code(), Some(status));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
}

#[test]
fn a_command_line_without_sense_is_125() {
    let output = run(&["--no-such-option", "true"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(stderr(&output).contains("there is no option --no-such-option"));
    for words in [&["run"][..], &["run", "--explain"], &["jump"], &[]] {
        let output = Command::new(PROGRAM).args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(125), "{words:?}");
        assert!(stderr(&output).contains("Usage:"));
    }
    let help = Command::new(PROGRAM).arg("--help").output().unwrap();
    assert_eq!(help.status.code(), Some(0));
}

#[test]
fn the_command_gets_its_words_as_they_are() {
    let output = run(&["--", "printf", "[%s]", "two words", "--explain", "-x", "", "\u{e9}\n"]);
    assert_eq!(stdout(&output), "[two words][--explain][-x][][\u{e9}\n]");
    // argv[0] is the name as it was typed, not the path that was found.
    let output = run(&["sh", "-c", "tr '\\0' ' ' </proc/$$/cmdline"]);
    assert!(stdout(&output).starts_with("sh -c "));
}

#[test]
fn the_command_starts_clean() {
    // A caller with an ignored and a blocked signal and an open file: `nohup` and many daemons.
    let mut command = Command::new("bash");
    let script =
        format!("trap '' HUP INT; exec 7</etc/passwd; exec {PROGRAM} run cat /proc/self/status");
    let status = stdout(&command.args(["-c", &script]).output().unwrap());
    let field = |name| status.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert_eq!(field("SigIgn:"), "SigIgn:\t0000000000000000");
    assert_eq!(field("SigBlk:"), "SigBlk:\t0000000000000000");
    let script = format!("umask 077; exec {PROGRAM} run sh -c umask");
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!(stdout(&output), "0022\n");
    let script = format!("exec 7</etc/passwd; exec {PROGRAM} run ls /proc/self/fd");
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    // 3 is the folder that ls reads.
    assert_eq!(stdout(&output), "0\n1\n2\n3\n");
}

#[test]
fn signals_reach_the_command() {
    let (mut child, _) = started("trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done");
    let kill = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

/// systemd ends a container by the real-time signal 37 (SIGRTMIN+3).
#[test]
fn no_signal_that_is_meant_for_the_command_ends_the_program() {
    for signal in ["ALRM", "PWR", "PROF", "37", "64"] {
        let trap = format!("trap 'exit 9' {signal}; echo ready; while :; do sleep 0.01; done");
        let (mut child, _) = started(&trap);
        let kill = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(9), "{signal}");
    }
}

#[test]
fn the_command_goes_when_the_program_is_killed() {
    let (mut child, mut stdout) = started("echo $$; exec sleep 600");
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    // The command held the pipe's other end; it closes when the command is gone.
    let begun = Instant::now();
    stdout.read_to_string(&mut String::new()).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(60), "the command is gone");
}

#[test]
fn shows_namespaces() {
    let output = Command::new(PROGRAM).arg("ns").output().unwrap();
    let table = stdout(&output);
    for kind in ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"] {
        let link = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
        let number =
            link.to_str().unwrap().trim_end_matches(']').split_once('[').unwrap().1.to_owned();
        let row = table.lines().find(|row| row.starts_with(kind)).unwrap();
        assert!(row.contains(&number) && row.contains(" same "), "{row}");
    }
    let output = Command::new(PROGRAM).args(["ns", "4194305"]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(stderr(&output).contains("there is no process with this number"));
}

#[test]
fn shows_what_differs() {
    let Some(host) = Host::new() else { return };
    let output = Command::new(PROGRAM).args(["ns", &host.pid().to_string()]).output().unwrap();
    let table = stdout(&output);
    let row = |kind| table.lines().find(|row| row.starts_with(kind)).unwrap().to_owned();
    assert!(row("net").contains("DIFFERENT") && row("pid").contains("DIFFERENT"), "{table}");
    assert!(row("user").contains("same"), "{table}");
}

#[test]
fn explains_itself_on_standard_error_only() {
    let output = run(&["--explain", "echo", "hello"]);
    assert_eq!(stdout(&output), "hello\n");
    let said = stderr(&output);
    for words in
        ["host      │", "container │", "clone(CLONE_PIDFD|SIGCHLD)", "execve(", "(book 00#wait)"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains('\x1b'), "no colour outside a terminal");
}

#[test]
fn every_refused_call_is_one_sentence() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let program = testbed::reachable(&host, PROGRAM);
        let run = [program.to_str().unwrap(), "run", "/bin/echo", "well"];
        let wrong = refusals::each_call(&host, who, &run, "well\n");
        assert!(wrong.is_empty(), "{who:?}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn standard_output_that_is_closed_is_no_panic() {
    let mut command = Command::new("sh");
    let output = command.args(["-c", &format!("{PROGRAM} ns >/dev/full")]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(stderr(&output).contains("can't write to standard output"));
}
