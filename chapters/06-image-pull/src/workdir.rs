//! The folder that the command begins in.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use nix::unistd::chdir;
use process::{Attempt, Mechanism};

use crate::texts::run as texts;

/// The folder that the command begins in. After the root in the list, and before the user: to make
/// it if it is not there takes root.
#[derive(Debug)]
pub struct WorkDir(PathBuf);

impl WorkDir {
    /// The folder that the user has chosen, or the image's, or `/`.
    ///
    /// # Errors
    ///
    /// When the user's does not begin with `/`.
    pub fn new(chosen: Option<&Path>, of_image: &str) -> Result<Self> {
        if let Some(chosen) = chosen {
            ensure!(chosen.is_absolute(), texts::relative_workdir(chosen));
        }
        // An image's is meant from the root on, whatever it looks like.
        Ok(Self(chosen.map_or_else(|| Path::new("/").join(of_image), Into::into)))
    }
}

impl Mechanism for WorkDir {
    fn enter(&mut self) -> Result<()> {
        let folder = &self.0;
        if !folder.exists() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(folder)
                .step(&texts::WORKDIR, format_args!("mkdir({folder:?})"))?;
        }
        chdir(folder).step(&texts::WORKDIR, format_args!("chdir({folder:?})"))
    }
}
