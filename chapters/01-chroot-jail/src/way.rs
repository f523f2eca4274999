//! The way to a file, as the kernel walks it.
//!
//! `path_resolution(7)`: a path is looked up name by name. Where a name is a symbolic link, its
//! text takes the name's place; if that begins with `/`, the walk goes back to the root. At most 40
//! links are followed, so that a circle of them ends.
//!
//! `/bin/sh` is often four things: a link `/bin` to `usr/bin`, the folders `/usr` and `/usr/bin`, a
//! link `sh` to `dash`, and the file. A jail in which `/bin/sh` is to work needs all of them. Copied
//! as they are, absolute links too: inside the jail `/` is the jail, so they stay inside.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};
use nix::errno::Errno;
use process::Attempt;

use crate::texts;

/// Linux's own limit.
const MOST_LINKS: usize = 40;

/// Something on the way to a file, or at its end.
#[derive(Debug, Clone)]
pub struct Stop {
    /// Where it is on the host. No name in it but the last can be a link.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// What the kernel knows of it.
    pub metadata: Metadata,
}

/// What can be on the way to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A symbolic link with this text.
    Link(PathBuf),
    /// A file.
    File,
}

/// All that the kernel comes across on its way to `path`, in that order, without the root.
///
/// # Errors
///
/// When something is not there, is neither file, folder nor link, or leads in a circle.
pub fn to(path: &Path) -> Result<Vec<Stop>> {
    let mut stops = Vec::new();
    let mut here = PathBuf::from("/");
    let mut ahead = names(path);
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        // A link's text: from the root again, or one folder up.
        if name == "/" || name == ".." {
            here = if name == "/" { "/".into() } else { here.parent().unwrap_or(&here).into() };
            continue;
        }
        let stop = look_at(here.join(name))?;
        match &stop.kind {
            Kind::Folder => here.clone_from(&stop.path),
            Kind::File if ahead.is_empty() => {}
            Kind::File => {
                Err(Errno::ENOTDIR).tried(&texts::HOST_FILE, format_args!("open({path:?})"))?
            }
            Kind::Link(text) => {
                links += 1;
                if links > MOST_LINKS {
                    Err(Errno::ELOOP).tried(&texts::HOST_FILE, format_args!("open({path:?})"))?;
                }
                for name in names(text).into_iter().rev() {
                    ahead.push_front(name);
                }
            }
        }
        stops.push(stop);
    }
    Ok(stops)
}

fn look_at(path: PathBuf) -> Result<Stop> {
    let metadata =
        fs::symlink_metadata(&path).tried(&texts::HOST_FILE, format_args!("statx({path:?})"))?;
    let kind = if metadata.is_dir() {
        Kind::Folder
    } else if metadata.is_symlink() {
        let text = fs::read_link(&path);
        Kind::Link(text.tried(&texts::HOST_FILE, format_args!("readlink({path:?})"))?)
    } else if metadata.is_file() {
        Kind::File
    } else {
        bail!(texts::no_file(&path));
    };
    Ok(Stop { path, kind, metadata })
}

/// The names of a path, with `/` and `..` where they stand.
fn names(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|component| *component != Component::CurDir)
        .map(|component| component.as_os_str().into())
        .collect()
}
