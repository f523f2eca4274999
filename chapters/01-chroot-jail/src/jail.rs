//! The jail: another root folder for the process.
//!
//! `chroot(2)` changes where the calling process, and every child of it from then on, begins to
//! look up a path that starts with `/`. `..` in that folder leads to the folder itself. That is all
//! it does: the man page says that it "is not intended to be used for any kind of security
//! purpose". It does not even change the working directory, so whoever stood outside still does,
//! and `..` leads from there wherever it likes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use nix::unistd::{chdir, chroot};
use process::{Attempt, Mechanism};

use crate::texts;

/// A root folder of the process's own.
#[derive(Debug)]
pub struct Jail {
    root: PathBuf,
}

impl Jail {
    /// The jail in the folder `root`.
    ///
    /// # Errors
    ///
    /// When `root` is not there, is no folder, may not be read, or is empty.
    pub fn new(root: &Path) -> Result<Self> {
        check(root)?;
        Ok(Self { root: root.into() })
    }
}

impl Mechanism for Jail {
    fn enter(&mut self) -> Result<()> {
        // ANCHOR: enter
        // EXERCISE enter: step into the jail
        //   Two calls: make `self.root` the root folder of this process (`chroot`), then stand
        //   inside it (`chdir`). `chroot` moves your root, not your feet. Behind each, for
        //   `--explain` and for the sentence when it fails:
        //   `.step(&texts::CHROOT, format_args!("chroot({:?})", self.root))` and
        //   `.step(&texts::CHDIR, "chdir(\"/\")")`.
        todo!("enter: step into the jail")
        // ANCHOR_END: enter
    }
}

/// Whether `root` can be a container's root folder: a folder with something in it.
///
/// # Errors
///
/// One sentence that says what is wrong with it and what to do.
pub fn check(root: &Path) -> Result<()> {
    let mut entries = fs::read_dir(root).tried(&texts::ROOT, format_args!("opendir({root:?})"))?;
    match entries.next() {
        Some(entry) => {
            entry.tried(&texts::ROOT, format_args!("getdents64({root:?})"))?;
            Ok(())
        }
        None => bail!(texts::empty_root(root)),
    }
}
