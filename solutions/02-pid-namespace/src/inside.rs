//! Paths inside a root that may be hostile.
//!
//! A root folder can come from anywhere, and whoever made it can put links into it: `/proc` that is
//! a link to the host's `/etc`, for example. Whoever mounts something "on ROOT/proc" by that path
//! mounts it over the host's `/etc`. `openat2(2)` with `RESOLVE_IN_ROOT` looks a path up as a
//! process would whose root the folder is: an absolute link and `..` stay inside. What it returns
//! is the place itself, not a name for it, and nobody can change it any more.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2, readlinkat};
use nix::sys::stat::{Mode, SFlag, mkdirat, mknodat};
use process::Attempt;

use crate::texts;

/// What to make when a path is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// A folder.
    Folder,
    /// An empty file.
    File,
}

/// Linux's own limit on links in one path (`path_resolution(7)`).
const MOST_LINKS: u32 = 40;

/// How often to look a path up again: somewhere on the machine somebody always mounts something.
const MOST_LOOKS: u32 = 128;

/// Opens the place `path` inside `root`, as a handle to mount on (`O_PATH`).
///
/// While anybody on the machine mounts or renames something, the kernel can't be sure that a `..`
/// stayed inside. Then it says EAGAIN, and the path is to be looked up once more.
///
/// # Errors
///
/// ENOENT when it is not there, ELOOP for a circle of links.
pub fn open(root: BorrowedFd, path: &Path) -> nix::Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let mut looks = (0..MOST_LOOKS).map(|_| openat2(root, path, how));
    looks.find(|opened| !matches!(opened, Err(Errno::EAGAIN))).unwrap_or(Err(Errno::EAGAIN))
}

/// Opens the place `path` inside `root`; makes it, and the folders above it, if it is not there.
///
/// A link that leads nowhere is followed, and its target made: the `/etc/resolv.conf` of many
/// distributions is one.
///
/// # Errors
///
/// What the kernel refuses: EROFS for a root that can't be written to, ENOTDIR where a file is in
/// the way.
pub fn open_or_make(root: BorrowedFd, path: &Path, make: Make) -> Result<OwnedFd> {
    find(root, path, make, MOST_LINKS)
}

fn find(root: BorrowedFd, path: &Path, make: Make, links: u32) -> Result<OwnedFd> {
    let call = format_args!("openat2({path:?}, O_PATH, RESOLVE_IN_ROOT)").to_string();
    match open(root, path) {
        Err(Errno::ENOENT) => {}
        result => return result.tried(&texts::INSIDE, call),
    }
    if links == 0 {
        bail!(texts::too_many_links(path));
    }
    let Some(folder) = path.parent() else { bail!(texts::too_many_links(path)) };
    let parent = find(root, folder, Make::Folder, links - 1)?;
    // "a/.." has no last name; now that "a" is there, it is, too.
    if let Some(name) = path.file_name() {
        if let Ok(target) = readlinkat(parent.as_fd(), name) {
            return find(root, &folder.join(PathBuf::from(target)), make, links - 1);
        }
        create(parent.as_fd(), name, make).tried(&texts::INSIDE, texts::making(make, path))?;
    }
    open(root, path).tried(&texts::INSIDE, call)
}

fn create(parent: BorrowedFd, name: &OsStr, make: Make) -> nix::Result<()> {
    let made = match make {
        Make::Folder => mkdirat(parent, name, Mode::from_bits_truncate(0o755)),
        Make::File => mknodat(parent, name, SFlag::S_IFREG, Mode::from_bits_truncate(0o644), 0),
    };
    match made {
        // Another container, in the same root, at the same time.
        Err(Errno::EEXIST) => Ok(()),
        made => made,
    }
}
