//! What the tests of this folder share: a host with a registry, and images to run on it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use tar::{EntryType, Header};
use testbed::registry::{Image, Registry};
use testbed::{BOTH, Host, Who, reachable, stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sol06-image-pull");

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/srv:/bin/sh\n";
const GROUP: &str = "root:x:0:\nweb:x:34:\nlog:x:40:web\nadm:x:50:root,web\n";

const APPLETS: [&str; 26] = [
    "sh", "ls", "cat", "echo", "env", "id", "pwd", "grep", "stat", "sleep", "true", "touch", "rm",
    "kill", "head", "tail", "ps", "dd", "mkdir", "nc", "readlink", "sort", "printf", "cut", "tee",
    "mv",
];

/// A host of the test's own with a registry.
pub(crate) struct Machine {
    pub(crate) host: Host,
    pub(crate) program: PathBuf,
    registry: Registry,
    base: Vec<u8>,
}

impl Machine {
    /// Makes one, if the tests run as root.
    pub(crate) fn new() -> Option<Self> {
        let host = Host::new()?;
        let program = reachable(&host, PROGRAM);
        let registry = Registry::start(Some(&host));
        Some(Self { host, program, registry, base: base() })
    }

    /// The name of an image with a static busybox and two users, and this configuration. Both users
    /// have it already.
    pub(crate) fn image(&self, config: &str) -> String {
        self.image_with(config, Layer::new())
    }

    /// The same with one more layer.
    pub(crate) fn image_with(&self, config: &str, layer: Layer) -> String {
        self.pulled(&Image::new(config).layer(&self.base).layer(&layer.archive()))
    }

    /// The same without a configuration, and with these layers on top.
    pub(crate) fn stack<const COUNT: usize>(&self, layers: [Layer; COUNT]) -> String {
        let base = Image::new("{}").layer(&self.base);
        self.pulled(&layers.into_iter().fold(base, |image, layer| image.layer(&layer.archive())))
    }

    fn pulled(&self, image: &Image) -> String {
        let name = self.put(image);
        for who in BOTH {
            self.verb(who, &["pull", "--quiet", &name]);
        }
        name
    }

    /// Puts an image into the registry under a name of its own.
    pub(crate) fn put(&self, image: &Image) -> String {
        let digest = self.registry.put("box", "new", image);
        let tag = &digest["sha256:".len()..][..12];
        self.registry.put("box", tag, image);
        self.registry.name(&format!("box:{tag}"))
    }

    /// The name that stands for whichever image was put there last.
    pub(crate) fn newest(&self) -> String {
        self.registry.name("box:new")
    }

    /// Another verb of the program than `run`, which has to succeed.
    #[track_caller]
    pub(crate) fn verb(&self, who: Who, words: &[&str]) -> Output {
        let output = self.host.command(who, &self.program).args(words).output();
        let output = output.expect("it starts");
        assert!(output.status.success(), "{who:?} {words:?}: {}", stderr(&output));
        output
    }

    /// `run`, to be started.
    pub(crate) fn command(&self, who: Who, words: &[&str]) -> Command {
        let mut command = self.host.command(who, &self.program);
        command.arg("run").args(words);
        command
    }

    /// `run --network none`, to its end.
    pub(crate) fn run(&self, who: Who, words: &[&str]) -> Output {
        self.command(who, &[&["--network", "none"], words].concat()).output().expect("it starts")
    }

    /// The same, which has to succeed, and returns what it prints.
    #[track_caller]
    pub(crate) fn prints(&self, who: Who, words: &[&str]) -> String {
        let output = self.run(who, words);
        assert!(output.status.success(), "{who:?} {words:?}: {}", stderr(&output));
        stdout(&output)
    }

    /// The same, which has to end with `status`, and returns what it complains of.
    #[track_caller]
    pub(crate) fn fails(&self, who: Who, words: &[&str], status: i32) -> String {
        let output = self.run(who, words);
        assert_eq!(output.status.code(), Some(status), "{who:?} {words:?}: {}", stderr(&output));
        stderr(&output)
    }

    /// Asserts that the host looks as it did `before`.
    #[track_caller]
    pub(crate) fn assert_unchanged(&self, before: &BTreeSet<String>, when: &str) {
        let after = self.host.snapshot();
        let difference: Vec<_> = after.symmetric_difference(before).collect();
        assert!(difference.is_empty(), "{when}: {difference:#?}");
    }
}

/// A container whose command is a shell that does what it is told.
pub(crate) struct Shell {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Shell {
    /// Starts one; when this returns it listens.
    pub(crate) fn start(machine: &Machine, who: Who, image: &str) -> Self {
        let mut command = machine.command(who, &["--network", "none", image, "sh"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let orders = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut shell = Self { child, orders, answers };
        assert_eq!(shell.line("echo ready"), "ready");
        shell
    }

    /// Has it run a command that prints one line, and returns that.
    #[track_caller]
    pub(crate) fn line(&mut self, command: &str) -> String {
        writeln!(self.orders, "{command}").expect("it listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("a line");
        line.trim_end().into()
    }

    /// Ends it, as a shell ends that has no more to read.
    #[track_caller]
    pub(crate) fn end(mut self) {
        drop(self.orders);
        assert!(self.child.wait().expect("it ends").success());
    }
}

/// An archive in the making.
pub(crate) struct Layer(tar::Builder<Vec<u8>>);

impl Layer {
    pub(crate) fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    /// A folder that belongs to a user and the group of the next number.
    pub(crate) fn folder(self, path: &str, mode: u32, owner: u64) -> Self {
        self.entry(EntryType::Directory, path, mode, owner, b"")
    }

    pub(crate) fn file(self, path: &str, mode: u32, owner: u64, content: &[u8]) -> Self {
        self.entry(EntryType::Regular, path, mode, owner, content)
    }

    pub(crate) fn pipe(self, path: &str) -> Self {
        self.entry(EntryType::Fifo, path, 0o644, 0, b"")
    }

    pub(crate) fn link(mut self, path: &str, target: &str) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        self.0.append_link(&mut header, path, target).expect("memory");
        self
    }

    fn entry(mut self, kind: EntryType, path: &str, mode: u32, owner: u64, bytes: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(if owner == 0 { 0 } else { owner + 1 });
        self.0.append_data(&mut header, path, bytes).expect("memory");
        self
    }

    pub(crate) fn archive(self) -> Vec<u8> {
        self.0.into_inner().expect("memory")
    }
}

/// A program that needs no other file.
pub(crate) fn busybox() -> Vec<u8> {
    fs::read("/bin/busybox").expect("busybox-static is installed")
}

/// The lowest layer of the images.
fn base() -> Vec<u8> {
    let layer = Layer::new()
        .folder("bin", 0o755, 0)
        .file("bin/busybox", 0o755, 0, &busybox())
        .file("etc/passwd", 0o644, 0, PASSWD.as_bytes())
        .file("etc/group", 0o644, 0, GROUP.as_bytes())
        .file("opt/tools/tool", 0o755, 0, b"#!/bin/sh\necho tool $@\n")
        .folder("var/data", 0o750, 33)
        .file("var/data/file", 0o640, 33, b"of the image\n")
        .link("var/link", "/var/data");
    let link = |layer: Layer, name: &&str| layer.link(&format!("bin/{name}"), "busybox");
    APPLETS.iter().fold(layer, link).archive()
}
