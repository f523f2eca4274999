//! The jail while it is filled: what is on the host at `/bin/sh` comes to `DIR/bin/sh`.
//!
//! The folder may not be empty, and may have links in it. If `DIR/etc` is a link to the host's
//! `/etc`, then whoever writes to the path `DIR/etc/passwd` writes to the host's. So the folder that
//! a file goes to is opened with `openat2(2)` and `RESOLVE_IN_ROOT`: the kernel then looks the path
//! up as a process in the jail would, and whatever links say, what it finds is inside. In that
//! folder the new file is made by its last name alone, and never through a link that has this name.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat};
use nix::libc::mode_t;
use nix::sys::stat::{Mode, fchmod, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, symlinkat, unlinkat};
use process::Attempt;
use process::command::DEFAULT_PATH;

use crate::texts;
use crate::way::{self, Kind, Stop};

/// A folder that becomes a root folder.
#[derive(Debug)]
pub struct Tree {
    /// The folder, as an absolute path without links.
    folder: PathBuf,
    root: OwnedFd,
    brought: BTreeSet<PathBuf>,
    sources: Vec<Stop>,
    made: Vec<PathBuf>,
    copied: Copied,
}

/// How much was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files, links not counted.
    pub files: usize,
    /// Their size together.
    pub bytes: u64,
    /// How many of them were there already, with the same content.
    pub unchanged: usize,
}

impl Tree {
    /// The tree in `folder`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// When it can't be made, or is the host's own root.
    pub fn open(folder: &Path) -> Result<Self> {
        let call = format!("mkdir({folder:?})");
        fs::create_dir_all(folder).tried(&texts::JAIL_FOLDER, call)?;
        let call = format!("open({folder:?}, O_PATH|O_DIRECTORY)");
        let folder = folder.canonicalize().tried(&texts::JAIL_FOLDER, &call)?;
        if folder == Path::new("/") {
            bail!(texts::HOST_ROOT);
        }
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = open(&folder, flags, Mode::empty()).tried(&texts::JAIL_FOLDER, &call)?;
        Ok(Self {
            folder,
            root,
            brought: BTreeSet::new(),
            sources: Vec::new(),
            made: Vec::new(),
            copied: Copied::default(),
        })
    }

    /// How much was copied so far.
    #[must_use]
    pub fn copied(&self) -> Copied {
        self.copied
    }

    /// The host's files and links that were copied so far.
    #[must_use]
    pub fn sources(&self) -> &[Stop] {
        &self.sources
    }

    /// What was made so far without being copied: paths as they will be inside.
    #[must_use]
    pub fn made(&self) -> &[PathBuf] {
        &self.made
    }

    /// Copies a file or folder of the host, with the folders and links that lead to it. A folder
    /// comes empty.
    ///
    /// # Errors
    ///
    /// When it can't be read, or not be written here.
    pub fn bring(&mut self, path: &Path) -> Result<()> {
        for stop in way::to(path)? {
            if self.brought.insert(stop.path.clone()) {
                self.copy(&stop)?;
                match stop.kind {
                    Kind::Folder => self.made.push(stop.path),
                    Kind::Link(_) | Kind::File => self.sources.push(stop),
                }
            }
        }
        Ok(())
    }

    /// Copies a folder of the host with all that is in it.
    ///
    /// # Errors
    ///
    /// When it can't be read, or not be written here.
    pub fn bring_all(&mut self, folder: &Path) -> Result<()> {
        self.bring(folder)?;
        let call = format!("open({folder:?})");
        for entry in fs::read_dir(folder).tried(&texts::HOST_FILE, &call)? {
            let path = entry.tried(&texts::HOST_FILE, &call)?.path();
            if path.is_dir() && !path.is_symlink() {
                self.bring_all(&path)?;
            } else {
                self.bring(&path)?;
            }
        }
        Ok(())
    }

