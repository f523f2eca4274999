//! From a finished source file to the student's: every exercise region loses its lines.
//!
//! ```text
//! // ANCHOR: enter                                 an anchor: the book includes it by this name
//! // EXERCISE enter: step into the jail            makes it an exercise: its name and its title
//! //   Make `self.root` the root folder of …       the task: every line indented by three spaces
//! // So that `..` leads nowhere.                   no longer the task: from here on the solution
//! chroot(&self.root)?;
//! chdir("/")
//! // ANCHOR_END: enter
//! ```
//!
//! In the starter, `todo!("enter: step into the jail")` stands in the solution's place. An anchor
//! without an exercise is the book's alone and is left as it is.

use super::names::renamed;
use crate::texts;

/// rustfmt would break a longer line, and the starter would no longer be what we made.
const MAX_WIDTH: usize = 100;

/// A source file without its solutions.
#[derive(Debug, Default)]
pub struct Starter {
    /// The student's file.
    pub text: String,
    /// The exercises in it, in their order.
    pub exercises: Vec<Exercise>,
    /// What is wrong with its regions. The text means something only if this is empty.
    pub faults: Vec<Fault>,
}

/// Something for the student to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exercise {
    /// Its name, which is also the book's anchor.
    pub name: String,
    /// What it is about, in a few words.
    pub title: String,
    /// The number of its line in the finished file, from 1.
    pub line: usize,
}

/// Something wrong in a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it, and what would be right.
    pub sentence: String,
}

/// Takes the solutions out of a source file.
#[must_use]
pub fn starter(source: &str) -> Starter {
    let lines: Vec<_> = source.lines().collect();
    let mut starter = Starter::default();
    // The anchors that are open, each with the place of its line.
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        match marker(lines[at]) {
            Some(Marker::Begin(name)) => {
                if open.iter().any(|(other, _)| *other == name) {
                    starter.fault(at, texts::anchor_opened_twice(name));
                }
                if let Some(end) = starter.exercise(&lines, at, name) {
                    at = end + 1;
                    continue;
                }
                open.push((name, at));
            }
            Some(Marker::End(name)) => match open.iter().rposition(|(other, _)| *other == name) {
                Some(place) => drop(open.remove(place)),
                None => starter.fault(at, texts::anchor_not_open(name)),
            },
            // One right below an anchor of another name has been refused already.
            Some(Marker::Exercise(name, _)) if !begins_above(&lines, at) => {
                starter.fault(at, texts::exercise_without_anchor(name));
            }
            Some(Marker::Exercise(..)) => {}
            Some(Marker::Malformed) => starter.fault(at, texts::MALFORMED_MARKER.into()),
            None => {}
        }
        starter.line(lines[at]);
        at += 1;
    }
    for (name, at) in open {
        starter.fault(at, texts::anchor_not_closed(name));
    }
    starter.faults.sort_by_key(|fault| fault.line);
    starter.text = renamed(&starter.text);
    starter
}

impl Starter {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn fault(&mut self, at: usize, sentence: String) {
        self.faults.push(Fault { line: at + 1, sentence });
    }

    /// Writes the exercise whose anchor is at `start`, without its solution; where it ends. `None`
    /// when it is no exercise, or never ends: then nothing is written.
    fn exercise(&mut self, lines: &[&str], start: usize, anchor: &str) -> Option<usize> {
        let Some(Marker::Exercise(name, title)) =
            lines.get(start + 1).and_then(|line| marker(line))
        else {
            return None;
        };
        if name != anchor {
            self.fault(start + 1, texts::exercise_of_other_name(name, anchor));
            return None;
        }
        let rest = &lines[start + 2..];
        let length = rest.iter().position(|line| marker(line) == Some(Marker::End(anchor)))?;
        let task = task_length(rest).min(length);
        self.check_solution(&rest[task..length], start + 2 + task);
        if rest[task..length].iter().all(|line| is_comment(line)) {
            self.fault(start + 1, texts::nothing_to_write(name));
        }

        let indent = &lines[start][..lines[start].len() - lines[start].trim_start().len()];
        let todo = format!("{indent}todo!({})", literal(&format!("{name}: {title}")));
        if todo.chars().count() > MAX_WIDTH {
            self.fault(start + 1, texts::title_too_long(todo.chars().count() - MAX_WIDTH));
        }
        lines[start..start + 2 + task].iter().for_each(|line| self.line(line));
        self.line(&todo);
        let end = start + 2 + length;
        self.line(lines[end]);
        let (name, title) = (name.into(), title.into());
        self.exercises.push(Exercise { name, title, line: start + 2 });
        Some(end)
    }

