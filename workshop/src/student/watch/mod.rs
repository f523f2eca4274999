//! `coracle watch`: a check at each save.
//!
//! One loop waits in `poll(2)` for whatever comes first: a signal (`signalfd(2)`; that a check has
//! ended is one, too), a change of a file, a key, or the time at which something is due.
//!
//! - Editors save in several steps, and "save all" writes several files. So after a change nothing is
//!   done until it has been quiet for a moment. Then the files are compared with those
//!   that the last check saw; only if they differ there is something to check.
//! - A check that still runs is about files that are no more: it is ended, and a new one begins.
//! - The chapter uses those before it, so their files count as well.

mod changes;
mod checker;
mod keys;
mod screen;
mod sys;
mod terminal;
mod texts;

use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::progress;
use super::standing::{self, Standing};
use crate::project::Project;
use changes::Changes;
use checker::{Outcome, Running};
use screen::{Middle, Screen};
use terminal::Terminal;

/// How long it has to be quiet after a change.
const QUIET: Duration = Duration::from_millis(60);
/// A change is not put off for longer than this, however busy the folder is.
const AT_MOST: Duration = Duration::from_millis(500);

const SIGNALS: [Signal; 8] = [
    Signal::SIGCHLD,
    Signal::SIGCONT,
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGTSTP,
    Signal::SIGWINCH,
];

/// Watches until somebody ends it: the chapter that is named, or else the one that the student is at.
/// `check` makes the command that checks a chapter and prints its report as JSON.
///
/// # Errors
///
/// When there is no such chapter, it can't be read or checked, or standard output is closed.
pub fn watch(
    project: &Project,
    chapter: Option<&str>,
    check: &dyn Fn(&str) -> Command,
) -> Result<()> {
    let chapter = standing::chapter_or_current(project, chapter)?;
    // Before anything else: a signal that comes now is not lost.
    let mask: SigSet = SIGNALS.into_iter().collect();
    mask.thread_block().context(texts::SIGNALS)?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK);
    let mut watching = Watching {
        project,
        check,
        changes: Changes::new(&project.root().join("chapters")),
        signals: signals.context(texts::SIGNALS)?,
        terminal: Terminal::new(),
        all: standing::all(project)?,
        chapter,
        source: None,
        running: None,
        outcome: None,
        text: None,
        asked: None,
        note: None,
        changed: None,
    };
    let ended = watching.run();
    // The check that runs is ended, and the terminal given back.
    drop(watching);
    if let Some(signal) = ended? {
        // Whoever started us is to see by what we ended.
        mask.thread_unblock().context(texts::SIGNALS)?;
        raise(signal).context(texts::SIGNALS)?;
    }
    Ok(())
}

/// Stops this process, as if the signal had not been caught; it returns when it goes on. The signal is
/// the same one, since the kernel ignores it where nobody could wake us (no shell above us).
fn sleep() -> Result<()> {
    let stop: SigSet = [Signal::SIGTSTP].into_iter().collect();
    stop.thread_unblock().context(texts::SIGNALS)?;
    raise(Signal::SIGTSTP).context(texts::SIGNALS)?;
    stop.thread_block().context(texts::SIGNALS)
}

/// When the files are looked at that changed first and last at these times.
fn due((first, last): (Instant, Instant)) -> Instant {
    (last + QUIET).min(first + AT_MOST)
}

struct Watching<'a> {
    project: &'a Project,
    check: &'a dyn Fn(&str) -> Command,
    changes: Changes,
    signals: SignalFd,
    terminal: Option<Terminal>,
    all: Vec<Standing>,
    chapter: String,
    /// The files that were checked last, or are being checked: this chapter's and all before it.
    source: Option<String>,
    running: Option<Running>,
    outcome: Option<Outcome>,
    /// What stands in the verdict's place.
    text: Option<String>,
    /// The exercise whose solution was asked for, until y or n.
    asked: Option<String>,
    note: Option<String>,
    /// When the first and when the last change came that was not looked at yet.
    changed: Option<(Instant, Instant)>,
}

/// What made [`poll`] return.
struct Ready {
    signal: bool,
    change: bool,
    key: bool,
}

