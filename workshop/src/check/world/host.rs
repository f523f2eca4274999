//! A machine that may be harmed, and what has changed on it.
//!
//! It is a set of namespaces, held by descriptors (`namespaces(7)`: a namespace lives as long as one
//! is open). A program joins them all before it is executed. The examiner never does: it looks at
//! them through `/proc`, or sends a short-lived process in.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use nix::fcntl::OFlag;
use nix::libc::SIGKILL;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{chdir, dup2_stderr, dup2_stdin, dup2_stdout, pipe2, sethostname, setsid};
use process::{Attempt, Command, Process, sys};
use uts_net::netlink::Netlink;

use super::running::sweep;
use super::{Call, Running, World};
use crate::check::texts;
use crate::observe;
use crate::observe::mounts::{Device, Mount};
use crate::sandbox::ids::Ids;
use crate::sandbox::walls;

/// The kinds that a host has of its own, in the order in which they have to be joined.
const KINDS: [&str; 6] = ["user", "pid", "mnt", "uts", "ipc", "net"];

/// A machine that may be harmed.
#[derive(Debug)]
pub struct Host {
    pub(super) namespaces: Vec<(CloneFlags, OwnedFd)>,
    /// Process 1 there. A PID namespace without one takes no processes.
    init: Process,
    /// The examiner's own, to come back to.
    own_pids: OwnedFd,
    /// Its name.
    pub name: String,
}

/// What of a host a run can change for good, a line each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// The mounts: where, and what.
    pub mounts: BTreeSet<String>,
    /// The numbers of the groups of mounts that tell each other of what is mounted.
    pub peers: BTreeSet<u64>,
    /// Device and folder of what is mounted on `/`.
    root: Option<(Device, PathBuf)>,
    /// Network interfaces.
    pub interfaces: BTreeSet<String>,
    /// Folders below `/sys/fs/cgroup`.
    pub cgroups: BTreeSet<String>,
}

impl Snapshot {
    /// Whether this is the file system that is the host's root.
    #[must_use]
    pub fn is_root(&self, mount: &Mount) -> bool {
        let root = self.root.as_ref();
        root.is_some_and(|(device, folder)| (device, folder) == (&mount.device, &mount.root))
    }
}

