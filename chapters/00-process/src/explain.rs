//! `--explain`: the story of a run, told by the run itself, on standard error.
//!
//! Each kernel call is one line, as it happens, with the sentence that says why, and the section of
//! the book. What the host's side does and what the new process does stand in different colours.

use std::fmt;
use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use colored::Colorize;

use crate::failure::Step;

static TELLING: AtomicBool = AtomicBool::new(false);
static IN_CONTAINER: AtomicBool = AtomicBool::new(false);
/// The reason that was told last: several calls may share one.
static LAST_WHY: Mutex<&str> = Mutex::new("");

/// From now on every step is told.
pub fn enable() {
    TELLING.store(true, Relaxed);
}

/// Whether the story is told.
#[must_use]
pub fn enabled() -> bool {
    TELLING.load(Relaxed)
}

/// From now on the lines are the new process's. (Its memory is a copy: the host's side goes on
/// with its own.)
pub(crate) fn is_container() {
    IN_CONTAINER.store(true, Relaxed);
}

/// Tells one call and why it is made.
pub fn call(step: &Step, call: impl fmt::Display) {
    if enabled() {
        let last = LAST_WHY.lock().map(|mut last| std::mem::replace(&mut *last, step.why));
        if last.is_ok_and(|last| last != step.why) {
            tell(&format!("{} {}", step.why, format!("(book {})", step.section).dimmed()));
        }
        tell(&format!("   {}", call.to_string().bold()));
    }
}

/// Tells what is seen, or what is about to happen.
pub fn note(text: impl fmt::Display) {
    if enabled() {
        tell(&format!("   {}", text.to_string().dimmed()));
    }
}

fn tell(text: &str) {
    let side = match IN_CONTAINER.load(Relaxed) {
        false => "host      │".cyan(),
        true => "container │".yellow(),
    };
    say(format_args!("{side} {text}"));
}

/// One line on standard error, in one write, so that two processes' lines don't mix. Nobody can be
/// told that standard error is gone.
pub fn say(line: impl fmt::Display) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
