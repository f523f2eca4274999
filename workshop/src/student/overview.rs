//! Bare `coracle`, `coracle list`, `coracle next`: where one is, and what comes next.

use anyhow::{Context, Result};

use super::{standing, texts};
use crate::project::Project;
use crate::texts::{STANDARD_OUTPUT, print};

/// Where am I, what is next, how long does it take.
///
/// # Errors
///
/// When a chapter can't be read, or standard output is closed.
pub fn here(project: &Project) -> Result<()> {
    print(texts::here(&standing::all(project)?)).context(STANDARD_OUTPUT)
}

/// All chapters and their exercises.
///
/// # Errors
///
/// As [`here`].
pub fn list(project: &Project) -> Result<()> {
    print(texts::list(&standing::all(project)?)).context(STANDARD_OUTPUT)
}

/// The next exercise: which file to open in which line, and what is to be written there.
///
/// # Errors
///
/// As [`here`].
pub fn next(project: &Project) -> Result<()> {
    print(texts::next(&standing::all(project)?)).context(STANDARD_OUTPUT)
}