    /// Copies one thing of the host's, whose folder is here already.
    fn copy(&mut self, stop: &Stop) -> Result<()> {
        // ANCHOR: copy
        // EXERCISE copy: copy one thing to its place
        //   `self.place(&stop.path)` is where it belongs. What is to be done there depends on
        //   `&stop.kind`. For a `Kind::Folder`: `self.make_folder(&place, mode)`, with the mode
        //   `stop.metadata.permissions().mode()`. For a `Kind::Link(text)`: a link with the same
        //   text, `self.make_link(&place, text)`. For a `Kind::File`: `self.copy_file(stop, &place)`.
        todo!("copy: copy one thing to its place")
        // ANCHOR_END: copy
    }

    /// Where something that is at `path` on the host belongs.
    fn place(&self, path: &Path) -> PathBuf {
        // ANCHOR: place
        // EXERCISE place: find a file's place in the jail
        //   The host's `/bin/sh` belongs to `DIR/bin/sh`, and DIR is `self.folder`. `Path::join`
        //   puts two paths together, but when the right one begins with `/` it throws the left one
        //   away: take the `/` off first, with `strip_prefix`.
        todo!("place: find a file's place in the jail")
        // ANCHOR_END: place
    }

    /// A program that is in none of the folders where a container looks for programs gets a link in
    /// one of them. (There are distributions without `/usr/bin`.)
    ///
    /// # Errors
    ///
    /// When the link can't be made.
    pub fn link_into_path(&mut self, name: &OsStr, program: &Path) -> Result<()> {
        let found = |folder: &str| program.parent() == Some(Path::new(folder));
        if name.as_bytes().contains(&b'/') || DEFAULT_PATH.split(':').any(found) {
            return Ok(());
        }
        self.ensure_folder("/usr", 0o755)?;
        self.ensure_folder("/usr/local", 0o755)?;
        self.ensure_folder("/usr/local/bin", 0o755)?;
        let link = Path::new("/usr/local/bin").join(name);
        self.make_link(&self.place(&link), program)?;
        self.made.push(link);
        Ok(())
    }

    /// A folder at `path` as seen from inside, if there is nothing yet.
    ///
    /// # Errors
    ///
    /// When it can't be made.
    pub fn ensure_folder(&mut self, path: &str, mode: u32) -> Result<()> {
        self.make_folder(&self.place(Path::new(path)), mode)?;
        self.made.push(path.into());
        Ok(())
    }

    /// A file at `path` as seen from inside, if there is nothing yet.
    ///
    /// # Errors
    ///
    /// When it can't be made.
    pub fn ensure_file(&mut self, path: &str, text: &str) -> Result<()> {
        let place = self.place(Path::new(path));
        let (parent, name) = self.parent(&place)?;
        if fstatat(&parent, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) == Err(Errno::ENOENT) {
            let mut file = create(parent.as_fd(), &name, &place)?;
            let written = file.write_all(text.as_bytes());
            written.tried(&texts::JAIL_WRITE, format_args!("write({place:?})"))?;
            set_mode(file.as_fd(), 0o644, &place)?;
        }
        self.made.push(path.into());
        Ok(())
    }

    fn make_folder(&self, place: &Path, mode: u32) -> Result<()> {
        let (parent, name) = self.parent(place)?;
        match mkdirat(&parent, name.as_os_str(), Mode::S_IRWXU) {
            Err(Errno::EEXIST) => return Ok(()),
            made => made.tried(&texts::JAIL_WRITE, format_args!("mkdir({place:?})"))?,
        }
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let folder = openat(&parent, name.as_os_str(), flags, Mode::empty())
            .tried(&texts::JAIL_WRITE, format_args!("open({place:?})"))?;
        // Not the setuid and setgid bits: see below. And we have to write into it, even where the
        // host's folder may not be written to.
        set_mode(folder.as_fd(), mode & 0o1777 | 0o700, place)
    }

    fn make_link(&self, place: &Path, text: &Path) -> Result<()> {
        let (parent, name) = self.parent(place)?;
        loop {
            match symlinkat(text, &parent, name.as_os_str()) {
                Err(Errno::EEXIST) => {}
                made => {
                    return made.tried(&texts::JAIL_WRITE, format_args!("symlink({place:?})"));
                }
            }
            if readlinkat(&parent, name.as_os_str()).is_ok_and(|there| there == text.as_os_str()) {
                return Ok(());
            }
            remove(parent.as_fd(), &name, place)?;
        }
    }

