//! What the check says. The claims' own words stand with the [`lessons`](crate::lessons).

use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use process::{Ended, Step};

use super::report::Problem;

pub use process::texts::STANDARD_OUTPUT;

pub(super) const NO_JSON: &str = "can't write JSON";
pub(super) const NO_REPORT: &str = "can't read the examiner's report";
pub(super) const NO_SEED: &str = "can't read /dev/urandom";

pub(crate) const WORLD: Step = Step {
    section: "02#sandbox",
    why: "a machine for the program under examination",
    causes: &[
        (Errno::EPERM, "`coracle doctor` says what this machine allows, and how to change that"),
        (Errno::ENOSPC, "the sandbox's own file system in memory is full"),
    ],
};

pub(super) const THREAD: &str = "a thread of the examiner's panicked";

pub(super) const NOT_YET: &str = "not examined yet";
pub(super) const NOT_EXAMINED: &str = "not examined, because of what failed before";

pub(super) fn no_lesson(chapter: &str) -> String {
    format!("there are no checks for chapter {chapter}")
}

pub(super) fn no_program(path: &Path) -> String {
    format!("can't find the program {path:?}")
}

pub(super) fn examiner_ended(ended: Ended) -> String {
    format!("the examiner ended without a report ({})", how(ended))
}

pub(super) fn broken_off(error: &anyhow::Error) -> String {
    format!("the check could not look any further: {error:#}")
}

pub(super) fn hint(chapter: &str, exercise: &str) -> String {
    format!("coracle hint {chapter} {exercise}")
}

pub(super) fn open(name: &str, title: &str, place: &str) -> String {
    format!("the exercise `{name}` is still open: {title} ({place})")
}

pub(super) fn panicked(place: &str, message: &str) -> String {
    format!("the program panicked at {place}: {message}")
}

pub(super) fn hung(command: &str, seen: &str) -> String {
    format!("`{command}` did not end by itself; the check ended it, while it waited ({seen})")
}

pub(super) fn crashed(command: &str, signal: i32) -> String {
    format!("`{command}` was ended by {}, which nobody had sent", signal_name(signal))
}

pub(super) fn refused(command: &str, status: i32, said: &str) -> String {
    format!("`{command}` ended with status {status} before its command ran, and said:\n{said}")
}

pub(super) fn no_arguments(command: &str) -> String {
    format!("`{command}` executed the command, but without the words behind its name")
}

/// Why it matters what a program says that gave up.
pub(super) const WHY_REFUSED: &str =
    "The program's own words say which call was refused, and what usually causes that.";

pub(super) fn never_ran(command: &str, status: i32) -> String {
    format!("`{command}` ended with status {status}, and no process in /proc ever ran its command")
}

/// `exited with status 3`, `was ended by SIGKILL`.
#[must_use]
pub fn how(ended: Ended) -> String {
    match ended {
        Ended::Exited(status) => format!("exited with status {status}"),
        Ended::Signalled(signal) => format!("was ended by {}", signal_name(signal)),
    }
}

/// `SIGKILL`.
#[must_use]
pub fn signal_name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |it| it.as_str().into())
}

pub(super) const YES: &str = "✓";
pub(super) const NO: &str = "✗";
pub(super) const OPEN: &str = "·";

pub(super) const EXPECTED: &str = "expected";
pub(super) const SEEN: &str = "seen";
pub(super) const YOURSELF: &str = "see it";
pub(super) const WHY: &str = "why";
pub(super) const NEXT: &str = "next";
pub(super) const BOOK: &str = "book";

pub(super) const DOES_NOT_COMPILE: &str = "the program does not compile";
pub(super) const READ_CARGO: &str = "the first error above is the one to begin with";
pub(super) const LOOK_THERE: &str = "look at that line: what did it take for granted?";
pub(super) const WAIT: &str =
    "which of its processes waits, and for whom? `coracle run` with the same words shows it";
pub(super) const TRY_IT: &str = "`coracle run` with the same words shows it";

pub(super) fn heading(name: &str) -> String {
    format!("Chapter {}", name.replacen('-', " · ", 1))
}

pub(super) fn consequences(count: usize) -> String {
    match count {
        1 => "one more waits for this one".into(),
        _ => format!("{count} more wait for this one"),
    }
}

pub(super) fn see_it(chapter: &str, program: &str, file: &str) -> String {
    format!("coracle run {chapter} -- run {program} /proc/self/{file}")
}

pub(super) fn left_out(count: usize, reason: &str) -> String {
    match count {
        1 => format!("Not examined here: {reason}."),
        _ => format!("{count} not examined here: {reason}."),
    }
}

pub(super) fn write_it(chapter: &str, exercise: &str) -> String {
    format!("write it, and check again; `{}` helps", hint(chapter, exercise))
}

/// Of `all` claims, `hold` were found to hold, and `left_out` could not be examined.
pub(super) fn verdict(
    hold: usize,
    left_out: usize,
    all: usize,
    problem: Option<&Problem>,
) -> String {
    let rest = match left_out {
        0 => String::new(),
        _ => format!(", {left_out} could not be examined"),
    };
    match problem {
        Some(Problem::DoesNotCompile) => "Nothing was checked.".into(),
        None if hold == all => format!("All {all} claims hold."),
        None if hold + left_out == all => format!("{hold} claims hold{rest}."),
        _ => format!("{hold} of {all} claims hold so far{rest}."),
    }
}
