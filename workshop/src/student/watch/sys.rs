//! The only `unsafe` code of the loop: what a new process does before it becomes the check.

#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};

/// The check blocks no signals, though we do (a mask is inherited, `signal(7)`); and it ends when we
/// are killed and can't end it ourselves (`PR_SET_PDEATHSIG(2const)`).
pub(super) fn of_its_own(command: &mut Command) {
    let prepare = || {
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
        set_pdeathsig(Signal::SIGTERM)?;
        Ok(())
    };
    // SAFETY: between fork and exec only what is async-signal-safe may be called
    // (signal-safety(7)): sigprocmask(2) is, prctl(2) is a bare system call, and nothing here
    // allocates or takes a lock. An error is a number, made of the errno.
    unsafe { command.pre_exec(prepare) };
}
