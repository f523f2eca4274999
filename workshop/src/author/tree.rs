//! Brings a folder in step with what it has to contain, and loses no edit on the way.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::Starters;
use crate::project::chapters_in;
use crate::texts;

/// A file of chapters/ that is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its path below chapters/.
    pub path: PathBuf,
    /// What is wrong with it.
    pub difference: Difference,
}

/// How a file can be out of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// It is not there.
    Missing,
    /// It has another content.
    Differs,
    /// Nothing in solutions/ makes it.
    Extra,
}

/// What would have to change in `folder`.
///
/// # Errors
///
/// When it can't be read.
pub fn differences(folder: &Path, starters: &Starters) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (path, content) in starters {
        let file = folder.join(path);
        let difference = if !file.exists() {
            Difference::Missing
        } else if fs::read(&file).with_context(|| texts::cannot_read(&file))? != *content {
            Difference::Differs
        } else {
            continue;
        };
        changes.push(Change { path: path.clone(), difference });
    }
    let chapters = if folder.exists() { chapters_in(folder)? } else { Vec::new() };
    for chapter in chapters {
        for file in files(&folder.join(&chapter))? {
            let path = Path::new(&chapter).join(file);
            if !starters.contains_key(&path) {
                changes.push(Change { path, difference: Difference::Extra });
            }
        }
    }
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(changes)
}

/// Every file below `folder`, except those whose name begins with a dot; paths from `folder` on.
///
/// # Errors
///
/// When it can't be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| texts::cannot_read(folder))? {
        let entry = entry.with_context(|| texts::cannot_read(folder))?;
        let name = PathBuf::from(entry.file_name());
        if name.as_os_str().as_bytes().starts_with(b".") {
            continue;
        }
        if entry.path().is_dir() {
            files.extend(self::files(&entry.path())?.iter().map(|file| name.join(file)));
        } else {
            files.push(name);
        }
    }
    files.sort();
    Ok(files)
}

/// Fails if one of the files that would be overwritten or removed was edited: it is neither as in
/// `made`, nor as in git's last commit.
///
/// # Errors
///
/// When there is such a file, or git can't tell.
pub fn refuse_to_lose_edits(folder: &Path, made: &Path, changes: &[Change]) -> Result<()> {
    let endangered: Vec<_> = changes
        .iter()
        .filter(|change| change.difference != Difference::Missing)
        .map(|change| change.path.as_path())
        .filter(|path| !same_content(&folder.join(path), &made.join(path)))
        .collect();
    if endangered.is_empty() {
        return Ok(());
    }
    let mut edited =
        git(folder, &["diff", "--name-only", "--no-renames", "--relative", "-z", "HEAD"])?;
    edited.extend(git(folder, &["ls-files", "--others", "-z"])?);
    let lost: Vec<_> =
        endangered.into_iter().filter(|path| edited.iter().any(|edit| edit == path)).collect();
    if !lost.is_empty() {
        bail!(texts::would_lose_edits(&lost));
    }
    Ok(())
}

fn same_content(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

/// The paths that a git command lists; they begin at `folder`.
fn git(folder: &Path, args: &[&str]) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .current_dir(folder)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .context(texts::NO_GIT)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(texts::git_cannot_tell(said.lines().next().unwrap_or_default()));
    }
    let paths = output.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    Ok(paths.map(|path| OsStr::from_bytes(path).into()).collect())
}

/// Makes the changes.
///
/// # Errors
///
/// When a file can't be written or removed.
pub fn apply(folder: &Path, starters: &Starters, changes: &[Change]) -> Result<()> {
    for change in changes {
        let file = folder.join(&change.path);
        let done = match starters.get(&change.path) {
            Some(content) => write(&file, content),
            None => fs::remove_file(&file).map(|()| remove_empty_folders(&file)),
        };
        done.with_context(|| texts::cannot_write(&file))?;
    }
    Ok(())
}

fn write(file: &Path, content: &[u8]) -> std::io::Result<()> {
    file.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(file, content)
}

/// An empty folder among the chapters would be a crate without Cargo.toml to cargo.
fn remove_empty_folders(file: &Path) {
    for folder in file.ancestors().skip(1) {
        // Refused where there is something in it: then we are done.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}
