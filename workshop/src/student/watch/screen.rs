//! What `watch` shows: the verdict, how far one is, the keys. Drawn anew each time something changes.

use std::io::{self, Write};

use anyhow::{Context, Result};
use colored::Colorize;

use super::super::standing::{Standing, State};
use super::checker::Outcome;
use super::terminal;
use super::texts;
use crate::check::{self, Problem};
use crate::student::texts as student_texts;
use crate::texts::STANDARD_OUTPUT;

/// The top left corner, and everything from there on removed. What has scrolled away stays.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Rows that are not the middle's: the title, progress, exercises (up to two rows), keys, and the gaps
/// between them.
pub(super) const FRAME: usize = 8;

/// What stands in the middle.
pub(super) enum Middle<'a> {
    /// A check runs.
    Checking,
    /// What it found.
    Verdict(&'a Outcome),
    /// A text of ours: a hint, the list, a question.
    Text(&'a str),
}

/// Everything that is shown.
pub(super) struct Screen<'a> {
    pub(super) all: &'a [Standing],
    pub(super) chapter: &'a str,
    pub(super) middle: Middle<'a>,
    /// A line that belongs to no verdict.
    pub(super) note: Option<&'a str>,
    /// The line of keys; `None` where nobody can press one.
    pub(super) keys: Option<&'a str>,
}

impl Screen<'_> {
    /// Draws it.
    ///
    /// # Errors
    ///
    /// When standard output is closed.
    pub(super) fn draw(&self) -> Result<()> {
        let (rows, columns) = terminal::size();
        let clear = if self.keys.is_some() { CLEAR } else { "" };
        let title = texts::watch_title(self.chapter, columns.min(student_texts::WIDTH));
        say(&format!("{clear}{title}\n\n"))?;
        match self.middle {
            Middle::Checking if self.keys.is_none() => return Ok(()),
            Middle::Checking => say(&format!("{}\n", texts::CHECKING.dimmed()))?,
            Middle::Text(text) => say(&format!("{text}\n"))?,
            Middle::Verdict(outcome) => {
                // Below cargo's words stands a sentence of ours.
                let room = self.keys.map(|_| (rows.saturating_sub(FRAME + 3), columns));
                verdict(self.chapter, outcome, room)?;
            }
        }
        say(&self.footer(columns))
    }

    fn footer(&self, columns: usize) -> String {
        let mut footer = String::from("\n");
        if let Some(note) = self.note {
            footer += &format!("{note}\n\n");
        }
        footer += &progress(self.all, columns.min(student_texts::WIDTH));
        footer.push('\n');
        if let Some(standing) = self.all.iter().find(|standing| standing.chapter == self.chapter) {
            footer += &texts::marked(standing);
            footer.push('\n');
        }
        if let Some(keys) = self.keys {
            footer += &format!("\n{keys} ");
        }
        footer
    }
}

fn say(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context(STANDARD_OUTPUT)
}

/// What a check found; `room` is how many rows of how many columns there are for what cargo says.
fn verdict(chapter: &str, outcome: &Outcome, room: Option<(usize, usize)>) -> Result<()> {
    let cut = |text: &str, least: usize| match room {
        Some((rows, columns)) => fitted(text, rows.max(least), columns),
        None => text.trim_end().into(),
    };
    let Some(report) = &outcome.report else {
        return say(&format!("{}\n{}\n", cut(&outcome.said, 5), texts::no_report(chapter)));
    };
    if report.problem == Some(Problem::DoesNotCompile) {
        return say(&format!("{}\n\n{}\n", cut(&outcome.said, 5), texts::DOES_NOT_COMPILE));
    }
    let shown = check::show(report, chapter);
    // Its first line is the chapter, which stands above already.
    let (_, shown) = shown.split_once('\n').unwrap_or_default();
    let shown = shown.trim_matches('\n');
    // Where there is no room for the list of claims, what is wrong comes first; how many hold is told
    // below it.
    let is_tall = room.is_some_and(|(rows, _)| shown.lines().count() > rows + 2);
    let shown = match shown.split_once("\n\n") {
        Some((_, rest)) if is_tall => rest,
        _ => shown,
    };
    say(&format!("{shown}\n"))?;
    if report.passed {
        say(&format!("\n{}\n", texts::chapter_passes(chapter, room.is_some())))?;
    }
    Ok(())
}

/// The beginning of a text, as much as fits: the first error is the one to begin with.
fn fitted(text: &str, rows: usize, columns: usize) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    let height = |line: &str| console::measure_text_width(line).div_ceil(columns.max(1)).max(1);
    let mut left = rows;
    let fit = lines.iter().take_while(|line| {
        let fits = height(line) <= left;
        left = left.saturating_sub(height(line));
        fits
    });
    let fit = fit.count();
    let mut shown = lines[..fit].join("\n");
    if fit < lines.len() {
        // Cargo's colours may end in a line that is not shown.
        shown += &format!(
            "{}\n{}",
            "\x1b[0m".repeat(usize::from(shown.contains('\x1b'))),
            texts::more_lines(lines.len() - fit).dimmed()
        );
    }
    shown
}

/// `Exercises ████████▒▒·········· 12 of 29`, as wide as `columns`.
fn progress(all: &[Standing], columns: usize) -> String {
    let (done, of, _) = student_texts::sums(all);
    let states = all.iter().flat_map(|standing| &standing.exercises).map(|(_, state)| *state);
    let written = states.filter(|state| matches!(state, State::Written | State::Failing)).count();
    let (before, after) = texts::progress(done, of);
    let width = columns.saturating_sub(before.chars().count() + after.chars().count()).min(60);
    let part = |exercises: usize| exercises * width / of.max(1);
    let (full, half) = (part(done), part(done + written) - part(done));
    let rest = width - full - half;
    format!(
        "{before}{}{}{}{after}",
        "█".repeat(full).green(),
        "▒".repeat(half).yellow(),
        "·".repeat(rest)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_the_beginning_is_shown() {
        assert_eq!(fitted("a\nb\n\n", 2, 80), "a\nb");
        let text = fitted("a\nb\nc\n", 2, 80);
        assert!(text.starts_with("a\nb\n") && !text.contains("\nc"), "{text}");
        // A line that is wrapped takes two rows, colours none.
        let text = fitted("\x1b[31m1234567\x1b[0m\nb\nc", 3, 4);
        assert!(text.contains("\nb") && !text.contains("\nc"), "{text}");
    }
}
