//! A `coracle registry` (or `web`) that ends with the test, and a client that sends what it is told.

#![allow(dead_code, reason = "not every test file uses everything")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use image_pull::digest::Digest;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testbed::{Host, Who};

const PROGRAM: &str = env!("CARGO_BIN_EXE_coracle");

/// Where the images are kept from test to test, as `testbed` does it for root.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

/// A cache of the test's own.
pub(crate) fn empty_cache(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // What a test that was interrupted left behind.
    let _ = fs::remove_dir_all(&folder);
    folder
}

pub(crate) fn command(cache: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env("XDG_CACHE_HOME", cache).stdin(Stdio::null());
    command
}

pub(crate) struct Registry {
    child: Child,
    /// Who can be sent a signal: the child, or, on a host of the test's own, what `nsenter` started.
    server: Pid,
    pub(crate) address: String,
    /// What it said before it began to serve.
    pub(crate) said: String,
}

impl Registry {
    /// On a free port of the loopback device, unless the arguments say otherwise.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::in_cache(&cache(), arguments)
    }

    pub(crate) fn in_cache(cache: &Path, arguments: &[&str]) -> Self {
        Self::serving(with_arguments(&mut command(cache), arguments))
    }

    pub(crate) fn on(host: &Host, who: Who, arguments: &[&str]) -> Self {
        let mut command = host.command(who, testbed::reachable(host, PROGRAM));
        let mut registry = Self::serving(with_arguments(&mut command, arguments));
        let id = registry.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        registry.server = Pid::from_raw(children.trim().parse().unwrap());
        registry
    }

    /// Starts a command that says where it listens.
    pub(crate) fn serving(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let server = Pid::from_raw(child.id() as i32);
        // Before anything can fail: it ends when the value goes.
        let mut registry = Self { server, child, address: String::new(), said: String::new() };
        let said = &mut registry.said;
        while !said.contains("Ctrl-C ends it.") {
            let read = output.read_line(said).unwrap();
            assert!(read > 0, "it ended: {said}");
        }
        // Nobody reads what it says from now on: that must not hold it up.
        drop(output);
        let mut words = said.split_whitespace().filter_map(|word| {
            let host = word.trim_start_matches("http://").split('/').next();
            host.map(|host| host.trim_end_matches('.'))
        });
        let is_address = |word: &&str| word.parse::<std::net::SocketAddr>().is_ok();
        registry.address = words.find(is_address).unwrap().replace("0.0.0.0", "127.0.0.1");
        registry
    }

    /// Asks it to end, as Ctrl-C does; its exit status.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let _ = kill(self.server, Signal::SIGINT);
        self.child.wait().unwrap().code()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// Sends the path as it is.
    pub(crate) fn ask(&self, method: &str, path: &str, fields: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n{fields}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let body = answer.split_off(end + 4);
        let head = String::from_utf8(answer).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let fields: Vec<_> =
            fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let answer = Answer { status, fields, body };
        let promised = answer.field("Content-Length").map(|length| length.parse().unwrap());
        if method != "HEAD" && status != 304 {
            assert_eq!(promised, Some(answer.body.len()), "{path}");
        }
        answer
    }
}

fn with_arguments<'a>(command: &'a mut Command, arguments: &[&str]) -> &'a mut Command {
    command.arg("registry");
    if !arguments.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command.args(arguments)
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.end();
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

/// The digests in a manifest, as they come: the configuration's, and the layers', bottom first.
pub(crate) fn digests(manifest: &str) -> Vec<String> {
    let found = manifest.match_indices("sha256:");
    found.map(|(at, _)| manifest[at..at + "sha256:".len() + 64].to_owned()).collect()
}

/// Whether all these programs are there; says so if not.
pub(crate) fn are_there(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&&str| std::env::split_paths(&path).any(|dir| dir.join(name).exists());
    let missing: Vec<_> = programs.iter().filter(|name| !is_there(name)).copied().collect();
    if !missing.is_empty() {
        testbed::skipped(&format!("not installed: {}", missing.join(", ")));
    }
    missing.is_empty()
}

/// Debian's `docker-registry`, on a host of the test's own.
pub(crate) struct OtherRegistry {
    child: Child,
}

impl OtherRegistry {
    pub(crate) fn on(host: &Host, address: &str) -> Self {
        let configuration = format!(
            "version: 0.1\nlog: {{level: error}}\nhttp: {{addr: \"{address}\"}}\n\
             storage: {{filesystem: {{rootdirectory: /tmp/registry}}}}\n"
        );
        let _ = host.sh(&format!("cat >/tmp/registry.yml <<'END'\n{configuration}END\n"));
        let mut command = host.command(Who::Root, "docker-registry");
        command.args(["serve", "/tmp/registry.yml"]).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let _ = host.sh(&format!("until curl -sf http://{address}/v2/; do sleep 0.05; done"));
        Self { child }
    }
}

impl Drop for OtherRegistry {
    fn drop(&mut self) {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let _ = kill(Pid::from_raw(children.trim().parse().unwrap()), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}
