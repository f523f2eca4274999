//! A short-lived child that tries something and tells how it went.
//!
//! A namespace can't be left again, and a process that has entered one can't be trusted with
//! anything else. So every trial happens in a copy of this process (`clone(2)`), which tells what it
//! finds in a pipe, a line each, and ends. With it goes all that it made: a mount lives as long as
//! its mount namespace, an interface as long as its network, both as long as a process is in them.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc::SIGKILL;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::stat::Mode;
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, pipe2};
use process::failure::catch;
use process::{Process, rootless, sys};

use super::probe::{Findings, Probe, Refusal};
use super::texts;

/// How long a trial may take. The slowest (`nft`, `pasta`) take some tens of
/// milliseconds, and a hundred times that in an emulated machine on a busy one.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A trial that has begun.
pub(super) struct Child {
    process: Process,
    answers: File,
    deadline: Instant,
}

/// The child's end of the pipe.
pub(super) struct Report(OwnedFd);

impl Child {
    /// Begins a trial, which is ended after `patience`. `body` runs in the child, without standard input, output and error.
    ///
    /// # Errors
    ///
    /// What `pipe2(2)` and `clone(2)` refuse; EBUSY where this process has several threads.
    pub(super) fn start(patience: Duration, body: impl FnOnce(&Report)) -> Result<Self> {
        let (answers, end) = pipe2(OFlag::O_CLOEXEC).context(texts::PIPE)?;
        let report = Report(end);
        let process = Process::spawn(CloneFlags::empty(), None, || {
            let trial = || -> Result<()> {
                sys::die_with_parent()?;
                silence()?;
                body(&report);
                Ok(())
            };
            u8::from(catch(trial).is_err())
        })?;
        Ok(Self { process, answers: answers.into(), deadline: Instant::now() + patience })
    }

    /// Waits until it has ended, and returns what it found. It was to try `probes` in turn, until
    /// one of them is refused; if it comes to another end, that is told of the one it was at.
    pub(super) fn collect(mut self, probes: &[Probe]) -> Findings {
        let mut text = Vec::new();
        let read = self.read(&mut text);
        if read.is_none() {
            let _ = self.process.signal(SIGKILL);
        }
        let ended = sys::waitid(self.process.as_fd());
        let lines = text.split(|&byte| byte == b'\n');
        let found = lines.filter_map(|line| serde_json::from_slice(line).ok());
        let mut found: Findings =
            found.collect::<Vec<(Probe, Option<Refusal>)>>().into_iter().collect();
        let well = read.is_some() && ended.is_ok_and(|ended| ended.status == 0);
        let next = probes.iter().find(|probe| !found.contains_key(probe));
        if let (false, Some(next)) = (well, next) {
            let seen = if read.is_none() { texts::TOO_LONG } else { texts::DIED };
            found.insert(*next, Some(Refusal::new(seen)));
        }
        found
    }

    /// Reads to the end of the pipe; `None` when that does not come in time.
    fn read(&mut self, text: &mut Vec<u8>) -> Option<()> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            let mut ready = [PollFd::new(self.answers.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ready, left) {
                Err(Errno::EINTR) => continue,
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
            let mut some = [0; 4096];
            match self.answers.read(&mut some) {
                Ok(0) | Err(_) => return Some(()),
                Ok(count) => text.extend_from_slice(&some[..count]),
            }
        }
    }
}

impl Report {
    /// Tells how something went; passes on what came of it.
    pub(super) fn tried<T>(&self, probe: Probe, result: Result<T>) -> Option<T> {
        self.tell(probe, result.as_ref().err().map(Refusal::from));
        result.ok()
    }

    /// Tells how something went.
    pub(super) fn tell(&self, probe: Probe, refusal: Option<Refusal>) {
        let Ok(mut line) = serde_json::to_vec(&(probe, refusal)) else { return };
        line.push(b'\n');
        // In one write, so that the lines of several processes don't mix. If nobody reads them any
        // more there is nobody to tell.
        if let Ok(end) = self.0.try_clone() {
            let _ = File::from(end).write_all(&line);
        }
    }
}

/// As the frame begins: who may not make namespaces enters a user namespace first.
pub(super) fn as_in_a_chapter() -> Result<()> {
    if sys::may_administer() { Ok(()) } else { rootless::enter() }
}

/// What the chapters' code says to people is not for this occasion.
pub(super) fn silence() -> Result<()> {
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    Ok(dup2_stderr(&null)?)
}
