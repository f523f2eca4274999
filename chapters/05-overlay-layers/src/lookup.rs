//! How a name is looked up in layers: what overlayfs does, done by hand.
//!
//! From the top down. The first layer that has the name decides what is there. If that is a folder,
//! the folders of that name below it belong to it as well, until one is opaque or is not a folder.
//! A whiteout ends the search: the name is gone.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;
use nix::errno::Errno;
use nix::libc::{S_IFDIR, S_IFMT};
use nix::sys::stat::{FileStat, lstat};
use process::Attempt;

use crate::{texts, whiteout};

/// What layers have at a path.
#[derive(Debug, Default)]
pub struct Found {
    /// What a look from above finds first.
    pub first: Option<FileStat>,
    /// Where that is.
    pub place: Option<PathBuf>,
    /// The folders that are seen there together, the topmost first. None if it is not a folder.
    pub folders: Vec<PathBuf>,
}

impl Found {
    /// The root folder of these layers, the bottom one first.
    #[must_use]
    pub fn root(layers: &[PathBuf]) -> Self {
        Self { first: None, place: None, folders: layers.iter().rev().cloned().collect() }
    }

    /// What there is under a name in this folder.
    ///
    /// # Errors
    ///
    /// When a layer can't be read.
    pub fn at(&self, name: &OsStr) -> Result<Self> {
        let mut found = Self::default();
        for folder in &self.folders {
            let path = folder.join(name);
            let Some(stat) = stat(&path)? else { continue };
            if whiteout::is_whiteout(&stat) || (found.first.is_some() && !is_folder(&stat)) {
                break;
            }
            let goes_on = is_folder(&stat) && !is_opaque(&path)?;
            if found.first.is_none() {
                (found.first, found.place) = (Some(stat), Some(path.clone()));
            }
            if is_folder(&stat) {
                found.folders.push(path);
            }
            if !goes_on {
                break;
            }
        }
        Ok(found)
    }

    /// What there is at a path below this folder. Links are not followed.
    ///
    /// # Errors
    ///
    /// As [`Found::at`].
    pub fn at_path(self, path: &Path) -> Result<Self> {
        path.components().try_fold(self, |found, component| match component {
            Component::Normal(name) => found.at(name),
            _ => Ok(found),
        })
    }

    /// All names in this folder that are not gone.
    ///
    /// # Errors
    ///
    /// As [`Found::at`].
    pub fn names(&self) -> Result<BTreeSet<OsString>> {
        let mut names = BTreeSet::new();
        for folder in &self.folders {
            names.extend(names_in(folder)?);
        }
        let mut there = BTreeSet::new();
        for name in names {
            if self.at(&name)?.first.is_some() {
                there.insert(name);
            }
        }
        Ok(there)
    }
}

pub(crate) fn is_folder(stat: &FileStat) -> bool {
    stat.st_mode & S_IFMT == S_IFDIR
}

pub(crate) fn is_opaque(path: &Path) -> Result<bool> {
    let folder = File::open(path).tried(&texts::DIFF, format_args!("open({path:?})"))?;
    let opaque = whiteout::is_opaque(folder.as_fd());
    opaque.tried(&texts::DIFF, format_args!("fgetxattr({path:?}, \"overlay.opaque\")"))
}

/// What is there, links not followed.
pub(crate) fn stat(path: &Path) -> Result<Option<FileStat>> {
    match lstat(path) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        found => found.map(Some).tried(&texts::DIFF, format_args!("lstat({path:?})")),
    }
}

pub(crate) fn names_in(folder: &Path) -> Result<BTreeSet<OsString>> {
    let call = format!("opendir({folder:?})");
    let entries = fs::read_dir(folder).tried(&texts::DIFF, &call)?;
    entries.map(|entry| Ok(entry.tried(&texts::DIFF, &call)?.file_name())).collect()
}
