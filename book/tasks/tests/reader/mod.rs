//! Somebody who reads the book, and types at the shells of a machine of his own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::openpty;
use recorder::prompt::{self, PS1, PS2};
use recorder::session::{Action, Session, Step};
use serde_json::Value;
use testbed::{Host, Who, stderr, stdout};

/// Nothing that is typed takes so long. The images of the registry are made at first use.
const PATIENCE: Duration = Duration::from_secs(120);
/// A process that was started in the background is soon what it will be; on an emulated machine later.
const SOON: Duration = Duration::from_secs(30);

/// The finished chapters that sessions name, and the workshop's command.
const PROGRAMS: [&str; 3] = ["sol01-chroot-jail", "sol06-image-pull", "coracle"];

/// A reader, and a task.
pub(crate) struct Reader {
    host: Host,
    task: &'static str,
    values: Value,
    path: String,
    shells: BTreeMap<Option<String>, Shell>,
}

/// A terminal with a shell.
struct Shell {
    keys: File,
    screen: Receiver<Vec<u8>>,
    /// What was printed since the last prompt.
    printed: String,
    process: Child,
}

/// The right commands of a task.
pub(crate) fn played(task: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("played");
    let path = folder.join(format!("{task}.session"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Reader {
    /// `None` where the tests don't run as root.
    pub(crate) fn new(task: &'static str) -> Option<Self> {
        let host = Host::new()?;
        // Shells in shells read this, and lose the prompt.
        let prompt = format!("PS1='{PS1}'\nPS2='{PS2}'\n");
        let script =
            "mkdir /run/home && cat > /run/bashrc && mount --bind /run/bashrc /etc/bash.bashrc";
        let mut command = host.command(Who::Root, "sh");
        let mut shell = command.args(["-c", script]).stdin(Stdio::piped()).spawn().expect("sh");
        let mut input = shell.stdin.take().expect("a pipe");
        input.write_all(prompt.as_bytes()).expect("sh reads");
        drop(input);
        assert!(shell.wait().expect("sh").success());
        let folders: BTreeSet<PathBuf> = PROGRAMS.iter().map(|name| place(&host, name)).collect();
        let folders: Vec<_> = folders.iter().map(|it| it.display().to_string()).collect();
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", folders.join(":"));
        let values = tasks::start(task).expect("a task");
        Some(Self { host, task, values, path, shells: BTreeMap::new() })
    }

    /// A text with the task's values in it.
    pub(crate) fn filled(&self, text: &str) -> String {
        let values = self.values["values"].as_object().expect("values");
        let fill = |text: String, (key, value): (&String, &Value)| {
            text.replace(&format!("{{{key}}}"), value.as_str().expect("a text"))
        };
        values.iter().fold(text.to_owned(), fill)
    }

    /// Types a session.
    pub(crate) fn play(&mut self, text: &str) {
        let text = self.filled(text);
        let text = if self.task.starts_with("04") { of_this_kernel(&text) } else { text };
        let session = Session::parse(&text).unwrap_or_else(|error| panic!("{text}\n{error:#}"));
        for command in &session.setup {
            let _ = self.host.sh(command);
        }
        for part in &session.parts {
            if !self.shells.contains_key(&part.terminal) {
                let shell = Shell::new(&self.host, &self.path);
                self.shells.insert(part.terminal.clone(), shell);
            }
            let shell = self.shells.get_mut(&part.terminal).expect("a shell");
            for step in &part.steps {
                shell.step(step);
            }
        }
    }

    /// Asks whether the task is done.
    pub(crate) fn verify(&self) -> Value {
        let command = Command::new(env!("CARGO_BIN_EXE_coracle-task"));
        self.ask(command, &self.host.pid().to_string())
    }

    /// The same, asked by somebody on the reader's machine.
    pub(crate) fn verify_there(&self) -> Value {
        let program = testbed::reachable(&self.host, env!("CARGO_BIN_EXE_coracle-task"));
        self.ask(self.host.command(Who::Root, program), "1")
    }

    fn ask(&self, mut command: Command, host: &str) -> Value {
        command.args(["verify", self.task, &self.values.to_string(), "--host", host]);
        let output = command.output().expect("the command starts");
        assert!(output.status.success(), "{}: {}", self.task, stderr(&output));
        serde_json::from_str(&stdout(&output)).expect("JSON")
    }

    /// Asks until the answer is right, or it is late.
    pub(crate) fn verify_until(&self, right: impl Fn(&Value) -> bool) -> Value {
        let late = Instant::now() + SOON;
        loop {
            let answer = self.verify();
            if right(&answer) || Instant::now() > late {
                return answer;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Everything on the machine that a look could leave behind.
    pub(crate) fn snapshot(&self) -> BTreeSet<String> {
        self.host.snapshot()
    }
}

/// The folder in which one of the workshop's programs is on the host.
fn place(host: &Host, name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_coracle-task")).with_file_name(name);
    assert!(program.is_file(), "{} is not built: cargo build -p {name}", program.display());
    let path = testbed::reachable(host, program.to_str().expect("UTF-8"));
    path.parent().expect("a folder").into()
}

/// Chapter 04's commands are for cgroup v2. Where the controllers are v1's, the same files have other
/// names and places.
fn of_this_kernel(text: &str) -> String {
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        return text.to_owned();
    }
    let controller = if text.contains("pids.max") { "pids" } else { "memory" };
    let folder = format!("/sys/fs/cgroup/{controller}");
    let line = |line: &str| match line.split_once("> /sys/fs/cgroup/") {
        Some((_, file)) if file.ends_with("/memory.swap.max") => {
            let name = file.trim_end_matches("/memory.swap.max");
            let file = format!("{folder}/{name}/memory");
            format!("# cat {file}.limit_in_bytes > {file}.memsw.limit_in_bytes")
        }
        _ => line.replace("/sys/fs/cgroup", &folder).replace("memory.max", "memory.limit_in_bytes"),
    };
    text.lines().map(|it| line(it) + "\n").collect()
}

impl Shell {
    fn new(host: &Host, path: &str) -> Self {
        let pair = openpty(None, None).expect("a terminal");
        for end in [&pair.master, &pair.slave] {
            // The shells are to have their own terminal alone.
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("fcntl(F_SETFD)");
        }
        let copy = || Stdio::from(pair.slave.try_clone().expect("dup()"));
        let mut command = host.command(Who::Root, "setsid");
        command.args(["--ctty", "bash"]).stdin(copy()).stdout(copy()).stderr(copy());
        command.env("HOME", "/run/home").env("PATH", path).env("TERM", "dumb");
        command.env("PS1", PS1).env("PS2", PS2).current_dir("/");
        let process = command.spawn().expect("a shell");
        drop(command);
        drop(pair.slave);
        let keys = File::from(pair.master);
        let mut output = keys.try_clone().expect("dup()");
        let (show, screen) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                if show.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let mut shell = Self { keys, screen, printed: String::new(), process };
        shell.wait("the first prompt", |printed| prompt::find(printed).map(|it| it.2.len()));
        shell
    }

    /// Waits until `end` finds where what is waited for ends: how many bytes come after it.
    fn wait(&mut self, what: &str, end: impl Fn(&str) -> Option<usize>) {
        let late = Instant::now() + PATIENCE;
        loop {
            if let Some(rest) = end(&self.printed) {
                self.printed = self.printed.split_off(self.printed.len() - rest);
                return;
            }
            match self.screen.recv_timeout(late.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.printed += &String::from_utf8_lossy(&bytes),
                Err(RecvTimeoutError::Timeout) => panic!("{what}: late\n{}", self.printed),
                Err(RecvTimeoutError::Disconnected) => panic!("{what}: over\n{}", self.printed),
            }
        }
    }

    fn step(&mut self, step: &Step) {
        let typed = match &step.action {
            Action::Command { lines, .. } => lines.join("\n") + "\n",
            Action::Quiet(line) => format!("{line}\n"),
            Action::Key(bytes) => String::from_utf8(bytes.clone()).expect("a key"),
        };
        self.keys.write_all(typed.as_bytes()).expect("the shell reads");
        if let Some(until) = &step.until {
            self.wait(&typed, |printed| until.find(printed).map(|it| printed.len() - it.end()));
            return;
        }
        self.wait(&typed, |printed| prompt::find(printed).map(|it| it.2.len()));
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
