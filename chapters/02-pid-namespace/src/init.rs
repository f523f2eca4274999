//! A small init: PID 1 for commands that are not made to be PID 1.
//!
//! Two duties come with the number (`pid_namespaces(7)`). Whoever loses its parent becomes PID 1's
//! child, and PID 1 has to reap it, or it stays a zombie. And PID 1 gets only those signals that it
//! has a handler for: `sleep` as PID 1 can't be stopped by SIGTERM. Most programs know of neither.
//!
//! So with `--init` this process stays behind as PID 1. It forks; the *child* goes on to become the
//! command, as number 2. PID 1 passes signals on to it, reaps whatever becomes its child, and ends
//! as the command ends, at which the kernel kills the rest. Docker's `--init` (tini) does the same.

use std::os::fd::{AsFd, OwnedFd};

use anyhow::Result;
use nix::libc::SI_KERNEL;
use nix::sched::CloneFlags;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
use process::failure::{NOT_MADE, catch};
use process::sys::{self, Cloned};
use process::{Attempt, Ended, Mechanism, explain};

use crate::texts;

/// Puts a small init in the place of PID 1. The last mechanism of a list: what comes after it, the
/// command alone would get.
#[derive(Debug)]
pub struct Init;

impl Mechanism for Init {
    fn enter(&mut self) -> Result<()> {
        // Before the fork: a SIGCHLD that comes early must wait for us. The frame empties the
        // command's mask again.
        SigSet::all().thread_block().tried(&texts::INIT, "rt_sigprocmask(SIG_BLOCK, all)")?;
        match sys::clone(CloneFlags::empty()).step(&texts::INIT, "clone(CLONE_PIDFD|SIGCHLD)")? {
            Cloned::Child => Ok(()),
            Cloned::Parent { pid, pidfd } => be_pid_1(pid, &pidfd),
        }
    }
}

/// PID 1's life. It ends with the command.
fn be_pid_1(command: Pid, pidfd: &OwnedFd) -> ! {
    let status = catch(|| {
        let _ = prctl::set_name(c"init");
        // The line to the host's side, among others: only the command may hold it, so that its
        // closing says that the command runs.
        sys::close_all_but(pidfd.as_fd()).tried(&texts::INIT, "close_range(3, ~0)")?;
        let signals = SignalFd::with_flags(&SigSet::all(), SfdFlags::SFD_CLOEXEC)
            .tried(&texts::INIT, "signalfd4()")?;
        loop {
            let signal = signals.read_signal().tried(&texts::INIT, "read(signalfd)")?;
            let Some(signal) = signal else { continue };
            if signal.ssi_signo as i32 == Signal::SIGCHLD as i32 {
                if let Some(ended) = reap(command)? {
                    return Ok(ended.exit_code());
                }
            } else if signal.ssi_code != SI_KERNEL {
                // What a key sends goes to the whole job, so the command has it already.
                // ESRCH: it has just ended, and SIGCHLD is on its way.
                let _ = sys::pidfd_send_signal(pidfd.as_fd(), signal.ssi_signo as i32);
            }
        }
    });
    sys::exit(status.unwrap_or_else(|error| {
        explain::say(format_args!("init: {error:#}"));
        NOT_MADE
    }))
}

/// Reaps every child that has ended; says how `command` ended, if it is one of them.
fn reap(command: Pid) -> Result<Option<Ended>> {
    // ANCHOR: reap
    // EXERCISE reap: bury the dead
    //   One SIGCHLD may stand for several children, also for orphans that nobody here has started.
    //   Call `sys::reap_any()` until it finds none (`None`). It gives the number of each one, and
    //   what `Ended::from` makes sense of. Remember how the command ended.
    todo!("reap: bury the dead")
    // ANCHOR_END: reap
}
