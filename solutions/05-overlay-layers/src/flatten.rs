//! Layers without overlayfs: a copy of what it would show.
//!
//! Some places have no overlayfs, or none that can be written to: an upper folder that itself lies
//! on an overlay (inside a dev container), a file system without extended attributes, an ordinary
//! user before Linux 5.11. Then the layers are copied into one folder, from the bottom up, and what
//! a layer says is gone is removed. It is slow and takes the space again for every container, which
//! is what layers are there to avoid.

use std::collections::HashMap;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, lstat, mknod, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Whence, linkat, lseek64};
use process::Attempt;

use crate::{remove_tree, sys, texts, whiteout};

/// Copies what the layers show together, the bottom one first, into `to`.
///
/// # Errors
///
/// When something can't be read or written; `to` is then incomplete.
pub fn flatten(layers: &[PathBuf], to: &Path) -> Result<()> {
    layers.iter().try_for_each(|layer| {
        // Two names of one file stay two names of one file, within a layer.
        let mut links = HashMap::new();
        copy_folder(layer, to, &mut links)
    })
}

type Links = HashMap<(u64, u64), PathBuf>;

fn copy_folder(from: &Path, to: &Path, links: &mut Links) -> Result<()> {
    let folder = File::open(from).tried(&texts::COPY, format_args!("open({from:?})"))?;
    if whiteout::is_opaque(folder.as_fd()).unwrap_or(false) {
        for entry in entries(to)? {
            remove_tree(&entry)?;
        }
    }
    for entry in entries(from)? {
        let place = to.join(entry.file_name().unwrap_or_default());
        let found = lstat(&entry).tried(&texts::COPY, format_args!("lstat({entry:?})"))?;
        let kind = SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits());
        let was_folder = fs::symlink_metadata(&place).is_ok_and(|place| place.is_dir());
        if !(kind == SFlag::S_IFDIR && was_folder) {
            remove_tree(&place)?;
        }
        if whiteout::is_whiteout(&found) {
            continue;
        }
        if kind == SFlag::S_IFDIR {
            if !was_folder {
                fs::create_dir(&place).tried(&texts::COPY, format_args!("mkdir({place:?})"))?;
            }
            copy_folder(&entry, &place, links)?;
            continue;
        }
        let copied = match linked(&entry, &place, links) {
            Ok(false) => copy_file(&entry, &place),
            linked => linked.map(drop),
        };
        copied.tried(&texts::COPY, format_args!("copy({entry:?}, {place:?})"))?;
    }
    let attributes = copy_attributes(from, to);
    attributes.tried(&texts::COPY, format_args!("chmod({to:?})"))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
    });
    entries.tried(&texts::COPY, format_args!("opendir({folder:?})"))
}

/// Whether this is a file that has been copied already, under another name; then links it.
fn linked(from: &Path, to: &Path, links: &mut Links) -> io::Result<bool> {
    let found = fs::symlink_metadata(from)?;
    if found.nlink() < 2 {
        return Ok(false);
    }
    match links.insert((found.dev(), found.ino()), to.into()) {
        Some(first) => Ok(linkat(AT_FDCWD, &first, AT_FDCWD, to, AtFlags::empty()).map(|()| true)?),
        None => Ok(false),
    }
}

/// Copies anything but a folder to a place where nothing is, with all its attributes.
///
/// # Errors
///
/// What the kernel refuses: EEXIST where something is.
pub fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let found = lstat(from)?;
    let kind = SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits());
    if kind == SFlag::S_IFLNK {
        symlink(fs::read_link(from)?, to)?;
        let owner = lchown(to, Some(found.st_uid), Some(found.st_gid));
        return ignore(owner, &[Errno::EPERM, Errno::EINVAL]).and_then(|()| times(from, to));
    }
    if kind == SFlag::S_IFREG {
        // `fs::copy` would take over the mode; ours comes below, after the owner.
        copy_content(&File::open(from)?, &File::create_new(to)?)?;
    } else {
        mknod(to, kind, Mode::S_IRUSR, found.st_rdev)?;
    }
    copy_attributes(from, to)
}

/// Copies what a file holds. What it does not hold, its holes (`lseek(2)`, "Seeking file data and
/// holes"), the copy does not hold either: written out, they could be larger than the disk.
fn copy_content(mut from: &File, mut to: &File) -> io::Result<()> {
    let mut place = 0;
    loop {
        let begin = match lseek64(from, place, Whence::SeekData) {
            // There is no more.
            Err(Errno::ENXIO) => break,
            found => found?,
        };
        place = lseek64(from, begin, Whence::SeekHole)?;
        from.seek(SeekFrom::Start(begin as u64))?;
        to.seek(SeekFrom::Start(begin as u64))?;
        io::copy(&mut from.take((place - begin) as u64), &mut to)?;
    }
    to.set_len(from.metadata()?.len())
}

/// Copies owner, mode, extended attributes and times, as far as the kernel lets this user set them.
///
/// # Errors
///
/// What the kernel refuses.
pub fn copy_attributes(from: &Path, to: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    // Numbers that a user namespace does not map can't be given away. What is ours stays ours.
    let owner = chown(to, Some(found.uid()), Some(found.gid()));
    ignore(owner, &[Errno::EPERM, Errno::EINVAL])?;
    if found.is_file() || found.is_dir() {
        let (from, to) = (File::open(from)?, File::open(to)?);
        for name in sys::attributes(from.as_fd()).unwrap_or_default() {
            // How overlayfs stores a folder is no business of the copy's.
            if !name.to_bytes().windows(9).any(|part| part == b".overlay.") {
                let value = sys::attribute(from.as_fd(), &name)?;
                let set = sys::set_attribute(to.as_fd(), &name, &value).map_err(io::Error::from);
                ignore(set, &[Errno::EPERM, Errno::EOPNOTSUPP])?;
            }
        }
    }
    // After the owner: to change that takes the set-user-ID bit away.
    fs::set_permissions(to, Permissions::from_mode(found.mode() & 0o7777))?;
    times(from, to)
}

fn times(from: &Path, to: &Path) -> io::Result<()> {
    let found = lstat(from)?;
    let read = TimeSpec::new(found.st_atime, found.st_atime_nsec);
    let changed = TimeSpec::new(found.st_mtime, found.st_mtime_nsec);
    Ok(utimensat(AT_FDCWD, to, &read, &changed, UtimensatFlags::NoFollowSymlink)?)
}

fn ignore(result: io::Result<()>, refusals: &[Errno]) -> io::Result<()> {
    match result {
        Err(error) if refusals.iter().any(|errno| error.raw_os_error() == Some(*errno as i32)) => {
            Ok(())
        }
        result => result,
    }
}