impl Host {
    /// A new machine: `/` is shared, `lo` is up, and it has a random name.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn new(world: &World) -> Result<Self> {
        let name = format!("host-{}", world.word());
        let ids = match world.user {
            Some((user, group)) => Some(Ids::of_user(user, group)),
            None => Ids::of_root()?,
        };
        let mut flags = CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWNET;
        flags.set(CloneFlags::CLONE_NEWUSER, ids.is_some());
        let (go, say_go) = line()?;
        let (news, tell) = line()?;
        let (mut go, mut say_go) = (File::from(go), File::from(say_go));
        let (mut news, mut tell) = (File::from(news), File::from(tell));
        let init = Process::spawn(flags, None, || {
            let _ = sys::die_with_parent();
            let mut byte = [0];
            let _ = go.read(&mut byte);
            let told = set_up(&name).map_or_else(|error| format!("{error:#}"), |()| "ok".into());
            let _ = tell.write_all(format!("{told}\n").as_bytes());
            be_init()
        })?;
        if let Some(ids) = &ids {
            ids.write(init.pid())?;
        }
        say_go.write_all(b"1").tried(&texts::WORLD, "write(pipe)")?;
        let told = read_line(&mut news)?;
        let mut namespaces = Vec::new();
        for kind in KINDS.into_iter().filter(|kind| *kind != "user" || ids.is_some()) {
            let path = format!("/proc/{}/ns/{kind}", init.pid());
            let file = File::open(&path).tried(&texts::WORLD, format_args!("open({path:?})"))?;
            namespaces.push((flag(kind), file.into()));
        }
        if told != "ok" {
            let _ = init.signal(SIGKILL);
            let _ = init.wait();
            return Err(anyhow!(told));
        }
        let own = "/proc/self/ns/pid";
        let own_pids = File::open(own).tried(&texts::WORLD, format_args!("open({own:?})"))?.into();
        Ok(Self { namespaces, init, own_pids, name })
    }

    /// Starts the program under examination on this host.
    ///
    /// # Errors
    ///
    /// When no process can be made.
    pub fn start(&self, world: &World, call: &Call) -> Result<Running> {
        Running::start(world, self, call)
    }

    pub(super) fn spawn(
        &self,
        world: &World,
        call: &Call,
        output: OwnedFd,
        errors: OwnedFd,
    ) -> Result<Process> {
        let mut words = vec![world.program.clone().into_os_string()];
        words.extend(call.arguments());
        let mut command = Command::new(&words)?;
        for (name, value) in environment(world) {
            command = command.env(name, value);
        }
        command = command.env("PATH", search_path());
        for (name, value) in call.environment() {
            command = command.env(name, value);
        }
        // Of the PID namespace only children can be. So ours are born there for a moment.
        self.bear_children_in(CloneFlags::CLONE_NEWPID)?;
        let spawned = Process::spawn(CloneFlags::empty(), None, || {
            let became = || -> Result<()> {
                // Whatever the kernel has to end first for want of memory, it is not the examiner.
                let _ = fs::write("/proc/self/oom_score_adj", "1000");
                self.join()?;
                setsid().tried(&texts::WORLD, "setsid()")?;
                chdir("/tmp").tried(&texts::WORLD, "chdir(\"/tmp\")")?;
                let nothing =
                    File::open("/dev/null").tried(&texts::WORLD, "open(\"/dev/null\")")?;
                dup2_stdin(&nothing).tried(&texts::WORLD, "dup2()")?;
                dup2_stdout(&output).tried(&texts::WORLD, "dup2()")?;
                dup2_stderr(&errors).tried(&texts::WORLD, "dup2()")?;
                sys::default_signals().tried(&texts::WORLD, "rt_sigaction()")?;
                SigSet::empty().thread_set_mask().tried(&texts::WORLD, "rt_sigprocmask()")?;
                Err(command.exec())
            };
            if let Err(error) = became() {
                let _ = writeln!(std::io::stderr(), "{error:#}");
            }
            125
        });
        setns(&self.own_pids, CloneFlags::CLONE_NEWPID).tried(&texts::WORLD, "setns(our own)")?;
        spawned
    }

    fn bear_children_in(&self, kind: CloneFlags) -> Result<()> {
        let namespace = self.namespaces.iter().find(|(its, _)| *its == kind);
        match namespace {
            Some((_, fd)) => setns(fd, kind).tried(&texts::WORLD, format_args!("setns({kind:?})")),
            None => Ok(()),
        }
    }

    /// Moves this process onto the host.
    fn join(&self) -> Result<()> {
        let all = self.namespaces.iter().filter(|(kind, _)| *kind != CloneFlags::CLONE_NEWPID);
        for (kind, namespace) in all {
            setns(namespace, *kind).tried(&texts::WORLD, format_args!("setns({kind:?})"))?;
        }
        Ok(())
    }

    /// Does something on the host, in a process of its own, and gives what it says.
    ///
    /// # Errors
    ///
    /// What `body` fails with.
    pub fn visit(&self, body: impl FnOnce() -> Result<String>) -> Result<String> {
        let (news, tell) = line()?;
        let (mut news, mut tell) = (File::from(news), File::from(tell));
        let process = Process::spawn(CloneFlags::empty(), None, || {
            let (status, told) = match self.join().and_then(|()| body()) {
                Ok(told) => (0, told),
                Err(error) => (1, format!("{error:#}")),
            };
            let _ = tell.write_all(told.as_bytes());
            status
        })?;
        drop(tell);
        let mut told = String::new();
        news.read_to_string(&mut told).tried(&texts::WORLD, "read(pipe)")?;
        match process.wait()? {
            process::Ended::Exited(0) => Ok(told),
            _ => Err(anyhow!(told)),
        }
    }

    /// Starts something that goes on on the host, in a process of its own, and gives what it says
    /// first.
    ///
    /// # Errors
    ///
    /// What `body` fails with.
    pub fn keep(&self, body: impl FnOnce(File) -> Result<Infallible>) -> Result<(Process, String)> {
        let (news, tell) = line()?;
        let (mut news, tell) = (File::from(news), File::from(tell));
        let complain = tell.try_clone().tried(&texts::WORLD, "dup()")?;
        let process = Process::spawn(CloneFlags::empty(), None, || {
            let Err(error) = self.join().and_then(|()| body(tell));
            let _ = writeln!(&complain, "{error:#}");
            1
        })?;
        drop(complain);
        Ok((process, read_line(&mut news)?))
    }

    /// What there is on it now.
    ///
    /// # Errors
    ///
    /// When it can't be looked at.
    pub fn snapshot(&self) -> Result<Snapshot> {
        // Our own view of /proc: the host's may be gone.
        let proc = File::open("/proc").tried(&texts::WORLD, "open(\"/proc\")")?;
        let told = self.visit(move || {
            let path = Path::new("self/mountinfo");
            let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
            let fd = nix::fcntl::openat(&proc, path, flags, nix::sys::stat::Mode::empty())
                .tried(&texts::WORLD, "openat(\"self/mountinfo\")")?;
            let mut mounts = String::new();
            File::from(fd).read_to_string(&mut mounts).tried(&texts::WORLD, "read(mountinfo)")?;
            let name = nix::unistd::gethostname().tried(&texts::WORLD, "gethostname()")?;
            let interfaces =
                nix::net::if_::if_nameindex().tried(&texts::WORLD, "if_nameindex()")?;
            let interfaces: Vec<_> =
                interfaces.iter().map(|it| it.name().to_string_lossy().into_owned()).collect();
            Ok(format!("{}\n{}\n{mounts}", name.to_string_lossy(), interfaces.join(" ")))
        })?;
        let mut lines = told.lines();
        let name = lines.next().unwrap_or_default().to_owned();
        let interfaces = lines.next().unwrap_or_default().split(' ').map(String::from).collect();
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        let mounts = text.lines().filter_map(mount_line).collect();
        let parsed = observe::mounts::parse(text.as_bytes());
        let peers = parsed.iter().filter_map(|mount| mount.propagation.shared).collect();
        let root = parsed.iter().rfind(|mount| mount.target == Path::new("/"));
        let root = root.map(|mount| (mount.device, mount.root.clone()));
        let cgroups = folders(Path::new("/sys/fs/cgroup"));
        Ok(Snapshot { name, mounts, peers, root, interfaces, cgroups })
    }

    /// The text of the link that stands for this kind of namespace, `pid:[4026531836]`.
    ///
    /// # Errors
    ///
    /// Without `/proc`.
    pub fn namespace(&self, kind: &str) -> Result<String> {
        let own = self.namespaces.iter().find(|(its, _)| *its == flag(kind));
        let path = match own {
            Some((_, fd)) => format!("/proc/self/fd/{}", fd.as_raw_fd()),
            // Shared by all hosts, and the examiner.
            None => format!("/proc/self/ns/{kind}"),
        };
        let text = fs::read_link(&path).tried(&texts::WORLD, format_args!("readlink({path:?})"))?;
        Ok(text.display().to_string())
    }

    /// Ends what was left running, and says what that was.
    ///
    /// # Errors
    ///
    /// Without `/proc`.
    pub fn sweep(&self) -> Result<Vec<String>> {
        sweep(self.init.pid()).tried(&texts::WORLD, "opendir(\"/proc\")")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // And with process 1 everybody else.
        let _ = self.init.signal(SIGKILL);
        let _ = self.init.wait();
    }
}

