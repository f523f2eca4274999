//! The way out for those who may not change the host's network.
//!
//! An ordinary user can't make a bridge on the host: its network namespace belongs to root, also
//! when he believes to be root himself (`user_namespaces(7)`). But he may have a network namespace
//! of his own. So the runtime moves into one, and there the same bridge, cable and rules are made by
//! the same code. What this "sandbox" lacks is an uplink.
//!
//! `pasta(1)` or `slirp4netns(1)` is the uplink: a program that stays in the host's network, has an
//! interface in ours (a *tap*, which gives packets to a program instead of a wire), reads what is
//! sent there, and makes the same connections as any program of this user could. No rights needed,
//! but `/dev/net/tun`.
//!
//! ```text
//!   host's network       │  the sandbox (ours)             │  container
//!   sockets ◀── pasta ───┼── out0 ── rules ── coracle0 ────┼── eth0
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chroot_jail::needs::find_program;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc::SIGKILL;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::sys::stat::Mode;
use nix::unistd::{
    Pid, dup2_stderr, dup2_stdin, dup2_stdout, getpid, getppid, mkfifo, pipe2, setpgid,
};
use process::failure::NOT_MADE;
use process::{Attempt, Command, Process, explain, sys};

use crate::netlink::Netlink;
use crate::publish::{Port, Protocol, Reserved};
use crate::texts;

/// The uplink's interface in the sandbox.
const UPLINK: &str = "out0";

/// slirp4netns gives the sandbox this address unless it is told otherwise.
const SLIRP_ADDRESS: &str = "10.0.2.100";

/// A network namespace of the runtime's own, with an uplink if there is one to be had.
#[derive(Debug)]
pub struct Outside {
    _uplink: Option<Helper>,
}

impl Outside {
    /// Moves this process into a network namespace of its own, and connects that to the host's.
    ///
    /// # Errors
    ///
    /// What the kernel refuses; when a port is taken. That there is no uplink is no error: it is
    /// said in one sentence.
    pub fn enter(run: &Path, ports: &[Port]) -> Result<Self> {
        // Whoever is to connect the two networks has to be left behind in the first one, since there
        // is no way back into it. They wait for their turn.
        let mut helpers = Vec::new();
        let mut problem = None;
        match available() {
            Err(sentence) => problem = Some(sentence),
            Ok(tools) => {
                for tool in tools {
                    helpers.push(Helper::leave_behind(tool, run, ports)?);
                }
            }
        }
        // The uplink binds the ports, so we can only find out beforehand whether they are free.
        // (After the helpers are made: they would have copies.)
        ports.iter().map(Reserved::take).collect::<Result<Vec<_>>>()?;

        unshare(CloneFlags::CLONE_NEWNET).step(&texts::SANDBOX, "unshare(CLONE_NEWNET)")?;
        Netlink::open()?.up("lo")?;
        for mut helper in helpers {
            match helper.connect(ports) {
                Ok(()) => return Ok(Self { _uplink: Some(helper) }),
                Err(error) => problem = Some(format!("{error:#}")),
            }
        }
        explain::say(texts::no_uplink(problem.as_deref().unwrap_or_default(), !ports.is_empty()));
        Ok(Self { _uplink: None })
    }
}

/// A program that can be the uplink.
#[derive(Debug)]
struct Tool {
    kind: Kind,
    program: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pasta,
    /// Debian 12's pasta (of 2023) gives up the right to look into our `/proc/PID/ns` before it has
    /// to. It takes a descriptor that it inherits instead; newer ones may close that.
    OldPasta,
    Slirp,
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Self::Pasta | Self::OldPasta => "pasta",
            Self::Slirp => "slirp4netns",
        }
    }

    /// What its files in the run's folder are called.
    fn file(self) -> &'static str {
        match self {
            Self::Pasta => "pasta",
            Self::OldPasta => "old-pasta",
            Self::Slirp => "slirp4netns",
        }
    }
}