impl Watching<'_> {
    /// Runs until somebody ends it; the signal that did.
    fn run(&mut self) -> Result<Option<Signal>> {
        self.note = self.changes.polled.as_ref().map(texts::polled);
        self.start()?;
        loop {
            let ready = self.wait()?;
            if self.terminal.as_mut().is_some_and(Terminal::take) {
                self.draw()?;
            }
            if ready.signal {
                if let Some(signal) = self.signal()? {
                    return Ok(Some(signal));
                }
            }
            if ready.change {
                self.changes.take();
                let now = Instant::now();
                self.changed = Some((self.changed.map_or(now, |(first, _)| first), now));
            }
            if self.is_due() {
                self.changed = None;
                self.look()?;
            }
            if ready.key && !self.keys()? {
                return Ok(None);
            }
        }
    }

    fn wait(&self) -> Result<Ready> {
        let change = self.changes.fd();
        let key = self.terminal.as_ref().and_then(Terminal::fd);
        let wanted = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = vec![wanted(self.signals.as_fd())];
        fds.extend(change.map(wanted));
        fds.extend(key.map(wanted));
        // That a shell's `fg` has given it to us nobody tells.
        let waits_for_terminal = self.terminal.is_some() && key.is_none();
        let timeout = match (self.changed, &change) {
            (Some(changed), _) => {
                let left = due(changed).saturating_duration_since(Instant::now());
                // Rounded up: a wait that is too short would be repeated.
                PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::ZERO)
            }
            (None, Some(_)) if !waits_for_terminal => PollTimeout::NONE,
            (None, _) => PollTimeout::try_from(changes::PERIOD).unwrap_or(PollTimeout::ZERO),
        };
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).context(texts::SIGNALS),
        }
        // An end of the other side (POLLHUP) is something to read as well.
        let is_ready = |fd: &PollFd| fd.any().unwrap_or(false);
        let polled = change.is_none() && self.changed.is_none() && self.differs();
        Ok(Ready {
            signal: is_ready(&fds[0]),
            change: polled || change.is_some() && is_ready(&fds[1]),
            key: key.is_some() && is_ready(&fds[fds.len() - 1]),
        })
    }

    fn is_due(&self) -> bool {
        self.changed.is_some_and(|changed| Instant::now() >= due(changed))
    }

    /// What the check depends on; `None` while an editor is in the middle of something.
    fn read_source(&self) -> Option<String> {
        let mut source = String::new();
        for standing in &self.all {
            source += &progress::source(self.project, &standing.chapter).ok()?;
            if standing.chapter == self.chapter {
                break;
            }
        }
        Some(source)
    }

    fn differs(&self) -> bool {
        self.read_source() != self.source
    }

    /// Begins a check if the files are others than those of the last one.
    fn look(&mut self) -> Result<()> {
        match self.read_source() {
            None => self.look_later(),
            source if source == self.source => {}
            _ => {
                self.text = None;
                self.asked = None;
                // It was about what was there before.
                self.note = None;
                self.start()?;
            }
        }
        Ok(())
    }

    /// For when a file can't be read, or has gone in the very moment in which it was looked at.
    fn look_later(&mut self) {
        let later = Instant::now() + changes::PERIOD;
        self.changed = Some((later, later));
    }

    /// Begins a check; one that runs is ended.
    fn start(&mut self) -> Result<()> {
        self.running = None;
        self.outcome = None;
        self.source = self.read_source();
        let Ok(own) = progress::source(self.project, &self.chapter) else {
            self.look_later();
            return self.draw();
        };
        let mut command = (self.check)(&self.chapter);
        // Cargo's colours as they would be without us in between.
        if colored::control::SHOULD_COLORIZE.should_colorize()
            && std::env::var_os("CARGO_TERM_COLOR").is_none()
        {
            command.env("CARGO_TERM_COLOR", "always");
        }
        self.running = Some(Running::start(command, own)?);
        self.refresh();
        self.draw()
    }

    /// How far the student is now; as it was, while that can't be read.
    fn refresh(&mut self) {
        if let Ok(all) = standing::all(self.project) {
            self.all = all;
        }
    }

    /// Takes a signal; the one that ends us.
    fn signal(&mut self) -> Result<Option<Signal>> {
        while let Some(info) = self.signals.read_signal().context(texts::SIGNALS)? {
            match Signal::try_from(info.ssi_signo as i32).context(texts::SIGNALS)? {
                Signal::SIGCHLD => self.ended()?,
                Signal::SIGWINCH => self.draw()?,
                Signal::SIGTSTP => {
                    if let Some(terminal) = &mut self.terminal {
                        terminal.give_back();
                    }
                    sleep()?;
                    self.wake()?;
                }
                Signal::SIGCONT => self.wake()?,
                signal => return Ok(Some(signal)),
            }
        }
        Ok(None)
    }

    /// Goes on after a sleep; the terminal was somebody else's meanwhile, and may still be.
    fn wake(&mut self) -> Result<()> {
        if let Some(terminal) = &mut self.terminal {
            terminal.give_back();
            terminal.take();
        }
        self.draw()
    }

    /// Shows what the check found, if it has ended.
    fn ended(&mut self) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let Some(outcome) = running.outcome()? else { return Ok(()) };
        self.running = None;
        if let Some(report) = &outcome.report {
            let source = outcome.source.clone();
            // Not to be able to remember is no reason to show nothing.
            if let Err(error) = progress::record(self.project, &self.chapter, source, report) {
                self.note = Some(texts::failed(&error));
            }
        }
        self.outcome = Some(outcome);
        self.refresh();
        self.draw()
    }

    fn draw(&self) -> Result<()> {
        // In the background we would draw over what somebody else does.
        if self.terminal.as_ref().is_some_and(|terminal| !terminal.is_ours()) {
            return Ok(());
        }
        let middle = match (&self.text, &self.outcome) {
            (Some(text), _) => Middle::Text(text),
            (None, Some(outcome)) => Middle::Verdict(outcome),
            (None, None) => Middle::Checking,
        };
        let keys = self.terminal.as_ref().map(|_| texts::keys(self.asked.is_some()));
        let screen = Screen {
            all: &self.all,
            chapter: &self.chapter,
            middle,
            note: self.note.as_deref(),
            keys: keys.as_deref(),
        };
        screen.draw()
    }
}
