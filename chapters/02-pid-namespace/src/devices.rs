//! `/dev`: six devices that every program may count on, and the links beside them.
//!
//! A device node is a name with two numbers (`mknod(2)`): which driver of the kernel, which device
//! of it. The node may be made only by root on the host: whoever could make any node could read any
//! disk. In a user namespace `mknod` is EPERM, and the host's own nodes are bound here instead.
//!
//! The list is the runtime specification's ("Default Devices").

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use anyhow::Result;
use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, makedev, mknodat, umask};
use nix::unistd::symlinkat;
use process::Attempt;

use crate::{Mount, inside, texts};

/// Name, major and minor number.
const DEVICES: [(&str, u64, u64); 6] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

/// Where programs look for their own open files and for a new terminal.
const LINKS: [(&str, &str); 6] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
    ("core", "/proc/kcore"),
];

/// Fills the fresh `/dev` inside `root`.
///
/// # Errors
///
/// What the kernel refuses.
pub fn make(root: BorrowedFd) -> Result<()> {
    let folder = inside::open(root, Path::new("/dev")).tried(&texts::DEVICES, "open(\"/dev\")")?;
    // Everybody may use these; the mode that is asked for is the mode that is meant.
    let before = umask(Mode::empty());
    let made = DEVICES.iter().try_for_each(|device| node(root, folder.as_fd(), *device));
    umask(before);
    made?;
    for (name, target) in LINKS {
        symlinkat(target, folder.as_fd(), name)
            .tried(&texts::DEVICES, format_args!("symlink({target:?}, \"/dev/{name}\")"))?;
    }
    Ok(())
}

fn node(root: BorrowedFd, folder: BorrowedFd, device: (&str, u64, u64)) -> Result<()> {
    let (name, major, minor) = device;
    let mode = Mode::from_bits_truncate(0o666);
    match mknodat(folder, name, SFlag::S_IFCHR, mode, makedev(major, minor)) {
        Err(Errno::EPERM) => {
            let path = format!("/dev/{name}");
            Mount::bind(&path, &path).make(root)
        }
        made => made.step(
            &texts::DEVICES,
            format_args!("mknod(\"/dev/{name}\", S_IFCHR|0666, makedev({major}, {minor}))"),
        ),
    }
}
