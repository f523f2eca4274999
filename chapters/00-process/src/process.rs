//! A process: made, waited for, ended.
//!
//! The kernel makes a process by copying the caller: `clone(2)` (`fork(2)` is its simplest form)
//! returns twice, once in the caller with the copy's number, once in the copy. When the copy ends,
//! the kernel keeps its status until its parent asks with `waitid(2)`; until then it is a zombie.
//!
//! Next to the number (PID) we ask for a *pidfd* (`pidfd_open(2)`), a file descriptor that stands
//! for this one process. A PID can be given to another process as soon as this one is reaped, and
//! `SIGCHLD` can be lost; a pidfd can be neither mistaken nor missed, and `poll(2)` can wait on it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::Result;
use nix::libc;
use nix::sched::CloneFlags;
use nix::unistd::Pid;

use crate::failure::Attempt;
use crate::sys::{self, Cloned, Waited};
use crate::{explain, texts};

/// A child of ours. It has to be waited for once, or it stays a zombie as long as we live.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    pidfd: OwnedFd,
}

/// How a process ended: the kernel knows two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It called `exit(2)` with this status, 0 to 255.
    Exited(i32),
    /// A signal with this number ended it.
    Signalled(i32),
}

impl Process {
    /// Makes a child that is born into the given new `namespaces`, and into `cgroup` if there is
    /// one. It runs `child`, and ends with the status that it returns, if it does not become another
    /// program before.
    ///
    /// Both sides go on with a copy of the same memory. The child never returns from here.
    ///
    /// # Errors
    ///
    /// What `clone(2)` refuses: EPERM for namespaces without the right to make them, ENOSPC where
    /// the limit on namespaces is reached (`namespaces(7)`), EAGAIN at the limit on processes.
    pub fn spawn(
        namespaces: CloneFlags,
        cgroup: Option<BorrowedFd>,
        child: impl FnOnce() -> u8,
    ) -> Result<Self> {
        let call = format!("clone({})", sys::clone_flags(namespaces, cgroup));
        explain::call(&texts::CLONE, &call);
        // ANCHOR: spawn
        // EXERCISE spawn: make the new process
        //   `sys::clone_into(namespaces, cgroup)` returns twice: `Cloned::Parent { pid, pidfd }`
        //   here, and `Cloned::Child` in the new process, which has to call `child()` and to end
        //   with the status that it returns: `sys::exit(status)`. Put `.tried(&texts::CLONE,
        //   call)?` behind the call, so that a refusal is told in one sentence.
        todo!("spawn: make the new process")
        // ANCHOR_END: spawn
    }

    /// The child's number, as this process sees it.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends a signal to exactly this process, `pidfd_send_signal(2)`.
    ///
    /// # Errors
    ///
    /// ESRCH when it has ended already.
    pub fn signal(&self, signal: i32) -> nix::Result<()> {
        sys::pidfd_send_signal(self.pidfd.as_fd(), signal)
    }

    /// Waits until the child has ended, and reaps it.
    ///
    /// # Errors
    ///
    /// What `waitid(2)` refuses; ECHILD when it was reaped already.
    pub fn wait(&self) -> Result<Ended> {
        // ANCHOR: wait
        // EXERCISE wait: wait for the process and say how it ended
        //   `sys::waitid(fd)` blocks until the process behind the pidfd has ended, and reaps it.
        //   `Ended::from` makes sense of what it gives. `.step(&texts::WAIT, "waitid(P_PIDFD)")?`
        //   behind the call tells it under `--explain`, and makes a sentence of a refusal.
        todo!("wait: wait for the process and say how it ended")
        // ANCHOR_END: wait
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl From<Waited> for Ended {
    fn from(waited: Waited) -> Self {
        // ANCHOR: ended
        // EXERCISE ended: tell an exit from a signal
        //   The two numbers of waitid(2): `code` is `libc::CLD_EXITED` when it exited, and
        //   `CLD_KILLED` or `CLD_DUMPED` when a signal ended it. `status` is the exit status, or
        //   the signal's number.
        todo!("ended: tell an exit from a signal")
        // ANCHOR_END: ended
    }
}

impl Ended {
    /// The status that a shell shows for it: the command's own, or 128 + n for signal n.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        // ANCHOR: exit_code
        // EXERCISE exit_code: turn the way it ended into one number
        //   Shells, Docker and every other runtime agree: the command's own status when it
        //   exited, 128 + n when signal n ended it (137 = 128 + 9, SIGKILL).
        todo!("exit_code: turn the way it ended into one number")
        // ANCHOR_END: exit_code
    }
}
