//! The exercises of a chapter, as they stand in the student's files.

use std::path::PathBuf;

use anyhow::Result;

use super::files::{self, Files};
use super::region;
use crate::author::{self, Chapter};
use crate::lessons::hints::{self, Hints};
use crate::project::Project;

/// Something for the student to write.
#[derive(Debug, Clone)]
pub struct Exercise {
    /// Its name.
    pub name: String,
    /// What it is about, in a few words.
    pub title: String,
    /// What is to be done, as the comment above it says.
    pub task: String,
    /// Its file, from the project's folder on.
    pub file: PathBuf,
    /// Its line in it, from 1.
    pub line: usize,
    /// Whether its `todo!` is still there.
    pub open: bool,
    /// What helps with it; `None` if its author has not written that yet.
    pub hints: Option<Hints>,
}

/// A chapter as the student has it, beside what it was made from.
pub(super) struct Desk {
    /// `02-pid-namespace`.
    pub(super) chapter: String,
    /// Its folder.
    pub(super) folder: PathBuf,
    /// The student's files.
    pub(super) files: Files,
    /// What solutions/ makes of it.
    pub(super) made: Chapter,
    /// In the order in which they are best written.
    pub(super) exercises: Vec<Exercise>,
}

impl Desk {
    /// Reads a chapter.
    ///
    /// # Errors
    ///
    /// When it can't be read.
    pub(super) fn read(project: &Project, chapter: &str) -> Result<Self> {
        let folder = project.root().join("chapters").join(chapter);
        let files = files::read(&folder)?;
        let made = author::chapter(project.root(), chapter)?;
        let hints = hints::read(project.root(), chapter)?;
        let mut exercises: Vec<_> = made
            .exercises
            .iter()
            .map(|(file, exercise)| {
                let hints = hints.iter().find(|hints| hints.exercise == exercise.name).cloned();
                found(chapter, &files, file, exercise, hints)
            })
            .collect();
        // The hints' order is the lesson's; that of the files is the alphabet's.
        let place = |name: &str| hints.iter().position(|hints| hints.exercise == name);
        exercises.sort_by_key(|exercise| place(&exercise.name).unwrap_or(usize::MAX));
        Ok(Self { chapter: chapter.into(), folder, files, made, exercises })
    }

    /// Whether the student's files are the finished ones.
    pub(super) fn is_finished(&self) -> bool {
        self.files == self.made.finished
    }
}

fn found(
    chapter: &str,
    files: &Files,
    file: &PathBuf,
    made: &author::region::Exercise,
    hints: Option<Hints>,
) -> Exercise {
    let text = files.get(file).map(|content| String::from_utf8_lossy(content));
    let text = text.unwrap_or_default();
    let lines = region::find(&text, &made.name);
    let todo = region::open_line(&text, &made.name);
    let open = match &lines {
        Some(lines) => region::is_open(&region::lines(&text, lines.clone())),
        None => todo.is_some(),
    };
    let task = lines.clone().map(|lines| region::task(&text, lines)).unwrap_or_default();
    // The title's line, where one begins to read.
    let line = lines.map(|lines| lines.start + 2).or(todo.map(|line| line + 1)).unwrap_or(1);
    Exercise {
        name: made.name.clone(),
        title: made.title.clone(),
        task,
        file: PathBuf::from("chapters").join(chapter).join(file),
        line,
        open,
        hints,
    }
}
