//! The safety net: a sandbox for programs that may be wrong.
//!
//! A container runtime with a mistake in it does to the host what it meant to do to the container: it
//! mounts, renames, kills, deletes. So `check`, `watch` and `run` start a student's program inside a
//! container of their own, made from the finished chapters' mechanisms. What the program takes for
//! the host is this sandbox: its own list of mounts, processes, name and network; files that can be
//! read, but not changed; a limit on memory and on processes.
//!
//! In it `/` is *shared*, as systemd makes it on most machines: where it is private (and in a
//! container it is) the commonest mistake, a mount that leaks to the host, would not show.
//!
//! As root, too, there is a user namespace around it, in which every number means the same as
//! outside. Whoever is root in there hardly feels it; but the kernel lets nobody in it remount what
//! we made read-only, open a disk, load a module, or set the clock.
//!
//! # Layout
//!
//! - [`walls`]: what of the file tree can be seen, and what can be written to.
//! - [`ids`]: the user namespace.
//! - [`bounds`]: how much of the machine the sandbox may use; `commons`: the same for all sandboxes of
//!   `coracle run` together.
//! - [`guard`]: the disks.
//! - `sys`: the system calls that `nix` lacks.

pub mod bounds;
mod commons;
pub mod guard;
pub mod ids;
mod sys;
mod texts;
pub mod walls;

use anyhow::Result;
use nix::sched::CloneFlags;
use pid_namespace::PidNamespace;
use pid_namespace::init::Init;
use process::{Command, Container, Mechanism, rootless, sys as process_sys};
use uts_net::netlink::Netlink;
use uts_net::{Ipc, RunFolder};

pub use ids::Who;
pub use walls::Walls;

/// Whether the sandbox has a network of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// One of its own, with nothing but `lo`.
    Own,
    /// The host's.
    Hosts,
}

impl Mechanism for Net {
    fn namespaces(&self) -> CloneFlags {
        match self {
            Self::Own => CloneFlags::CLONE_NEWNET,
            Self::Hosts => CloneFlags::empty(),
        }
    }

    fn enter(&mut self) -> Result<()> {
        match self {
            Self::Own => Netlink::open()?.up("lo"),
            Self::Hosts => Ok(()),
        }
    }
}

/// The sandbox for an examination: the command is PID 1 in it, has all rights over it, and nothing
/// of it stays.
///
/// # Errors
///
/// When this machine does not allow it.
pub fn for_check(command: Command, walls: Walls) -> Result<Container> {
    become_root()?;
    let run = RunFolder::new()?;
    let cgroup = bounds::cgroup(&run)?;
    let seen_as = cgroup.places().iter().map(|it| (it.group().path.clone(), it.top.clone()));
    let walls = walls.with_cgroups(seen_as.collect());
    Ok(Container::new(command)
        .with(run)
        .with_some(ids::namespace(Who::Keeper)?)
        .with(bounds::Bounds)
        .with(cgroup)
        .with(PidNamespace)
        .with(Ipc)
        .with(Net::Own)
        .with(walls))
}

/// The sandbox for a student's program that is run by hand: it is who has called us, and sees the
/// containers of other such runs.
///
/// # Errors
///
/// When this machine does not allow it.
pub fn for_run(command: Command, walls: Walls, net: Net) -> Result<Container> {
    become_root()?;
    let run = RunFolder::new()?;
    let commons = commons::Commons::new(&run, bounds::limits())?;
    let walls = walls.with_cgroups(commons.seen_as()).writable(run.state().path());
    Ok(Container::new(command)
        .with(run)
        .with_some(ids::namespace(Who::Caller)?)
        .with(bounds::Bounds)
        .with(commons)
        .with(PidNamespace)
        .with(Ipc)
        .with(net)
        .with(walls)
        .with(Init))
}

/// As an ordinary user: in a user namespace that is our own half's alone, so there is nothing to
/// announce.
fn become_root() -> Result<()> {
    match process_sys::may_administer() {
        true => Ok(()),
        false => rootless::enter_quietly(),
    }
}
