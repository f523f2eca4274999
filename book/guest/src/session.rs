//! A session's first process: PID 1 of its namespaces.
//!
//! It sets the stage, starts a shell on each terminal, and from then on carries bytes, waits for
//! processes that have lost their parents, and has the desk's questions answered: by a process each,
//! so that nothing that goes wrong there ends a session.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{dup2_stdin, dup2_stdout};
use recorder::session::Session;
use recorder::stage::{self, Kept};
use serde_json::{Value, json};

use crate::line::Line;
use crate::terminals::Terminals;
use crate::{answer, foreground, kept};

/// By this variable the program knows that it is not the machine's first process.
pub(crate) const MARK: &str = "CORACLE_SESSION";
const PROJECT: &str = "/opt/coracle";

/// Lives until it is killed.
pub(crate) fn run() -> Result<()> {
    let (desk, line) = ends()?;
    let mut desk = Line::new(desk);
    let mut question = next(&mut desk)?;
    let mut terminals = match set(&question, line) {
        Ok(terminals) => terminals,
        Err(error) => return desk.answer(&question["id"], Err(error)),
    };
    if question["do"] == "ahead" {
        // One shell is there before anybody has asked for this session.
        terminals.open(1)?;
        desk.answer(&question["id"], Ok(json!({})))?;
        question = next(&mut desk)?;
    }
    let names = names(&question)?;
    terminals.open(names.len())?;
    desk.answer(&question["id"], Ok(json!({ "terminals": names })))?;
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    children.thread_block()?;
    let children = SignalFd::with_flags(&children, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    let mut here = Here { desk, terminals, children, asked: Vec::new(), values: HashMap::new() };
    loop {
        here.turn()?;
    }
}

/// The lines to the desk and to the terminals: they come as standard files, which nobody who is
/// started here may inherit.
fn ends() -> Result<(UnixStream, File)> {
    let desk = io::stdin().as_fd().try_clone_to_owned()?;
    let line = io::stdout().as_fd().try_clone_to_owned()?;
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&nothing)?;
    dup2_stdout(&nothing)?;
    Ok((UnixStream::from(desk), File::from(line)))
}

/// Waits for the desk's next question.
fn next(desk: &mut Line<UnixStream>) -> Result<Value> {
    let lines = desk.read()?.context("the desk is gone")?;
    serde_json::from_str(lines.first().context("the desk says nothing")?).context("no question")
}

/// Sets the stage, with no terminals yet.
fn set(question: &Value, line: File) -> Result<Terminals> {
    let session = Session::stage(question["session"].as_str().unwrap_or_default())?;
    let mut also = Command::new("coracle");
    also.arg0(answer::NAME).arg("images");
    let (folder, layers) = (Path::new(kept::FOLDER), kept::layers(session.user));
    let kept = Kept::Layered { folder, layers, also: &mut also };
    let cgroup = stage::set(&session, Path::new(PROJECT), kept)?;
    Ok(Terminals::new(line, session.user, cgroup))
}

/// The names of the terminals that a session has; a text without parts has two.
fn names(question: &Value) -> Result<Vec<String>> {
    let session = Session::stage(question["session"].as_str().unwrap_or_default())?;
    let names: Vec<String> =
        session.terminals().into_iter().map(|name| name.unwrap_or_default().into()).collect();
    Ok(if names.is_empty() { vec![String::new(), "host".into()] } else { names })
}

/// What the session's first process looks after.
struct Here {
    desk: Line<UnixStream>,
    terminals: Terminals,
    children: SignalFd,
    asked: Vec<Asked>,
    /// What was made up for each task.
    values: HashMap<String, Value>,
}

/// A question whose answer a process is finding out.
struct Asked {
    id: Value,
    /// The task that was to be begun.
    task: Option<String>,
    answer: ChildStdout,
    read: Vec<u8>,
    /// What is known already.
    fields: Value,
}