    /// What is taken out has to be whole: no half of another anchor, and no other exercise.
    fn check_solution(&mut self, lines: &[&str], first: usize) {
        let mut open: Vec<(&str, usize)> = Vec::new();
        for (at, line) in lines.iter().enumerate().map(|(place, line)| (first + place, line)) {
            match marker(line) {
                Some(Marker::Begin(name)) => open.push((name, at)),
                Some(Marker::End(name)) => match open.iter().rposition(|(other, _)| *other == name)
                {
                    Some(place) => drop(open.remove(place)),
                    None => self.fault(at, texts::anchor_crosses_exercise(name)),
                },
                Some(Marker::Exercise(name, _)) => {
                    self.fault(at, texts::exercise_in_exercise(name))
                }
                Some(Marker::Malformed) => self.fault(at, texts::MALFORMED_MARKER.into()),
                None => {}
            }
        }
        for (name, at) in open {
            self.fault(at, texts::anchor_crosses_exercise(name));
        }
    }
}

/// Whether an anchor begins in the line above.
fn begins_above(lines: &[&str], at: usize) -> bool {
    at > 0 && matches!(marker(lines[at - 1]), Some(Marker::Begin(_)))
}

/// A comment that means something to us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Marker<'a> {
    /// `// ANCHOR: name`.
    Begin(&'a str),
    /// `// ANCHOR_END: name`.
    End(&'a str),
    /// Its name and its title.
    Exercise(&'a str, &'a str),
    /// Meant to be one of them.
    Malformed,
}

pub(crate) fn marker(line: &str) -> Option<Marker<'_>> {
    let comment = line.trim().strip_prefix("//")?.trim_start();
    let marker = if let Some(name) = comment.strip_prefix("ANCHOR:") {
        Marker::Begin(name.trim())
    } else if let Some(name) = comment.strip_prefix("ANCHOR_END:") {
        Marker::End(name.trim())
    } else if let Some(text) = comment.strip_prefix("EXERCISE ") {
        let (name, title) = text.split_once(": ").unwrap_or((text, ""));
        Marker::Exercise(name.trim(), title.trim())
    } else if comment.starts_with("EXERCISE:") {
        Marker::Malformed
    } else {
        return None;
    };
    let well_formed = match marker {
        Marker::Begin(name) | Marker::End(name) => is_name(name),
        Marker::Exercise(name, title) => is_name(name) && !title.is_empty(),
        Marker::Malformed => false,
    };
    Some(if well_formed { marker } else { Marker::Malformed })
}

/// What mdBook takes for an anchor's name.
fn is_name(name: &str) -> bool {
    let ok = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !name.is_empty() && name.chars().all(ok)
}

pub(crate) fn is_comment(line: &str) -> bool {
    line.trim().is_empty() || line.trim().starts_with("//")
}

/// How many of the lines behind the exercise's own its task has. An empty comment between two of its lines is a gap in it.
pub(crate) fn task_length(lines: &[&str]) -> usize {
    let of_task = |line: &&str| line.trim_start().starts_with("//   ");
    let mut length = 0;
    loop {
        match lines[length..] {
            [line, ..] if of_task(&line) => length += 1,
            [gap, line, ..] if gap.trim() == "//" && of_task(&line) => length += 2,
            _ => return length,
        }
    }
}

/// The text as a format string that prints it.
fn literal(text: &str) -> String {
    format!("{:?}", text.replace('{', "{{").replace('}', "}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_a_format_string_that_prints_it() {
        assert_eq!(literal("say \"{}\" \\ 안녕"), "\"say \\\"{{}}\\\" \\\\ 안녕\"");
    }
}
