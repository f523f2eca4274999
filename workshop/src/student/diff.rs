//! `coracle diff`: what is different between the student's chapter and the finished one.
//!
//! Made here, by the crate `similar`, and not by `diff -u` or git: it reads the same on every
//! machine, and the finished side bears the student's names, so that only real differences show.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use colored::Colorize;
use similar::{ChangeTag, TextDiff};

use super::exercise::Desk;
use super::texts;
use crate::project::Project;
use crate::texts::{STANDARD_OUTPUT, print};

/// How many lines around a difference are shown.
const CONTEXT: usize = 3;

/// Shows it: `-` is the student's line, `+` the finished one.
///
/// # Errors
///
/// When there is no such chapter, or standard output is closed.
pub fn diff(project: &Project, name: &str) -> Result<()> {
    let chapter = project.chapter(name)?;
    let desk = Desk::read(project, &chapter)?;
    let finished = &desk.made.finished;
    let paths: BTreeSet<_> = desk.files.keys().chain(finished.keys()).collect();
    let mut shown = String::new();
    for path in paths {
        let side = |files: &super::files::Files| {
            files.get(path).map(|content| String::from_utf8_lossy(content).into_owned())
        };
        let (own, finished) = (side(&desk.files), side(finished));
        if own != finished {
            let there = |there: bool, folder: &str| match there {
                true => format!("{folder}/{chapter}/{}", path.display()),
                false => "/dev/null".into(),
            };
            let _ =
                writeln!(shown, "{}", format!("--- {}", there(own.is_some(), "chapters")).bold());
            let other = there(finished.is_some(), "solutions");
            let _ = writeln!(shown, "{}", format!("+++ {other}").bold());
            shown += &unified(&own.unwrap_or_default(), &finished.unwrap_or_default());
        }
    }
    if shown.is_empty() {
        shown = texts::no_difference(&chapter);
    }
    print(shown.trim_end()).context(STANDARD_OUTPUT)
}

/// The differences of one file, in the form of `diff -u`.
fn unified(own: &str, finished: &str) -> String {
    let diff = TextDiff::from_lines(own, finished);
    let mut shown = String::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        let _ = writeln!(shown, "{}", hunk.header().to_string().cyan());
        for change in hunk.iter_changes() {
            let line = change.to_string_lossy();
            let line = line.trim_end_matches(['\n', '\r']);
            let _ = match change.tag() {
                ChangeTag::Delete => writeln!(shown, "{}", format!("-{line}").red()),
                ChangeTag::Insert => writeln!(shown, "{}", format!("+{line}").green()),
                ChangeTag::Equal => writeln!(shown, " {line}"),
            };
        }
    }
    shown
}
