//! A layer becomes a folder.
//!
//! A layer is a tar archive of what it adds to the layers below (OCI image specification,
//! `layer.md`). What it takes away it says by names: a file `.wh.NAME` means that `NAME` is gone, and
//! `.wh..wh..opq` that everything is gone that the layers below have in this folder. In the folder
//! that is made here both are said as overlayfs wants them (chapter 05).
//!
//! Whoever made the archive may be no friend. It can name `../../etc/passwd`, or make a link that
//! leads out and then write through it, or be a thousand times larger than it looks. So no path is
//! followed to anywhere else (module `tree`), nothing that is there is ever opened for writing, and
//! nothing is reserved on the archive's word.
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
//! - [`attributes`]: owner, mode, extended attributes, time.
//! - [`pending`]: what has to wait for the layers below.

pub mod archive;
pub mod attributes;
pub mod extended;
pub mod pending;
pub mod sparse;
pub mod tree;

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstatat, makedev, mknodat};
use nix::sys::statvfs::fstatvfs;
use nix::unistd::{linkat, symlinkat};
use overlay_layers::whiteout;
use process::failure::errno;
use process::{Attempt, explain};

use crate::texts::unpack as texts;
use archive::{Archive, Entry, Kind};
use attributes::Setter;
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
    explain::call(&texts::ENTRY, format_args!("openat2(…, RESOLVE_BENEATH) below {folder:?}"));
    // Nobody else may look in before it is finished, and what is made in it is ours at first: if
    // the folder above gives its group away, this one does not.
    let opened = fs::set_permissions(folder, Permissions::from_mode(0o700));
    opened.tried(&texts::ENTRY, format_args!("chmod({folder:?}, 700)"))?;
    let mut pending = Pending::default();
    pending.imply(b"")?;
    let tree = Tree::open(folder, pending)?;
    let room = room(tree.root().as_fd())?;
    let archive = Archive::new(BufReader::with_capacity(PIECE, layer), room);
    let mut unpacker = Unpacker { archive, tree, setter: Setter::new() };
    let mut last = None;
    while let Some(entry) = unpacker.archive.next_entry().with_context(|| texts::after(&last))? {
        unpacker.put(&entry).with_context(|| texts::entry(&entry.path))?;
        last = Some(entry.path);
    }
    Ok(unpacker.tree.pending)
}

/// How much may be written to a folder's disk, in bytes.
fn room(folder: BorrowedFd) -> Result<u64> {
    let disk = fstatvfs(folder).tried(&texts::ENTRY, "fstatvfs()")?;
    Ok(match disk.blocks() as u64 {
        // It has no bounds of its own.
        0 => u64::MAX,
        _ => (disk.blocks_available() as u64).saturating_mul(disk.fragment_size() as u64),
    })
}

struct Unpacker<R> {
    archive: Archive<R>,
    tree: Tree,
    setter: Setter,
}

