//! The folder that the command begins in.
//!
//! An image names it, and an image may mean harm. When we go there some folders of the host's are
//! still open in this process, and `/proc/self/fd/7` is a link to one of them, which the kernel
//! follows without looking at any path (`proc_pid_fd(5)`, a *magic link*). A command that begins
//! outside of its root walks on from there with `..`. That was a hole in runc until 2024
//! (CVE-2024-21626). So the path is looked up with `openat2(2)`, which takes no such link.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use nix::errno::Errno;
use nix::unistd::fchdir;
use pid_namespace::inside::{self, Make};
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
        let root = File::open("/").tried(&texts::WORKDIR, "open(\"/\")")?;
        let call = format_args!("openat2({folder:?}, O_PATH, RESOLVE_NO_MAGICLINKS)").to_string();
        let found = match inside::open(root.as_fd(), folder) {
            Err(Errno::ENOENT) => inside::open_or_make(root.as_fd(), folder, Make::Folder)?,
            found => found.tried(&texts::WORKDIR, call)?,
        };
        fchdir(&found).step(&texts::WORKDIR, format_args!("fchdir({folder:?})"))
    }
}
