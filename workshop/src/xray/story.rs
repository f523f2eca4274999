//! The story as it is written: a heading when another process speaks, a line for each call with its
//! chapter, and in the end which mechanisms were seen. Or, for programs, one JSON object a line.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;

use colored::Colorize;
use nix::errno::Errno;
use nix::unistd::Pid;
use process::Ended;
use serde_json::json;

use super::decode::Told;
use super::{sys, texts};

/// What became of a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Returned(i64),
    Failed(Errno),
    /// The process ended before the call did.
    Unfinished,
}

/// The writer of the story.
pub(super) struct Story {
    out: File,
    json: bool,
    /// How long a line may be.
    columns: usize,
    /// Whose heading was written last.
    speaker: Option<Pid>,
    /// Those who have had a heading.
    introduced: HashSet<Pid>,
    /// The last line, if its like are told as one.
    folded: Option<Folded>,
    seen: BTreeMap<&'static texts::Topic, usize>,
    /// What went wrong in writing, the first time.
    failed: Option<io::Error>,
}

/// Lines of the same meaning, with the same refusal or none, of which only the first is written.
struct Folded {
    meaning: &'static str,
    refused: Option<Errno>,
    /// How many came after it.
    more: usize,
}

impl Story {
    /// A story that is written to `out`.
    pub(super) fn new(out: File, json: bool) -> Self {
        const BOOK: usize = 80;
        let columns = sys::columns(out.as_fd()).unwrap_or(BOOK).max(40);
        Self {
            out,
            json,
            columns,
            speaker: None,
            introduced: HashSet::new(),
            folded: None,
            seen: BTreeMap::new(),
            failed: None,
        }
    }

    /// What is to be known first.
    pub(super) fn note(&mut self, text: &str) {
        match self.json {
            true => self.write_json(&json!({ "note": text })),
            false => self.write(&format!("{text}\n")),
        }
    }

    /// One call of a process.
    pub(super) fn call(&mut self, pid: Pid, maker: Option<Pid>, told: &Told, outcome: Outcome) {
        self.count(told);
        if self.json {
            return self.call_in_json(pid, told, outcome);
        }
        let refused = match outcome {
            Outcome::Failed(errno) => Some(errno),
            _ => None,
        };
        if self.folds_into(pid, told, refused) {
            return;
        }
        self.heading(pid, maker);
        self.folded = told.folds.then_some(Folded { meaning: told.meaning, refused, more: 0 });
        let result = match outcome {
            Outcome::Returned(value) => value.to_string().normal(),
            Outcome::Failed(errno) => format!("{errno:?}").red(),
            Outcome::Unfinished => "?".normal(),
        };
        let chapters = format!("{:<width$} ", chapters(told).join(" "), width = INDENT - 1);
        // One line if that is enough, else the call wrapped and its meaning below.
        let call = shortened(&told.call, LINES * self.columns);
        let rest = " = ".len() + result.chars().count();
        let used = chapters.len() + call.chars().count() + rest;
        let (call, gap) = if used + 2 + told.meaning.chars().count() <= self.columns {
            (call, "  ".into())
        } else {
            let before = chapters.len() - INDENT;
            (
                wrapped(&call, self.columns - INDENT, before, rest),
                format!("\n{:1$}", "", INDENT + HANGING),
            )
        };
        let meaning = told.meaning.dimmed();
        self.write(&format!("{}{call} = {result}{gap}{meaning}\n", chapters.cyan()));
    }

    /// Whether a call that begins is one more of those that are told as one. Then it is told.
    pub(super) fn folds(&mut self, pid: Pid, told: &Told) -> bool {
        let folds = self.folds_into(pid, told, None);
        if folds {
            self.count(told);
        }
        folds
    }

    fn folds_into(&mut self, pid: Pid, told: &Told, refused: Option<Errno>) -> bool {
        let Some(folded) = &mut self.folded else { return false };
        let same = folded.meaning == told.meaning && folded.refused == refused;
        let folds = same && self.speaker == Some(pid);
        folded.more += usize::from(folds);
        folds
    }

    fn count(&mut self, told: &Told) {
        for topic in &told.topics {
            *self.seen.entry(topic).or_default() += 1;
        }
    }

    fn call_in_json(&mut self, pid: Pid, told: &Told, outcome: Outcome) {
        let (result, error) = match outcome {
            Outcome::Returned(value) => (Some(value), None),
            Outcome::Failed(errno) => (None, Some(format!("{errno:?}"))),
            Outcome::Unfinished => (None, None),
        };
        let name = told.call.split('(').next();
        self.write_json(&json!({
            "process": pid.as_raw(), "program": name_of(pid), "name": name, "call": told.call,
            "result": result, "error": error, "chapters": chapters(told), "meaning": told.meaning,
        }));
    }

