//! `coracle run NN -- ARGS`: build the student's program of a chapter, and become it.
//!
//! To become it (`execve(2)`) and not to start it as a child is what lets Ctrl-C, the terminal and
//! the exit status pass without any work of ours: there is one process, and it is the student's.
//!
//! `cargo run` would do all of this, but would leave two dozen variables of its own in the
//! environment, and the first chapter's containers show theirs.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::build;
use crate::project::Project;
use crate::texts;

/// Builds the chapter that `name` means, and becomes its program with these arguments.
///
/// # Errors
///
/// When there is no such chapter, or it does not compile: cargo has then said on standard error
/// why.
pub fn chapter(project: &Project, name: &str, args: &[OsString]) -> Result<Infallible> {
    let program = build::chapter(project, &project.chapter(name)?)?;
    let error = Command::new(&program).args(args).exec();
    Err(error).with_context(|| texts::cannot_execute(&program))
}
