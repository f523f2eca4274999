//! A file is written whole or not at all.
//!
//! The new content goes into a file beside the old one and is brought to the disk (`fsync(2)`);
//! `rename(2)` then puts it in the old one's place in one step. Whoever reads sees the old content
//! or the new one, also when the power fails in between. What a killed run left is one file whose
//! name begins with a dot, and the next write of the same file takes its place.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::texts;

/// Writes a file, and the folders above it that are missing.
///
/// It keeps the mode and the owner of the file that it replaces. A new one belongs to whom its
/// folder belongs to: who calls the workshop with `sudo` once wants to edit his files afterwards.
///
/// # Errors
///
/// When the disk is full, the folder is not to be written to, …: the old content is as it was.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let beside = beside(path);
    let written = write_beside(path, &beside, content);
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.with_context(|| texts::cannot_write(path))
}

fn write_beside(path: &Path, beside: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    // Anew: one that a run as root left behind could not be opened for writing.
    let _ = fs::remove_file(beside);
    let mut file = File::create_new(beside)?;
    file.write_all(content)?;
    match fs::metadata(path) {
        Ok(old) => {
            file.set_permissions(old.permissions())?;
            give(beside, &old);
        }
        Err(_) => give_as_above(beside),
    }
    file.sync_all()?;
    fs::rename(beside, path)
}

/// Makes a folder and those above it that are missing; each belongs to whom the one above belongs.
///
/// # Errors
///
/// As `mkdir(2)`.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make_folder(above)?;
    }
    fs::create_dir(folder)?;
    give_as_above(folder);
    Ok(())
}

/// `.NAME.coracle`, in the same folder: a rename does not lead from one file system to another.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".coracle");
    path.with_file_name(name)
}

/// Gives a new file to whom its folder belongs to.
pub(super) fn give_as_above(path: &Path) {
    if let Some(above) = path.parent().and_then(|folder| fs::metadata(folder).ok()) {
        give(path, &above);
    }
}

/// Only root can give files away; for anybody else they have the right owner already.
fn give(path: &Path, like: &Metadata) {
    let _ = chown(path, Some(like.uid()), Some(like.gid()));
}
