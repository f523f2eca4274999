//! Types a session, step by step, and watches what comes of it.

use std::os::fd::AsFd;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use regex_lite::Regex;

use crate::cast;
use crate::event::Event;
use crate::prompt::{self, Prompt};
use crate::results::{Index, PartIndex, RecordedPart, Recording};
use crate::session::{Action, Part, Session, Step};
use crate::terminal::Terminal;
use crate::transcript::{self, screen};

/// Nothing that a reader does takes a quarter of it. Machines that are emulated are slow, though.
const LIMIT: Duration = Duration::from_secs(120);
/// How long to look at terminals at a time, in milliseconds.
const TURN: u16 = 20;
/// How many turns a terminal is silent when somebody has stopped printing. Turns are counted, and
/// not time: in an emulated machine that does not get on, nobody else gets on either.
const QUIET: u32 = 10;
/// Programs that don't echo what is typed are waited for no longer.
const ECHO: Duration = Duration::from_secs(2);

/// What draws nothing: escape sequences, and the carriage.
static INVISIBLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\x1b\[[0-9;?<=>]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][0-9A-Z]|[\r\x00-\x08\x0e-\x1a]")
        .expect("a regex")
});

/// What shells say to the terminal, and not to somebody who reads: whether text may be pasted, and
/// where the cursor is.
static CHATTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\x1b\[\?2004[hl]\r?|\x1b\[6n").expect("a regex"));

/// Types the whole session into shells that are in `cgroup`.
///
/// # Errors
///
/// `line N: …` for the first step that went another way than the file says, with the screen.
pub fn perform(session: &Session, cgroup: &Path) -> Result<Recording> {
    let mut desk = Desk { session, cgroup, seats: Vec::new() };
    let mut recording = Recording {
        index: Index {
            title: session.title.clone(),
            user: session.user.name().into(),
            hostname: session.hostname.clone(),
            parts: Vec::new(),
        },
        parts: Vec::new(),
    };
    for part in &session.parts {
        let (index, recorded) = desk.part(part)?;
        recording.index.parts.push(index);
        recording.parts.push(recorded);
    }
    Ok(recording)
}

/// All terminals of a session.
struct Desk<'a> {
    session: &'a Session,
    cgroup: &'a Path,
    seats: Vec<Seat>,
}

/// A terminal, and whether its shell waits for a command.
struct Seat {
    name: Option<String>,
    terminal: Terminal,
    prompt: Option<Prompt>,
}

impl Desk<'_> {
    fn part(&mut self, part: &Part) -> Result<(PartIndex, RecordedPart)> {
        let seat = self.seat(part.terminal.as_ref())?;
        let mut events = Vec::new();
        for (index, step) in part.steps.iter().enumerate() {
            let next = part.steps.get(index + 1).map(|next| &next.action);
            let key_follows = matches!(next, Some(Action::Key(_)));
            self.step(seat, step, key_follows, &mut events)
                .with_context(|| format!("line {}", step.line))?;
        }
        let transcript = transcript::of(&events);
        let last = transcript_prompt(&events);
        let prompt = self.seats[seat].prompt.map(|it| sign(it.root).unwrap_or(last));
        let index = PartIndex {
            name: part.name.clone(),
            terminal: part.terminal.clone(),
            commands: transcript.commands,
        };
        let cast = cast::of(&self.session.title, &events, prompt);
        Ok((index, RecordedPart { transcript: transcript.text, cast }))
    }

    /// The terminal of this name, made where it is used for the first time.
    fn seat(&mut self, name: Option<&String>) -> Result<usize> {
        if let Some(seat) = self.seats.iter().position(|seat| seat.name.as_ref() == name) {
            return Ok(seat);
        }
        let terminal = Terminal::open(self.session.user, self.cgroup)?;
        self.seats.push(Seat { name: name.cloned(), terminal, prompt: None });
        let seat = self.seats.len() - 1;
        self.until(seat, LIMIT, Seat::at_prompt)?
            .with_context(|| format!("the shell gives no prompt{}", self.seats[seat].shown()))?;
        self.seats[seat].rest();
        Ok(seat)
    }

    fn step(
        &mut self,
        seat: usize,
        step: &Step,
        key_follows: bool,
        events: &mut Vec<Event>,
    ) -> Result<()> {
        self.look()?;
        if self.seats[seat].prompt.is_none() {
            // Something runs there, which another terminal may have set in motion.
            self.seats[seat].terminal.listen();
            self.until(seat, ECHO, |seat| seat.terminal.quiet(3 * QUIET).then_some(()))?;
        }
        // What came since: a background job's output, or what was printed behind another part's back.
        events.extend(self.seats[seat].rest());
        let at_prompt = self.seats[seat].prompt;
        ensure!(!self.seats[seat].terminal.ended(), "the shell of this terminal has ended");
        let mut seen = Vec::new();
        match &step.action {
            Action::Command { prompt, lines } => {
                if let Some(root) = at_prompt.and_then(|it| it.root) {
                    ensure!(
                        root == (*prompt == '#'),
                        "the shell's prompt is \"{} \" there, and the file says \"{prompt} \"",
                        if root { '#' } else { '$' }
                    );
                }
                self.type_in(seat, lines)?;
                let at_prompt = at_prompt.is_some();
                events.push(Event::Typed { prompt: *prompt, lines: lines.clone(), at_prompt });
                if key_follows && step.until.is_none() && step.status.is_none() {
                    self.pause(seat)?;
                } else {
                    // A shell that is left ends as the last command in it.
                    let usual = (lines != &["exit"]).then_some(0);
                    self.outcome(seat, step, usual, &mut seen)?;
                }
                events.append(&mut seen);
            }
            Action::Key(bytes) => {
                self.seats[seat].prompt = None;
                self.seats[seat].terminal.send(bytes)?;
                if key_follows && step.until.is_none() && step.status.is_none() {
                    self.pause(seat)?;
                } else {
                    self.outcome(seat, step, None, events)?;
                }
            }
            Action::Quiet(command) => {
                ensure!(at_prompt.is_some(), "a quiet command needs a shell that waits");
                self.type_in(seat, std::slice::from_ref(command))?;
                self.outcome(seat, step, Some(0), &mut seen)?;
            }
        }
        Ok(())
    }

    /// Types lines, each followed by Enter, and drops their echo.
    fn type_in(&mut self, seat: usize, lines: &[String]) -> Result<()> {
        let at_prompt = self.seats[seat].prompt.take().is_some();
        for (index, line) in lines.iter().enumerate() {
            if index > 0 && at_prompt {
                self.until(seat, LIMIT, |seat| {
                    let printed = seat.terminal.printed();
                    prompt::find_continued(&printed).map(|_| ())
                })?
                .with_context(|| {
                    format!(
                        "the shell asks for no more than line {index}{}",
                        self.seats[seat].shown()
                    )
                })?;
            }
            self.seats[seat].terminal.take(0);
            self.seats[seat].terminal.send(line.as_bytes())?;
            let limit = if at_prompt { LIMIT } else { ECHO };
            self.until(seat, limit, |seat| seat.echoed(line).then_some(()))?;
            self.seats[seat].terminal.take(0);
            self.seats[seat].terminal.send(b"\r")?;
            self.until(seat, limit, |seat| seat.terminal.discard_line().then_some(()))?;
        }
        Ok(())
    }

    /// Waits for what the step says, and takes what was printed until then.
    fn outcome(
        &mut self,
        seat: usize,
        step: &Step,
        usual: Option<i32>,
        events: &mut Vec<Event>,
    ) -> Result<()> {
        let what = describe(&step.action);
        if let Some(until) = &step.until {
            let matched = |seat: &mut Seat| {
                let printed = INVISIBLE.replace_all(&seat.terminal.printed(), "").into_owned();
                until.is_match(&printed).then_some(())
            };
            if self.until(seat, LIMIT, matched)?.is_none() {
                bail!(
                    "{what} printed nothing that matches {:?} within {} seconds{}",
                    until.as_str(),
                    LIMIT.as_secs(),
                    self.seats[seat].shown()
                );
            }
            // It may be in the middle of a line.
            self.until(seat, ECHO, |seat| seat.terminal.quiet(QUIET).then_some(()))?;
            events.extend(self.seats[seat].rest());
            return Ok(());
        }
        let found = self.until(seat, LIMIT, |seat| {
            seat.at_prompt().map(Some).or(seat.terminal.ended().then_some(None))
        })?;
        let Some(prompt) = found else {
            bail!(
                "after {what} there was no prompt within {} seconds{}",
                LIMIT.as_secs(),
                self.seats[seat].shown()
            );
        };
        if let (Some(prompt), Some(expected)) = (prompt, step.status.or(usual)) {
            let status = prompt.status;
            if status != expected {
                bail!(
                    "{what} ended with status {status}, not {expected}{}",
                    self.seats[seat].shown()
                );
            }
        }
        events.extend(self.seats[seat].rest());
        Ok(())
    }

    /// Waits for a command that a key will end, and that may print nothing, for as long as a person
    /// would.
    fn pause(&mut self, seat: usize) -> Result<()> {
        self.until(seat, ECHO, |seat| {
            (seat.at_prompt().is_some() || seat.terminal.quiet(5 * QUIET)).then_some(())
        })?;
        Ok(())
    }

    /// Waits until `done` says something about this terminal; `None` after `limit`.
    fn until<T>(
        &mut self,
        seat: usize,
        limit: Duration,
        mut done: impl FnMut(&mut Seat) -> Option<T>,
    ) -> Result<Option<T>> {
        let begun = Instant::now();
        loop {
            self.look()?;
            if let Some(answer) = done(&mut self.seats[seat]) {
                return Ok(Some(answer));
            }
            if begun.elapsed() >= limit {
                return Ok(None);
            }
            let open = self.seats.iter().filter(|seat| !seat.terminal.ended());
            let mut watched: Vec<_> =
                open.map(|seat| PollFd::new(seat.terminal.as_fd(), PollFlags::POLLIN)).collect();
            // A signal (a child ended) may interrupt it, which is no reason to stop.
            if poll(&mut watched, PollTimeout::from(TURN)) == Ok(0) {
                self.seats.iter_mut().for_each(|seat| seat.terminal.heard_nothing());
            }
        }
    }

    /// Takes in what all terminals printed, so that none is blocked, and waits for children that
    /// ended: PID 1 is the parent of all whose parent is gone.
    fn look(&mut self) -> Result<()> {
        for seat in &mut self.seats {
            seat.terminal.read()?;
        }
        let ended = |status| !matches!(status, Ok(WaitStatus::StillAlive) | Err(_));
        while ended(waitpid(None, Some(WaitPidFlag::WNOHANG))) {}
        Ok(())
    }
}

