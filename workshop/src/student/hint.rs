//! `coracle hint`: one step at a time.

use anyhow::{Context, Result, anyhow, bail};

use super::exercise::Exercise;
use super::progress;
use super::standing::{self, Standing};
use super::texts;
use crate::lessons::hints::{Hints, STEPS};
use crate::project::Project;
use crate::texts::{STANDARD_OUTPUT, print};

/// Shows the next hint for the exercise of that name; without a name, for the one that fails or is
/// open. Remembers that it was shown.
///
/// # Errors
///
/// When there is no such chapter or exercise, it has no hints, or standard output is closed.
pub fn hint(project: &Project, chapter: Option<&str>, exercise: Option<&str>) -> Result<()> {
    let chapter = standing::chapter_or_current(project, chapter)?;
    let standing = Standing::of(project, &chapter)?;
    let Some(exercise) = chosen(&standing, exercise)? else {
        return print(texts::nothing_left(&standing)).context(STANDARD_OUTPUT);
    };
    let (hints, step) = next(project, &chapter, exercise)?;
    print(texts::hint(&chapter, exercise, hints, step)).context(STANDARD_OUTPUT)
}

fn chosen<'a>(standing: &'a Standing, name: Option<&str>) -> Result<Option<&'a Exercise>> {
    let Some(name) = name else { return Ok(standing.next()) };
    let mut exercises = standing.exercises.iter().map(|(exercise, _)| exercise);
    let found = exercises.find(|exercise| exercise.name == name);
    found.map(Some).ok_or_else(|| anyhow!(texts::no_such_exercise(name, standing)))
}

/// The exercise's hints, and how many of them may be shown now: one more than before. Remembers it.
///
/// # Errors
///
/// When it has none.
pub(super) fn next<'a>(
    project: &Project,
    chapter: &str,
    exercise: &'a Exercise,
) -> Result<(&'a Hints, usize)> {
    let Some(hints) = &exercise.hints else { bail!(texts::no_hints(&exercise.name)) };
    let progress = progress::load(project);
    let seen = progress.chapters.get(chapter).and_then(|chapter| chapter.hints.get(&exercise.name));
    let step = (seen.copied().unwrap_or(0) + 1).min(STEPS);
    let remembered = progress::update(project, |progress| {
        let chapter = progress.chapters.entry(chapter.into()).or_default();
        chapter.hints.insert(exercise.name.clone(), step);
    });
    // Who can't remember still gives a hint; it is the same one each time.
    if let Err(error) = remembered {
        texts::warn(texts::not_remembered(&error));
    }
    Ok((hints, step))
}
