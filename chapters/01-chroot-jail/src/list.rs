//! What the workshop's own root folder was made from, and whether it would be made the same today.
//!
//! A file that was replaced by an upgrade has another inode, another size or another time of last
//! change (`stat(2)`). To ask for these takes the kernel less than a microsecond a file, so every
//! run asks.
//!
//! The list is a file of records that end with a NUL byte, the one byte that no path contains.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use process::Attempt;

use crate::Tree;
use crate::needs::find_system_program;
use crate::texts;

/// Changes when one of the files changes that say what is copied and where to: a root folder that
/// was made by other rules is made anew. Most of all when these rules are an exercise.
const RULES: u64 = hash(&[
    include_bytes!("host_root.rs"),
    include_bytes!("needs.rs"),
    include_bytes!("way.rs"),
    include_bytes!("tree.rs"),
    include_bytes!("around.rs"),
]);

/// The simplest hash that does (FNV-1a): nobody is after a collision here.
const fn hash(files: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let (mut file, mut at) = (0, 0);
    while file < files.len() {
        if at == files[file].len() {
            (file, at) = (file + 1, 0);
        } else {
            hash = (hash ^ files[file][at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
    }
    hash
}

/// The list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    rules: u64,
    /// The host's files and links, of which there are copies.
    sources: Vec<Source>,
    /// What is in the root folder without a source: folders, our own files.
    made: Vec<PathBuf>,
    /// The programs that the host did not have.
    missing: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Source {
    stamp: Stamp,
    path: PathBuf,
}

/// What changes when a file changes.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.len(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        }
    }
}

impl List {
    pub(crate) fn of(tree: &Tree, missing: &[&str]) -> Self {
        let source = |stop: &crate::way::Stop| Source {
            stamp: Stamp::of(&stop.metadata),
            path: stop.path.clone(),
        };
        Self {
            rules: RULES,
            sources: tree.sources().iter().map(source).collect(),
            made: tree.made().to_vec(),
            missing: missing.iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether a root folder with this list would be made the same today, and nobody has broken it.
    pub(crate) fn is_still_right(&self, root: &Path) -> bool {
        self.rules == RULES
            && self.sources.iter().all(|source| source.is_unchanged() && source.is_copied(root))
            && self.made.iter().all(|path| fs::symlink_metadata(inside(root, path)).is_ok())
            && self.missing.iter().all(|name| find_system_program(name).is_none())
    }

    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let mut text = format!("{}\0", self.rules).into_bytes();
        for Source { stamp, path } in &self.sources {
            let Stamp { inode, size, seconds, nanoseconds } = stamp;
            text.extend(format!("source {inode} {size} {seconds} {nanoseconds} ").into_bytes());
            text.extend(path.as_os_str().as_bytes());
            text.push(0);
        }
        for path in &self.made {
            text.extend([b"made ", path.as_os_str().as_bytes(), b"\0"].concat());
        }
        for name in &self.missing {
            text.extend(format!("missing {name}\0").into_bytes());
        }
        fs::write(file, text).tried(&texts::CACHE, format_args!("write({file:?})"))
    }

    /// `None` when there is none, or it is not ours: then a new one will be made.
    pub(crate) fn read(file: &Path) -> Option<Self> {
        let text = fs::read(file).ok()?;
        let mut records = text.strip_suffix(b"\0")?.split(|byte| *byte == 0);
        let rules = std::str::from_utf8(records.next()?).ok()?.parse().ok()?;
        let mut list = Self { rules, ..Self::default() };
        for record in records {
            let (kind, rest) = word(record)?;
            match kind {
                "source" => list.sources.push(Source::read(rest)?),
                "made" => list.made.push(path(rest)),
                "missing" => list.missing.push(String::from_utf8(rest.into()).ok()?),
                _ => return None,
            }
        }
        Some(list)
    }
}

impl Source {
    fn read(record: &[u8]) -> Option<Self> {
        let (inode, rest) = word(record)?;
        let (size, rest) = word(rest)?;
        let (seconds, rest) = word(rest)?;
        let (nanoseconds, rest) = word(rest)?;
        let stamp = Stamp {
            inode: inode.parse().ok()?,
            size: size.parse().ok()?,
            seconds: seconds.parse().ok()?,
            nanoseconds: nanoseconds.parse().ok()?,
        };
        Some(Self { stamp, path: path(rest) })
    }

    fn is_unchanged(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|now| Stamp::of(&now) == self.stamp)
    }

    /// Whether the copy is there, in its full length. (For a container it is nothing special to
    /// remove it.)
    fn is_copied(&self, root: &Path) -> bool {
        let copy = fs::symlink_metadata(inside(root, &self.path));
        copy.is_ok_and(|copy| !copy.is_dir() && copy.len() == self.stamp.size)
    }
}

fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// The record's next word, and what comes after it.
fn word(record: &[u8]) -> Option<(&str, &[u8])> {
    let end = record.iter().position(|byte| *byte == b' ')?;
    Some((std::str::from_utf8(&record[..end]).ok()?, &record[end + 1..]))
}

fn path(bytes: &[u8]) -> PathBuf {
    OsStr::from_bytes(bytes).into()
}
