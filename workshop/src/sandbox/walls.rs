//! What of the file tree the sandbox sees, and what it can write to.
//!
//! It sees the host's whole tree. Every mount in it is made read-only, in one call
//! (`mount_setattr(2)` with `AT_RECURSIVE`). Before, what is to stay writable is *cloned*
//! (`open_tree(2)`): a clone is a mount of its own, with flags of its own, and is put back on top
//! afterwards. On folders that every program expects to be its own, as `/tmp`, there is a fresh file
//! system in memory, of a limited size: it can be filled, and the disk is as it was.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;
use nix::sys::stat::Mode;
use process::{Attempt, Mechanism};

use super::{sys, texts};
use crate::observe::{self, Mount, Place};

/// The sandbox's file tree and `/proc`.
#[derive(Debug)]
pub struct Walls {
    /// Files and folders that the sandbox can write to.
    writable: Vec<PathBuf>,
    /// Folders that are empty in the sandbox, and its own.
    fresh: Vec<PathBuf>,
    /// A folder on a disk, and which folder it is to be seen as.
    room: Option<(PathBuf, PathBuf)>,
    /// Files and folders that have to be seen, also below one of the fresh folders.
    seen: Vec<PathBuf>,
    /// The cgroups that are the sandbox's own, and what they are to be seen as.
    cgroups: Vec<(PathBuf, PathBuf)>,
}

/// How much a fresh folder can hold.
const SIZE: &str = "mode=1777,size=256m";

/// The devices that are nobody's, and those with which an ordinary user makes a network of his own
/// and file systems of his own.
const DEVICES: [&str; 8] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/net/tun",
    "/dev/fuse",
];

impl Default for Walls {
    /// Nothing can be written to.
    fn default() -> Self {
        let (writable, cgroups) = (Vec::new(), Vec::new());
        Self {
            writable,
            fresh: vec!["/dev".into()],
            room: None,
            seen: DEVICES.map(PathBuf::from).into(),
            cgroups,
        }
    }
}

impl Walls {
    /// This file or folder, and all in it, can be written to.
    #[must_use]
    pub fn writable(mut self, path: impl Into<PathBuf>) -> Self {
        self.writable.push(path.into());
        self
    }

    /// This folder is empty, can be written to, and is gone with the sandbox.
    #[must_use]
    pub fn fresh(mut self, path: impl Into<PathBuf>) -> Self {
        self.fresh.push(path.into());
        self
    }

    /// The folder `room`, which can be written to, is to be seen as `place`.
    #[must_use]
    pub fn room(mut self, room: impl Into<PathBuf>, place: impl Into<PathBuf>) -> Self {
        self.room = Some((room.into(), place.into()));
        self
    }

    /// This file is to be seen, wherever it lies.
    #[must_use]
    pub fn seen(mut self, path: impl Into<PathBuf>) -> Self {
        self.seen.push(path.into());
        self
    }

    /// These cgroups are the sandbox's own, and are to be seen as those.
    pub(super) fn with_cgroups(mut self, seen_as: Vec<(PathBuf, PathBuf)>) -> Self {
        self.cgroups = seen_as;
        self
    }

    /// Clones what is to be put back, and says where to. What is not there can't be.
    fn clones(&self) -> Result<Vec<(OwnedFd, PathBuf)>> {
        let hidden = self.fresh.iter().chain(self.room.iter().map(|(_, place)| place));
        let in_fresh = |path: &&PathBuf| hidden.clone().any(|folder| path.starts_with(folder));
        let same = self.writable.iter().chain(self.seen.iter().filter(in_fresh));
        let others = self.cgroups.iter().map(|(from, to)| (from, to));
        // First what others are below.
        let room = self.room.iter().map(|(from, to)| (from, to));
        let all = room.chain(same.map(|path| (path, path))).chain(others);
        all.filter(|(from, _)| from.exists())
            .map(|(from, to)| {
                let clone = sys::open_tree(&c_string(from))
                    .tried(&texts::WALLS, format_args!("open_tree({from:?}, OPEN_TREE_CLONE)"))?;
                Ok((clone, to.clone()))
            })
            .collect()
    }
}

impl Mechanism for Walls {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWNS
    }

    fn enter(&mut self) -> Result<()> {
        propagation(MsFlags::MS_PRIVATE, "MS_PRIVATE")?;
        let clones = self.clones()?;
        read_only()?;
        for folder in self.fresh.iter().filter(|folder| folder.is_dir()) {
            // In a folder that everybody may write to, nobody may open another's device with O_CREAT
            // (proc_sys_fs(5), "protected_regular").
            let data = if folder == Path::new("/dev") { "mode=755,size=1m" } else { SIZE };
            fresh("tmpfs", folder, MsFlags::MS_NODEV, data)?;
        }
        fresh("proc", Path::new("/proc"), MsFlags::MS_NODEV | MsFlags::MS_NOEXEC, "")?;
        for (clone, to) in clones {
            put_back(clone, &to)?;
        }
        finish_devices()
    }
}

