//! Places in a layer's folder.
//!
//! A path from an archive may lead through links, and where a link leads the archive says, too:
//! `etc -> /etc` is in many images, and means the image's own `/etc`. So a path with links is first
//! spelt out, link by link, as a process would see it whose root the layer's folder is
//! (`path_resolution(7)`). What comes out is a path without links and without `..`, and that the
//! kernel looks up: `openat2(2)` with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS` refuses to go
//! anywhere else. What comes back is a descriptor of the folder; all that follows is said relative
//! to it, by a name without a slash, and so can't be led astray any more.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Result, ensure};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat};
use nix::libc::{S_IFDIR, S_IFMT};
use nix::sys::stat::{FileStat, Mode, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use overlay_layers::{remove_tree, whiteout};
use process::Attempt;

use super::attributes::Attributes;
use super::pending::Pending;
use crate::texts::unpack as texts;

/// The longest path (`PATH_MAX`, with its NUL) and the longest name in it (`NAME_MAX`), in bytes.
const LONGEST: usize = 4095;
const LONGEST_NAME: usize = 255;

/// How deep folders may lie in each other. To copy a tree (`flatten`) takes an open descriptor a level,
/// of which a process has 1024.
const MOST_LEVELS: usize = 256;

/// How many links a path may lead through: the kernel's number.
const MOST_LINKS: usize = 40;

/// How many folders are kept open: most entries lie in the same one as the entry before.
const MOST_OPEN: usize = 64;

/// A path without detours: names, with a slash between each two. Empty for the root.
///
/// # Errors
///
/// When it is too long, or goes up.
pub fn normal(path: &[u8]) -> Result<Vec<u8>> {
    ensure!(path.len() <= LONGEST, texts::long_path(path.len(), LONGEST));
    ensure!(!path.contains(&0), texts::NUL_IN_PATH);
    let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    let mut normal = Vec::with_capacity(path.len());
    for (level, name) in names.enumerate() {
        ensure!(name != b"..", texts::GOES_UP);
        ensure!(name.len() <= LONGEST_NAME, texts::long_name(name.len(), LONGEST_NAME));
        ensure!(level < MOST_LEVELS, texts::too_deep(MOST_LEVELS));
        push(&mut normal, name);
    }
    Ok(normal)
}

/// Adds a name to a path.
pub(super) fn push(path: &mut Vec<u8>, name: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}

/// The folder and the name of a path; none for the root.
#[must_use]
pub fn split(path: &[u8]) -> Option<(&[u8], &OsStr)> {
    let slash = path.iter().rposition(|&byte| byte == b'/');
    let (folder, name) = match slash {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[][..], path),
    };
    (!name.is_empty()).then(|| (folder, OsStr::from_bytes(name)))
}

/// A path for people: what a terminal would obey, and what is no text, is escaped.
#[must_use]
pub fn shown(path: &[u8]) -> String {
    /// Longer ones are cut.
    const MOST: usize = 300;
    let mut text = String::new();
    for chunk in path[..path.len().min(MOST)].utf8_chunks() {
        // Writing to a string can't fail.
        let _ = write!(text, "{}", chunk.valid().escape_debug());
        let _ = write!(text, "{}", chunk.invalid().escape_ascii());
    }
    if path.len() > MOST {
        text.push('…');
    }
    text
}

/// A layer's folder.
#[derive(Debug)]
pub struct Tree {
    root: Rc<OwnedFd>,
    /// Folders that are open, by their paths.
    open: HashMap<Vec<u8>, Rc<OwnedFd>>,
    /// What has to be known of the tree when it is finished.
    pub(super) pending: Pending,
}

/// Where an entry belongs.
#[derive(Debug)]
pub struct Place {
    /// The path in the layer, without links.
    pub path: Vec<u8>,
    /// The folder that it lies in.
    pub parent: Rc<OwnedFd>,
    /// Its name there.
    pub name: OsString,
}

