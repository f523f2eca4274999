//! What the student's loop says. See [`crate::texts`].

use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::Path;

use colored::{ColoredString, Colorize};

use super::exercise::Exercise;
use super::kept::Copy;
use super::solve::By;
use super::standing::{Standing, State, current};
use crate::lessons::hints::{Hints, STEPS};

pub(super) use crate::texts::{NO_JSON, cannot_read};

/// How wide a text may be: one that fits everywhere.
pub(super) const WIDTH: usize = 80;

/// A line on standard error. Nobody can be told that standard error is gone.
pub(super) fn warn(line: impl Display) {
    let _ = io::stderr().write_all(format!("coracle: {line}\n").as_bytes());
}

pub(super) fn cannot_write(path: &Path) -> String {
    format!("can't write {}; what was there is as it was", path.display())
}

pub(super) fn cannot_remove(path: &Path) -> String {
    format!("can't remove {}", path.display())
}

pub(super) fn cannot_keep(folder: &Path) -> String {
    format!("can't keep a copy of your files in {}, so they were not touched", folder.display())
}

pub(super) fn saved_meanwhile(path: &Path) -> String {
    format!("{} was saved this very moment; try again", path.display())
}

pub(super) const NOTHING_KEPT: &str =
    "there is no earlier version; `coracle solve` and `coracle reset` make one before they write";

pub(super) fn cannot_restore(chapter: &str) -> String {
    format!("can't bring back an earlier version of chapter {}", number(chapter))
}

pub(super) fn no_such_copy(name: &str, copies: &[Copy]) -> String {
    match copies {
        [] => NOTHING_KEPT.into(),
        _ => format!("there is none called {name:?}; there are:\n{}", names(copies)),
    }
}

pub(super) fn several_copies(name: &str, copies: &[&Copy]) -> String {
    let copies: Vec<_> = copies.iter().map(|copy| (*copy).clone()).collect();
    format!("{name:?} may be any of these, write a little more of it:\n{}", names(&copies))
}

fn names(copies: &[Copy]) -> String {
    copies.iter().map(|copy| format!("  {}", copy.name)).collect::<Vec<_>>().join("\n")
}

pub(super) fn turned_in_part(chapter: &str, copy: &Copy) -> String {
    format!(
        "chapter {} was replaced in part only; `coracle restore {} {}` brings your version back",
        number(chapter),
        number(chapter),
        copy.name
    )
}

pub(super) fn progress_is_broken(aside: &Path, error: &serde_json::Error) -> String {
    format!(
        "what was remembered of your progress can't be understood ({error}); it is in {} now, and a \
         new file was begun. Your chapters are as they were.",
        aside.display()
    )
}

pub(super) fn not_remembered(error: &anyhow::Error) -> String {
    format!("this will not be remembered: {error:#}")
}

pub(super) fn no_hints(exercise: &str) -> String {
    format!("there are no hints for {exercise:?}; the comment above it in the file is all there is")
}

pub(super) fn no_such_exercise(name: &str, standing: &Standing) -> String {
    let exercises: Vec<_> =
        standing.exercises.iter().map(|(exercise, _)| exercise.clone()).collect();
    not_in_chapter(name, &standing.chapter, &exercises)
}

pub(super) fn not_in_chapter(name: &str, chapter: &str, exercises: &[Exercise]) -> String {
    let names: Vec<_> = exercises.iter().map(|exercise| exercise.name.as_str()).collect();
    format!(
        "chapter {} has no exercise {name:?}; choose one of {}",
        number(chapter),
        names.join(", ")
    )
}

pub(super) fn lines_unclear(exercise: &str, chapter: &str, file: &Path) -> String {
    let number = number(chapter);
    format!(
        "in chapters/{chapter}/{} the lines of {exercise:?} can't be told for certain, so nothing was \
         changed: they lie between the comments `// EXERCISE {exercise}: …` and `// ANCHOR_END: \
         {exercise}`, which have to be there once each. `coracle diff {number}` shows how they read; \
         `coracle solve {number}` and `coracle reset {number}` replace the whole chapter and keep \
         yours.",
        file.display()
    )
}

pub(super) fn replaced(
    chapter: &str,
    exercise: Option<&str>,
    by: By,
    kept: Option<&Copy>,
) -> String {
    let number = number(chapter);
    let what = match exercise {
        Some(exercise) => format!("{exercise} in chapter {number}"),
        None => format!("Chapter {number}"),
    };
    let becomes = match by {
        By::Solution => "finished",
        By::Starter => "open again",
    };
    match kept {
        None => format!("{what} is {becomes} already; nothing was changed."),
        Some(copy) => format!("{what} is {becomes} now.\n{}", how_to_get_back(chapter, copy)),
    }
}

fn how_to_get_back(chapter: &str, copy: &Copy) -> String {
    format!(
        "Your version is kept in .coracle/kept/{chapter}/{}\nTo get it back: {}",
        copy.name,
        command(&format!("restore {}", number(chapter)))
    )
}