/// Process 1's life: whoever loses its parent becomes its child.
fn be_init() -> ! {
    let mut ended = SigSet::empty();
    ended.add(Signal::SIGCHLD);
    let _ = ended.thread_block();
    loop {
        let _ = ended.wait();
        while let Ok(Some(_)) = sys::reap_any() {}
    }
}

/// `TARGET SOURCE TYPE` of a line of `/proc/PID/mountinfo`.
fn mount_line(line: &str) -> Option<String> {
    let (fixed, after) = line.split_once(" - ")?;
    let target = fixed.split(' ').nth(4)?;
    let mut after = after.split(' ');
    let (kind, source) = (after.next()?, after.next()?);
    Some(format!("{target} {source} {kind}"))
}

fn folders(top: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![top.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                found.insert(entry.path().display().to_string());
                open.push(entry.path());
            }
        }
    }
    found
}

/// Everything that a host has of its own is set up from inside.
fn set_up(name: &str) -> Result<()> {
    walls::share_anew()?;
    let shut = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), shut, None::<&str>)
        .tried(&texts::WORLD, "mount(\"proc\", \"/proc\", \"proc\")")?;
    sethostname(name).tried(&texts::WORLD, "sethostname()")?;
    Netlink::open()?.up("lo")
}

fn flag(kind: &str) -> CloneFlags {
    match kind {
        "user" => CloneFlags::CLONE_NEWUSER,
        "pid" => CloneFlags::CLONE_NEWPID,
        "mnt" => CloneFlags::CLONE_NEWNS,
        "uts" => CloneFlags::CLONE_NEWUTS,
        "ipc" => CloneFlags::CLONE_NEWIPC,
        "net" => CloneFlags::CLONE_NEWNET,
        _ => CloneFlags::empty(),
    }
}

/// Those folders of our own PATH that can be read: others make "not found" a "permission denied".
#[must_use]
pub fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).filter(|folder| fs::read_dir(folder).is_ok());
    env::join_paths(folders).unwrap_or_default()
}

/// Where a program keeps its things. The host's own folders can't be written to.
fn environment(world: &World) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![
        ("HOME", "/tmp/home"),
        ("XDG_CACHE_HOME", "/tmp/cache"),
        ("XDG_DATA_HOME", "/tmp/data"),
        ("NO_COLOR", "1"),
    ];
    if world.user.is_some() {
        all.push(("XDG_RUNTIME_DIR", "/tmp/run"));
    }
    all
}

pub(super) fn line() -> Result<(OwnedFd, OwnedFd)> {
    pipe2(OFlag::O_CLOEXEC).tried(&texts::WORLD, "pipe2()")
}

fn read_line(file: &mut File) -> Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while file.read(&mut byte).tried(&texts::WORLD, "read(pipe)")? == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}
