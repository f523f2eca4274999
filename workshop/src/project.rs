//! Where the workshop's folder is, and which chapters it has.
//!
//! The command may be called from any folder of the project, from a second copy of it, or from
//! somewhere else. So the folder that one stands in comes first, then each one above it, then those
//! above this program (which is in `target/` of a copy), and last the folder that it was built in,
//! for those who build elsewhere (`CARGO_TARGET_DIR`).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use crate::texts;

/// A copy of the workshop.
#[derive(Debug)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// The copy that one stands in, or else the one that this program is in or was built in.
    ///
    /// # Errors
    ///
    /// When there is neither.
    pub fn find() -> Result<Self> {
        let here = env::current_dir().context(texts::CURRENT_FOLDER)?;
        let program = env::current_exe().unwrap_or_default();
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let mut candidates = here.ancestors().chain(program.ancestors()).chain(built);
        let root = candidates.find(|folder| is_project(folder)).context(texts::NO_PROJECT)?;
        Ok(Self::at(root))
    }

    /// The copy in this folder.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.into() }
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The chapters that a student can work on, `00-process` first.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub fn chapters(&self) -> Result<Vec<String>> {
        let folder = self.root.join("chapters");
        let chapters = if folder.exists() { chapters_in(&folder)? } else { Vec::new() };
        if chapters.is_empty() {
            bail!(texts::no_chapters(&folder));
        }
        Ok(chapters)
    }

    /// The chapter that somebody means by `2`, `02` or `02-pid-namespace`.
    ///
    /// # Errors
    ///
    /// When there is no such chapter.
    pub fn chapter(&self, name: &str) -> Result<String> {
        let chapters = self.chapters()?;
        let number = name.parse::<u8>();
        let meant = |chapter: &&String| {
            *chapter == name || number.is_ok() && chapter[..2].parse::<u8>() == number
        };
        let found = chapters.iter().find(meant).cloned();
        found.ok_or_else(|| anyhow!(texts::unknown_chapter(name, &chapters)))
    }
}

/// Other projects have a folder `solutions` as well; a `00-process` in it only this one.
fn is_project(folder: &Path) -> bool {
    let has = |name| folder.join(name).join("00-process").is_dir();
    folder.join("Cargo.toml").is_file() && (has("chapters") || has("solutions"))
}

/// The folders in `folder` that are called like a chapter, `NN-name`, in their order.
///
/// # Errors
///
/// When `folder` can't be read.
pub fn chapters_in(folder: &Path) -> Result<Vec<String>> {
    let cannot_read = || texts::cannot_read(folder);
    let mut chapters = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot_read)? {
        let entry = entry.with_context(cannot_read)?;
        let name = entry.file_name().into_string().unwrap_or_default();
        let called_so = matches!(name.as_bytes(), [a, b, b'-', _, ..] if a.is_ascii_digit() && b.is_ascii_digit());
        if called_so && entry.path().is_dir() {
            chapters.push(name);
        }
    }
    chapters.sort();
    Ok(chapters)
}
