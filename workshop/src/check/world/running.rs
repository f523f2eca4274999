//! A program, from its start to its end, and the probe in it.
//!
//! The probe is found in `/proc`, by its arguments and its file, and not believed for what appears
//! on standard output. It says that it holds still by changing its own name, which everybody can
//! read (`proc_pid_comm(5)`).

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use chroot_jail::needs::find_system_program;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, pipe2, read};
use process::{Attempt, Ended, Process, sys};

use super::{Facts, Host, PATIENCE, Trouble, World};
use crate::check::texts;
use crate::observe;

/// A call of the program under examination: `PROGRAM VERB [OPTIONS] -- COMMAND`.
#[derive(Debug, Clone)]
pub struct Call {
    token: String,
    words: Vec<OsString>,
    /// Whether `--` stands before the command; behind an image's name it does not.
    marked: bool,
    command: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    patience: Duration,
}

impl Call {
    pub(super) fn new(token: String) -> Self {
        let words = vec!["run".into()];
        let (command, env) = (Vec::new(), Vec::new());
        Self { token, words, marked: true, command, env, patience: PATIENCE }
    }

    /// These words instead of `run …`, and no probe.
    #[must_use]
    pub fn words<S: AsRef<OsStr>>(mut self, words: &[S]) -> Self {
        self.words = words.iter().map(|word| word.as_ref().into()).collect();
        self
    }

    /// An option, or several words of them.
    #[must_use]
    pub fn options<S: AsRef<OsStr>>(mut self, words: &[S]) -> Self {
        self.words.extend(words.iter().map(|word| word.as_ref().into()));
        self
    }

    /// `--root DIR`.
    #[must_use]
    pub fn root(self, root: &Path) -> Self {
        self.options(&[OsStr::new("--root"), root.as_os_str()])
    }

    /// The image to run, after all options; what follows is the command.
    #[must_use]
    pub fn image(mut self, name: &str) -> Self {
        self.marked = false;
        self.options(&[name])
    }

    /// The probe at `path` (as the container sees it) is the command, with these actions.
    #[must_use]
    pub fn probe<S: AsRef<str>>(mut self, path: impl AsRef<OsStr>, actions: &[S]) -> Self {
        self.command = vec![path.as_ref().into(), self.token.clone().into()];
        self.command.extend(actions.iter().map(|action| action.as_ref().into()));
        self
    }

    /// Another command.
    #[must_use]
    pub fn command<S: AsRef<OsStr>>(mut self, words: &[S]) -> Self {
        self.command = words.iter().map(|word| word.as_ref().into()).collect();
        self
    }

    /// `sleep`, which changes nothing of what it was given: [`Running::named`] finds it.
    #[must_use]
    pub fn sleep(mut self, world: &World) -> Self {
        self.token = format!("60.{}", 100_000 + world.number(900_000));
        let sleep = find_system_program("sleep").unwrap_or_else(|| "sleep".into());
        self.command = vec![sleep.into(), self.token.clone().into()];
        self
    }

    /// A variable in the program's environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// How long it may take.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The word that marks the probe's lines and its process.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn environment(&self) -> &[(OsString, OsString)] {
        &self.env
    }

    /// The arguments after the program's name.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let mut words = self.words.clone();
        if self.marked && !self.command.is_empty() {
            words.push("--".into());
        }
        words.extend(self.command.iter().cloned());
        words
    }

    /// As one would type it, without the program's folder. Of very many words the middle is left out.
    #[must_use]
    pub fn shown(&self, world: &World) -> String {
        let name = world.program().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let words = self.arguments();
        let words = words.iter().map(|word| word.to_string_lossy().into_owned());
        let mut words: Vec<_> = [name].into_iter().chain(words).collect();
        if words.len() > MOST_WORDS {
            words.splice(MOST_WORDS / 2..words.len() - MOST_WORDS / 2, ["…".to_owned()]);
        }
        words.join(" ")
    }
}

/// More than a student wants to read.
const MOST_WORDS: usize = 40;

/// A program that runs on a [`Host`].
#[derive(Debug)]
pub struct Running {
    process: Process,
    output: Stream,
    errors: Stream,
    token: String,
    shown: String,
    deadline: Instant,
    ended: Option<Ended>,
    ended_at: Option<Instant>,
    /// How often the probe has held still.
    holds: usize,
}

/// How long the probe's lines may be on their way.
const PATIENCE_FOR_LINES: Duration = Duration::from_secs(1);

/// How long after the program's end its command may still appear.
const GRACE: Duration = Duration::from_millis(200);

#[derive(Debug)]
struct Stream {
    end: Option<OwnedFd>,
    said: Vec<u8>,
}

/// More than a right program ever says.
const MOST: usize = 4 << 20;