impl Tree {
    /// The tree in this folder, of which `pending` is known.
    ///
    /// # Errors
    ///
    /// What `open(2)` refuses.
    pub fn open(folder: &Path, pending: Pending) -> Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = open(folder, flags, Mode::empty());
        let root = root.tried(&texts::ENTRY, format_args!("open({folder:?})"))?;
        Ok(Self { root: Rc::new(root), open: HashMap::new(), pending })
    }

    /// The folder itself, open for reading.
    #[must_use]
    pub fn root(&self) -> &OwnedFd {
        &self.root
    }

    /// Where something with this path belongs, which [`normal`] has made; none for the root. The
    /// folders above it are made if they are not there.
    ///
    /// # Errors
    ///
    /// When something else than a folder is in the way.
    pub fn place(&mut self, path: &[u8]) -> Result<Option<Place>> {
        let Some((folder, name)) = split(path) else { return Ok(None) };
        let (folder, parent) = match self.folder(folder) {
            // A link is on the way.
            Err(error) if process::failure::errno(&error) == Some(Errno::ELOOP) => {
                let folder = self.spell_out(folder)?;
                let parent = self.folder(&folder)?;
                (folder, parent)
            }
            parent => (folder.into(), parent?),
        };
        let mut path = folder;
        push(&mut path, name.as_bytes());
        Ok(Some(Place { path, parent, name: name.into() }))
    }

    /// The folder with this path, which has no links in it; made if it is not there.
    fn folder(&mut self, path: &[u8]) -> Result<Rc<OwnedFd>> {
        let Some((above, name)) = split(path) else { return Ok(self.root.clone()) };
        if let Some(folder) = self.open.get(path) {
            return Ok(folder.clone());
        }
        let folder = match self.look_up(path) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {
                let place =
                    Place { parent: self.folder(above)?, path: path.into(), name: name.into() };
                // What the layer says is gone may be there anew.
                self.new_folder(&place, whiteout::is_whiteout)?;
                let made = self.look_up(path);
                if made.is_ok() {
                    self.pending.imply(path)?;
                }
                made
            }
            found => found,
        };
        let call = || format!("openat2({:?}, O_DIRECTORY, RESOLVE_BENEATH)", shown(path));
        let folder = Rc::new(folder.tried(&texts::FOLDER, call())?);
        if self.open.len() >= MOST_OPEN {
            self.open.clear();
        }
        self.open.insert(path.into(), folder.clone());
        Ok(folder)
    }

    /// Opens the folder with this path. A link on the way is refused (ELOOP).
    pub(super) fn look_up(&self, path: &[u8]) -> nix::Result<OwnedFd> {
        // ANCHOR: look-up
        let path = if path.is_empty() { b"." } else { path };
        let how = OpenHow::new()
            .flags(OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
        openat2(&*self.root, path, how)
        // ANCHOR_END: look-up
    }

    /// Where a folder's path leads that has links in it, as seen with the layer's folder as the root.
    /// It has none any more, but what it names need not be there.
    fn spell_out(&mut self, path: &[u8]) -> Result<Vec<u8>> {
        let names = |path: &[u8]| -> Vec<Vec<u8>> {
            path.split(|&byte| byte == b'/').rev().map(Into::into).collect()
        };
        let (mut done, mut left, mut links) = (Vec::new(), names(path), 0);
        while let Some(name) = left.pop() {
            match &name[..] {
                b"" | b"." => continue,
                b".." => {
                    done.truncate(split(&done).map_or(0, |(above, _)| above.len()));
                    continue;
                }
                _ => {}
            }
            match self.look_up(&done).and_then(|at| readlinkat(at, OsStr::from_bytes(&name))) {
                Ok(target) => {
                    links += 1;
                    ensure!(links <= MOST_LINKS, texts::TOO_MANY_LINKS);
                    if target.as_bytes().starts_with(b"/") {
                        done.clear();
                    }
                    left.extend(names(target.as_bytes()));
                }
                // No link, or nothing at all.
                Err(_) => push(&mut done, &name),
            }
        }
        normal(&done)
    }

    /// Makes a folder, or leaves the one that is there. Anything else that is there goes.
    pub(super) fn make_folder(&mut self, place: &Place, attributes: Attributes) -> Result<()> {
        self.new_folder(place, |_| true)?;
        self.pending.describe(&place.path, attributes)
    }

    /// Makes a folder if there is none. Something else there goes if it `may`.
    fn new_folder(&mut self, place: &Place, may: impl Fn(&FileStat) -> bool) -> Result<()> {
        let name = place.name.as_os_str();
        // Only we may enter it until its own mode is set: what it holds may not be for everybody.
        let make = || mkdirat(&place.parent, name, Mode::S_IRWXU);
        match make() {
            Err(Errno::EEXIST) => {}
            made => return made.tried(&texts::ENTRY, format_args!("mkdirat({name:?})")),
        }
        let Some(there) = place.stat()? else { return Ok(()) };
        if there.st_mode & S_IFMT != S_IFDIR && may(&there) {
            self.clear(place)?;
            make().tried(&texts::ENTRY, format_args!("mkdirat({name:?})"))?;
            // The layer says that what was below is gone, and then that there is a folder. So
            // nothing that was in it before is there.
            make_opaque(place.parent.as_fd(), name)?;
        }
        Ok(())
    }

    /// Removes what is there, if anything, a folder with all that is in it.
    pub(super) fn clear(&mut self, place: &Place) -> Result<()> {
        let (parent, name) = (place.parent.as_fd(), place.name.as_os_str());
        match unlinkat(parent, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => return Ok(()),
            Err(Errno::EISDIR) => {}
            refused => refused.tried(&texts::ENTRY, format_args!("unlinkat({name:?})"))?,
        }
        // The paths of open folders may lead somewhere else from now on.
        self.open.clear();
        self.pending.forget(&place.path);
        remove_tree(&place.by_descriptor())
    }
}

/// If `name` in `parent` is a folder: nothing of the layers below is to be seen in it.
///
/// # Errors
///
/// When the file system has no extended attributes.
pub fn make_opaque(parent: BorrowedFd, name: &OsStr) -> Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    match openat(parent, name, flags, Mode::empty()) {
        Err(Errno::ENOTDIR | Errno::ELOOP | Errno::ENOENT) => Ok(()),
        opened => {
            let call = format!("openat({name:?}, O_DIRECTORY)");
            let folder = opened.tried(&texts::WHITEOUT, call)?;
            whiteout::make_opaque(folder.as_fd())
                .tried(&texts::WHITEOUT, "fsetxattr(\"overlay.opaque\")")
        }
    }
}

impl Place {
    /// What is there; a link is not followed.
    pub(super) fn stat(&self) -> Result<Option<FileStat>> {
        match fstatat(&self.parent, self.name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => Ok(None),
            there => there.tried(&texts::ENTRY, format_args!("fstatat({:?})", self.name)).map(Some),
        }
    }

    /// A path to it for calls that know no descriptors (`proc_pid_fd(5)`).
    pub(super) fn by_descriptor(&self) -> PathBuf {
        Path::new("/proc/self/fd").join(self.parent.as_raw_fd().to_string()).join(&self.name)
    }
}