    /// The owner is whoever makes the jail. So the setuid and setgid bits have to go: they would
    /// lend out the rights of the wrong person.
    fn copy_file(&mut self, from: &Stop, place: &Path) -> Result<()> {
        let source = &from.path;
        let mut file =
            File::open(source).tried(&texts::HOST_FILE, format_args!("open({source:?})"))?;
        let mode = from.metadata.permissions().mode() & 0o777;
        self.copied.files += 1;
        self.copied.bytes += from.metadata.len();
        let (parent, name) = self.parent(place)?;
        if is_same(parent.as_fd(), &name, mode, source) {
            self.copied.unchanged += 1;
            return Ok(());
        }
        let mut copy = create(parent.as_fd(), &name, place)?;
        io::copy(&mut file, &mut copy)
            .tried(&texts::JAIL_WRITE, format_args!("copy({source:?}, {place:?})"))?;
        set_mode(copy.as_fd(), mode, place)
    }

    /// The folder that `place` is in, opened, and the name that it has there.
    fn parent(&self, place: &Path) -> Result<(OwnedFd, OsString)> {
        let inside = place.strip_prefix(&self.folder).ok();
        let Some((parent, name)) = inside.and_then(|path| path.parent().zip(path.file_name()))
        else {
            bail!(texts::not_inside(place, &self.folder));
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let folder = openat2(&self.root, parent, how).tried(
            &texts::JAIL_INSIDE,
            format_args!("openat2({:?}, {parent:?}, RESOLVE_IN_ROOT)", self.folder),
        )?;
        Ok((folder, name.into()))
    }
}

/// A new file; what had its name before is gone, and not written through if it was a link.
fn create(parent: BorrowedFd, name: &OsStr, place: &Path) -> Result<File> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    // A program of 32 bits may write no more than 2 GiB otherwise.
    let flags = flags | OFlag::O_LARGEFILE;
    loop {
        match openat(parent, name, flags, Mode::S_IRUSR | Mode::S_IWUSR) {
            Err(Errno::EEXIST) => remove(parent, name, place)?,
            opened => {
                let opened =
                    opened.tried(&texts::JAIL_WRITE, format_args!("open({place:?}, O_CREAT)"))?;
                return Ok(opened.into());
            }
        }
    }
}

fn remove(parent: BorrowedFd, name: &OsStr, place: &Path) -> Result<()> {
    match unlinkat(parent, name, UnlinkatFlags::NoRemoveDir) {
        // Somebody else, who fills the same jail, was faster.
        Err(Errno::ENOENT) => Ok(()),
        removed => removed.tried(&texts::JAIL_REPLACE, format_args!("unlink({place:?})")),
    }
}

fn set_mode(file: BorrowedFd, mode: u32, place: &Path) -> Result<()> {
    let mode = Mode::from_bits_truncate(mode as mode_t);
    fchmod(file, mode).tried(&texts::JAIL_WRITE, format_args!("fchmod({place:?})"))
}

/// Whether the file `name` in `parent` is the same as `source`. When in doubt it is not.
fn is_same(parent: BorrowedFd, name: &OsStr, mode: u32, source: &Path) -> bool {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let flags = flags | OFlag::O_LARGEFILE;
    let Ok(there) = openat(parent, name, flags, Mode::empty()).map(File::from) else {
        return false;
    };
    let same_kind = there.metadata().is_ok_and(|it| it.is_file() && it.mode() & 0o7777 == mode);
    same_kind && File::open(source).is_ok_and(|source| same_bytes(there, source).unwrap_or(false))
}

fn same_bytes(one: impl Read, other: impl Read) -> io::Result<bool> {
    const PIECE: usize = 64 * 1024;
    let (mut one, mut other) =
        (BufReader::with_capacity(PIECE, one), BufReader::with_capacity(PIECE, other));
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let length = left.len().min(right.len());
        if left[..length] != right[..length] {
            return Ok(false);
        }
        if length == 0 {
            return Ok(left.len() == right.len());
        }
        one.consume(length);
        other.consume(length);
    }
}