    /// The end of a process. One of which nothing was told ends untold.
    pub(super) fn ended(&mut self, pid: Pid, ended: Ended) {
        if !self.introduced.contains(&pid) && !self.json {
            return;
        }
        if self.json {
            return self.write_json(&json!({
                "process": pid.as_raw(), "ended": texts::ended(ended), "status": ended.exit_code(),
            }));
        }
        self.unfold();
        // Its number is free from now on.
        self.introduced.remove(&pid);
        let ended = texts::ended(ended).dimmed();
        let line = match self.speaker.take_if(|speaker| *speaker == pid) {
            Some(_) => format!("{:INDENT$}{ended}\n", ""),
            None => format!("{} {ended}\n", pid.to_string().bold()),
        };
        self.speaker = None;
        self.write(&line);
    }

    /// Which mechanisms were seen, and who lives on.
    pub(super) fn summary(&mut self, left: &[Pid]) {
        self.unfold();
        if self.seen.is_empty() && !self.json {
            return;
        }
        let mut chapters: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (topic, count) in &self.seen {
            let mechanism = format!("{} ({})", topic.title, texts::times(*count));
            chapters.entry(topic.chapter).or_default().push(mechanism);
        }
        if self.json {
            let left: Vec<_> = left.iter().map(|pid| pid.as_raw()).collect();
            let seen = self.seen.iter().map(|(topic, count)| {
                json!({"chapter": topic.chapter, "mechanism": topic.title, "calls": count})
            });
            let seen: Vec<_> = seen.collect();
            return self.write_json(&json!({ "seen": seen, "left": left }));
        }
        let none = chapters.keys().all(|chapter| *chapter == "00");
        let mut text = format!("\n{}\n", texts::SUMMARY.bold());
        for (chapter, mechanisms) in &chapters {
            let mechanisms = wrapped(&mechanisms.join(", "), self.columns - INDENT, 0, 0);
            text += &format!("{:<INDENT$}{mechanisms}\n", chapter.cyan());
        }
        if none {
            text += &format!("{}\n", texts::NOTHING_SEEN);
        }
        if !left.is_empty() {
            text += &format!("\n{}\n", texts::left_behind(left));
        }
        self.write(&text);
    }

    /// The story is told: what went wrong in writing it, other than that nobody read it.
    pub(super) fn close(self) -> io::Result<()> {
        match self.failed {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// Another process speaks.
    fn heading(&mut self, pid: Pid, maker: Option<Pid>) {
        self.unfold();
        if self.speaker == Some(pid) {
            return;
        }
        self.speaker = Some(pid);
        let mut line = format!("{} {}", pid.to_string().bold(), name_of(pid).bold());
        if let (true, Some(maker)) = (self.introduced.insert(pid), maker) {
            line += &format!("  {}", texts::child_of(maker).dimmed());
        }
        self.write(&(line + "\n"));
    }

    fn unfold(&mut self) {
        if let Some(Folded { more: more @ 1.., .. }) = self.folded.take() {
            let line = format!("{:INDENT$}{}\n", "", texts::more(more).dimmed());
            self.write(&line);
        }
    }

    fn write_json(&mut self, line: &serde_json::Value) {
        self.write(&format!("{line}\n"));
    }

    /// In one write, so that it does not mix with what the program itself prints.
    fn write(&mut self, text: &str) {
        if let Err(error) = self.out.write_all(text.as_bytes()) {
            self.failed.get_or_insert(error);
        }
    }
}

/// Where the calls begin: behind two chapters.
const INDENT: usize = 6;
/// How much further what belongs to a call begins.
const HANGING: usize = 2;

fn chapters(told: &Told) -> Vec<&'static str> {
    let mut chapters: Vec<_> = told.topics.iter().map(|topic| topic.chapter).collect();
    chapters.sort_unstable();
    chapters.dedup();
    chapters
}

/// What the process calls itself at this moment: `proc_pid_comm(5)`.
fn name_of(pid: Pid) -> String {
    let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    String::from_utf8_lossy(name.trim_ascii_end()).escape_debug().to_string()
}

/// How many lines a call may take. A program's words can be a whole script.
const LINES: usize = 5;

fn shortened(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…)", &text[..end]),
        None => text.into(),
    }
}

/// Breaks a text at spaces and behind `|`, `,` and `:`, where it is longer than `width`. So much
/// stands before its first piece, and so much is to come behind the last one.
fn wrapped(text: &str, width: usize, before: usize, behind: usize) -> String {
    let mut lines = String::new();
    let mut used = before;
    let mut pieces = text.split_inclusive([' ', '|', ',', ':']).peekable();
    while let Some(piece) = pieces.next() {
        let behind = if pieces.peek().is_some() { 0 } else { behind };
        if used > before && used + piece.trim_end().chars().count() + behind > width {
            lines.truncate(lines.trim_end().len());
            lines += &format!("\n{:1$}", "", INDENT + HANGING);
            used = HANGING;
        }
        let piece = if used == HANGING { piece.trim_start() } else { piece };
        lines += piece;
        used += piece.chars().count();
    }
    lines
}
