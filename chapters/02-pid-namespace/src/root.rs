//! A root folder without a way out: the mount namespace and `pivot_root`.
//!
//! `chroot` changes where a process *starts* to look up a path; the host's tree is still there, and
//! chapter 01 walks back into it. A mount namespace (`mount_namespaces(7)`) is a list of mounts of
//! one's own, a copy at first. In it `pivot_root(2)` makes our folder the root of the whole list,
//! and the old root can then be unmounted. What is not mounted can't be reached.

use std::fmt::Debug;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::CloneFlags;
use nix::sys::stat::Mode;
use nix::unistd::{chdir, fchdir, pivot_root};
use process::{Attempt, Mechanism};

use crate::{Mount, devices, texts};

/// Where a container's file tree comes from: here a folder, in chapter 05 several on top of each
/// other.
pub trait Tree: Debug {
    /// Mounts the tree, in the container's mount namespace, and opens its top (`O_PATH`).
    ///
    /// # Errors
    ///
    /// What the kernel refuses.
    fn mount(&self) -> Result<OwnedFd>;
}

/// The container's file tree, and what is mounted in it.
#[derive(Debug)]
pub struct Root {
    tree: Box<dyn Tree>,
    standard: Vec<Mount>,
    more: Vec<Mount>,
}

impl Root {
    /// The file tree in `folder`, with fresh `/proc`, `/dev`, `/sys` and `/tmp`.
    ///
    /// # Errors
    ///
    /// When `folder` is not there, is no folder, is empty, or is the present root.
    pub fn new(folder: &Path) -> Result<Self> {
        chroot_jail::jail::check(folder)?;
        // Without a `.` that leads to where we stand instead of to what is mounted there.
        let folder = folder
            .canonicalize()
            .tried(&chroot_jail::texts::ROOT, format_args!("realpath({folder:?})"))?;
        ensure!(folder != Path::new("/"), texts::PRESENT_ROOT);
        Ok(Self::of(Folder(folder)))
    }

    /// This file tree, with fresh `/proc`, `/dev`, `/sys` and `/tmp`.
    #[must_use]
    pub fn of(tree: impl Tree + 'static) -> Self {
        Self { tree: Box::new(tree), standard: Mount::standard(), more: Vec::new() }
    }

    /// More mounts, made after the standard ones.
    #[must_use]
    pub fn mounts(mut self, mounts: impl IntoIterator<Item = Mount>) -> Self {
        self.more.extend(mounts);
        self
    }

    /// The paths on which something is mounted. Those that the tree does not have are made.
    pub fn mount_points(&self) -> impl Iterator<Item = &Path> {
        self.standard.iter().chain(&self.more).map(Mount::target)
    }
}

impl Mechanism for Root {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWNS
    }

    fn enter(&mut self) -> Result<()> {
        make_private()?;
        let root = self.tree.mount()?;
        // While the old root is still there: a bind mount comes from it, and in a user namespace
        // the kernel makes a fresh /proc only for somebody who sees a whole one already.
        for mount in &self.standard {
            mount.make(root.as_fd())?;
        }
        // Before the others: one of them may put a folder of the host's at `/dev`, by that name or by
        // a link to it, and nothing is to be made in that one.
        devices::make(root.as_fd())?;
        for mount in &self.more {
            mount.make(root.as_fd())?;
        }
        pivot(root)
    }
}

/// Cuts the link to the host's mounts.
///
/// The copy of the mount list stays a *peer* of the original where that is shared, as systemd makes
/// it: what one mounts appears in the other (`mount_namespaces(7)`, "shared subtrees").
fn make_private() -> Result<()> {
    // ANCHOR: private
    // EXERCISE private: keep your mounts to yourself
    //   Make every mount of this namespace private: `mount` with no source, no type and no data,
    //   on "/", with the flags for "private" and "all below, too". Put
    //   `.step(&texts::PRIVATE, "mount(NULL, \"/\", NULL, MS_REC|MS_PRIVATE)")` behind the call.
    todo!("private: keep your mounts to yourself")
    // ANCHOR_END: private
}

/// A folder of the host's.
#[derive(Debug)]
struct Folder(PathBuf);

impl Tree for Folder {
    /// Makes the folder a mount point, which `pivot_root` asks for, and opens it.
    fn mount(&self) -> Result<OwnedFd> {
        let folder = &self.0;
        // ANCHOR: mount_point
        // EXERCISE mount_point: turn the folder into a mount
        //   Only a mount can become the root. Bind the folder onto itself (`mount` with MS_BIND,
        //   and MS_REC for what is mounted below it). Then `open` it, with O_PATH, O_DIRECTORY and
        //   O_CLOEXEC: a path that is looked up after the bind leads into the new mount. Behind
        //   each call `.step(&texts::MOUNT_POINT, "the call")?` gives a refusal its sentence.
        todo!("mount_point: turn the folder into a mount")
        // ANCHOR_END: mount_point
    }
}

/// Puts the new root in the place of the old one, and takes the old one away.
fn pivot(root: OwnedFd) -> Result<()> {
    // ANCHOR: pivot
    // EXERCISE pivot: make it the root, and leave no way back
    //   Four calls. Step into the new root (`fchdir`). `pivot_root(".", ".")` puts it in the place
    //   of the old root, which then lies on top of it, at the same spot: the man page tells the
    //   trick. Take the old one away: `umount2(".", MNT_DETACH)`; it is busy, you still stand in
    //   it, so a plain unmount would fail. Then `chdir("/")`. For `.step(...)`: `texts::PIVOT`,
    //   `texts::DETACH` and `texts::CHDIR`. (Whether the old root is gone, `breakout` shows.)
    todo!("pivot: make it the root, and leave no way back")
    // ANCHOR_END: pivot
}