impl Stream {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.said).into_owned()
    }

    /// Reads what is there.
    fn drain(&mut self) {
        let mut buffer = [0; 64 << 10];
        while let Some(end) = &self.end {
            match read(end, &mut buffer) {
                Ok(count) if count > 0 => {
                    let room = MOST.saturating_sub(self.said.len());
                    self.said.extend(&buffer[..count.min(room)]);
                }
                Err(Errno::EAGAIN) => return,
                Err(Errno::EINTR) => {}
                _ => self.end = None,
            }
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How.
    pub ended: Ended,
    /// What the probe said.
    pub facts: Facts,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
    /// The command line.
    pub shown: String,
}

impl Outcome {
    /// Its exit status; 128 + n for a signal, as a shell shows it.
    #[must_use]
    pub fn status(&self) -> i32 {
        match self.ended {
            Ended::Exited(status) => status,
            Ended::Signalled(signal) => 128 + signal,
        }
    }

    /// The trouble, if it never got as far as to run the command.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        Trouble::of(self.ended, &self.shown, &self.errors)
    }
}

impl Running {
    /// Starts the program on `host`.
    pub(super) fn start(world: &World, host: &Host, call: &Call) -> Result<Self> {
        let (ours, its) = pipe2(OFlag::O_CLOEXEC).tried(&texts::WORLD, "pipe2()")?;
        let (our_errors, its_errors) = pipe2(OFlag::O_CLOEXEC).tried(&texts::WORLD, "pipe2()")?;
        for end in [&ours, &our_errors] {
            nix::fcntl::fcntl(end, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
                .tried(&texts::WORLD, "fcntl(F_SETFL, O_NONBLOCK)")?;
        }
        let process = host.spawn(world, call, its, its_errors)?;
        Ok(Self {
            process,
            output: Stream { end: Some(ours), said: Vec::new() },
            errors: Stream { end: Some(our_errors), said: Vec::new() },
            token: call.token.clone(),
            shown: call.shown(world),
            deadline: Instant::now() + call.patience,
            ended: None,
            ended_at: None,
            holds: 0,
        })
    }

    /// The program's number.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// What the probe has said so far.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts::read(&self.output.text(), &self.token)
    }

    /// Waits until the probe holds still; its number.
    ///
    /// # Errors
    ///
    /// When the program ends, or time is over, before.
    pub fn held(&mut self) -> Result<Pid, Trouble> {
        let pid = self.named("held")?;
        self.holds += 1;
        // A runtime may pass the command's output on in its own time, or not at all.
        let most = Instant::now() + PATIENCE_FOR_LINES;
        let begin = format!("{} holding ", self.token);
        let said = |text: &str| text.lines().filter(|line| line.starts_with(&begin)).count();
        while said(&self.output.text()) < self.holds && Instant::now() < most {
            self.step(Duration::from_millis(1));
        }
        Ok(pid)
    }

    /// Waits until there is a process with this name and the call's token; its number.
    ///
    /// # Errors
    ///
    /// As [`Running::held`].
    pub fn named(&mut self, name: &str) -> Result<Pid, Trouble> {
        loop {
            if let Some(pid) = find(&self.token, name) {
                self.output.drain();
                return Ok(pid);
            }
            // Whoever did not wait may have left a command that is about to begin.
            let over = self.ended_at.is_some_and(|at| at.elapsed() > GRACE);
            if let (Some(ended), true) = (self.ended, over) {
                return Err(Trouble::of(ended, &self.shown, &self.errors.text()));
            }
            if Instant::now() > self.deadline {
                return Err(self.hung());
            }
            // The shortest runs take a few milliseconds.
            self.step(Duration::from_micros(500));
        }
    }

    /// Waits until the probe has said something about `key`, and does `meanwhile` again and again.
    ///
    /// # Errors
    ///
    /// As [`Running::held`].
    pub fn said(&mut self, key: &str, mut meanwhile: impl FnMut()) -> Result<String, Trouble> {
        loop {
            meanwhile();
            self.step(Duration::ZERO);
            let over = self.ended.is_some();
            if let Some(said) = self.facts().get(key) {
                return Ok(said.into());
            }
            if let (Some(ended), true) = (self.ended, over) {
                return Err(Trouble::of(ended, &self.shown, &self.errors.text()));
            }
            if Instant::now() > self.deadline {
                return Err(self.hung());
            }
            self.step(Duration::from_micros(500));
        }
    }

    /// Lets the held probe go on.
    pub fn go_on(&self, probe: Pid) {
        let _ = kill(probe, Signal::SIGUSR1);
    }

    /// Lets the held probe go on, and waits for the end.
    ///
    /// # Errors
    ///
    /// As [`Running::wait`].
    pub fn release(self, probe: Pid) -> Result<Outcome, Trouble> {
        self.go_on(probe);
        self.wait()
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) {
        let _ = self.process.signal(signal as i32);
    }

