//! The two processes of a run, and how they begin:
//!
//! ```text
//!        coracle                       the command                the tracer
//!
//!   clone ──────────────────────▶ is born
//!                                 lets itself be traced (Yama)
//!         ◀── "ready" ─────────── waits
//!   clone ─────────────────────────────────────────────────▶ is born
//!                                    (seized) ◀──────────── PTRACE_SEIZE
//!         ◀── "seized" ──────────────────────────────────── waits for stops
//!         ─── "go" ─────────────▶ filter, execve               tells
//!   poll(pidfd, signals)          … the command …
//!                                 ends ───────────────────▶ reaps, sums up
//!   waitid ◀── (the kernel: once the tracer has seen it) ──
//!         ◀── "told" ──────────────────────────────────────  ends; or "stays"
//! ```
//!
//! The lines are pairs of connected sockets, closed on exec: if one side dies, the other reads the
//! end of the file.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use anyhow::{Result, bail};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc::SI_KERNEL;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, setsid};
use process::{Attempt, Command, Ended, Process, explain, failure};

use super::story::Story;
use super::trace::{OPTIONS, Tracer};
use super::{filter, sys, texts};

/// What people send to the program that they started, and mean for the command.
const FORWARDED: [Signal; 6] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

// What the sides say, a byte each.
const READY: u8 = b'r';
const GO: u8 = b'g';
const SEIZED: u8 = b's';
const TOLD: u8 = b't';
const STAYS: u8 = b'k';
const FAILED: u8 = b'f';

/// Runs the command beside a tracer that tells its story.
///
/// # Errors
///
/// When it can't be traced.
pub(super) fn launch(command: &Command, mut story: Story) -> Result<u8> {
    let privileged = process::sys::may_administer();
    if !privileged {
        story.note(texts::NO_SETUID);
    }
    let held: SigSet = FORWARDED.into_iter().collect();
    let mut mask_before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&held), Some(&mut mask_before))
        .tried(&texts::TRACE, "rt_sigprocmask(SIG_BLOCK)")?;
    let signals = SignalFd::with_flags(&held, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .tried(&texts::TRACE, "signalfd4()")?;

    let (mut line, theirs) = pair()?;
    let process = Process::spawn(CloneFlags::empty(), None, || {
        say_failure(become_command(command, &theirs, privileged, &mask_before))
    })?;
    drop(theirs);
    expect(&mut line, READY)?;

    let (mut news, theirs) = pair()?;
    let pid = process.pid();
    let tracer = Process::spawn(CloneFlags::empty(), None, || {
        let mut line = &theirs;
        let told = follow(pid, story, &theirs);
        if told.is_err() {
            let _ = line.write_all(&[FAILED]);
        }
        say_failure(told)
    })?;
    drop(theirs);
    if !matches!(receive(&mut news), Some(SEIZED)) {
        // The tracer has said why. The command reads the end of its line, and gives up.
        drop(line);
        process.wait()?;
        tracer.wait()?;
        return Ok(failure::NOT_MADE);
    }
    line.write_all(&[GO]).tried(&texts::TRACE, "write(to the command)")?;
    let ended = wait(&process, &signals)?;
    match receive(&mut news) {
        Some(STAYS) => {}
        Some(TOLD) => drop(tracer.wait()?),
        Some(_) => {
            tracer.wait()?;
            return Ok(failure::NOT_MADE);
        }
        None => bail!(texts::TRACER_GONE),
    }
    Ok(ended.exit_code())
}

fn pair() -> Result<(UnixStream, UnixStream)> {
    UnixStream::pair().tried(&texts::TRACE, "socketpair(AF_UNIX, SOCK_STREAM)")
}

/// The next byte from the other side; `None` when it has gone.
fn receive(line: &mut UnixStream) -> Option<u8> {
    let mut byte = [0];
    line.read_exact(&mut byte).ok().map(|()| byte[0])
}

fn expect(line: &mut UnixStream, expected: u8) -> Result<()> {
    if receive(line) == Some(expected) { Ok(()) } else { bail!(texts::TRACER_GONE) }
}

/// In a process of its own: the sentence on standard error, and the exit status for it.
fn say_failure(result: Result<u8>) -> u8 {
    result.unwrap_or_else(|error| {
        explain::say(format_args!("coracle: {error:#}"));
        failure::exit_code(&error)
    })
}

