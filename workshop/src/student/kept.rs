//! Nothing is overwritten without a copy.
//!
//! Before `solve`, `reset` and `restore` touch a chapter they keep it as it is, whole, in
//! `.coracle/kept/NN-name/DATE-TIME/`. The copy is made under another name and then renamed, so that
//! one which is there is complete. Nobody removes copies: a chapter is some 100 kB.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use super::files::{self, Files};
use super::{texts, whole};

/// A copy of a chapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The name of its folder: when it was made, in UTC.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
}

/// Where a copy is made. Its name begins with a dot: no copy.
const UNFINISHED: &str = ".unfinished";

/// Keeps a chapter's files. To be called with the lock held.
///
/// # Errors
///
/// When the disk is full, or the project's folder is not to be written to.
pub(super) fn keep(kept: &Path, files: &Files) -> Result<Copy> {
    let unfinished = kept.join(UNFINISHED);
    // What a killed run left.
    let _ = fs::remove_dir_all(&unfinished);
    let made = make(kept, &unfinished, files);
    if made.is_err() {
        let _ = fs::remove_dir_all(&unfinished);
    }
    made.with_context(|| texts::cannot_keep(kept))
}

fn make(kept: &Path, unfinished: &Path, files: &Files) -> Result<Copy> {
    whole::make_folder(unfinished)?;
    for (path, content) in files {
        whole::write(&unfinished.join(path), content)?;
    }
    let name = free_name(kept);
    let path = kept.join(&name);
    fs::rename(unfinished, &path)?;
    // The rename as well is to survive a power failure.
    fs::File::open(kept)?.sync_all()?;
    Ok(Copy { name, path })
}

/// Now, in a form that sorts by time and that every file system takes.
fn free_name(kept: &Path) -> String {
    let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let now = now.replace(':', "-");
    let numbered = (2..).map(|number| format!("{now}-{number}"));
    let mut names = [now.clone()].into_iter().chain(numbered);
    names.find(|name| !kept.join(name).exists()).unwrap_or(now)
}

/// A chapter's copies, the latest first.
///
/// # Errors
///
/// When the folder can't be read.
pub(super) fn copies(kept: &Path) -> Result<Vec<Copy>> {
    if !kept.exists() {
        return Ok(Vec::new());
    }
    let mut copies = Vec::new();
    for entry in fs::read_dir(kept).with_context(|| texts::cannot_read(kept))? {
        let entry = entry.with_context(|| texts::cannot_read(kept))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && entry.path().is_dir() {
            copies.push(Copy { name, path: entry.path() });
        }
    }
    copies.sort_by(|one, other| other.name.cmp(&one.name));
    Ok(copies)
}

/// The files of the copy that is meant by the beginning of its name; of the latest one if none is
/// named.
///
/// # Errors
///
/// When there is no such copy, or more than one.
pub(super) fn find(copies: &[Copy], name: Option<&str>) -> Result<(Copy, Files)> {
    let meant: Vec<_> = match name {
        None => copies.iter().take(1).collect(),
        Some(name) => copies.iter().filter(|copy| copy.name.starts_with(name)).collect(),
    };
    match (&meant[..], name) {
        ([copy], _) => Ok(((*copy).clone(), files::read(&copy.path)?)),
        (_, None) => bail!(texts::NOTHING_KEPT),
        ([], Some(name)) => bail!(texts::no_such_copy(name, copies)),
        (several, Some(name)) => bail!(texts::several_copies(name, several)),
    }
}