impl Here {
    /// Waits until somebody has something to do, and does it.
    fn turn(&mut self) -> Result<()> {
        let mut watched = vec![
            (self.desk.as_fd(), PollFlags::POLLIN),
            (self.children.as_fd(), PollFlags::POLLIN),
        ];
        watched.extend(self.asked.iter().map(|it| (it.answer.as_fd(), PollFlags::POLLIN)));
        watched.extend(self.terminals.watched());
        let mut polled: Vec<_> =
            watched.into_iter().map(|(end, what)| PollFd::new(end, what)).collect();
        poll(&mut polled, PollTimeout::NONE)?;
        let ready: Vec<bool> = polled.iter().map(|it| it.any().unwrap_or(true)).collect();
        let terminals = 2 + self.asked.len();
        self.terminals.ready(&ready[terminals..])?;
        self.answers(&ready[2..terminals])?;
        if ready[1] {
            while self.children.read_signal()?.is_some() {}
            // Whoever lost its parent is waited for here.
            while waitpid(None, Some(WaitPidFlag::WNOHANG))
                .is_ok_and(|status| status != WaitStatus::StillAlive)
            {}
        }
        if ready[0] {
            // Without the desk nobody needs a session.
            let Some(lines) = self.desk.read()? else { bail!("the desk is gone") };
            for line in lines {
                let question: Value = serde_json::from_str(&line)?;
                match self.question(&question) {
                    Ok(None) => {}
                    Ok(Some(answer)) => self.desk.answer(&question["id"], Ok(answer))?,
                    Err(error) => self.desk.answer(&question["id"], Err(error))?,
                }
            }
        }
        Ok(())
    }

    /// Answers, or starts somebody who will.
    fn question(&mut self, question: &Value) -> Result<Option<Value>> {
        let number = |name: &str| -> Result<u16> {
            let number = question[name].as_u64().and_then(|number| number.try_into().ok());
            number.with_context(|| format!("the question has no number \"{name}\""))
        };
        let name = || question["name"].as_str().context("the question names no task");
        match question["do"].as_str().unwrap_or_default() {
            "size" => {
                let terminal = number("terminal")?.into();
                self.terminals.resize(terminal, number("columns")?, number("rows")?)?;
                Ok(Some(json!({})))
            }
            "inspect" => {
                let group = self.terminals.foreground(number("terminal")?.into())?;
                let process = foreground::newest(group)?;
                let fields = json!({ "process": process });
                self.ask(question, &["inspect", &process.pid.to_string()], fields)
            }
            "task" => self.ask(question, &["task", name()?], json!({})),
            "verify" => {
                let name = name()?;
                let values = self.values.get(name).context("this task has not been begun")?;
                let values = values.to_string();
                self.ask(question, &["verify", name, &values], json!({}))
            }
            other => Err(anyhow!("the desk knows no {other:?}")),
        }
    }

    fn ask(&mut self, question: &Value, words: &[&str], fields: Value) -> Result<Option<Value>> {
        let mut command = Command::new("/proc/self/exe");
        command.arg0(answer::NAME).args(words).stdout(Stdio::piped());
        let child = command.spawn().context("nobody can be started to find out")?;
        let answer = child.stdout.context("a pipe")?;
        let task = (words[0] == "task").then(|| words[1].to_owned());
        let id = question["id"].clone();
        self.asked.push(Asked { id, task, answer, read: Vec::new(), fields });
        Ok(None)
    }

    /// Takes in what those say who were asked, and hands on what is complete.
    fn answers(&mut self, ready: &[bool]) -> Result<()> {
        let mut waiting = Vec::new();
        for (mut asked, ready) in self.asked.drain(..).zip(ready) {
            let mut bytes = [0; 4096];
            let count = if *ready { Some(asked.answer.read(&mut bytes)?) } else { None };
            match count {
                Some(0) => {
                    let whole = asked.whole();
                    if let (Some(task), Ok(whole)) = (asked.task.take(), &whole) {
                        self.values.insert(task, whole["values"].clone());
                    }
                    self.desk.answer(&asked.id, whole)?;
                }
                other => {
                    asked.read.extend(&bytes[..other.unwrap_or(0)]);
                    waiting.push(asked);
                }
            }
        }
        self.asked = waiting;
        Ok(())
    }
}

impl Asked {
    fn whole(&mut self) -> Result<Value> {
        let mut answer: Value =
            serde_json::from_slice(&self.read).context("who was asked ended without an answer")?;
        if let (Some(answer), Some(fields)) = (answer.as_object_mut(), self.fields.as_object_mut())
        {
            answer.append(fields);
        }
        Ok(answer)
    }
}