pub(super) fn restored(chapter: &str, copy: &Copy, kept: Option<&Copy>, all: &[Copy]) -> String {
    let number = number(chapter);
    let Some(kept) = kept else {
        return format!("Chapter {number} is as it was kept at {} already.", copy.name);
    };
    let mut text = format!("Chapter {number} is as it was kept at {}.\n", copy.name);
    text += &how_to_get_back(chapter, kept);
    let others: Vec<_> = all.iter().filter(|other| *other != copy).take(5).cloned().collect();
    if !others.is_empty() {
        let _ = write!(
            text,
            "\nOther versions, for `coracle restore {number} NAME`:\n{}",
            names(&others)
        );
    }
    text
}

pub(super) fn no_difference(chapter: &str) -> String {
    format!("Chapter {} is the finished one, word for word.", number(chapter))
}

pub(super) fn nothing_left(standing: &Standing) -> String {
    let number = number(&standing.chapter);
    if standing.passed {
        format!("Chapter {number} is done. What is next: {}", command("next"))
    } else if standing.failing {
        format!(
            "What the last check found belongs to no exercise of chapter {number}. Has anything else \
             changed?\n{}",
            command(&format!("diff {number}"))
        )
    } else {
        format!("Nothing in chapter {number} is open. Is it right? {}", command(&check(number)))
    }
}

pub(super) fn check(number: &str) -> String {
    format!("check {number}")
}

/// The hints up to `step`, those that were seen before in a lighter hand; and how to go on.
pub(super) fn hint(chapter: &str, exercise: &Exercise, hints: &Hints, step: usize) -> String {
    let (number, name) = (number(chapter), &exercise.name);
    let how = match step {
        STEPS.. => {
            let solve = command(&format!("solve {number} {name}"));
            format!("This was the last one. The finished lines: {solve}")
        }
        _ => {
            let next = command(&format!("hint {number} {name}"));
            format!("Hint {step} of {STEPS}. The next one: {next}")
        }
    };
    format!("{}\n{how}", steps(exercise, hints, 0..step))
}

/// The same beside the keys: of the steps as many as fit into `rows`, the last one in any case.
pub(super) fn hint_on_screen(
    exercise: &Exercise,
    hints: &Hints,
    step: usize,
    rows: usize,
) -> String {
    let how = match step {
        STEPS.. => format!("This was the last one; {} puts in the finished lines.", "s".bold()),
        _ => format!("Hint {step} of {STEPS}; {} shows the next one.", "h".bold()),
    };
    let from = |first| format!("{}\n{how}", steps(exercise, hints, first..step));
    let fits = |text: &String| text.lines().count() <= rows;
    let last = step.saturating_sub(1);
    (0..last).map(from).find(fits).unwrap_or_else(|| from(last))
}

/// The exercise, and some of its steps, the last one of them in full light.
fn steps(exercise: &Exercise, hints: &Hints, which: Range<usize>) -> String {
    let place = format!("{}:{}", exercise.file.display(), exercise.line);
    let mut text = format!("{}: {}\n{}\n", exercise.name.bold(), exercise.title, place.dimmed());
    for at in which.clone() {
        let step = wrapped(&format!("{}. {}", at + 1, hints.steps[at]), "   ");
        let step = step.trim_start();
        let step = if at + 1 == which.end { step.to_owned() } else { dimmed(step) };
        let _ = write!(text, "\n{step}\n");
    }
    text
}

/// Bare `coracle`.
pub(super) fn here(all: &[Standing]) -> String {
    let Some(standing) = current(all) else { return all_done(all) };
    let mut text = format!("{}\n", chapter_line(standing).bold());
    if standing.changed {
        text += "It passed before, but not with the files as they are now.\n";
    }
    text.push('\n');
    for (exercise, state) in &standing.exercises {
        let _ = writeln!(text, "  {}", exercise_line(exercise, *state));
    }
    let (done, of, minutes) = sums(all);
    let _ =
        writeln!(text, "\n{}", format!("In all {done} of {of} done{}.", left(minutes)).dimmed());
    format!("{text}\n{}\n{}", go_on(standing), EVERYTHING.dimmed())
}

const EVERYTHING: &str = "\nAll commands: coracle --help";

fn chapter_line(standing: &Standing) -> String {
    let (done, of) = (standing.done(), standing.exercises.len());
    format!("Chapter {}: {done} of {of} done", titled(&standing.chapter))
}

/// What to do next in the chapter that one is at.
fn go_on(standing: &Standing) -> String {
    let number = number(&standing.chapter);
    let Some(exercise) = standing.next() else {
        let next = if standing.failing { format!("hint {number}") } else { check(number) };
        return format!("Next: {}", command(&next));
    };
    let minutes = minutes_of(exercise);
    format!(
        "Next: {}{minutes}\n      {}:{}\n      {}",
        exercise.name.bold(),
        exercise.file.display(),
        exercise.line,
        command(&format!("watch {number}"))
    )
}

