//! Places in a layer's folder.
//!
//! A path from an archive is looked up by the kernel, with the layer's folder as its root:
//! `openat2(2)` with `RESOLVE_IN_ROOT`. So `..`, an absolute link and a link to a link end up inside.
//! What comes back is a descriptor of the folder; all that follows is said relative to it, by a name
//! without a slash, and so can't be led astray any more.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::libc::{S_IFDIR, S_IFMT};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use overlay_layers::{remove_tree, whiteout};
use pid_namespace::inside::{self, Make};
use process::Attempt;

use crate::texts::unpack as texts;

/// The longest path, in bytes (`PATH_MAX`), and the longest name in it (`NAME_MAX`).
const LONGEST: usize = 4096;
const LONGEST_NAME: usize = 255;

/// How many folders are kept open: most entries lie in the same one as the entry before.
const OPEN: usize = 64;

/// A path without detours: names, with a slash between each two. Empty for the root.
///
/// # Errors
///
/// When it is too long, or goes up.
pub fn normal(path: &[u8]) -> Result<Vec<u8>> {
    ensure!(path.len() <= LONGEST, texts::long_path(path.len()));
    let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    let mut normal = Vec::with_capacity(path.len());
    for name in names {
        ensure!(name != b"..", texts::GOES_UP);
        ensure!(name.len() <= LONGEST_NAME, texts::long_name(name.len()));
        if !normal.is_empty() {
            normal.push(b'/');
        }
        normal.extend_from_slice(name);
    }
    Ok(normal)
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
    let mut text = String::new();
    for byte in path.iter().take(LONGEST) {
        // Writing to a string can't fail.
        let _ = write!(text, "{}", byte.escape_ascii());
    }
    text
}

/// A layer's folder.
#[derive(Debug)]
pub struct Tree {
    root: Rc<OwnedFd>,
    /// Folders that are open, by their paths.
    open: HashMap<Vec<u8>, Rc<OwnedFd>>,
    /// Folders that were made because something lies in them.
    pub(super) implied: BTreeSet<Vec<u8>>,
}

/// Where an entry belongs.
#[derive(Debug)]
pub struct Place {
    root: Rc<OwnedFd>,
    /// The path in the layer.
    pub path: Vec<u8>,
    /// The folder that it lies in.
    pub parent: Rc<OwnedFd>,
    /// Its name there.
    pub name: OsString,
}

