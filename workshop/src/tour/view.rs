//! The five questions, and the two answers to each, side by side: what a process sees of itself and
//! its world, and what the host sees of it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Result;
use colored::Colorize;
use nix::unistd::Pid;
use process::namespaces::{KINDS, Namespaces};

use super::stage::SAID;
use super::texts;

/// What the command of every container on the tour does: it answers the five questions, a line
/// each, and waits. (`$$` is the shell's own number. Where there is no /proc, no number is shown.)
pub(super) fn script() -> String {
    format!(
        "echo $$
         echo $(ls /)
         set -- /proc/[0-9]*; if [ -e \"$1\" ]; then echo $#; else echo 0; fi
         hostname
         echo $(ip -o -4 address 2>&- | while read number name family address rest; do
           echo $name:$address; done)
         echo {SAID}
         exec sleep 600"
    )
}

/// Five answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answers([String; 5]);

impl Answers {
    /// What the process printed.
    pub(super) fn inside(said: &str) -> Self {
        let mut lines = said.lines();
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let (number, files, processes, name, network) = (next(), next(), next(), next(), next());
        Self([
            number,
            files,
            texts::processes(processes.parse().unwrap_or(0)),
            name,
            texts::network(&network),
        ])
    }

    /// What the host sees of process `pid`.
    pub(super) fn outside(pid: Pid) -> Result<Self> {
        let processes = fs::read_dir("/proc")?.filter_map(Result::ok).filter(|entry| {
            entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok())
        });
        let name = fs::read_to_string("/proc/sys/kernel/hostname")?;
        Ok(Self([
            pid.to_string(),
            root_of(pid),
            texts::processes(processes.count()),
            name.trim_end().into(),
            interfaces().join(" "),
        ]))
    }

    /// These answers beside the host's; those that are others than `last` time stand out.
    pub(super) fn beside(&self, outside: &Self, last: Option<&Self>) -> Vec<Row> {
        let row = |(place, question): (usize, &&'static str)| Row {
            question,
            inside: self.0[place].clone(),
            outside: outside.0[place].clone(),
            changed: last.is_some_and(|last| last.0[place] != self.0[place]),
        };
        texts::QUESTIONS.iter().enumerate().map(row).collect()
    }
}

/// The folder that the process has for its root, as the host knows it.
fn root_of(pid: Pid) -> String {
    match fs::read_link(format!("/proc/{pid}/root")) {
        Ok(root) if root == Path::new("/") => mounted_root(pid).unwrap_or_else(|| "/".into()),
        Ok(root) => root.display().to_string(),
        Err(error) => error.to_string(),
    }
}

/// Which folder of its file system is mounted as the process's root: the fourth word of that mount's
/// line (`proc_pid_mountinfo(5)`).
fn mounted_root(pid: Pid) -> Option<String> {
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).ok()?;
    let mut mounts = mounts.lines().map(|line| line.split(' ').skip(3));
    mounts.find_map(|mut words| {
        let folder = words.next()?;
        (words.next()? == "/").then(|| folder.to_owned())
    })
}

fn interfaces() -> Vec<String> {
    // Not /sys/class/net, which shows the network of whoever mounted it. Two lines of headings.
    let table = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let names = table.lines().skip(2).filter_map(|line| line.split(':').next());
    let mut names: Vec<_> = names.map(|name| name.trim().to_owned()).collect();
    names.sort();
    names
}

/// Which kinds of namespaces the process has to itself.
pub(super) fn own_namespaces(pid: Pid) -> Result<Vec<&'static str>> {
    let (its, ours) = (Namespaces::of(pid.as_raw() as u32)?, Namespaces::of(std::process::id())?);
    let both = its.inodes.iter().zip(ours.inodes);
    Ok(KINDS.into_iter().zip(both).filter(|(_, (a, b))| **a != *b).map(|(kind, _)| kind).collect())
}

const QUESTION: usize = 12;
const ANSWER: usize = 33;

/// One question, and its two answers.
pub(super) struct Row {
    pub(super) question: &'static str,
    pub(super) inside: String,
    pub(super) outside: String,
    /// Whether the answer from inside stands out.
    pub(super) changed: bool,
}

/// A table of 80 columns.
pub(super) fn table(rows: &[Row]) -> String {
    let mut table = String::new();
    let head = format!("{:QUESTION$} {:ANSWER$} {}", "", texts::INSIDE, texts::OUTSIDE);
    let _ = writeln!(table, "{}", head.dimmed());
    for Row { question, inside, outside, changed } in rows {
        let (left, right) = (wrap(inside), wrap(outside));
        for line in 0..left.len().max(right.len()) {
            let question = if line == 0 { question } else { "" };
            let cell = |lines: &[String]| lines.get(line).cloned().unwrap_or_default();
            let left = format!("{:ANSWER$}", cell(&left));
            let left = if *changed { left.green().bold() } else { left.normal() };
            let row = format!("{question:QUESTION$} {left} {}", cell(&right));
            let _ = writeln!(table, "{}", row.trim_end());
        }
    }
    table
}

/// Two lines of at most [`ANSWER`] columns.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = fold(text, ANSWER - 2);
    if lines.len() > 2 {
        lines.truncate(2);
        lines[1].push_str(" …");
    }
    lines.iter().map(|line| shorten(line)).collect()
}

/// Lines of at most so many columns, unless a word is longer.
pub(super) fn fold(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::<String>::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

/// The end of a long path says more than its beginning.
fn shorten(line: &str) -> String {
    match line.chars().count().checked_sub(ANSWER) {
        None | Some(0) => line.into(),
        Some(over) => format!("…{}", line.chars().skip(over + 1).collect::<String>()),
    }
}
