//! Chapters 00 to 02, and the host name: can a process be made, moved into namespaces, and given a
//! root of its own?
//!
//! Each trial makes the same calls as a run, most of them by the chapter's own code, and so gets the
//! same answers. `namespaces(7)`, `user_namespaces(7)`, `pivot_root(2)`.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use anyhow::Result;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc::SIGKILL;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::Mode;
use nix::unistd::chroot;
use pid_namespace::{Mount, Root, Tree, inside};
use process::{Attempt, Mechanism, Process, failure, rootless, sys};
use uts_net::Hostname;

use super::child::{Report, as_in_a_chapter};
use super::probe::Probe;
use super::texts;

/// What is there only so that something can be mounted on it.
pub(super) const SCRATCH: &str = "/tmp";

/// What every chapter needs of a process.
pub(super) fn process(report: &Report) {
    report.tried(Probe::Pidfd, process_by_pidfd());
    report.tried(Probe::OpenAt2, inside_root(Path::new("/")));
    report.tried(Probe::MountApi, mount_api());
    // Last, since it takes away what the others need.
    let null = File::open("/dev/null").tried(&texts::TRIAL, "open(\"/dev/null\")");
    // The report's own descriptor has to stay open: the trial is made by a child of this child.
    let closed = null.and_then(|null| {
        let child = Process::spawn(CloneFlags::empty(), None, || {
            sys::close_all_but(null.as_fd()).map_or_else(|errno| errno as i32 as u8, |()| 0)
        })?;
        match sys::waitid(child.as_fd()).tried(&texts::TRIAL, "waitid(P_PIDFD)")?.status {
            0 => Ok(()),
            errno => Err(Errno::from_raw(errno)).tried(&texts::TRIAL, "close_range(3, ~0)"),
        }
    });
    report.tried(Probe::CloseRange, closed);
}

fn process_by_pidfd() -> Result<()> {
    let child = Process::spawn(CloneFlags::empty(), None, || {
        loop {
            nix::unistd::pause();
        }
    })?;
    let killed = child.signal(SIGKILL).tried(&texts::TRIAL, "pidfd_send_signal(SIGKILL)");
    if killed.is_err() {
        let _ = nix::sys::signal::kill(child.pid(), nix::sys::signal::Signal::SIGKILL);
    }
    let waited = sys::waitid(child.as_fd()).tried(&texts::TRIAL, "waitid(P_PIDFD)");
    killed.and(waited.map(drop))
}

fn inside_root(root: &Path) -> Result<()> {
    let root = File::open(root).tried(&texts::TRIAL, format_args!("open({root:?})"))?;
    let found = inside::open(root.as_fd(), Path::new("proc"));
    found.map(drop).tried(&texts::TRIAL, "openat2(\"proc\", RESOLVE_IN_ROOT)")
}

fn mount_api() -> Result<()> {
    match overlay_layers::sys::fsopen(c"tmpfs") {
        // Not allowed to mount, but the call is there.
        Err(Errno::EPERM) if !sys::may_administer() => Ok(()),
        opened => opened.map(drop).tried(&texts::TRIAL, "fsopen(\"tmpfs\")"),
    }
}

/// The user namespace, and what makes it root's: without one the rest can't be tried.
pub(super) fn root_rights(report: &Report) {
    // The present root, again: this changes nothing, but asks for the right.
    let may_chroot = || chroot("/").tried(&texts::TRIAL, "chroot(\"/\")");
    if sys::may_administer() {
        report.tried(Probe::Chroot, may_chroot());
        report.tried(Probe::UserNamespace, rootless::enter());
    } else if report.tried(Probe::UserNamespace, rootless::enter()).is_some() {
        report.tried(Probe::Chroot, may_chroot());
    }
}

