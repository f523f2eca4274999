//! What `watch` says. See [`crate::texts`].

use std::fmt::Write as _;

use colored::Colorize;

use super::changes::Polled;
use crate::student::exercise::Exercise;
use crate::student::standing::Standing;
use crate::student::texts::{LEGEND, WIDTH, about, check, command, mark, number, titled, wrapped};

pub(super) const NO_CHECK: &str = "can't start the check";
pub(super) const SIGNALS: &str = "can't wait for signals";
pub(super) const CHECKING: &str = "Checking …";
pub(super) const DOES_NOT_COMPILE: &str =
    "It does not compile yet; the first error is the one to begin with.";

pub(super) fn watch_title(chapter: &str, width: usize) -> String {
    let title = format!("── Chapter {} ", titled(chapter));
    let rest = width.saturating_sub(title.chars().count());
    format!("{title}{}", "─".repeat(rest)).bold().to_string()
}

pub(super) fn no_report(chapter: &str) -> String {
    format!(
        "The check ended without a verdict. To see it alone: {}",
        command(&check(number(chapter)))
    )
}

pub(super) fn more_lines(lines: usize) -> String {
    format!("… and {lines} more lines")
}

pub(super) fn chapter_passes(chapter: &str, keys: bool) -> String {
    let how = if keys { "n goes on.".into() } else { format!("What is next: {}", command("next")) };
    format!("{} {how}", format!("Chapter {} is done.", number(chapter)).green().bold())
}

/// What stands on both sides of the bar.
pub(super) fn progress(done: usize, of: usize) -> (String, String) {
    ("Exercises ".into(), format!(" {done} of {of}"))
}

/// A chapter's exercises in a line or two: `✓ spawn  ✗ exec  · wait`.
pub(super) fn marked(standing: &Standing) -> String {
    let mut lines = vec![(String::new(), 0)];
    for (exercise, state) in &standing.exercises {
        let width = exercise.name.chars().count() + 4;
        if lines[lines.len() - 1].1 + width > WIDTH {
            lines.push((String::new(), 0));
        }
        let last = lines.len() - 1;
        let _ = write!(lines[last].0, "{} {}  ", mark(*state), exercise.name);
        lines[last].1 += width;
    }
    let lines: Vec<_> = lines.iter().map(|(line, _)| line.trim_end()).collect();
    lines.join("\n")
}

/// The list where there is little room: a line for each chapter.
pub(super) fn short_list(all: &[Standing]) -> String {
    let mut text = String::new();
    for standing in all {
        let marks: String =
            standing.exercises.iter().map(|(_, state)| format!("{} ", mark(*state))).collect();
        let minutes = about(standing.minutes_left());
        // The marks may have colours, which have no width: they come last.
        let _ = writeln!(text, "{:<22} {minutes:<18} {marks}", titled(&standing.chapter));
    }
    text + "\n" + &LEGEND.dimmed().to_string()
}

pub(super) fn take_solution(exercise: &Exercise) -> String {
    format!(
        "{}: {}\n\n{}",
        exercise.name.bold(),
        exercise.title,
        "Put the finished lines in the place of yours? Yours are kept."
    )
}

pub(super) fn not_yet(chapter: &str, standing: Option<&Standing>) -> String {
    let number = number(chapter);
    match standing.and_then(Standing::next) {
        Some(exercise) => format!(
            "{} comes first, in {}:{}",
            exercise.name.bold(),
            exercise.file.display(),
            exercise.line
        ),
        None => format!("Chapter {number} does not pass yet."),
    }
}

pub(super) fn keys(asked: bool) -> String {
    let keys: &[(&str, &str)] = match asked {
        true => &[("y", "yes"), ("n", "no")],
        false => &[
            ("h", "hint"),
            ("s", "solution"),
            ("n", "next"),
            ("l", "list"),
            ("c", "check again"),
            ("q", "quit"),
        ],
    };
    let keys: Vec<_> = keys.iter().map(|(key, what)| format!("{} {what}", key.bold())).collect();
    keys.join(" · ")
}

pub(super) fn polled(why: &Polled) -> String {
    let text = match why {
        Polled::Unseen(name) => format!(
            "This folder is shared ({name}) and does not tell of every save, so it is looked at twice \
             a second."
        ),
        Polled::Refused(errno) => format!(
            "The kernel does not tell of saves ({}), so the files are looked at twice a second.",
            errno.desc()
        ),
    };
    wrapped(&text, "")
}

/// What has failed while the loop goes on.
pub(super) fn failed(error: &anyhow::Error) -> String {
    wrapped(&format!("{error:#}"), "")
}