/// Makes a copied list of mounts one that is shared, as on a machine with systemd, but with nobody
/// outside of it.
///
/// # Errors
///
/// What the kernel refuses.
pub fn share_anew() -> Result<()> {
    propagation(MsFlags::MS_PRIVATE, "MS_PRIVATE")?;
    propagation(MsFlags::MS_SHARED, "MS_SHARED")
}

/// For every mount at once.
fn propagation(kind: MsFlags, name: &str) -> Result<()> {
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | kind, none)
        .tried(&texts::WALLS, format_args!("mount(NULL, \"/\", NULL, MS_REC|{name})"))
}

/// Makes every mount read-only.
fn read_only() -> Result<()> {
    let make = |top: nix::Result<OwnedFd>, target: &Path| {
        top.and_then(|top| pid_namespace::sys::make_read_only(top.as_fd()))
            .tried(&texts::WALLS, format_args!("mount_setattr({target:?}, MOUNT_ATTR_RDONLY)"))
    };
    let open = |target: &Path| open(target, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty());
    let root = Path::new("/");
    make(open(root), root)?;
    // Without `kernel::MOUNT_SETATTR` what is mounted below has stayed as it was.
    let mounts = observe::own_mounts()?;
    for Mount { id, target, .. } in mounts.iter().filter(|mount| !mount.has("ro")) {
        let top = open(target);
        let mount = top.as_ref().ok().and_then(|top| Place::of(top).ok()?.mount);
        match top {
            // Where we can't come to, nobody in the sandbox can: a folder that is another's, and
            // what another mount hides, whatever has its name now.
            Err(Errno::EACCES | Errno::ENOENT | Errno::ENOTDIR) => {}
            Ok(_) if mount.is_some_and(|mount| mount != *id) => {}
            top => make(top, target)?,
        }
    }
    Ok(())
}

fn fresh(kind: &str, folder: &Path, flags: MsFlags, data: &str) -> Result<()> {
    mount(Some(kind), folder, Some(kind), MsFlags::MS_NOSUID | flags, Some(data))
        .tried(&texts::WALLS, format_args!("mount({kind:?}, {folder:?}, {kind:?}, {data:?})"))
}

/// What is in `/dev` beside devices.
fn finish_devices() -> Result<()> {
    for (name, target) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
        let (link, target) = (format!("/dev/{name}"), format!("/proc/self/fd{target}"));
        symlink(&target, &link)
            .tried(&texts::WALLS, format_args!("symlink({target:?}, {link:?})"))?;
    }
    symlink("pts/ptmx", "/dev/ptmx")
        .tried(&texts::WALLS, "symlink(\"pts/ptmx\", \"/dev/ptmx\")")?;
    for folder in ["/dev/pts", "/dev/shm"] {
        fs::create_dir(folder).tried(&texts::WALLS, format_args!("mkdir({folder:?})"))?;
    }
    fresh("tmpfs", Path::new("/dev/shm"), MsFlags::MS_NODEV, SIZE)?;
    fresh(
        "devpts",
        Path::new("/dev/pts"),
        MsFlags::MS_NOEXEC,
        "newinstance,ptmxmode=0666,mode=0620",
    )
}

/// Puts a clone where it is to be seen. Below a fresh folder there is no place for it yet.
fn put_back(clone: OwnedFd, to: &Path) -> Result<()> {
    let call = || format!("move_mount({to:?})");
    if !to.exists() {
        let folder = nix::sys::stat::fstat(&clone)
            .is_ok_and(|found| found.st_mode & nix::libc::S_IFMT == nix::libc::S_IFDIR);
        let above = if folder { Some(to) } else { to.parent() };
        if let Some(above) = above {
            fs::create_dir_all(above).tried(&texts::WALLS, format_args!("mkdir({above:?})"))?;
        }
        if !folder {
            fs::write(to, "").tried(&texts::WALLS, format_args!("open({to:?}, O_CREAT)"))?;
        }
    }
    match overlay_layers::sys::move_mount(clone.as_fd(), &c_string(to)) {
        // What is mounted there belongs to another user namespace, and hides nothing of ours.
        Err(Errno::ENOENT) => Ok(()),
        moved => moved.tried(&texts::WALLS, call()),
    }
}

fn c_string(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}