/// Whether the user's other processes, two of them at least, leave room under a limit of two. For the
/// host's root no such limit holds.
pub(super) fn processes(report: &Report) {
    let limit = || setrlimit(Resource::RLIMIT_NPROC, 2, 2);
    if rootless::caller().is_root() || rootless::enter().is_err() || limit().is_err() {
        return;
    }
    let child = Process::spawn(CloneFlags::empty(), None, || 0);
    report.tried(Probe::ProcessesByNamespace, child.and_then(|child| child.wait()));
}

/// Mounts, processes, and a root of one's own.
pub(super) fn root(report: &Report) {
    if as_in_a_chapter().is_err() || report.tried(Probe::MountInside, mount_inside()).is_none() {
        return;
    }
    let changed = read_only();
    // Who may not is told so by what follows.
    if changed.as_ref().err().and_then(failure::errno).is_none_or(|it| it == Errno::ENOSYS) {
        report.tried(Probe::MountSetattr, changed);
    }
    let flags = CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS;
    let child = Process::spawn(flags, None, || {
        report.tell(Probe::PidNamespace, None);
        if report.tried(Probe::FreshProc, fresh_proc()).is_some() {
            report.tried(Probe::PivotRoot, Root::of(Scratch).enter());
        }
        0
    });
    match child {
        Ok(child) => drop(sys::waitid(child.as_fd())),
        Err(error) => drop(report.tried::<()>(Probe::PidNamespace, Err(error))),
    }
}

/// A mount namespace, cut off from the host's, and something mounted in it.
fn mount_inside() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).tried(&texts::TRIAL, "unshare(CLONE_NEWNS)")?;
    make_private()?;
    scratch()
}

/// So that nothing that is mounted from here on shows on the host.
pub(super) fn make_private() -> Result<()> {
    let (none, flags) = (None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE);
    mount(none, "/", none, flags, none)
        .tried(&texts::TRIAL_MOUNT, "mount(NULL, \"/\", NULL, MS_REC|MS_PRIVATE)")
}

/// An empty place to write to, which goes with this mount namespace.
pub(super) fn scratch() -> Result<()> {
    let (kind, flags) = (Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV);
    mount(kind, SCRATCH, kind, flags, Some("mode=755"))
        .tried(&texts::TRIAL_MOUNT, format_args!("mount(\"tmpfs\", {SCRATCH:?}, \"tmpfs\")"))
}

/// The empty place, made read-only by the newer of the two calls. Another comes in its place.
fn read_only() -> Result<()> {
    let place = Scratch.mount()?;
    pid_namespace::sys::set_read_only(place.as_fd())
        .tried(&texts::TRIAL, format_args!("mount_setattr({SCRATCH:?}, MOUNT_ATTR_RDONLY)"))
}

/// The first of a container's mounts, apart from the others: it has causes of its own.
fn fresh_proc() -> Result<()> {
    let root = Scratch.mount()?;
    let standard = Mount::standard();
    let proc = standard.iter().find(|mount| mount.target() == Path::new("/proc"));
    proc.map_or(Ok(()), |proc| proc.make(root.as_fd()))
}

/// An empty file tree in memory.
#[derive(Debug)]
struct Scratch;

impl Tree for Scratch {
    fn mount(&self) -> Result<OwnedFd> {
        scratch()?;
        open(SCRATCH, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
            .tried(&texts::TRIAL, format_args!("open({SCRATCH:?})"))
    }
}

/// A host name of one's own.
pub(super) fn host_name(report: &Report) {
    if as_in_a_chapter().is_ok() {
        report.tried(Probe::HostName, set_host_name());
    }
}

fn set_host_name() -> Result<()> {
    let mut name = Hostname::new("coracle-doctor")?;
    let flags = name.namespaces() | CloneFlags::CLONE_NEWIPC;
    unshare(flags).tried(&texts::TRIAL, "unshare(CLONE_NEWUTS|CLONE_NEWIPC)")?;
    // While the exercise is open, that is the student's; here it is the finished one.
    name.enter()
}
