//! The hints: three steps for each exercise, and how many minutes it takes.
//!
//! The words stand in `hints/NN-name.md` beside this file, one file a chapter, and are read when they
//! are asked for: who translates or improves them compiles nothing. The form:
//!
//! ```text
//! ## enter                             the exercise, in the order in which they are best written
//!
//! 10 minutes
//!
//! 1. A nudge: where to think.
//! 2. A pointer: which call, which man page, which function.
//! 3. Nearly: the order of the calls, in words.
//! ```
//!
//! Hints may point, not paste: the lines themselves are what `coracle solve` gives.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::texts;

/// How many steps there are: a nudge, a pointer, nearly the answer.
pub const STEPS: usize = 3;

/// What helps with one exercise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hints {
    /// The exercise's name.
    pub exercise: String,
    /// How long it takes somebody who writes it for the first time.
    pub minutes: u32,
    /// The three steps; each is one line of text, to be wrapped by whoever shows it.
    pub steps: [String; STEPS],
}

/// Where a chapter's hints are, from the project's folder on.
#[must_use]
pub fn file(chapter: &str) -> PathBuf {
    Path::new("workshop/src/lessons/hints").join(format!("{chapter}.md"))
}

/// A chapter's hints; none where there is no such file.
///
/// # Errors
///
/// When the file can't be read, or is not in its form.
pub fn read(root: &Path, chapter: &str) -> Result<Vec<Hints>> {
    let path = root.join(file(chapter));
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&path).with_context(|| texts::cannot_read(&path))?;
    let sections = text.split("\n## ").skip(1);
    sections.map(|section| hints(section).with_context(|| texts::hints_in(&path))).collect()
}

fn hints(section: &str) -> Result<Hints> {
    let (name, rest) = section.split_once('\n').unwrap_or((section, ""));
    let name = name.trim();
    let mut minutes = None;
    let mut steps: Vec<String> = Vec::new();
    for line in rest.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let next = format!("{}. ", steps.len() + 1);
        if let Some(step) = line.strip_prefix(&next) {
            steps.push(step.into());
        } else if let Some(step) = steps.last_mut() {
            step.push(' ');
            step.push_str(line);
        } else if let (None, Some(number)) = (minutes, line.strip_suffix(" minutes")) {
            minutes = number.parse().ok();
        } else {
            bail!(texts::stray_line(name, line));
        }
    }
    let Ok(steps) = steps.try_into() else { bail!(texts::three_steps(name)) };
    let minutes = minutes.with_context(|| texts::minutes_missing(name))?;
    Ok(Hints { exercise: name.into(), minutes, steps })
}
