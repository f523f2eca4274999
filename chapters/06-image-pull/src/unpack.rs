//! A layer becomes a folder.
//!
//! A layer is a tar archive of what it adds to the layers below (OCI image specification,
//! `layer.md`). What it takes away it says by names: a file `.wh.NAME` means that `NAME` is gone, and
//! `.wh..wh..opq` that everything is gone that the layers below have in this folder. In the folder
//! that is made here both are said as overlayfs wants them (chapter 05).
//!
//! Whoever made the archive may be no friend. It can name `../../etc/passwd`, or make a link that
//! leads out and then write through it. So every path is looked up by the kernel as if the layer's
//! folder were the root (`openat2(2)` with `RESOLVE_IN_ROOT`), nothing that is there is ever opened
//! for writing, and nothing is reserved on the archive's word.
//!
//! Two things a layer alone can't say, and they are left for later ([`Pending`]): what a folder is
//! like that it uses but does not describe, and what is in a file of a layer below that it gives a
//! second name.
//!
//! # Layout
//!
//! - [`archive`]: the entries of a tar archive; [`extended`] and [`sparse`]: what its header is too
//!   short for.
//! - [`tree`]: places in the layer's folder.
//! - [`pending`]: what has to wait for the layers below.

pub mod archive;
pub mod extended;
pub mod pending;
pub mod sparse;
pub mod tree;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, fchmod, makedev, mknodat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, Whence, fchown, fchownat, ftruncate, linkat, lseek, symlinkat};
use overlay_layers::{sys, whiteout};
use process::{Attempt, explain};

use crate::texts::unpack as texts;
use archive::{Archive, Attributes, Entry, Kind};
use sparse::Part;
use tree::{Place, Tree};

pub use pending::Pending;

/// What is read at a time, in bytes.
const PIECE: usize = 128 << 10;

/// Unpacks a layer, an archive that is not compressed (any more), into an empty folder. `layer` is
/// read to its end.
///
/// # Errors
///
/// When the archive is damaged, or wants what is not allowed, or the disk is full. The folder is
/// then to be removed.
pub fn unpack(layer: impl Read, folder: &Path) -> Result<Pending> {
    let mut archive = Archive::new(BufReader::with_capacity(PIECE, layer));
    let mut tree = Tree::open(folder)?;
    let mut pending = Pending::default();
    explain::call(&texts::ENTRY, format_args!("openat2(…, RESOLVE_IN_ROOT) below {folder:?}"));
    while let Some(entry) = archive.next_entry()? {
        put(&mut archive, &mut tree, &mut pending, &entry)
            .with_context(|| texts::entry(&entry.path))?;
    }
    pending.take_implied(tree);
    Ok(pending)
}

/// Puts one entry of the archive in its place.
fn put(
    archive: &mut Archive<impl std::io::BufRead>,
    tree: &mut Tree,
    pending: &mut Pending,
    entry: &Entry,
) -> Result<()> {
    let path = tree::normal(&entry.path)?;
    let Some(place) = tree.place(&path)? else {
        ensure!(entry.kind == Kind::Folder, texts::ROOT_IS_A_FOLDER);
        return pending.folder(path, entry.attributes.clone());
    };
    if let Some(hidden) = place.name.as_bytes().strip_prefix(b".wh.") {
        return hide(tree, &place, OsStr::from_bytes(hidden));
    }
    if entry.kind == Kind::Folder {
        tree.make_folder(&place)?;
        return pending.folder(path, entry.attributes.clone());
    }
    let made = match make(archive, &place, entry) {
        // The last entry of a name counts, and whatever is there goes: never is it written to.
        Err(error) if is(&error, Errno::EEXIST) => {
            tree.clear(&place)?;
            pending.forget(&path);
            make(archive, &place, entry)
        }
        made => made,
    };
    match (made, &entry.kind) {
        (Ok(()), _) => {
            pending.add(entry.size);
            Ok(())
        }
        (Err(error), Kind::HardLink(target)) if is(&error, Errno::ENOENT) => {
            // Then it is one of a layer below.
            pending.link(path, tree::normal(target)?)
        }
        (Err(error), Kind::Character(..) | Kind::Block(..))
            if is(&error, Errno::EPERM) && !sys::is_hosts_root() =>
        {
            // A container gets its devices elsewhere (02#dev).
            pending.leave_out();
            Ok(())
        }
        (Err(error), _) => Err(error),
    }
}