/// The command's side, from its birth to `execve`.
fn become_command(
    command: &Command,
    mut line: &UnixStream,
    privileged: bool,
    mask: &SigSet,
) -> Result<u8> {
    process::sys::close_all_but(line.as_fd()).tried(&texts::TRACE, "close_range(3, ~0)")?;
    // The tracer is no ancestor of ours, which Yama asks for unless it is allowed. Most kernels
    // don't have Yama.
    let _ = sys::allow_tracers(true);
    line.write_all(&[READY]).tried(&texts::TRACE, "write(to coracle)")?;
    if line.read_exact(&mut [0]).is_err() {
        return Ok(failure::NOT_MADE);
    }
    let _ = sys::allow_tracers(false);
    sys::default_sigpipe().tried(&texts::TRACE, "rt_sigaction(SIGPIPE, SIG_DFL)")?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(mask), None)
        .tried(&texts::TRACE, "rt_sigprocmask(SIG_SETMASK)")?;
    // Who could set a filter on a program that has more rights than he has could make it err.
    if !privileged {
        sys::set_no_new_privs().tried(&texts::TRACE, "prctl(PR_SET_NO_NEW_PRIVS)")?;
    }
    sys::set_filter(&filter::program()).tried(&texts::TRACE, "seccomp(SECCOMP_SET_MODE_FILTER)")?;
    Err(command.exec())
}

/// The tracer's side, from its birth to its end.
fn follow(pid: Pid, story: Story, mut line: &UnixStream) -> Result<u8> {
    process::sys::die_with_parent().tried(&texts::TRACE, "prctl(PR_SET_PDEATHSIG, SIGKILL)")?;
    // Ctrl-C and Ctrl-Z are the command's: who watches goes on.
    block(&SigSet::all())?;
    // Whoever reads what the command prints must see its end when the command ends.
    to_null(0..=1)?;
    sys::seize(pid, OPTIONS).tried(&texts::TRACE, format_args!("ptrace(PTRACE_SEIZE, {pid})"))?;
    line.write_all(&[SEIZED]).tried(&texts::TRACE, "write(to coracle)")?;

    let mut tracer = Tracer::new(pid, story);
    tracer.until_end_of(pid)?;
    if !tracer.end_story() {
        line.write_all(&[TOLD]).tried(&texts::TRACE, "write(to coracle)")?;
        return Ok(0);
    }
    // From here on this is a daemon.
    sys::outlive_parent().tried(&texts::TRACE, "prctl(PR_SET_PDEATHSIG, 0)")?;
    setsid().tried(&texts::TRACE, "setsid()")?;
    nix::unistd::chdir("/").tried(&texts::TRACE, "chdir(\"/\")")?;
    to_null(2..=2)?;
    process::sys::close_all_but(line.as_fd()).tried(&texts::TRACE, "close_range(3, ~0)")?;
    line.write_all(&[STAYS]).tried(&texts::TRACE, "write(to coracle)")?;
    block(&SigSet::empty())?;
    tracer.until_all_ended()?;
    Ok(0)
}

fn block(signals: &SigSet) -> Result<()> {
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(signals), None)
        .tried(&texts::TRACE, "rt_sigprocmask(SIG_SETMASK)")
}

/// Puts these descriptors away.
fn to_null(descriptors: std::ops::RangeInclusive<i32>) -> Result<()> {
    let null = nix::fcntl::open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
        .tried(&texts::TRACE, "open(\"/dev/null\")")?;
    for descriptor in descriptors {
        sys::duplicate_to(null.as_fd(), descriptor).tried(&texts::TRACE, "dup2(/dev/null)")?;
    }
    Ok(())
}

/// Waits until the command has ended, and passes on what is sent to us meanwhile. What a key sends
/// (`SI_KERNEL`) the terminal has sent to the command as well.
fn wait(process: &Process, signals: &SignalFd) -> Result<Ended> {
    loop {
        let mut fds =
            [process.as_fd(), signals.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            result => result.tried(&texts::TRACE, "poll(the command, signals)")?,
        };
        if fds[0].any().unwrap_or(true) {
            return process.wait();
        }
        let signal = signals.read_signal().tried(&texts::TRACE, "read(signalfd)")?;
        if let Some(signal) = signal.filter(|signal| signal.ssi_code != SI_KERNEL) {
            match process.signal(signal.ssi_signo as i32) {
                Ok(()) | Err(Errno::ESRCH) => {}
                refused => refused.tried(&texts::TRACE, "pidfd_send_signal()")?,
            }
        }
    }
}
