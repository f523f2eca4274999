//! What the tests of this chapter share: a host, as it is, or with one of the two versions alone.

#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use testbed::{Host, Who, stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sol04-cgroup-limits");

/// A host, and where the chapter's program is on it.
pub struct Machine {
    pub host: Host,
    program: std::path::PathBuf,
}

impl Machine {
    /// Makes one, if the tests run as root. The container's root folder is there already.
    pub fn new() -> Option<Self> {
        let host = Host::new()?;
        let program = testbed::reachable(&host, PROGRAM);
        let machine = Self { host, program };
        let _ = machine.sh(Who::Root, &[], "true");
        Some(machine)
    }

    /// One where `where_is` is to be found at the top of one hierarchy, of v2 alone.
    pub fn with_v2_alone() -> Option<Self> {
        let machine = Self::new()?;
        let _ =
            machine.host.sh("two=$(findmnt -n -r -o TARGET -t cgroup2 | head -n 1); mkdir /run/two
             mount --bind $two /run/two; while umount -R /sys/fs/cgroup 2>/dev/null; do :; done
             mount --bind /run/two /sys/fs/cgroup; umount /run/two; rmdir /run/two
             [ -e /sys/fs/cgroup/cgroup.controllers ]");
        Some(machine)
    }

    /// One with v1 alone; none where this machine has no v1.
    pub fn with_v1_alone() -> Option<Self> {
        let machine = Self::new()?;
        let _ = machine.host.sh(
            "while two=$(findmnt -n -r -o TARGET -t cgroup2 | head -n 1) && [ \"$two\" ]; do
                 umount $two
             done",
        );
        let one = machine.host.sh("findmnt -n -r -o TARGET -t cgroup || true");
        (!one.is_empty()).then_some(machine)
    }

    /// Asserts that the host looks as it did `before`.
    #[track_caller]
    pub fn assert_unchanged(&self, before: &BTreeSet<String>) {
        testbed::assert_same(before, &self.host.snapshot());
    }

    /// Where the chapter's program is on this host.
    pub fn program(&self) -> &str {
        self.program.to_str().expect("text")
    }

    /// The chapter's program, to be run with these words.
    pub fn command(&self, who: Who, words: &[&str]) -> Command {
        let mut command = self.host.command(who, &self.program);
        command.args(words);
        command
    }

    /// Runs it.
    pub fn run(&self, who: Who, options: &[&str], words: &[&str]) -> Output {
        let words = [&["run", "--network", "none"], options, &["--"], words].concat();
        self.command(who, &words).output().expect("the program starts")
    }

    /// Runs a shell script in a container, which has to succeed, and returns what it prints.
    #[track_caller]
    pub fn sh(&self, who: Who, options: &[&str], script: &str) -> String {
        let output = self.run(who, options, &["sh", "-c", script]);
        assert!(output.status.success(), "{who:?}: {script}: {}", stderr(&output));
        stdout(&output)
    }

    /// `stats`, `pause` or `unpause`, which has to succeed.
    #[track_caller]
    pub fn verb(&self, words: &[&str]) -> String {
        let output = self.command(Who::Root, words).output().expect("the program starts");
        assert!(output.status.success(), "{words:?}: {}", stderr(&output));
        stdout(&output)
    }

    /// A container with a script that prints its host name, which is its number, and goes on.
    pub fn start(&self, options: &[&str], script: &str) -> Started {
        let script = format!("hostname; {script}");
        let options = [&["run", "--network", "none", "--init"], options].concat();
        let mut child = self
            .command(Who::Root, &[&options[..], &["--", "sh", "-c", &script]].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        Started { child, id: line.trim().into(), stdout }
    }
}

/// A running container.
pub struct Started {
    pub child: Child,
    /// Its number.
    pub id: String,
    pub stdout: BufReader<ChildStdout>,
}

impl Started {
    /// Sends a signal to the runtime. (The child is nsenter, which forks.)
    pub fn signal(&self, signal: &str) {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let runtime = std::fs::read_to_string(children).expect("children");
        let _ = Command::new("kill").args([signal, runtime.trim()]).status();
    }

    /// Ends it as `kill` does, and returns its exit status.
    pub fn end(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().expect("ends").code()
    }
}
