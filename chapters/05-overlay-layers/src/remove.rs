//! Removing what a container or an image left, whatever it is like.
//!
//! A container can make folders inside of each other without an end: deeper than a path may be long
//! (4096 bytes, `path_resolution(7)`), than this process may have files open, than its stack. So
//! this goes down one name at a time and up again by `..`, and holds one folder open.
//!
//! What is mounted below is left alone (`RESOLVE_NO_XDEV`, `openat2(2)`). There should be nothing;
//! but where a container's mounts reached the host, one of them may be somebody's home.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::unistd::{UnlinkatFlags, unlinkat};
use process::Attempt;

use crate::texts;

/// Removes a folder with all that is in it, or a file. Links are removed, not followed; that it is
/// gone already is no failure.
///
/// # Errors
///
/// What `unlink(2)` or `rmdir(2)` refuses.
pub fn remove_tree(path: &Path) -> Result<()> {
    let removed = match unlinkat(AT_FDCWD, path, UnlinkatFlags::NoRemoveDir) {
        Err(Errno::EISDIR) => remove_folder(path),
        removed => removed.map_err(io::Error::from),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.tried(&texts::REMOVE, format_args!("unlink({path:?} and all in it)")),
    }
}

fn remove_folder(path: &Path) -> io::Result<()> {
    let mut here = enter(AT_FDCWD, path.as_os_str(), ResolveFlag::empty())?;
    // The names of the folders between `path` and `here`; and for each of them, `path` and `here`
    // included, the folders in it that are still to be removed.
    let mut way: Vec<OsString> = Vec::new();
    let mut left = vec![remove_files(here.as_fd())?];
    while let Some(folders) = left.last_mut() {
        if let Some(name) = folders.pop() {
            here = enter(here.as_fd(), &name, ResolveFlag::RESOLVE_NO_XDEV)?;
            left.push(remove_files(here.as_fd())?);
            way.push(name);
        } else {
            left.pop();
            if let Some(name) = way.pop() {
                here = enter(here.as_fd(), OsStr::new(".."), ResolveFlag::RESOLVE_NO_XDEV)?;
                unlinkat(&here, name.as_os_str(), UnlinkatFlags::RemoveDir)?;
            }
        }
    }
    Ok(unlinkat(AT_FDCWD, path, UnlinkatFlags::RemoveDir)?)
}

/// Opens a folder, and makes sure that it may be emptied: that takes an ordinary user the right to
/// write to it, even if it is his own. (Overlayfs makes one with no rights at all in its work
/// folder.)
fn enter(parent: BorrowedFd, name: &OsStr, resolve: ResolveFlag) -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let folder = openat2(parent, name, OpenHow::new().flags(flags).resolve(resolve))?;
    let path = by_descriptor(folder.as_fd());
    if fs::metadata(&path)?.permissions().mode() & 0o700 != 0o700 {
        // Where it is not his, he will be told when it can't be read.
        let _ = fs::set_permissions(&path, Permissions::from_mode(0o700));
    }
    Ok(folder)
}

/// Removes what is no folder from this one, and names the folders that are left.
fn remove_files(folder: BorrowedFd) -> io::Result<Vec<OsString>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(by_descriptor(folder))? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => folders.push(entry.file_name()),
            false => {
                unlinkat(folder, entry.file_name().as_os_str(), UnlinkatFlags::NoRemoveDir)?;
            }
        }
    }
    Ok(folders)
}

/// The folder itself, wherever it is and however long the way there (`proc_pid_fd(5)`).
fn by_descriptor(folder: BorrowedFd) -> PathBuf {
    format!("/proc/self/fd/{}", folder.as_raw_fd()).into()
}
