//! The desk: the machine's first process listens to the page.
//!
//! It begins sessions and ends them; all else it hands on to the session's first process, which sees
//! the terminals and the processes.

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{FlushArg, tcflush};
use nix::sys::time::TimeSpec;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::time::{ClockId, clock_settime};
use nix::unistd::Pid;
use recorder::isolation::{self, Cgroups};
use recorder::session::Session;
use recorder::stage::uid;
use serde_json::{Value, json};

use crate::kept;
use crate::line::{self, Line};
use crate::session::MARK;

/// The serial line of all terminals.
const TERMINALS: &str = "/dev/ttyS1";
const CGROUPS: &str = "/sys/fs/cgroup";

/// Listens until the machine ends.
pub(crate) fn serve(page: File) -> Result<()> {
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    children.thread_block()?;
    let children = SignalFd::with_flags(&children, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    let terminals = line::open(Path::new(TERMINALS))?;
    let mut desk = Desk {
        page: Line::new(page),
        children,
        terminals,
        running: None,
        ahead: Vec::new(),
        left: Vec::new(),
    };
    // This is what the machine's snapshot waits for.
    desk.page.answer(&Value::Null, Ok(json!({ "desk": "open" })))?;
    loop {
        desk.turn()?;
    }
}

struct Desk {
    page: Line<File>,
    children: SignalFd,
    terminals: File,
    running: Option<Running>,
    /// Those that have begun before anybody has asked for them: the snapshot has one for each stage
    /// that the book's sessions want, and whoever asks for such a session gets it at once.
    ahead: Vec<Running>,
    /// The cgroups of those that were not wanted, until all who were in them have ended.
    left: Vec<PathBuf>,
}

/// A session that has begun.
struct Running {
    session: Session,
    process: Pid,
    cgroups: Cgroups,
    line: Line<UnixStream>,
    /// The question to begin, until it is answered.
    waiting: Option<Value>,
    /// It says nothing any more.
    silent: bool,
    /// Nobody has asked for it yet.
    ahead: bool,
}

impl Desk {
    /// Waits until somebody says something, and does it.
    fn turn(&mut self) -> Result<()> {
        let mut asked = vec![
            PollFd::new(self.page.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.children.as_fd(), PollFlags::POLLIN),
        ];
        if let Some(running) = self.running.as_ref().filter(|running| !running.silent) {
            asked.push(PollFd::new(running.line.as_fd(), PollFlags::POLLIN));
        }
        poll(&mut asked, PollTimeout::NONE)?;
        let ready: Vec<bool> = asked.iter().map(|it| it.any().unwrap_or(true)).collect();
        if ready[1] {
            self.reap()?;
        }
        if ready.get(2) == Some(&true) {
            self.hand_back()?;
        }
        if ready[0] {
            for line in self.page.read()?.unwrap_or_default() {
                self.question(&line)?;
            }
        }
        Ok(())
    }

    /// Takes note of all processes that have ended, as the first process has to.
    fn reap(&mut self) -> Result<()> {
        while self.children.read_signal()?.is_some() {}
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            if status == WaitStatus::StillAlive {
                break;
            }
            if status.pid() == self.running.as_ref().map(|running| running.process) {
                self.hand_back()?;
                self.ended(status)?;
            }
        }
        self.left.retain(|group| fs::remove_dir(group).is_err());
        Ok(())
    }

    /// What the session answers, the page is told.
    fn hand_back(&mut self) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        // Where it has ended, the signal tells.
        let Ok(Some(lines)) = running.line.read() else {
            running.silent = true;
            return Ok(());
        };
        if !lines.is_empty() {
            running.waiting = None;
        }
        lines.iter().try_for_each(|line| self.page.write(line))
    }

    /// A session that has ended by itself.
    fn ended(&mut self, status: WaitStatus) -> Result<()> {
        let Some(Running { waiting: Some(id), .. }) = self.running.take() else { return Ok(()) };
        let error = anyhow!("the session's first process has ended ({status:?})");
        self.page.answer(&id, Err(error))
    }

    fn question(&mut self, line: &str) -> Result<()> {
        let question: Value = serde_json::from_str(line).unwrap_or_default();
        let id = question["id"].clone();
        let begun = match question["do"].as_str() {
            Some("begin") => self.begin(&question),
            Some("ahead") => self.begin_ahead(&question),
            _ => return self.hand_on(line, &id),
        };
        // The session answers as soon as its stage is set.
        begun.or_else(|error| self.page.answer(&id, Err(error)))
    }

    fn hand_on(&mut self, line: &str, id: &Value) -> Result<()> {
        match &mut self.running {
            Some(running) => running.line.write(line),
            None => self.page.answer(id, Err(anyhow!("no session has begun: ask for `begin`"))),
        }
    }

    fn begin(&mut self, question: &Value) -> Result<()> {
        let text = question["session"].as_str().context("`begin` names no session")?;
        let session = Session::stage(text).context("the session's text")?;
        if let Some(seconds) = question["time"].as_u64() {
            let time = TimeSpec::from(Duration::from_secs(seconds));
            clock_settime(ClockId::CLOCK_REALTIME, time).context("the clock can't be set")?;
        }
        self.keep();
        let wanted = self.ahead.iter().position(|it| it.session.same_stage(&session));
        let found = wanted.map(|wanted| self.ahead.swap_remove(wanted));
        // The others are in the way.
        let own = format!("/user-{}.slice", uid(session.user));
        let theirs = |group: &PathBuf| {
            let group = group.to_string_lossy();
            group.contains("/user-") && !group.contains(&own)
        };
        for other in self.ahead.drain(..) {
            let _ = kill(other.process, Signal::SIGKILL);
            self.left = isolation::groups(Path::new(CGROUPS)).into_iter().filter(theirs).collect();
        }
        let Some(mut found) = found else {
            self.end()?;
            return self.start(question, session);
        };
        found.ahead = false;
        found.waiting = Some(question["id"].clone());
        found.line.write(&question.to_string())?;
        self.running = Some(found);
        Ok(())
    }

    /// Begins a session for which nobody has asked yet.
    fn begin_ahead(&mut self, question: &Value) -> Result<()> {
        let text = question["session"].as_str().context("`ahead` names no session")?;
        let session = Session::stage(text).context("the session's text")?;
        self.keep();
        self.end()?;
        self.start(question, session)
    }

    /// What runs, and was begun ahead, stays so.
    fn keep(&mut self) {
        let ahead = |running: &mut Running| running.ahead && running.waiting.is_none();
        self.ahead.extend(self.running.take_if(ahead));
    }

    /// Starts a session's first process, which is told the question.
    fn start(&mut self, question: &Value, session: Session) -> Result<()> {
        let (ours, theirs) = UnixStream::pair()?;
        let cgroups = Cgroups::below(Path::new(CGROUPS));
        let words = isolation::words(&session);
        let child = Command::new(words[0])
            .args(&words[1..])
            .arg("/init")
            .env_clear()
            .envs([(MARK, "1"), ("PATH", recorder::stage::PATH)])
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(self.terminals.try_clone()?))
            .spawn()
            .context("the session's first process can't be started")?;
        let process = Pid::from_raw(child.id().try_into()?);
        let mut line = Line::new(ours);
        line.write(&question.to_string())?;
        let waiting = Some(question["id"].clone());
        let ahead = question["do"] == "ahead";
        let silent = false;
        self.running = Some(Running { session, process, cgroups, line, waiting, silent, ahead });
        Ok(())
    }

    /// Ends what was begun before.
    fn end(&mut self) -> Result<()> {
        let Some(running) = self.running.take() else { return Ok(()) };
        // Its PID namespace ends with it.
        let _ = kill(running.process, Signal::SIGKILL);
        ensure!(waitpid(running.process, None).is_ok(), "the last session can't be waited for");
        running.cgroups.remove_new()?;
        // Whatever was typed was meant for it.
        tcflush(&self.terminals, FlushArg::TCIFLUSH)?;
        kept::settle()
    }
}
