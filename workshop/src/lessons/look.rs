//! What several look at: lessons, which have started the program themselves, and the tasks of the
//! book's pages, whose processes somebody else has made.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use anyhow::Result;
use nix::errno::Errno;
use nix::sys::statfs::{FsType, OVERLAYFS_SUPER_MAGIC, statfs};
use nix::unistd::Pid;

use crate::check::claim::{Finding, expect};
use crate::check::world::{Outcome, Trouble};
use crate::observe::{self, Mount};

/// fuse-overlayfs is one too.
const FUSE_SUPER_MAGIC: FsType = FsType(0x6573_5546);

/// Where a link in `/proc/PID` leads to, or why that can't be told.
#[must_use]
pub fn link(pid: Pid, what: &str) -> String {
    fs::read_link(format!("/proc/{pid}/{what}"))
        .map_or_else(|it| it.to_string(), |it| it.display().to_string())
}

/// A file or folder by what can't be faked: its device and its inode there.
#[must_use]
pub fn identity(path: &str) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// The program ended with this status, and not because of something that it tells itself.
pub(super) fn ended_with(outcome: &Outcome, expected: i32) -> Finding {
    if let Some(trouble) = Trouble::told(&outcome.errors) {
        return Err(trouble.into());
    }
    expect(outcome.status() == expected, || {
        let seen = format!("{} instead of {expected} from `{}`", outcome.status(), outcome.shown);
        [&seen, outcome.errors.trim_end()].join("\n").trim_end().to_owned()
    })
}

/// It is in another namespace of this kind than the host, whose link says `hosts`.
///
/// # Errors
///
/// What was seen. This holds for all findings here.
pub fn own_namespace(pid: Pid, kind: &str, hosts: &str) -> Finding {
    let its = link(pid, &format!("ns/{kind}"));
    let right = its != hosts && its.starts_with(kind);
    expect(right, || format!("/proc/{pid}/ns/{kind} -> {its}, as on the host"))
}

/// It is process 1 of its PID namespace.
pub fn pid_one(pid: Pid) -> Result<Finding> {
    let numbers = observe::status(pid)?.ns_pids;
    Ok(expect(numbers.last() == Some(&1), || {
        let numbers: Vec<_> = numbers.iter().map(i32::to_string).collect();
        format!("/proc/{pid}/status: NSpid {}", numbers.join(" "))
    }))
}

/// None of its mounts shows the file system that is the host's root.
pub fn old_root_gone(pid: Pid, mounts: &[Mount], is_root: impl Fn(&Mount) -> bool) -> Finding {
    let old = mounts.iter().filter(|mount| is_root(mount));
    let old: Vec<_> = old.map(|mount| mount.target.display().to_string()).collect();
    expect(old.is_empty(), || {
        format!("/proc/{pid}/mountinfo: the host's root at {}", old.join(", "))
    })
}

/// Its root folder is an overlay.
pub fn is_overlay(pid: Pid) -> Finding {
    let root = format!("/proc/{pid}/root/");
    let kind = statfs(&*root).map(|found| found.filesystem_type());
    let right = kind.is_ok_and(|kind| [OVERLAYFS_SUPER_MAGIC, FUSE_SUPER_MAGIC].contains(&kind));
    expect(right, || {
        let kind = kind.map_or_else(|errno| errno.desc().into(), |kind| format!("{:x}", kind.0));
        format!("`stat -f -c %t {root}`: {kind}; overlayfs is 794c7630")
    })
}

/// At this place of an upper folder stands that the name is gone.
pub fn is_whiteout(place: &Path) -> Finding {
    let whiteout = fs::symlink_metadata(place)
        .is_ok_and(|found| found.file_type().is_char_device() && found.rdev() == 0);
    expect(whiteout, || format!("{}, expected a character device 0, 0", shown(place)))
}

/// The file at this place has this text and no other.
pub fn holds_text(place: &Path, text: &str) -> Finding {
    let found = fs::read_to_string(place);
    expect(found.as_ref().is_ok_and(|found| found == text), || match found {
        Ok(found) => format!("{}: {found:?}, expected {text:?}", place.display()),
        Err(_) => shown(place),
    })
}

/// What `ls -l` says of a place, shortly.
#[must_use]
pub fn shown(place: &Path) -> String {
    match fs::symlink_metadata(place) {
        Err(error) => format!("{}: {}", place.display(), said(&error)),
        Ok(found) => format!("{}: mode {:o}, {} bytes", place.display(), found.mode(), found.len()),
    }
}

/// The kernel's answer, without its number.
fn said(error: &io::Error) -> String {
    error.raw_os_error().map_or(error.to_string(), |it| Errno::from_raw(it).desc().into())
}