impl<R: BufRead> Unpacker<R> {
    /// Puts one entry of the archive in its place.
    fn put(&mut self, entry: &Entry) -> Result<()> {
        let path = tree::normal(&entry.path)?;
        let names = || path.split(|&byte| byte == b'/');
        if names().any(is_private) {
            return Ok(());
        }
        let in_whiteout = names().rev().skip(1).any(|name| name.starts_with(b".wh."));
        ensure!(!in_whiteout, texts::FOLDER_IS_WHITEOUT);
        let place = self.tree.place(&path);
        if let (Err(error), Some((_, name))) = (&place, tree::split(&path)) {
            // Something that is no folder hides all that a folder below has anyway.
            if errno(error) == Some(Errno::ENOTDIR) && name.as_bytes().starts_with(b".wh.") {
                return Ok(());
            }
        }
        let Some(place) = place? else {
            ensure!(entry.kind == Kind::Folder, texts::ROOT_IS_A_FOLDER);
            return self.tree.pending.describe(b"", entry.attributes.clone());
        };
        if let Some(hidden) = place.name.as_bytes().strip_prefix(b".wh.") {
            return hide(place.parent.as_fd(), OsStr::from_bytes(hidden));
        }
        if entry.kind == Kind::Folder {
            return self.tree.make_folder(&place, entry.attributes.clone());
        }
        let made = match self.make(&place, entry) {
            // The last entry of a name counts, and whatever is there goes: never is it written to.
            Err(error) if errno(&error) == Some(Errno::EEXIST) => {
                self.tree.clear(&place)?;
                self.make(&place, entry)
            }
            made => made,
        };
        match (made, &entry.kind) {
            (Ok(()), _) => {
                self.tree.pending.add(entry.size);
                Ok(())
            }
            (Err(error), Kind::HardLink(target)) if errno(&error) == Some(Errno::ENOENT) => {
                // Then it is one of a layer below.
                self.tree.pending.link(&place.path, tree::normal(target)?)
            }
            (Err(error), Kind::Character(..) | Kind::Block(..))
                if errno(&error) == Some(Errno::EPERM) && !self.setter.is_hosts_root() =>
            {
                // A container gets its devices elsewhere (02#dev).
                self.tree.pending.leave_out();
                Ok(())
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Makes anything but a folder. Where something is already, it fails with EEXIST, and has read
    /// nothing of the content.
    fn make(&mut self, place: &Place, entry: &Entry) -> Result<()> {
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
        //   `write(&mut self.archive, &file, parts, *size)?` fill it, and then
        //   `self.setter.set(&file, attributes)`. The rest have no content, and
        //   `self.setter.set_at(parent, name, attributes)` does for them what is left to do: a Link
        //   is made by `symlinkat(TARGET, parent, name)` (its target is any bytes:
        //   `OsStr::from_bytes`), a Character and a Block device by `node(SFlag::S_IFCHR or
        //   S_IFBLK, makedev(MAJOR, MINOR))`, a Pipe by `node(SFlag::S_IFIFO, 0)`. But a character
        //   device 0, 0 would be a whiteout: `bail!(texts::DEVICE_0_0)`. A HardLink is
        //   `hard_link(&self.tree, place, target)`, and shares all it has with its other name. A
        //   Folder has been made elsewhere: `Ok(())`.
        todo!("entry: make what the archive describes")
        // ANCHOR_END: entry
    }
}

/// Whether a name is one of AUFS's own: its private notes, which old layers have. Like every other
/// engine we leave them out.
fn is_private(name: &[u8]) -> bool {
    name.starts_with(b".wh..wh.") && name != b".wh..wh..opq"
}

/// Says in overlayfs's way that `hidden` is gone from what the layers below have in the folder
/// `parent`. What this same layer has there stays, whether it came before or comes later.
pub(crate) fn hide(parent: BorrowedFd, hidden: &OsStr) -> Result<()> {
    // ANCHOR: whiteout
    // EXERCISE whiteout: translate what is gone
    //   `hidden` is what followed `.wh.` in the name. If that is `.wh..opq`, everything in this
    //   folder is gone: `whiteout::make_opaque(parent)` marks the folder itself. An empty name, `.`
    //   and `..` are none: `bail!(texts::BAD_WHITEOUT)`. For any other name make a whiteout
    //   (`whiteout::make(parent, hidden)`). If something of that name is there (EEXIST), this same
    //   layer has put it there, and it stays. But if it is a folder, nothing from below may be seen
    //   in it: `tree::make_opaque(parent, hidden)` sees to that. Put `.tried(&texts::WHITEOUT, "…")`
    //   behind calls that return an errno.
    todo!("whiteout: translate what is gone")
    // ANCHOR_END: whiteout
}

fn new_file(parent: BorrowedFd, name: &OsStr) -> Result<File> {
    // O_EXCL: what is there, a link perhaps, is not opened. O_LARGEFILE: a program of 32 bits may
    // write no more than 2 GiB otherwise.
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let flags = flags | OFlag::O_LARGEFILE;
    let opened = openat(parent, name, flags, Mode::S_IRUSR | Mode::S_IWUSR);
    let file = opened.tried(&texts::ENTRY, format_args!("openat({name:?}, O_CREAT|O_EXCL)"))?;
    Ok(file.into())
}

/// Writes a file's parts; what lies between them stays a hole.
fn write(
    archive: &mut Archive<impl BufRead>,
    mut file: &File,
    parts: &[Part],
    size: u64,
) -> Result<()> {
    let mut position = 0;
    // GNU tar marks the end of a file by a part of no bytes.
    for part in parts.iter().filter(|part| part.size > 0) {
        if part.offset != position {
            file.seek(SeekFrom::Start(part.offset)).tried(&texts::ENTRY, "lseek()")?;
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
        file.set_len(size).tried(&texts::ENTRY, "ftruncate()")?;
    }
    Ok(())
}

/// A second name for a file of this layer. Some programs (kaniko) begin its path with a slash, which
/// then is the layer's root. A link on the way is refused: what has two names then is not what the
/// archive says.
fn hard_link(tree: &Tree, place: &Place, target: &[u8]) -> Result<()> {
    let target = tree::normal(target)?;
    ensure!(target != place.path, texts::LINK_TO_ITSELF);
    let (folder, name) = tree::split(&target).context(texts::LINK_TO_ROOT)?;
    let call = format!("linkat({:?})", tree::shown(&target));
    let folder = tree.look_up(folder).tried(&texts::HARD_LINK, &call)?;
    let there = fstatat(&folder, name, AtFlags::AT_SYMLINK_NOFOLLOW);
    let there = there.tried(&texts::HARD_LINK, &call)?;
    ensure!(!whiteout::is_whiteout(&there), texts::no_such_target(&target));
    let linked = linkat(&folder, name, &place.parent, place.name.as_os_str(), AtFlags::empty());
    linked.tried(&texts::HARD_LINK, call)
}
