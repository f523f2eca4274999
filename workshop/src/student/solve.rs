//! `coracle solve`, `reset` and `restore`: other lines in the student's files, and no line lost.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::exercise::Desk;
use super::files::{self, Files};
use super::kept::{self, Copy};
use super::{progress, region, texts};
use crate::project::Project;
use crate::texts::{STANDARD_OUTPUT, print};

/// What the student's lines are replaced by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The finished lines.
    Solution,
    /// The open exercise.
    Starter,
}

/// Replaces a chapter, or the lines of one exercise.
///
/// # Errors
///
/// When there is no such chapter or exercise, its lines can't be told for certain, or a file can't be
/// written. Standard output may be closed: the work is done then.
pub fn replace(project: &Project, name: &str, exercise: Option<&str>, by: By) -> Result<()> {
    let chapter = project.chapter(name)?;
    let kept = put(project, &chapter, exercise, by)?;
    print(texts::replaced(&chapter, exercise, by, kept.as_ref())).context(STANDARD_OUTPUT)
}

/// As [`replace`], and says nothing; the copy of what was there, if it was something else.
pub(super) fn put(
    project: &Project,
    chapter: &str,
    exercise: Option<&str>,
    by: By,
) -> Result<Option<Copy>> {
    let _lock = progress::lock(project)?;
    let desk = Desk::read(project, chapter)?;
    let made = match by {
        By::Solution => &desk.made.finished,
        By::Starter => &desk.made.starter,
    };
    let new = match exercise {
        None => made.clone(),
        Some(exercise) => with_lines_of(&desk, made, exercise)?,
    };
    turn(project, &desk.chapter, &desk.folder, &desk.files, &new)
}

/// The student's files with one exercise's lines as they are in `made`.
fn with_lines_of(desk: &Desk, made: &Files, exercise: &str) -> Result<Files> {
    let Some((file, _)) = desk.made.exercises.iter().find(|(_, other)| other.name == exercise)
    else {
        bail!(texts::not_in_chapter(exercise, &desk.chapter, &desk.exercises));
    };
    let unclear = || anyhow!(texts::lines_unclear(exercise, &desk.chapter, file));
    let text =
        |files: &Files| files.get(file).cloned().and_then(|text| String::from_utf8(text).ok());
    let (own, made) = text(&desk.files).zip(text(made)).ok_or_else(unclear)?;
    let own_lines = region::find(&own, exercise).ok_or_else(unclear)?;
    let made_lines = region::find(&made, exercise).ok_or_else(unclear)?;
    let changed = region::replaced(&own, &own_lines, &region::lines(&made, made_lines));
    let mut new = desk.files.clone();
    new.insert(file.clone(), changed.into_bytes());
    Ok(new)
}

/// Brings back a copy: the latest one, or the one whose name is given. What is there now is kept
/// before, so a second `restore` takes the first one back.
///
/// # Errors
///
/// When there is no such copy, or a file can't be written.
pub fn restore(project: &Project, name: &str, copy: Option<&str>) -> Result<()> {
    let chapter = project.chapter(name)?;
    let folder = project.root().join("chapters").join(&chapter);
    let lock = progress::lock(project)?;
    let copies = kept::copies(&kept_in(project, &chapter))?;
    let (copy, files) =
        kept::find(&copies, copy).with_context(|| texts::cannot_restore(&chapter))?;
    let now = files::read(&folder)?;
    let kept = turn(project, &chapter, &folder, &now, &files)?;
    drop(lock);
    print(texts::restored(&chapter, &copy, kept.as_ref(), &copies)).context(STANDARD_OUTPUT)
}

fn turn(
    project: &Project,
    chapter: &str,
    folder: &Path,
    old: &Files,
    new: &Files,
) -> Result<Option<Copy>> {
    if old == new {
        return Ok(None);
    }
    let copy = kept::keep(&kept_in(project, chapter), old)?;
    files::turn(folder, old, new).with_context(|| texts::turned_in_part(chapter, &copy))?;
    Ok(Some(copy))
}

fn kept_in(project: &Project, chapter: &str) -> std::path::PathBuf {
    progress::folder(project).join("kept").join(chapter)
}
