//! What a container changed: its upper folder, held against the layers below.
//!
//! The upper folder says it all, but not in so many words. A file in it can be new or can be there
//! because it was changed. A folder can be there only because something in it is. A whiteout says
//! that a name is gone, and an opaque folder that everything that was in it is ([`whiteout`]).
//!
//! The letters are `docker diff`'s: A for added, C for changed, D for deleted. A folder in which
//! something changed is a changed one; of a folder that is gone only its own name is listed.

use std::fmt;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use nix::libc::{S_IFMT, S_IFREG};
use nix::sys::stat::FileStat;
use process::Attempt;

use crate::lookup::{Found, is_folder, is_opaque, names_in, stat};
use crate::{sys, texts, whiteout};

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is new.
    Added,
    /// Its content, its owner, its mode, or something below it is another.
    Changed,
    /// It is gone.
    Deleted,
}

/// How the upper folder says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// As a file or folder of its own.
    Itself,
    /// As a whole copy, made when it was opened for writing.
    CopiedUp,
    /// As a folder that is there for what is below it.
    Way,
    /// As a character device 0, 0.
    Whiteout,
    /// As a folder that hides the one below.
    Opaque,
    /// Not at all: an opaque folder above it hides it.
    Hidden,
}

/// One path that is not as the layers below have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub kind: Kind,
    /// To what: a path in the container.
    pub path: PathBuf,
    /// How one can see it.
    pub stored: Stored,
}

impl fmt::Display for Change {
    /// As `docker diff` shows it.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let letter = match self.kind {
            Kind::Added => 'A',
            Kind::Changed => 'C',
            Kind::Deleted => 'D',
        };
        write!(f, "{letter} {}", texts::shown(&self.path))
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(texts::stored(*self))
    }
}

/// What to say when nobody noted the layers of an upper folder.
#[must_use]
pub fn unknown_layers(upper: &Path) -> String {
    texts::no_layers_noted(upper)
}

/// The changes in `upper`, held against `layers` (the bottom one first), in the order of their
/// paths.
///
/// # Errors
///
/// When a folder can't be read.
pub fn diff(layers: &[PathBuf], upper: &Path) -> Result<Vec<Change>> {
    for layer in layers {
        let found = std::fs::metadata(layer);
        let found = found.tried(&texts::DIFF, format_args!("stat({layer:?})"))?;
        ensure!(found.is_dir(), texts::no_folder(layer));
    }
    let below = Found::root(layers);
    let mut changes = Vec::new();
    folder(upper, Path::new("/"), &below, false, &mut changes)?;
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

/// Notes the changes in one folder of the upper layer. `hides` says that it hides what is below.
fn folder(
    upper: &Path,
    path: &Path,
    below: &Found,
    hides: bool,
    changes: &mut Vec<Change>,
) -> Result<()> {
    let names = names_in(upper)?;
    for name in &names {
        entry(&upper.join(name), path.join(name), &below.at(name)?, hides, changes)?;
    }
    if hides {
        for name in below.names()?.difference(&names) {
            let path = path.join(name);
            changes.push(Change { kind: Kind::Deleted, path, stored: Stored::Hidden });
        }
    }
    Ok(())
}

/// Notes the changes at one path of the upper layer, and below it. `hidden` says that the folder that
/// it is in hides what is below.
fn entry(
    upper: &Path,
    path: PathBuf,
    below: &Found,
    hidden: bool,
    changes: &mut Vec<Change>,
) -> Result<()> {
    let Some(stat) = stat(upper)? else { return Ok(()) };
    let opaque = is_folder(&stat) && is_opaque(upper)?;
    let before = changes.len();
    if is_folder(&stat) {
        folder(upper, &path, below, opaque || hidden, changes)?;
    }
    let more = changes.len() > before || other_capabilities(upper, below);
    let change = change(&stat, path, below.first.as_ref(), opaque, more);
    changes.extend(change.map(|change| match (hidden, change.stored) {
        // It does not show through, and so it can't have been copied up.
        (true, Stored::Way | Stored::CopiedUp) => Change { stored: Stored::Itself, ..change },
        _ => change,
    }));
    Ok(())
}

/// The change that something in the upper folder stands for, if it does. `below` is what the layers
/// have at this path; `opaque` says that it is an opaque folder; `more` that something below it
/// changed, or what a program may do (`capabilities(7)`).
fn change(
    stat: &FileStat,
    path: PathBuf,
    below: Option<&FileStat>,
    opaque: bool,
    more: bool,
) -> Option<Change> {
    // ANCHOR: diff
    // EXERCISE diff: tell what an entry of the upper folder means
    //   There are four cases. A whiteout (`whiteout::is_whiteout(stat)`) means Deleted if the
    //   layers below have anything, and nothing (`None`) if they don't; it is stored as
    //   Stored::Whiteout. Anything else means Added if they have nothing: Stored::Itself. If they
    //   have something, it means Changed if `differs(stat, below)` or if there is `more`; it is
    //   stored as Stored::Opaque if `opaque`, as Stored::Way if it is a folder
    //   (`is_folder(stat)`), and as Stored::CopiedUp if not. Otherwise it means nothing.
    todo!("diff: tell what an entry of the upper folder means")
    // ANCHOR_END: diff
}

/// Whether it is another thing than before. A folder's time and size change with what is in it, and
/// say nothing.
fn differs(now: &FileStat, before: &FileStat) -> bool {
    let whose = |stat: &FileStat| (stat.st_mode, stat.st_uid, stat.st_gid, stat.st_rdev);
    let what = |stat: &FileStat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
    whose(now) != whose(before) || (!is_folder(now) && what(now) != what(before))
}

/// Whether a file has other capabilities than the layers below have. Of all attributes, `docker diff`
/// looks at this one.
fn other_capabilities(upper: &Path, below: &Found) -> bool {
    let (Some(first), Some(place)) = (&below.first, &below.place) else { return false };
    let is_file = |stat: &FileStat| stat.st_mode & S_IFMT == S_IFREG;
    let of = |path: &Path| {
        let file = File::open(path).ok()?;
        sys::attribute(file.as_fd(), c"security.capability").ok()
    };
    is_file(first)
        && upper.symlink_metadata().is_ok_and(|now| now.is_file())
        && of(upper) != of(place)
}
