//! The trait that every later chapter implements.

use std::os::fd::BorrowedFd;

use anyhow::Result;
use nix::sched::CloneFlags;
use nix::unistd::Pid;

use crate::Command;

/// One kernel mechanism that makes a process a little more of a container.
///
/// The frame ([`Container`](crate::Container)) calls the methods in this order, and each of them on
/// every mechanism of the list before it goes on to the next; `release` in reverse order. A
/// mechanism implements those it needs.
///
/// A value of a mechanism is in two places: `clone(2)` copies it into the new process. So what
/// `prepare` decided (an address, a folder) both sides know, and what `attach` changes on the
/// host's side `enter` does not see.
pub trait Mechanism {
    /// Which new namespaces the process is to be born into (`namespaces(7)`).
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::empty()
    }

    /// On the host, before the process exists.
    ///
    /// # Errors
    ///
    /// Stops the run; [`release`](Self::release) is called all the same.
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }

    /// The cgroup that the process is to be born into: a folder of cgroup v2 that `prepare` made
    /// (`CLONE_INTO_CGROUP`, `clone(2)`). Where the kernel refuses that, the process is born without
    /// it, and the mechanism has to move it.
    fn cgroup(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// On the host, while the new process waits.
    ///
    /// # Errors
    ///
    /// Stops the run: the process is killed, and what was made is released.
    fn attach(&mut self, _process: Pid) -> Result<()> {
        Ok(())
    }

    /// Inside the new process, before it executes the command.
    ///
    /// # Errors
    ///
    /// The error's text travels to the host's side, which prints it.
    fn enter(&mut self) -> Result<()> {
        Ok(())
    }

    /// Inside the new process, after every mechanism has entered: changes what of the command depends
    /// on what is inside, as the home of a user whom only the container knows.
    #[must_use]
    fn command(&mut self, command: Command) -> Command {
        command
    }

    /// On the host, after a signal was sent to the process: a process that this mechanism keeps
    /// from running does not hear it, so let it run.
    ///
    /// # Errors
    ///
    /// As for `release`, which comes next.
    fn wake(&mut self) -> Result<()> {
        Ok(())
    }

    /// On the host, after the process has ended, or when it could not be made: leave nothing
    /// behind. Called once for every mechanism whose `prepare` was called, even where that failed
    /// half-way.
    ///
    /// # Errors
    ///
    /// Reported, but the other mechanisms are released nevertheless.
    fn release(&mut self) -> Result<()> {
        Ok(())
    }
}
