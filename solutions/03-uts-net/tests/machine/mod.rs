//! What the tests of this chapter share: a host with a root folder, and a neighbour outside.

#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use testbed::{Host, Who, stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sol03-uts-net");

/// A static busybox and, for UDP, a netcat with its libraries. All mount points are there, since an
/// ordinary user could not make them.
const ROOT: &str = "
    R=/run/root; mkdir -p $R/bin $R/proc $R/sys $R/dev $R/tmp $R/etc $R/www
    touch $R/etc/hosts $R/etc/hostname $R/etc/resolv.conf
    cp /bin/busybox $R/bin/busybox
    for name in $(busybox --list); do [ -e $R/bin/$name ] || ln -s busybox $R/bin/$name; done
    for file in $(ldd $(readlink -f $(which nc)) | grep -o '/[^ ]*'); do cp --parents $file $R; done
    cp $(readlink -f $(which nc)) $R/bin/netcat
    mkdir /run/session; chown -R 1000:1000 $R /run/session; chmod 700 /run/session";

/// A neighbour's computer: 198.51.100.1, on the other end of the host's `up0`. Nobody of the host's
/// knows the way to the containers but the host.
const NEIGHBOUR: &str = "
    unshare --net sleep infinity & neighbour=$!
    while [ $(readlink /proc/$neighbour/ns/net) = $(readlink /proc/self/ns/net) ]; do sleep 0.01; done
    echo $neighbour > /run/neighbour
    ip link add up0 type veth peer name eth0 netns $neighbour
    ip link set up0 addrgenmode none
    ip addr add 198.51.100.2/24 dev up0; ip link set up0 up; ip route add default via 198.51.100.1
    nsenter -t $neighbour -n sh -c 'ip link set lo up; ip link set eth0 up
        ip addr add 198.51.100.1/24 dev eth0; ip route add default via 198.51.100.2'";

/// A host with a root folder in `/run/root`.
pub struct Machine {
    /// The host itself.
    pub host: Host,
    program: std::path::PathBuf,
}

impl Machine {
    /// Makes one, if the tests run as root.
    pub fn new() -> Option<Self> {
        let host = Host::new()?;
        let _ = host.sh(ROOT);
        let program = testbed::reachable(&host, PROGRAM);
        Some(Self { host, program })
    }

    /// One with a neighbour.
    pub fn with_neighbour() -> Option<Self> {
        let machine = Self::new()?;
        let _ = machine.host.sh(&format!("({NEIGHBOUR}\n) >/dev/null 2>&1 </dev/null"));
        Some(machine)
    }

    /// Asserts that the host looks as it did `before`.
    #[track_caller]
    pub fn assert_unchanged(&self, before: &BTreeSet<String>, when: &str) {
        let after = self.host.snapshot();
        let difference: Vec<_> = after.symmetric_difference(before).collect();
        assert!(difference.is_empty(), "{when}: {difference:#?}");
    }

    /// Where the chapter's program is on this host.
    pub fn program(&self) -> &str {
        self.program.to_str().expect("text")
    }

    /// The chapter's program, to be run.
    pub fn command(&self, who: Who, words: &[&str]) -> Command {
        let mut command = self.host.command(who, &self.program);
        command.args(["run", "--root", "/run/root"]).args(words);
        if who == Who::User {
            command.env("XDG_RUNTIME_DIR", "/run/session");
        }
        command
    }

    /// Runs it.
    pub fn run(&self, who: Who, words: &[&str]) -> Output {
        self.command(who, words).output().expect("the program starts")
    }

    /// Runs a shell script in a container, which has to succeed, and returns what it prints.
    pub fn sh(&self, who: Who, options: &[&str], script: &str) -> String {
        let output = self.run(who, &[options, &["sh", "-c", script]].concat());
        assert!(output.status.success(), "{who:?}: {script}: {}", stderr(&output));
        stdout(&output)
    }

    /// A container that serves a page with its own name, until it is dropped.
    pub fn server(&self, who: Who, options: &[&str]) -> Server {
        let script = "cp /etc/hostname /tmp/name; ip -4 -o addr show dev eth0 | awk '{print $4}'
            exec httpd -f -p 80 -h /tmp";
        self.serve(who, options, script)
    }

    /// A container with a script that prints a line when it is ready, and goes on.
    pub fn serve(&self, who: Who, options: &[&str], script: &str) -> Server {
        let mut child = self
            .command(who, &[&["--init"], options, &["sh", "-c", script]].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("a line");
        Server { child, line: line.trim().into(), stdout }
    }

    /// What the page says, asked for from the host.
    pub fn page(&self, from: &str) -> String {
        self.host.sh(&fetch(from)).trim().into()
    }

    /// What the page says, asked for from the neighbour; nothing where he can't reach it.
    pub fn page_outside(&self, from: &str) -> String {
        let script = format!("nsenter -t $(cat /run/neighbour) -n sh -c '{}'", fetch(from));
        self.host.sh(&script).trim().into()
    }
}

/// Asks for the page at ADDRESS[:PORT], until there is an answer: the server may still be on its way
/// to `listen`. (The static busybox's wget crashes: name lookups need shared libraries. And a client
/// that says at once that it has nothing more to say is not answered through the older pasta.)
pub fn fetch(from: &str) -> String {
    let (address, port) = from.split_once(':').unwrap_or((from, "80"));
    format!(
        "for try in 1 2 3 4 5 6 7 8; do
             answer=$( (printf \"GET /name HTTP/1.0\\r\\n\\r\\n\"; sleep 0.3) |
                 timeout 3 busybox nc -w 1 {address} {port} 2>/dev/null | tail -n 1)
             [ \"$answer\" ] && echo $answer && break; sleep 0.1
         done"
    )
}

/// A running container.
pub struct Server {
    pub child: Child,
    /// Its first line.
    pub line: String,
    pub stdout: BufReader<std::process::ChildStdout>,
}

impl Server {
    /// Its address, if that was its first line.
    pub fn address(&self) -> &str {
        self.line.split('/').next().expect("an address")
    }

    /// The runtime's number. (The child is nsenter, which forks.)
    pub fn runtime(&self) -> String {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        std::fs::read_to_string(children).unwrap_or_default().trim().into()
    }

    /// Ends it as `kill` does, and waits for it.
    pub fn end(mut self) {
        let runtime = self.runtime();
        if !runtime.is_empty() {
            let _ = Command::new("kill").args(["-TERM", &runtime]).status();
        }
        let _ = self.child.wait();
    }
}
