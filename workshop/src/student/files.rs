//! A chapter's files, as they are in a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image_pull::digest::Hasher;

use super::{texts, whole};
use crate::author::tree;

/// Each file's path below the chapter's folder, and its content: the manifest and all of `src/`.
/// What else may lie there (notes, tests of one's own) is none of our business.
pub(super) type Files = BTreeMap<PathBuf, Vec<u8>>;

const MANIFEST: &str = "Cargo.toml";
const SOURCE: &str = "src";

/// Reads a chapter.
///
/// # Errors
///
/// When a file can't be read.
pub(super) fn read(chapter: &Path) -> Result<Files> {
    let mut paths = Vec::new();
    if chapter.join(MANIFEST).exists() {
        paths.push(PathBuf::from(MANIFEST));
    }
    if chapter.join(SOURCE).exists() {
        let sources = tree::files(&chapter.join(SOURCE))?;
        paths.extend(sources.iter().map(|file| Path::new(SOURCE).join(file)));
    }
    let mut files = Files::new();
    for path in paths {
        let file = chapter.join(&path);
        let content = fs::read(&file).with_context(|| texts::cannot_read(&file))?;
        files.insert(path, content);
    }
    Ok(files)
}

/// Turns the chapter from `old` into `new`. Only files that differ are touched, so that cargo has
/// nothing else to build again.
///
/// # Errors
///
/// When a file can't be written or removed; or is no longer as in `old`: somebody saved it this
/// very moment, and there is no copy of that.
pub(super) fn turn(chapter: &Path, old: &Files, new: &Files) -> Result<()> {
    for (path, content) in new {
        if old.get(path) != Some(content) {
            unchanged(chapter, path, old)?;
            whole::write(&chapter.join(path), content)?;
        }
    }
    for path in old.keys().filter(|path| !new.contains_key(*path)) {
        unchanged(chapter, path, old)?;
        let file = chapter.join(path);
        fs::remove_file(&file).with_context(|| texts::cannot_remove(&file))?;
        remove_empty_folders(chapter, path);
    }
    Ok(())
}

fn unchanged(chapter: &Path, path: &Path, old: &Files) -> Result<()> {
    let file = chapter.join(path);
    anyhow::ensure!(fs::read(&file).ok().as_ref() == old.get(path), texts::saved_meanwhile(&file));
    Ok(())
}

/// Those that a file of ours was the last one in.
fn remove_empty_folders(chapter: &Path, path: &Path) {
    let inside = path.ancestors().skip(1).take_while(|folder| *folder != Path::new(SOURCE));
    for folder in inside.filter(|folder| !folder.as_os_str().is_empty()) {
        if fs::remove_dir(chapter.join(folder)).is_err() {
            break;
        }
    }
}

/// What tells one content of a chapter from another.
pub(super) fn digest(files: &Files) -> String {
    let mut hasher = Hasher::new();
    for (path, content) in files {
        let path = path.as_os_str().as_encoded_bytes();
        // With their lengths: otherwise two files could look like one.
        for part in [path, content] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finish().to_string()
}
