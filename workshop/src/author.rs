//! `coracle author starters`: makes chapters/ from solutions/, or tells where they differ.
//!
//! solutions/ is the only source. A chapter is the same crate with every exercise's lines replaced
//! by a `todo!`, under another name, so that `diff -ru chapters/X/src solutions/X/src` shows the
//! exercises and little else. [`region`] does it to a source file, [`manifest`] to a Cargo.toml,
//! [`tree`] brings the folder in step.
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

use crate::project::chapters_in;
use crate::texts;
use region::Fault;
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
        let folder = solutions.join(&chapter);
        let cargo = manifest::starter(&read_text(&folder.join("Cargo.toml"))?);
        starters.insert(Path::new(&chapter).join("Cargo.toml"), cargo.into_bytes());
        let (sources, wrong) = sources(&folder)?;
        faults.extend(wrong.into_iter().map(|(file, fault)| {
            let file = Path::new("solutions").join(&chapter).join(file);
            texts::fault_at(&file, fault.line, &fault.sentence)
        }));
        let sources = sources.into_iter();
        starters.extend(sources.map(|(file, text)| (Path::new(&chapter).join(file), text)));
    }
    if !faults.is_empty() {
        bail!(texts::faults(&faults));
    }
    Ok(starters)
}

type Faults = Vec<(PathBuf, Fault)>;

/// One chapter's `src/`, and what is wrong in it.
fn sources(chapter: &Path) -> Result<(Starters, Faults)> {
    let (mut sources, mut faults) = (Starters::new(), Faults::new());
    let mut names = BTreeMap::new();
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
            let place = (file.clone(), exercise.line);
            if let Some((first, line)) = names.insert(exercise.name.clone(), place) {
                let sentence = texts::duplicated_exercise(&exercise.name, &first, line);
                faults.push((file.clone(), Fault { line: exercise.line, sentence }));
            }
        }
        sources.insert(file, starter.text.into_bytes());
    }
    Ok((sources, faults))
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| texts::cannot_read(path))
}
