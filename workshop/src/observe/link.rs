//! Where a process is: its root, its working folder, its program (`proc_pid_root(5)`,
//! `proc_pid_cwd(5)`, `proc_pid_exe(5)`).
//!
//! The three are magic links. What `readlink` shows of one is a path for people: it ends in
//! ` (deleted)` when the name is gone, and where the process has other mounts than we, our file of
//! that name is another one. Who *follows* the link gets to the process's own, mounts or no mounts.
//! So files are compared by device, inode and mount, never by path.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use anyhow::Result;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use process::Attempt;
use serde::Serialize;

use super::proc::Proc;
use super::{sys, text, texts};

/// One of a process's magic links.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Link {
    /// What `readlink` says; `None` where we may not know.
    #[serde(serialize_with = "text::some_path")]
    pub path: Option<PathBuf>,
    /// What is at its other end.
    pub place: Option<Place>,
    /// For a folder: whether it is the process's root or lies below it. (Whoever stands outside of
    /// its root can leave it.)
    pub below_root: Option<bool>,
}

/// A file or folder, wherever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The device of its file system.
    pub device: u64,
    /// Its number in there.
    pub inode: u64,
    /// The mount through which it is seen: [`Mount::id`](super::Mount::id).
    pub mount: Option<u64>,
}

/// More folders than this are not one in another: a path has at most 4096 bytes.
const DEEPEST: usize = 4096;

impl Link {
    /// The link to a folder: `root` or `cwd`.
    pub(super) fn to_folder(process: &Proc, name: &str) -> Result<Self> {
        let mut link = Self::read(process, name)?;
        link.below_root = match (name, is_below(process, name)) {
            ("root", _) => Some(true),
            (_, below) => below.ok(),
        };
        Ok(link)
    }

    /// The link to a file: `exe`. A thread of the kernel's has none.
    pub(super) fn read(process: &Proc, name: &str) -> Result<Self> {
        let path = Some(process.link(name)?.into());
        let place = open(process, name).and_then(|file| Place::of(&file)).ok();
        Ok(Self { path, place, below_root: None })
    }
}

impl Place {
    /// The place of what is open here.
    ///
    /// # Errors
    ///
    /// What `fstat(2)` refuses.
    pub fn of(file: &OwnedFd) -> nix::Result<Self> {
        let found = sys::metadata(file.as_fd())?;
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()));
        let mount = info.ok().and_then(|info| mount_id(&info));
        Ok(Self { device: found.dev(), inode: found.ino(), mount })
    }
}

/// What `fdinfo` says of the mount (`proc_pid_fdinfo(5)`).
pub(super) fn mount_id(fdinfo: &str) -> Option<u64> {
    fdinfo.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim().parse().ok()
}

fn open(process: &Proc, name: &str) -> nix::Result<OwnedFd> {
    process.try_open(name, OFlag::O_PATH)
}

/// Whether the folder is the process's root, or lies below it: up by `..`, until there is no up.
///
/// Our own root does not stop us where the process has other mounts; where it has the same ones, what
/// is above our root is above its root as well.
fn is_below(process: &Proc, name: &str) -> Result<bool> {
    let tried = |call: &str| format!("{call}({:?})", process.path(name));
    let root = open(process, "root").and_then(|root| Place::of(&root));
    let root = root.tried(&texts::READ, tried("open"))?;
    let mut folder = open(process, name).tried(&texts::READ, tried("open"))?;
    let mut place = Place::of(&folder).tried(&texts::READ, tried("fstat"))?;
    for _ in 0..DEEPEST {
        if place == root {
            return Ok(true);
        }
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let above = openat(folder.as_fd(), "..", flags, Mode::empty());
        let above = above.tried(&texts::READ, tried("openat"))?;
        let next = Place::of(&above).tried(&texts::READ, tried("fstat"))?;
        if next == place {
            return Ok(false);
        }
        (folder, place) = (above, next);
    }
    Ok(false)
}