/// `, about 15 minutes`; nothing where nobody knows.
fn minutes_of(exercise: &Exercise) -> String {
    exercise.hints.as_ref().map_or(String::new(), |hints| format!(", {}", about(hints.minutes)))
}

fn all_done(all: &[Standing]) -> String {
    let (done, of, _) = sums(all);
    format!(
        "All chapters are done: {done} of {of} exercises. Look at what you have built:\n{}",
        command("tour")
    )
}

/// `coracle list`.
pub(super) fn list(all: &[Standing]) -> String {
    let mut text = String::new();
    for standing in all {
        let how_far = match standing.passed {
            true => ": done".into(),
            false if standing.changed => ": changed since it passed".into(),
            false => left(standing.minutes_left()),
        };
        let title = format!("Chapter {}{how_far}", titled(&standing.chapter));
        let _ = writeln!(text, "{}", title.bold());
        for (exercise, state) in &standing.exercises {
            let _ = writeln!(text, "  {}", exercise_line(exercise, *state));
        }
        text.push('\n');
    }
    let (done, of, minutes) = sums(all);
    let _ = writeln!(text, "{done} of {of} done{}.", left(minutes));
    text + &LEGEND.dimmed().to_string()
}

pub(super) const LEGEND: &str =
    "✓ done   ✗ the last check points to it   • written, not checked yet   · open";

/// `coracle next`.
pub(super) fn next(all: &[Standing]) -> String {
    let Some(standing) = current(all) else { return all_done(all) };
    let Some(exercise) = standing.next() else {
        let chapter = titled(&standing.chapter);
        return format!(
            "Chapter {chapter}: nothing is open. Is it right?\n{}",
            command(&check(number(&standing.chapter)))
        );
    };
    let mut text = format!("Chapter {}\n\n", titled(&standing.chapter));
    let _ = writeln!(text, "{}: {}", exercise.name.bold(), exercise.title);
    if !exercise.task.is_empty() {
        let _ = writeln!(text, "{}", wrapped(&exercise.task, "  "));
    }
    let place = format!("{}:{}", exercise.file.display(), exercise.line);
    let _ = writeln!(text, "\nOpen {}{}; and beside it:", place.bold(), minutes_of(exercise));
    text + &command(&format!("watch {}", number(&standing.chapter)))
}

pub(super) fn exercise_line(exercise: &Exercise, state: State) -> String {
    let minutes = match &exercise.hints {
        Some(hints) if state != State::Done => format!("{:>2} min", hints.minutes),
        _ => String::new(),
    };
    // Behind two spaces, the longest of them has 80 columns.
    let line = format!("{} {:<13} {:<55} {minutes}", mark(state), exercise.name, exercise.title);
    line.trim_end().into()
}

/// A mark that is told by its shape as well as by its colour.
pub(super) fn mark(state: State) -> ColoredString {
    match state {
        State::Done => "✓".green(),
        State::Failing => "✗".red(),
        State::Written => "•".yellow(),
        State::Open => "·".normal(),
    }
}

/// How many exercises are done, how many there are, and the minutes for the rest.
pub(super) fn sums(all: &[Standing]) -> (usize, usize, u32) {
    let done = all.iter().map(Standing::done).sum();
    let of = all.iter().map(|standing| standing.exercises.len()).sum();
    (done, of, all.iter().map(Standing::minutes_left).sum())
}

/// `, about 3 hours left`; nothing where nobody knows, or nothing is left.
fn left(minutes: u32) -> String {
    if minutes == 0 { String::new() } else { format!(", {} left", about(minutes)) }
}

pub(super) fn about(minutes: u32) -> String {
    match minutes {
        0 => String::new(),
        1..=89 => format!("about {minutes} minutes"),
        _ => format!("about {} hours", (minutes + 30) / 60),
    }
}

/// `02` of `02-pid-namespace`.
pub(super) fn number(chapter: &str) -> &str {
    chapter.get(..2).unwrap_or(chapter)
}

/// `02, pid-namespace`.
pub(super) fn titled(chapter: &str) -> String {
    chapter.replacen('-', ", ", 1)
}

pub(super) fn command(words: &str) -> ColoredString {
    format!("coracle {words}").cyan()
}

/// Every line of it for itself: a colour over several lines confuses pagers.
fn dimmed(text: &str) -> String {
    text.lines().map(|line| line.dimmed().to_string()).collect::<Vec<_>>().join("\n")
}

/// Breaks a text into lines of at most [`WIDTH`] columns, each behind `indent`.
pub(super) fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![indent.to_owned()];
    for word in text.split_whitespace() {
        let line = &lines[lines.len() - 1];
        let is_first = line.len() == indent.len();
        if !is_first && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(indent.to_owned());
        }
        let last = lines.len() - 1;
        let space = if lines[last].len() == indent.len() { "" } else { " " };
        lines[last] += space;
        lines[last] += word;
    }
    lines.join("\n")
}
