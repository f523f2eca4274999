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
//! Whoever is kept in it is in a user namespace, as root, too: the walls are then not his to break.
//!
//! # Layout
//!
//! - [`walls`]: what of the file tree can be seen, and what can be written to.
//! - [`ids`]: the user namespace of whoever is kept in it.
//! - [`bounds`]: how much of the machine the sandbox may use; `commons`: the same for all sandboxes of
//!   `coracle run` together.
//! - [`guard`]: the disks; [`room`]: room on one of them, where memory will not do.
//! - `sys`: the system calls that `nix` lacks.

pub mod bounds;
mod commons;
pub mod guard;
pub mod ids;
pub mod room;
mod sys;
mod texts;
pub mod walls;

use anyhow::Result;
use pid_namespace::PidNamespace;
use pid_namespace::init::Init;
use process::{Command, Container, rootless, sys as process_sys};
use uts_net::RunFolder;

use ids::Kept;
pub use walls::Walls;

/// Whether the sandbox has a network of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// One of its own, with nothing but `lo`.
    Own,
    /// The host's.
    Hosts,
}

/// The sandbox for an examination: the command, the examiner, is PID 1 in it and has all rights over
/// it. The programs that it examines it has to keep in by itself.
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
        .with(bounds::Bounds)
        .with(cgroup)
        .with(PidNamespace)
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
        .with(bounds::Bounds)
        .with(commons)
        .with(PidNamespace)
        .with(walls)
        .with(Kept::new(net)?)
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