impl Seat {
    /// The prompt, if the shell has printed it.
    fn at_prompt(&mut self) -> Option<Prompt> {
        prompt::find(&self.terminal.printed()).map(|(_, prompt, _)| prompt)
    }

    /// What was printed: up to a prompt, if there is one, which is then remembered.
    fn rest(&mut self) -> Option<Event> {
        let mut pieces = Vec::new();
        loop {
            let printed = self.terminal.printed();
            let Some((before, prompt, after)) = prompt::find(&printed) else { break };
            let mark = printed.len() - before.len() - after.len();
            pieces.extend(self.take(mark + after.len()));
            self.terminal.take(after.len());
            self.prompt = Some(prompt);
        }
        pieces.extend(self.take(0));
        (!pieces.is_empty()).then_some(Event::Printed(pieces))
    }

    fn take(&mut self, rest: usize) -> Vec<crate::event::Piece> {
        let mut pieces = self.terminal.take(rest);
        for piece in &mut pieces {
            piece.text = CHATTER.replace_all(&piece.text, "").into_owned();
        }
        pieces.retain(|piece| !piece.text.is_empty());
        pieces
    }

    /// Whether the terminal shows what was typed. A shell that edits its line wraps it as it likes.
    fn echoed(&self, typed: &str) -> bool {
        let letters = |text: &str| text.split_whitespace().collect::<String>();
        let printed = self.terminal.printed();
        letters(&INVISIBLE.replace_all(&printed, "")) == letters(typed)
            || !printed.is_empty() && self.terminal.quiet(5 * QUIET)
    }

    /// For messages: the screen, below the sentence.
    fn shown(&self) -> String {
        let lines = screen(&self.terminal.printed());
        let from = lines.len().saturating_sub(24);
        if lines.is_empty() {
            return "; nothing was printed".into();
        }
        format!(". On the screen:\n  {}", lines[from..].join("\n  "))
    }
}

fn describe(action: &Action) -> String {
    match action {
        Action::Command { prompt, lines } => format!("\"{prompt} {}\"", lines.join("\n> ")),
        Action::Key(bytes) => format!("the key {:?}", String::from_utf8_lossy(bytes)),
        Action::Quiet(command) => format!("\"quiet: {command}\""),
    }
}

fn sign(root: Option<bool>) -> Option<char> {
    root.map(|root| if root { '#' } else { '$' })
}

/// The prompt of the last command.
fn transcript_prompt(events: &[Event]) -> char {
    let prompts = events.iter().rev().filter_map(|event| match event {
        Event::Typed { prompt, .. } => Some(*prompt),
        Event::Printed(_) => None,
    });
    prompts.into_iter().next().unwrap_or('$')
}
