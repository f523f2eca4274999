//! Starts a command, finds the container that it makes, and ends all that it started.
//!
//! Runtimes put several processes between the command and the container, and some leave the family:
//! `podman` starts a monitor that becomes a child of PID 1. A *subreaper* (`prctl(2)`) is given such
//! children in place of PID 1; so all that was started stays below us, and can be found and ended.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::fcntl::OFlag;
use nix::libc::SIGTERM;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, dup2_stdin, dup2_stdout, pipe2};
use process::{Command, Process, explain, failure, sys};

use super::texts;
use crate::observe::{self, Kind, Namespaces, Place};

/// Between two looks.
const GLANCE: Duration = Duration::from_millis(20);
/// So long a container has to stay as it is, until it is one: on their way there, runtimes pass
/// through several stages.
const SETTLED: Duration = Duration::from_millis(300);
/// So long the command may take to make one.
const PATIENCE: Duration = Duration::from_secs(60);
/// So long it may take to end, each time that it is asked less kindly.
const GRACE: Duration = Duration::from_secs(2);

/// A command that runs.
pub(super) struct Started {
    command: Process,
    /// The other end of its standard input, on which nothing ever comes.
    _silence: OwnedFd,
}

impl Started {
    /// Starts it. What it prints goes to our standard error.
    pub(super) fn new(words: &[OsString]) -> Result<Self> {
        let words: Vec<_> = words.iter().map(OsString::as_os_str).collect();
        let command = Command::new(&words)?;
        set_child_subreaper(true).context(texts::START)?;
        // Not the terminal: a shell in it would show a prompt and want to be typed to.
        let (input, silence) = pipe2(OFlag::O_CLOEXEC).context(texts::START)?;
        let process = Process::spawn(CloneFlags::empty(), None, || {
            let became = sys::die_with_parent()
                .and_then(|()| dup2_stdin(&input))
                .and_then(|()| dup2_stdout(std::io::stderr()));
            let why = became.map_or_else(Into::into, |()| command.exec());
            explain::say(format_args!("{why:#}"));
            failure::exit_code(&why)
        })?;
        Ok(Self { command: process, _silence: silence })
    }

    /// Waits for a container to be there, and to stay; gives its first process.
    pub(super) fn container(&self) -> Result<Pid> {
        let host = Mark::of(Pid::this())?;
        let begin = Instant::now();
        let mut seen: Option<(Pid, Mark, Instant)> = None;
        while begin.elapsed() < PATIENCE {
            let now = innermost(&host);
            seen = match (seen, now) {
                (Some((pid, mark, since)), Some(now)) if (pid, &mark) == (now.0, &now.1) => {
                    if since.elapsed() >= SETTLED {
                        return Ok(pid);
                    }
                    Some((pid, mark, since))
                }
                (_, now) => now.map(|(pid, mark)| (pid, mark, Instant::now())),
            };
            if seen.is_none() && self.has_ended() {
                bail!(texts::ended(self.command.wait()?.exit_code()));
            }
            sleep(GLANCE);
        }
        bail!(texts::WAITED)
    }

    /// Ends all that was started: the command is asked; then the container is ended, so that the
    /// runtime can clear up after it; then whatever is left.
    pub(super) fn end(self) {
        let host = Mark::of(Pid::this());
        // Whoever has ended already needs no signal.
        let _ = self.command.signal(SIGTERM);
        if !self.ends_in(GRACE) {
            for pid in host.iter().flat_map(contained) {
                let _ = kill(pid, Signal::SIGKILL);
            }
            self.ends_in(GRACE);
        }
        // New ones may be born while the old ones end.
        let begin = Instant::now();
        while begin.elapsed() < GRACE {
            reap();
            match observe::descendants(Pid::this()) {
                Ok(left) if !left.is_empty() => {
                    for pid in left {
                        let _ = kill(pid, Signal::SIGKILL);
                    }
                }
                _ => break,
            }
            sleep(GLANCE);
        }
    }

    fn has_ended(&self) -> bool {
        self.ended_within(PollTimeout::ZERO)
    }

    /// Whether the command, and all that it has left behind, ends in this time.
    fn ends_in(&self, time: Duration) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < time {
            if self.ended_within(PollTimeout::from(20_u8)) {
                reap();
                if observe::children(Pid::this()).is_ok_and(|left| left.is_empty()) {
                    return true;
                }
                sleep(GLANCE);
            }
        }
        false
    }

    fn ended_within(&self, time: PollTimeout) -> bool {
        let mut command = [PollFd::new(self.command.as_fd(), PollFlags::POLLIN)];
        matches!(poll(&mut command, time), Ok(1))
    }
}

/// Takes note of children that have ended, which would stay zombies.
fn reap() {
    while let Ok(Some(_)) = sys::reap_any() {}
}

/// By what one process is told from another: where it is.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    namespaces: Namespaces,
    root: Option<Place>,
    program: Option<Place>,
}

impl Mark {
    fn of(pid: Pid) -> Result<Self> {
        Ok(Self {
            namespaces: observe::namespaces(pid)?,
            root: observe::root(pid)?.place,
            program: observe::exe(pid)?.place,
        })
    }

    /// In how many ways it is elsewhere than `host`.
    fn distance(&self, host: &Self) -> usize {
        let file = |place: Option<Place>| place.map(|it| (it.device, it.inode));
        let namespaces = self.namespaces.other_than(&host.namespaces);
        let elsewhere = usize::from(file(self.root) != file(host.root));
        // The first process in a new mount namespace alone may be a runtime at work.
        namespaces.iter().filter(|kind| **kind != Kind::Time).count() + elsewhere
    }
}

/// Those of our descendants that are elsewhere than we, parents before children, and how far.
fn elsewhere(host: &Mark) -> Vec<(Pid, Mark, usize)> {
    let look = |pid: Pid| {
        let mark = Mark::of(pid).ok()?;
        let distance = mark.distance(host);
        (distance > 0).then_some((pid, mark, distance))
    };
    let all = observe::descendants(Pid::this()).unwrap_or_default();
    all.into_iter().filter_map(look).collect()
}

fn contained(host: &Mark) -> Vec<Pid> {
    elsewhere(host).into_iter().map(|(pid, ..)| pid).collect()
}

/// The first of those that are furthest away.
fn innermost(host: &Mark) -> Option<(Pid, Mark)> {
    let all = elsewhere(host);
    let furthest = all.iter().map(|(.., distance)| *distance).max()?;
    let first = all.into_iter().find(|(.., distance)| *distance == furthest)?;
    Some((first.0, first.1))
}