    /// The same, once the program is ready for it: it may just have started the command.
    pub fn signal_when_ready(&self, signal: Signal) {
        let most = Instant::now() + GRACE;
        let number = signal as i32;
        let ready = || {
            // If it has ended there is nothing to wait for.
            observe::status(self.pid())
                .map_or(true, |its| its.caught.contains(number) || its.blocked.contains(number))
        };
        while !ready() && Instant::now() < most {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.signal(signal);
    }

    /// Waits for the program's end.
    ///
    /// # Errors
    ///
    /// [`Trouble::Hung`]; the program has been killed then.
    pub fn wait(mut self) -> Result<Outcome, Trouble> {
        while self.ended.is_none() {
            if Instant::now() > self.deadline {
                return Err(self.hung());
            }
            self.step(Duration::from_millis(20));
        }
        // Whoever has been left behind may hold the pipe open; what is in it is there.
        self.output.drain();
        self.errors.drain();
        let ended = self.ended.unwrap_or(Ended::Exited(0));
        Ok(Outcome {
            ended,
            facts: self.facts(),
            output: self.output.text(),
            errors: self.errors.text(),
            shown: self.shown.clone(),
        })
    }

    /// Whether it ends within this time.
    pub fn ends_within(&mut self, most: Duration) -> bool {
        let late = Instant::now() + most;
        while self.ended.is_none() && Instant::now() < late {
            self.step(late.saturating_duration_since(Instant::now()));
        }
        self.ended.is_some()
    }

    /// Waits for something to happen.
    fn step(&mut self, most: Duration) {
        if self.ended.is_some() {
            std::thread::sleep(most);
            return;
        }
        let mut ends = vec![PollFd::new(self.process.as_fd(), PollFlags::POLLIN)];
        for stream in [&self.output, &self.errors] {
            ends.extend(stream.end.iter().map(|end| PollFd::new(end.as_fd(), PollFlags::POLLIN)));
        }
        let _ = ppoll(&mut ends, Some(nix::sys::time::TimeSpec::from_duration(most)), None);
        let over = ends[0].any().unwrap_or(false);
        self.output.drain();
        self.errors.drain();
        if over {
            // Its last words may have come between.
            self.output.drain();
            self.errors.drain();
            self.ended = self.process.wait().ok().or(Some(Ended::Signalled(9)));
            self.ended_at = Some(Instant::now());
        }
    }

    fn hung(&mut self) -> Trouble {
        // A program that has told of an open exercise or of a panic may hang because of it.
        if let Some(told) = Trouble::told(&self.errors.text()) {
            return told;
        }
        let seen = waits_for(self.pid());
        Trouble::Hung { command: self.shown.clone(), seen }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.signal(Signal::SIGKILL);
            let _ = self.process.wait();
        }
    }
}

/// The system call in which a process waits, by its number, and the kernel's function.
fn waits_for(pid: Pid) -> String {
    let of = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let function = of("wchan");
    match function.trim() {
        "" | "0" => format!("/proc/{pid}/stat: {}", of("stat").split(' ').nth(2).unwrap_or("?")),
        function => format!("/proc/{pid}/wchan: {function}"),
    }
}

/// The process whose first argument is this token, and which has this name.
fn find(token: &str, name: &str) -> Option<Pid> {
    let entries = fs::read_dir("/proc").ok()?;
    let numbers =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse().ok());
    numbers.map(Pid::from_raw).find(|pid| {
        let file = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        file("comm").trim_ascii_end() == name.as_bytes()
            && file("cmdline").split(|byte| *byte == 0).nth(1) == Some(token.as_bytes())
    })
}

/// Ends whoever is left on the host whose process 1 is `init`, and says who that was.
pub(super) fn sweep(init: Pid) -> io::Result<Vec<String>> {
    let mut left = Vec::new();
    // Whoever is about to end may do so.
    let late = Instant::now() + GRACE;
    while !alive(init)?.is_empty() && Instant::now() < late {
        std::thread::sleep(Duration::from_millis(2));
    }
    // Somebody may fork as fast as he can: first nobody runs, then nobody is.
    for round in 0..ROUNDS {
        let alive = alive(init)?;
        if alive.is_empty() {
            break;
        }
        if round == 0 {
            left = alive.iter().map(|pid| format!("{pid} {}", command_line(*pid))).collect();
        }
        for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
            for pid in &alive {
                let _ = kill(*pid, signal);
            }
        }
        while let Ok(Some(_)) = sys::reap_any() {}
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(left)
}

/// How often it is tried to end everybody.
const ROUNDS: u32 = 500;

/// Who has not ended of those that are `init`'s children, or theirs: whoever loses its parent on a
/// host becomes its process 1's child.
fn alive(init: Pid) -> io::Result<Vec<Pid>> {
    let entries = fs::read_dir("/proc")?.flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let all: Vec<_> = numbers
        .filter_map(|number| {
            Some((Pid::from_raw(number), observe::status(Pid::from_raw(number)).ok()?))
        })
        .collect();
    let parent = |pid: Pid| all.iter().find(|(other, _)| *other == pid).map(|(_, its)| its.parent);
    let below =
        |pid: Pid| std::iter::successors(parent(pid), |above| parent(*above)).any(|it| it == init);
    let alive = all.iter().filter(|(_, its)| !matches!(its.state, 'Z' | 'X'));
    Ok(alive.map(|(pid, _)| *pid).filter(|pid| below(*pid)).collect())
}

fn command_line(pid: Pid) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ").trim().to_owned()
}