/// What there is to try, best first; or why there is nothing.
fn available() -> Result<Vec<Tool>, String> {
    let kinds = [Kind::Pasta, Kind::OldPasta, Kind::Slirp].into_iter();
    let found = |kind: Kind| find_program(kind.program()).map(|program| Tool { kind, program });
    let tools: Vec<_> = kinds.filter_map(found).collect();
    if tools.is_empty() {
        return Err(texts::NO_UPLINK_PROGRAM.into());
    }
    match OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => Ok(tools),
        Err(error) => Err(texts::no_tun(&error)),
    }
}

/// A child that stays in the host's network and becomes one of the tools when its turn comes.
#[derive(Debug)]
struct Helper {
    process: Process,
    go: OwnedFd,
    /// A FIFO: a word in it says that the interface is there. (An event to wait for, not a file to
    /// look for again and again.)
    ready: File,
    log: PathBuf,
    control: PathBuf,
    tool: Tool,
}

impl Helper {
    fn leave_behind(tool: Tool, run: &Path, ports: &[Port]) -> Result<Self> {
        let [fifo, log, control] = ["ready", "log", "control"]
            .map(|name| run.join(format!("{}.{name}", tool.kind.file())));
        mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR)
            .tried(&texts::UPLINK, format_args!("mkfifo({fifo:?})"))?;
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let ready = open(&fifo, flags, Mode::empty())
            .tried(&texts::UPLINK, format_args!("open({fifo:?})"))?;
        let (turn, go) = pipe2(OFlag::O_CLOEXEC).tried(&texts::UPLINK, "pipe2(O_CLOEXEC)")?;
        let runtime = getpid();
        let process = Process::spawn(CloneFlags::empty(), None, || {
            let become_it = || -> Result<()> {
                wait_for_turn(turn, runtime)?;
                redirect_output(&log)?;
                let network = format!("/proc/{runtime}/ns/net");
                let words = match tool.kind {
                    Kind::Pasta => pasta(&tool.program, &network, &fifo, ports),
                    Kind::OldPasta => {
                        let network = inherited(network.as_ref(), OFlag::O_RDONLY)?;
                        pasta(&tool.program, &format!("/proc/self/fd/{network}"), &fifo, ports)
                    }
                    Kind::Slirp => {
                        let ready = inherited(&fifo, OFlag::O_WRONLY)?;
                        slirp(&tool.program, &network, ready, &control)
                    }
                };
                Err(Command::new(&words)?.exec())
            };
            if let Err(error) = become_it() {
                let _ = fs::write(&log, format!("{error:#}"));
            }
            NOT_MADE
        })?;
        Ok(Self { process, go, ready: ready.into(), log, control, tool })
    }

    /// It is this one's turn. Returns when the interface is there.
    fn connect(&mut self, ports: &[Port]) -> Result<()> {
        explain::call(&texts::UPLINK, texts::as_uplink(self.tool.kind.program()));
        nix::unistd::write(&self.go, b"!").tried(&texts::UPLINK, "write(to the helper)")?;
        wait_for_either(&self.ready, &self.process)?;
        let mut word = [0; 16];
        let is_ready = self.ready.read(&mut word).is_ok_and(|length| length > 0);
        if !is_ready {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let last = log.lines().rev().find(|line| !line.trim().is_empty());
            bail!(texts::tool_ended(self.tool.kind.program(), last.unwrap_or("no reason given")));
        }
        if self.tool.kind == Kind::Slirp {
            ports.iter().try_for_each(|port| self.forward(port))?;
        }
        Ok(())
    }

    /// slirp4netns is told about ports while it runs.
    fn forward(&self, port: &Port) -> Result<()> {
        let Port { address, host, protocol, .. } = port;
        let request = format!(
            r#"{{"execute":"add_hostfwd","arguments":{{"proto":"{protocol}","host_addr":"{address}","host_port":{host},"guest_addr":"{SLIRP_ADDRESS}","guest_port":{host}}}}}"#
        );
        let ask = || {
            let mut socket = UnixStream::connect(&self.control)?;
            socket.write_all(request.as_bytes())?;
            socket.shutdown(Shutdown::Write)?;
            let mut answer = String::new();
            socket.read_to_string(&mut answer).map(|_| answer)
        };
        let answer = ask().tried(&texts::UPLINK, format_args!("connect({:?})", self.control))?;
        match answer.contains("\"error\"") {
            true => bail!(texts::tool_ended(self.tool.kind.program(), answer.trim())),
            false => Ok(()),
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if self.process.signal(SIGKILL).is_ok() {
            let _ = sys::waitid(self.process.as_fd());
        }
    }
}