/// Says in overlayfs's way that `hidden` is gone from the layers below.
fn hide(tree: &mut Tree, place: &Place, hidden: &OsStr) -> Result<()> {
    let parent = place.parent.as_fd();
    // ANCHOR: whiteout
    // EXERCISE whiteout: translate what is gone
    //   `hidden` is what followed `.wh.` in the name. If that is `.wh..opq`, everything in this
    //   folder is gone: `make_opaque(parent)` marks the folder itself. Other names that begin with
    //   `.wh.` are private notes of an older program (AUFS): ignore them. An empty name, `.` and
    //   `..` are none: `bail!(texts::BAD_WHITEOUT)`. For any other name make a whiteout
    //   (`whiteout::make(parent, hidden)`). If something of that name is there (EEXIST), this same
    //   layer has put it there, and it stays. But if it is a folder, nothing from below may be seen
    //   in it: `tree.make_opaque(place, hidden)` sees to that. Put `.tried(&texts::WHITEOUT, "…")`
    //   behind calls that return an errno.
    todo!("whiteout: translate what is gone")
    // ANCHOR_END: whiteout
}

/// Marks a folder: what the layers below have in it is gone.
fn make_opaque(folder: BorrowedFd) -> Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let folder =
        openat(folder, ".", flags, Mode::empty()).tried(&texts::WHITEOUT, "openat(\".\")")?;
    whiteout::make_opaque(folder.as_fd()).tried(&texts::WHITEOUT, "fsetxattr(\"overlay.opaque\")")
}

/// Makes anything but a folder. Where something is already, it fails with EEXIST, and has read
/// nothing of the content.
fn make(archive: &mut Archive<impl std::io::BufRead>, place: &Place, entry: &Entry) -> Result<()> {
    let Place { parent, name, .. } = place;
    let (parent, name) = (parent.as_fd(), name.as_os_str());
    let Entry { kind, attributes, size, .. } = entry;
    let node = |kind, device| {
        let made = mknodat(parent, name, kind, Mode::S_IRUSR, device);
        made.tried(&texts::ENTRY, format_args!("mknodat({name:?}, {kind:?})"))
    };
    // ANCHOR: entry
    // EXERCISE entry: make what the archive describes
    //   One arm for each kind. A File: open it, new, by `new_file(parent, name)?`, let
    //   `write(archive, &file, parts, *size)?` fill it, and then `finish_file(&file, attributes)`.
    //   The rest have no content, and `finish_other(parent, name, attributes)` does for them what
    //   is left to do: a Link is made by `symlinkat(TARGET, parent, name)` (its target is any
    //   bytes: `OsStr::from_bytes`), a Character and a Block device by `node(SFlag::S_IFCHR or
    //   S_IFBLK, makedev(MAJOR, MINOR))`, a Pipe by `node(SFlag::S_IFIFO, 0)`. But a character
    //   device 0, 0 would be a whiteout: `bail!(texts::DEVICE_0_0)`. A HardLink is
    //   `hard_link(place, target)`, and shares all it has with its other name. A Folder has been
    //   made elsewhere: `Ok(())`.
    todo!("entry: make what the archive describes")
    // ANCHOR_END: entry
}

fn new_file(parent: BorrowedFd, name: &OsStr) -> Result<File> {
    // O_EXCL: what is there, a link perhaps, is not opened.
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let opened = openat(parent, name, flags, Mode::S_IRUSR | Mode::S_IWUSR);
    let file = opened.tried(&texts::ENTRY, format_args!("openat({name:?}, O_CREAT|O_EXCL)"))?;
    Ok(file.into())
}

/// Writes a file's parts; what lies between them stays a hole.
fn write(
    archive: &mut Archive<impl std::io::BufRead>,
    mut file: &File,
    parts: &[Part],
    size: u64,
) -> Result<()> {
    let mut position = 0;
    for part in parts {
        if part.offset != position {
            let offset = part.offset.try_into().context(texts::BAD_MAP)?;
            lseek(file, offset, Whence::SeekSet).tried(&texts::ENTRY, "lseek()")?;
        }
        let mut left = part.size;
        while left > 0 {
            let piece = archive.content(left)?;
            let count = piece.len();
            file.write_all(piece).tried(&texts::ENTRY, "write()")?;
            archive.used(count);
            left -= count as u64;
        }
        position = part.offset + part.size;
    }
    if position < size {
        let size = size.try_into().context(texts::BAD_MAP)?;
        ftruncate(file, size).tried(&texts::ENTRY, "ftruncate()")?;
    }
    Ok(())
}

