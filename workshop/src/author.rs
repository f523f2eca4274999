//! `coracle author starters`: makes chapters/ from solutions/, or tells where they differ.
//!
//! solutions/ is the only source. A chapter is the same crate with every exercise's lines replaced
//! by a `todo!`, under another name, so that `diff -ru chapters/X/src solutions/X/src` shows the
//! exercises and little else. [`region`] does it to a source file, [`manifest`] to a Cargo.toml,
//! [`tree`] brings the folder in step.
//!
//! Every exercise has its hints ([`crate::lessons::hints`]), and every hint its exercise.
//!
//! # What is left out
//!
//! Files whose name begins with a dot (an editor's own), and what stands in chapters/ outside of
//! the chapters: its README is written by hand.

pub mod manifest;
mod names;
pub mod region;
pub mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::lessons::hints;
use crate::project::chapters_in;
use crate::texts;
use region::{Exercise, Fault};
pub use tree::{Change, Difference};

/// What chapters/ has to contain: each file's path below it, and its content.
pub type Starters = BTreeMap<PathBuf, Vec<u8>>;

/// What would have to change in the project's chapters/; nothing is written.
///
/// # Errors
///
/// When solutions/ can't be read, or its exercise regions are wrong: all of them are told.
pub fn differences(root: &Path) -> Result<Vec<Change>> {
    tree::differences(&root.join("chapters"), &starters(&root.join("solutions"))?)
}

/// The exercises of solutions/ that have no hints, and the hints that are for no exercise: a sentence
/// each.
///
/// # Errors
///
/// As [`differences`]; and when hints are not in the form that they have to be.
pub fn hints_out_of_step(root: &Path) -> Result<Vec<String>> {
    let mut sentences = Vec::new();
    for chapter in chapters_in(&root.join("solutions"))? {
        let (_, exercises, _) = sources(&root.join("solutions").join(&chapter))?;
        let hints = hints::read(root, &chapter)?;
        let file = hints::file(&chapter);
        for (_, exercise) in &exercises {
            if !hints.iter().any(|hint| hint.exercise == exercise.name) {
                sentences.push(texts::exercise_without_hints(&exercise.name, &file));
            }
        }
        for hint in &hints {
            if !exercises.iter().any(|(_, exercise)| exercise.name == hint.exercise) {
                sentences.push(texts::hints_without_exercise(&hint.exercise, &file));
            }
        }
    }
    Ok(sentences)
}

/// Brings the project's chapters/ in step with its solutions/; what has changed.
///
/// Files that are right already are not touched, so that cargo has nothing to build again.
///
/// # Errors
///
/// As [`differences`]; and when an edit that git does not have would be lost. Nothing is written
/// then.
pub fn make_starters(root: &Path) -> Result<Vec<Change>> {
    let starters = starters(&root.join("solutions"))?;
    let folder = root.join("chapters");
    // What was made the last time: no edit of anybody's, though git may not have it yet.
    let made = root.join("target/starters");
    let changes = tree::differences(&folder, &starters)?;
    tree::refuse_to_lose_edits(&folder, &made, &changes)?;
    tree::apply(&folder, &starters, &changes)?;
    tree::apply(&made, &starters, &tree::differences(&made, &starters)?)?;
    Ok(changes)
}

/// Every chapter, as a student finds it.
fn starters(solutions: &Path) -> Result<Starters> {
    let mut starters = Starters::new();
    let mut faults = Vec::new();
    for chapter in chapters_in(solutions)? {
        let (files, _, wrong) = starter(&solutions.join(&chapter))?;
        let files = files.into_iter();
        starters.extend(files.map(|(file, text)| (Path::new(&chapter).join(file), text)));
        faults.extend(told(&chapter, wrong));
    }
    if !faults.is_empty() {
        bail!(texts::faults(&faults));
    }
    Ok(starters)
}

/// One chapter's files in both of its forms, under the student's names; paths begin at its folder.
pub struct Chapter {
    /// With every exercise open.
    pub starter: Starters,
    /// With every exercise written: as a student's chapter looks in the end.
    pub finished: Starters,
    /// The exercises, each with its file.
    pub exercises: Vec<(PathBuf, Exercise)>,
}

/// A chapter as solutions/ has it.
///
/// # Errors
///
/// As [`differences`].
pub fn chapter(root: &Path, chapter: &str) -> Result<Chapter> {
    let folder = root.join("solutions").join(chapter);
    let (starter, exercises, wrong) = starter(&folder)?;
    if !wrong.is_empty() {
        bail!(texts::faults(&told(chapter, wrong)));
    }
    let mut finished = starter.clone();
    for (file, content) in &mut finished {
        if file.extension().is_some_and(|extension| extension == "rs") {
            *content = names::renamed(&read_text(&folder.join(file))?).into_bytes();
        }
    }
    Ok(Chapter { starter, finished, exercises })
}

fn told(chapter: &str, wrong: Faults) -> Vec<String> {
    let told = wrong.into_iter().map(|(file, fault)| {
        let file = Path::new("solutions").join(chapter).join(file);
        texts::fault_at(&file, fault.line, &fault.sentence)
    });
    told.collect()
}

/// One chapter, as a student finds it; its exercises; and what is wrong in it.
fn starter(folder: &Path) -> Result<(Starters, Exercises, Faults)> {
    let (mut files, exercises, faults) = sources(folder)?;
    let cargo = manifest::starter(&read_text(&folder.join("Cargo.toml"))?);
    files.insert("Cargo.toml".into(), cargo.into_bytes());
    Ok((files, exercises, faults))
}

type Faults = Vec<(PathBuf, Fault)>;
type Exercises = Vec<(PathBuf, Exercise)>;

/// One chapter's `src/`, its exercises, and what is wrong in it.
fn sources(chapter: &Path) -> Result<(Starters, Exercises, Faults)> {
    let (mut sources, mut faults) = (Starters::new(), Faults::new());
    let mut exercises = Exercises::new();
    for file in tree::files(&chapter.join("src"))? {
        let (file, path) = (Path::new("src").join(&file), chapter.join("src").join(&file));
        if path.extension().is_none_or(|extension| extension != "rs") {
            let content = fs::read(&path).with_context(|| texts::cannot_read(&path))?;
            sources.insert(file, content);
            continue;
        }
        let starter = region::starter(&read_text(&path)?);
        faults.extend(starter.faults.into_iter().map(|fault| (file.clone(), fault)));
        for exercise in starter.exercises {
            let same_name = exercises.iter().find(|(_, other)| other.name == exercise.name);
            if let Some((first, other)) = same_name {
                let sentence = texts::duplicated_exercise(&exercise.name, first, other.line);
                faults.push((file.clone(), Fault { line: exercise.line, sentence }));
            }
            exercises.push((file.clone(), exercise));
        }
        sources.insert(file, starter.text.into_bytes());
    }
    Ok((sources, exercises, faults))
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| texts::cannot_read(path))
}