/// `-t` and `-u`: what is forwarded into the sandbox, and at the end nothing out of it on the quiet:
/// by default pasta would also offer the host's own loopback to the container.
fn pasta(program: &Path, network: &str, ready: &Path, ports: &[Port]) -> Vec<String> {
    let mut words = vec![program.display().to_string()];
    words.extend(["--foreground", "--quiet", "--ipv4-only"].map(String::from));
    words.extend(["--config-net", "--ns-ifname", UPLINK].map(String::from));
    words.extend(["--netns-only", "--netns", network].map(String::from));
    words.extend(["--no-map-gw", "-T", "none", "-U", "none"].map(String::from));
    for (option, protocol) in [("-t", Protocol::Tcp), ("-u", Protocol::Udp)] {
        let published = ports.iter().filter(|port| port.protocol == protocol);
        let mut list: Vec<_> =
            published.map(|port| format!("{}/{}", port.address, port.host)).collect();
        if list.is_empty() {
            list.push("none".into());
        }
        words.extend(list.into_iter().flat_map(|port| [option.into(), port]));
    }
    words.extend(["--pid".into(), ready.display().to_string()]);
    words
}

fn slirp(program: &Path, network: &str, ready: RawFd, control: &Path) -> Vec<String> {
    let mut words = vec![program.display().to_string()];
    words.extend(["--configure", "--mtu=1500", "--disable-host-loopback"].map(String::from));
    words.extend([format!("--ready-fd={ready}"), format!("--api-socket={}", control.display())]);
    words.extend(["--netns-type=path", network, UPLINK].map(String::from));
    words
}

/// In the child: waits, and goes with the runtime if that is killed.
fn wait_for_turn(turn: OwnedFd, runtime: Pid) -> Result<()> {
    sys::die_with_parent().tried(&texts::UPLINK, "prctl(PR_SET_PDEATHSIG, SIGKILL)")?;
    // It may have been killed before we asked.
    if getppid() != runtime || File::from(turn).read(&mut [0])? == 0 {
        sys::exit(NOT_MADE);
    }
    // The terminal's Ctrl-C is for the command.
    let own_group = Pid::from_raw(0);
    setpgid(own_group, own_group).tried(&texts::UPLINK, "setpgid(0, 0)")?;
    // pasta of 2023 refuses to start where SIGPIPE is ignored, as it is in every Rust program.
    sys::default_signals().tried(&texts::UPLINK, "rt_sigaction(every signal, SIG_DFL)")?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
        .tried(&texts::UPLINK, "rt_sigprocmask(SIG_SETMASK, [])")
}

/// In the child: what it says is kept for the case that it fails.
fn redirect_output(log: &Path) -> Result<()> {
    let file = File::create(log).tried(&texts::UPLINK, format_args!("open({log:?})"))?;
    let nothing = File::open("/dev/null").tried(&texts::UPLINK, "open(\"/dev/null\")")?;
    dup2_stdin(nothing)
        .and_then(|()| dup2_stdout(file.as_fd()))
        .and_then(|()| dup2_stderr(file.as_fd()))
        .tried(&texts::UPLINK, "dup2()")
}

/// In the child: opens a file for the program that this process is about to become.
fn inherited(path: &Path, flags: OFlag) -> Result<RawFd> {
    let file =
        open(path, flags, Mode::empty()).tried(&texts::UPLINK, format_args!("open({path:?})"))?;
    Ok(file.into_raw_fd())
}

/// Waits until there is a word to read, or the process has ended.
fn wait_for_either(word: &File, process: &Process) -> Result<()> {
    let mut fds = [word.as_fd(), process.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    loop {
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            polled => return polled.map(drop).context(texts::WAITING_FOR_UPLINK),
        }
    }
}