impl Tree {
    /// The tree in this folder.
    ///
    /// # Errors
    ///
    /// What `open(2)` refuses.
    pub fn open(folder: &Path) -> Result<Self> {
        let root =
            open(folder, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
                .tried(&texts::ENTRY, format_args!("open({folder:?})"))?;
        Ok(Self { root: Rc::new(root), open: HashMap::new(), implied: BTreeSet::new() })
    }

    /// Where something with this path belongs, which [`normal`] has made; none for the root. The
    /// folders above it are made if they are not there.
    ///
    /// # Errors
    ///
    /// When something else than a folder is in the way.
    pub fn place(&mut self, path: &[u8]) -> Result<Option<Place>> {
        let Some((folder, name)) = split(path) else { return Ok(None) };
        let (root, parent) = (self.root.clone(), self.folder(folder)?);
        Ok(Some(Place { root, path: path.into(), parent, name: name.into() }))
    }

    /// The folder with this path, made if it is not there.
    fn folder(&mut self, path: &[u8]) -> Result<Rc<OwnedFd>> {
        let Some((above, name)) = split(path) else { return Ok(self.root.clone()) };
        if let Some(folder) = self.open.get(path) {
            return Ok(folder.clone());
        }
        let call = || format!("openat2({:?}, O_DIRECTORY, RESOLVE_IN_ROOT)", shown(path));
        let folder = match self.look_up(path) {
            Err(Errno::ENOENT) => {
                let parent = self.folder(above)?;
                match mkdirat(&parent, name, Mode::from_bits_truncate(0o755)) {
                    // A link that leads to where nothing is yet: make it where that is.
                    Err(Errno::EEXIST) => {
                        let path = Path::new(OsStr::from_bytes(path));
                        drop(inside::open_or_make(self.root.as_fd(), path, Make::Folder)?);
                    }
                    made => {
                        made.tried(&texts::ENTRY, format_args!("mkdirat({:?})", shown(path)))?;
                        self.implied.insert(path.into());
                    }
                }
                self.look_up(path)
            }
            found => found,
        };
        let folder = Rc::new(folder.tried(&texts::FOLDER, call())?);
        if self.open.len() >= OPEN {
            self.open.clear();
        }
        self.open.insert(path.into(), folder.clone());
        Ok(folder)
    }

    fn look_up(&self, path: &[u8]) -> nix::Result<OwnedFd> {
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        openat2(&*self.root, path, how)
    }

    /// Opens the folder with this path for reading; none if it is not one (any more).
    pub(super) fn open_folder(&self, path: &[u8]) -> nix::Result<Option<OwnedFd>> {
        let path = if path.is_empty() { b"." } else { path };
        let how = OpenHow::new()
            .flags(OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        match openat2(&*self.root, path, how) {
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// Makes a folder, or leaves the one that is there. Anything else that is there goes.
    pub(super) fn make_folder(&mut self, place: &Place) -> Result<()> {
        let name = place.name.as_os_str();
        // Only we may enter it until its own mode is set: what it holds may not be for everybody.
        let make = || mkdirat(&place.parent, name, Mode::S_IRWXU);
        if make() == Err(Errno::EEXIST) {
            let there = fstatat(&place.parent, name, AtFlags::AT_SYMLINK_NOFOLLOW);
            let there = there.tried(&texts::ENTRY, format_args!("fstatat({name:?})"))?;
            if there.st_mode & S_IFMT != S_IFDIR {
                self.clear(place)?;
                make().tried(&texts::ENTRY, format_args!("mkdirat({name:?})"))?;
                // The layer says that what is below is gone, and then that there is a folder.
                if whiteout::is_whiteout(&there) {
                    self.make_opaque(place, name)?;
                }
            }
        }
        self.implied.remove(&place.path);
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
        // Paths that led through it may lead somewhere else from now on.
        self.open.clear();
        let below = [&place.path[..], b"/"].concat();
        self.implied.retain(|path| *path != place.path && !path.starts_with(&below));
        remove_tree(&place.by_descriptor())
    }

    /// If `name`, beside `place`, is a folder: nothing of the layers below is to be seen in it.
    pub(super) fn make_opaque(&mut self, place: &Place, name: &OsStr) -> Result<()> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        match openat(&place.parent, name, flags, Mode::empty()) {
            Err(Errno::ENOTDIR | Errno::ELOOP | Errno::ENOENT) => Ok(()),
            opened => {
                let folder = opened
                    .tried(&texts::WHITEOUT, format_args!("openat({name:?}, O_DIRECTORY)"))?;
                whiteout::make_opaque(folder.as_fd())
                    .tried(&texts::WHITEOUT, "fsetxattr(\"overlay.opaque\")")
            }
        }
    }
}

impl Place {
    /// A path to it for calls that know no descriptors (`proc_pid_fd(5)`).
    pub(super) fn by_descriptor(&self) -> PathBuf {
        Path::new("/proc/self/fd").join(self.parent.as_raw_fd().to_string()).join(&self.name)
    }

    /// Opens a folder of the same layer. A link on the way is refused: what has two names then is
    /// not what the archive says.
    pub(super) fn open_without_links(&self, folder: &[u8]) -> Result<OwnedFd> {
        let path = if folder.is_empty() { b"." } else { folder };
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
        openat2(&*self.root, path, how)
            .tried(&texts::HARD_LINK, format_args!("openat2({:?}, RESOLVE_BENEATH)", shown(path)))
    }
}

/// Sets the mode of anything but a link, which has none.
pub(super) fn set_mode(parent: BorrowedFd, name: &OsStr, mode: u32) -> Result<()> {
    let mode = Mode::from_bits_truncate(mode);
    match fchmodat(parent, name, mode, FchmodatFlags::NoFollowSymlink) {
        Err(Errno::EOPNOTSUPP) => Ok(()),
        set => set.tried(&texts::ENTRY, format_args!("fchmodat({name:?})")),
    }
}

/// The path of a place that must be one.
pub(super) fn place_of(tree: &mut Tree, path: &[u8]) -> Result<Place> {
    tree.place(path)?.context(texts::ROOT_IS_A_FOLDER)
}