/// A second name for a file of this layer.
fn hard_link(place: &Place, target: &[u8]) -> Result<()> {
    ensure!(!target.starts_with(b"/"), texts::ABSOLUTE_HARD_LINK);
    let target = tree::normal(target)?;
    ensure!(target != place.path, texts::LINK_TO_ITSELF);
    let (folder, name) = tree::split(&target).context(texts::LINK_TO_ITSELF)?;
    let folder = place.open_without_links(folder)?;
    let linked = linkat(&folder, name, &place.parent, place.name.as_os_str(), AtFlags::empty());
    linked.tried(&texts::HARD_LINK, format_args!("linkat({:?})", tree::shown(&target)))
}

/// Owner, mode, attributes and time of an open file. In this order: giving a file away takes its
/// set-user-ID bit, and writing an attribute takes the right to.
pub(crate) fn finish_file(file: &File, attributes: &Attributes) -> Result<()> {
    let Attributes { mode, uid, gid, extended, .. } = attributes;
    // It is ours as long as nobody else gets it: most files are root's, and so are we.
    if (*uid, *gid) != (0, 0) || !sys::is_hosts_root() {
        let owner = fchown(file, Some(Uid::from_raw(*uid)), Some(Gid::from_raw(*gid)));
        unless_unmapped(owner, format_args!("fchown({uid}, {gid})"))?;
    }
    for (name, value) in extended {
        match sys::set_attribute(file.as_fd(), name, value) {
            // What only the host's root may set is left out for others.
            Err(Errno::EPERM) if !sys::is_hosts_root() => {}
            // As is what this file system has no place for.
            Err(Errno::EOPNOTSUPP) => {}
            set => set.tried(&texts::ATTRIBUTE, format_args!("fsetxattr({name:?})"))?,
        }
    }
    fchmod(file, Mode::from_bits_truncate(*mode))
        .tried(&texts::ENTRY, format_args!("fchmod({mode:o})"))?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let time = time(attributes);
    utimensat(AT_FDCWD, path.as_str(), &time, &time, UtimensatFlags::FollowSymlink)
        .tried(&texts::ENTRY, "utimensat()")
}

/// The same for what can't be opened, or had better not: a link, a device, a pipe.
fn finish_other(parent: BorrowedFd, name: &OsStr, attributes: &Attributes) -> Result<()> {
    let Attributes { mode, uid, gid, .. } = attributes;
    let (owner, group) = (Some(Uid::from_raw(*uid)), Some(Gid::from_raw(*gid)));
    let given = fchownat(parent, name, owner, group, AtFlags::AT_SYMLINK_NOFOLLOW);
    unless_unmapped(given, format_args!("fchownat({name:?}, {uid}, {gid})"))?;
    tree::set_mode(parent, name, *mode)?;
    let time = time(attributes);
    utimensat(parent, name, &time, &time, UtimensatFlags::NoFollowSymlink)
        .tried(&texts::ENTRY, format_args!("utimensat({name:?})"))
}

/// An ordinary user has one number to give, his own: what is somebody else's stays his.
fn unless_unmapped(owner: nix::Result<()>, call: impl std::fmt::Display) -> Result<()> {
    match owner {
        Err(Errno::EPERM | Errno::EINVAL) if !sys::is_hosts_root() => Ok(()),
        owner => owner.tried(&texts::ENTRY, call),
    }
}

fn time(attributes: &Attributes) -> TimeSpec {
    let (seconds, nanos) = attributes.time;
    // What the file system can't hold the kernel takes for the nearest that it can.
    let most = nix::libc::time_t::MAX;
    let seconds = seconds.try_into().unwrap_or(if seconds < 0 { -most } else { most });
    TimeSpec::new(seconds, nanos as _)
}

/// Whether the kernel has refused with this errno.
fn is(error: &anyhow::Error, errno: Errno) -> bool {
    process::failure::errno(error) == Some(errno)
}
