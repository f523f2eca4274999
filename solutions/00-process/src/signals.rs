//! Ctrl-C, `kill` and the terminal, while a container runs.
//!
//! People press Ctrl-C at, and send SIGTERM to, the program that they started. They mean the
//! command. So the host's side takes these signals from a descriptor (`signalfd(2)`) instead of
//! dying of them, and passes them on.
//!
//! Two things are to be known about them:
//!
//! - What a *key* sends (`si_code` is `SI_KERNEL`) goes to every process of the terminal's
//!   foreground group, so the command has got it already. What `kill` sends goes to us alone.
//! - For PID 1 of a PID namespace the kernel drops every signal that it has no handler for
//!   (`pid_namespaces(7)`). `sleep` as PID 1 can't be ended by Ctrl-C. Rather than hang, we say so.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::errno::Errno;
use nix::libc::{SI_KERNEL, SIGKILL, SIGSTOP, SIGTERM};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

use crate::failure::{Attempt, Failed};
use crate::{Process, explain, sys, texts};

/// The signals that are passed on, and the real-time ones: all that somebody may send, and that
/// would end us with nothing taken down.
const FORWARDED: [Signal; 13] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGTERM,
    Signal::SIGXCPU,
    Signal::SIGXFSZ,
    Signal::SIGVTALRM,
    Signal::SIGPROF,
    Signal::SIGIO,
    Signal::SIGPWR,
];

/// How long a PID 1 that can't hear a signal may go on: what `docker stop` gives it.
const GRACE: Duration = Duration::from_secs(10);

/// The signals, held back from their default actions as long as this value lives.
pub(crate) struct Signals {
    fd: SignalFd,
    mask_before: SigSet,
    /// What SIGTERM is passed on as.
    stop_signal: i32,
    /// Whether we are the terminal's foreground job.
    foreground: bool,
}

impl Signals {
    /// From now on signals wait in a descriptor. SIGTERM is passed on as `stop_signal`.
    pub(crate) fn hold(stop_signal: i32) -> Result<Self> {
        let held = sys::with_real_time(FORWARDED.into_iter().collect());
        let mut mask_before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&held), Some(&mut mask_before))
            .tried(&texts::SIGNALS, "rt_sigprocmask(SIG_BLOCK)")?;
        let fd = SignalFd::with_flags(&held, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .tried(&texts::SIGNALS, "signalfd4()")?;
        let foreground = tcgetpgrp(std::io::stdin()).is_ok_and(|group| group == getpgrp());
        Ok(Self { fd, mask_before, stop_signal, foreground })
    }

    /// For the command, which is to start with an empty mask.
    pub(crate) fn unblock_all() -> Result<()> {
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
            .tried(&texts::CLEAN_SLATE, "rt_sigprocmask(SIG_SETMASK, [])")
    }

    /// Waits until `fd` is readable.
    ///
    /// # Errors
    ///
    /// A signal that came first: nothing runs yet that it could be passed on to.
    pub(crate) fn wait_for(&self, fd: BorrowedFd) -> Result<()> {
        match self.next(fd, None)? {
            Woken::Signal(signal) => Err(Failed {
                sentence: texts::interrupted(signal.ssi_signo),
                exit_code: 128 + signal.ssi_signo as u8,
            }
            .into()),
            Woken::Ready | Woken::TimedOut => Ok(()),
        }
    }

    /// Passes signals on until the process has ended. After each of them `wake` sees to it that the
    /// process is not kept from hearing it.
    pub(crate) fn forward_until_end(
        &self,
        process: &Process,
        mut wake: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        let mut deadline = None;
        loop {
            match self.next(process.as_fd(), deadline)? {
                Woken::Ready => return Ok(()),
                Woken::TimedOut => {
                    // Once is enough. A process that hangs in the kernel ends when that lets it go.
                    deadline = None;
                    ignore_ended(process.signal(SIGKILL))?;
                    wake()?;
                }
                Woken::Signal(signal) => {
                    let number = match signal.ssi_signo as i32 {
                        SIGTERM => self.stop_signal,
                        other => other,
                    };
                    if signal.ssi_code != SI_KERNEL {
                        explain::note(texts::forwarded(number));
                        ignore_ended(process.signal(number))?;
                    }
                    wake()?;
                    if !is_dropped(process.pid(), number) {
                        continue;
                    }
                    // A terminal that was closed won't send a second signal.
                    if deadline.is_some() || number == Signal::SIGHUP as i32 {
                        ignore_ended(process.signal(SIGKILL))?;
                    } else {
                        explain::say(texts::dropped_by_pid_1(number, GRACE.as_secs()));
                        deadline = Some(Instant::now() + GRACE);
                    }
                }
            }
        }
    }

    fn next(&self, fd: BorrowedFd, deadline: Option<Instant>) -> Result<Woken> {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        loop {
            let mut fds = [readable(fd), readable(self.fd.as_fd())];
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let timeout = left.map_or(PollTimeout::NONE, |left| {
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            });
            match poll(&mut fds, timeout) {
                Err(Errno::EINTR) => continue,
                Ok(0) => return Ok(Woken::TimedOut),
                result => result.tried(&texts::SIGNALS, "poll(the container, signals)")?,
            };
            if fds[0].any().unwrap_or(true) {
                return Ok(Woken::Ready);
            }
            let signal = self.fd.read_signal().tried(&texts::SIGNALS, "read(signalfd)")?;
            if let Some(signal) = signal {
                return Ok(Woken::Signal(signal));
            }
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // What still waits was meant for the command, which has ended. We would die of it.
        while let Ok(Some(_)) = self.fd.read_signal() {}
        // A shell in the container made itself the terminal's foreground job, and ended so. Take
        // the terminal back, or whoever started us from a script can't read from it any more.
        // (SIGTTOU asks a background process not to do this. None of these can be helped here.)
        if self.foreground && tcgetpgrp(std::io::stdin()).is_ok_and(|group| group != getpgrp()) {
            let ttou = SigSet::from(Signal::SIGTTOU);
            let _ = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&ttou), None);
            let _ = tcsetpgrp(std::io::stdin(), getpgrp());
        }
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.mask_before), None);
    }
}

enum Woken {
    Ready,
    Signal(siginfo),
    TimedOut,
}

/// A signal to a process that has ended is no failure: `poll` will say that it has.
fn ignore_ended(sent: nix::Result<()>) -> Result<()> {
    match sent {
        Err(Errno::ESRCH) => Ok(()),
        sent => sent.tried(&texts::SIGNALS, "pidfd_send_signal()"),
    }
}

/// Whether the kernel drops this signal: it would end the process, and the process is PID 1 of its
/// PID namespace and neither catches nor blocks it. (One that it *ignores* is dropped by its own
/// will.) `/proc/PID/status`, `proc_pid_status(5)`.
fn is_dropped(pid: Pid, signal: i32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return false };
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim()
    };
    let mask = |name| u64::from_str_radix(field(name), 16).unwrap_or(u64::MAX);
    let heard = mask("SigCgt:") | mask("SigIgn:") | mask("SigBlk:");
    // It has heard it, and has ended: nothing is left of its handlers.
    let ended = field("State:").starts_with(['Z', 'X']);
    // These two are never dropped when they come from outside.
    let inescapable = [SIGKILL, SIGSTOP].contains(&signal);
    !ended
        && !inescapable
        && field("NSpid:").split_whitespace().nth(1).is_some()
        && field("NSpid:").ends_with("\t1")
        && heard & (1 << (signal - 1)) == 0
}
