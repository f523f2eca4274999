//! What a process has open: `/proc/PID/fd` and `/proc/PID/fdinfo` (`proc_pid_fd(5)`,
//! `proc_pid_fdinfo(5)`).
//!
//! A descriptor needs no path. One that was opened before the process got its root still leads to
//! where it was opened; if that is a folder, the process has a way out: `fchdir` to it, and `..`.
//! (CVE-2024-21626: runc left `/sys/fs/cgroup` of the host open in the container.)

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::fcntl::OFlag;
use nix::sys::stat::SFlag;
use serde::Serialize;

use super::link::{Link, mount_id};
use super::mounts::Mount;
use super::proc::Proc;
use super::text;

/// One open descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Descriptor {
    /// Its number.
    pub number: i32,
    /// What `readlink` says: a path, or `socket:[123]`, `pipe:[123]`, `anon_inode:[eventfd]`.
    #[serde(serialize_with = "text::name")]
    pub target: OsString,
    /// What it is.
    pub kind: DescriptorKind,
    /// What may be done with it.
    pub access: Access,
    /// Whether it leads to a file or folder that is not to be found below the process's root.
    pub outside: bool,
}

/// What a descriptor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DescriptorKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A device: a terminal, `/dev/null`.
    Device,
    /// A socket.
    Socket,
    /// A pipe, with a name or without.
    Pipe,
    /// What never had a name: memory, a timer, a process, …
    Anonymous,
}

/// What a descriptor was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Both.
    ReadWrite,
    /// Neither: it names a place (`O_PATH`).
    Place,
}

pub(super) fn all(process: &Proc) -> Result<Vec<Descriptor>> {
    let inside = Inside::of(process)?;
    let mut numbers: Vec<i32> =
        process.names("fd")?.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    // One may have been closed meanwhile.
    Ok(numbers.into_iter().filter_map(|number| look(process, number, &inside)).collect())
}

fn look(process: &Proc, number: i32, inside: &Inside) -> Option<Descriptor> {
    let target = process.try_link(&format!("fd/{number}")).ok()?;
    let mode = process.try_stat(&format!("fd/{number}")).ok()?.st_mode;
    let info = process.text(&format!("fdinfo/{number}")).ok()?;
    let kind = kind(&target, SFlag::from_bits_truncate(mode & SFlag::S_IFMT.bits()));
    let leads_somewhere = matches!(kind, DescriptorKind::File | DescriptorKind::Folder);
    let outside = leads_somewhere && !inside.has(mount_id(&info), Path::new(&target));
    Some(Descriptor { number, target, kind, access: access(&info), outside })
}

fn kind(target: &OsString, mode: SFlag) -> DescriptorKind {
    let begins = |with: &str| target.as_bytes().starts_with(with.as_bytes());
    // Memory is a file without a folder; its link looks like a path.
    let nameless = ["anon_inode:", "/memfd:", "/dev/zero (deleted)", "/SYSV", "/[aio]"];
    match mode {
        SFlag::S_IFSOCK => DescriptorKind::Socket,
        SFlag::S_IFIFO => DescriptorKind::Pipe,
        SFlag::S_IFCHR | SFlag::S_IFBLK => DescriptorKind::Device,
        SFlag::S_IFDIR => DescriptorKind::Folder,
        // A namespace, a pidfd: `net:[4026531840]`.
        _ if !begins("/") || nameless.into_iter().any(begins) => DescriptorKind::Anonymous,
        _ => DescriptorKind::File,
    }
}

fn access(info: &str) -> Access {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok());
    let flags = OFlag::from_bits_retain(flags.unwrap_or_default());
    match flags & OFlag::O_ACCMODE {
        _ if flags.contains(OFlag::O_PATH) => Access::Place,
        OFlag::O_WRONLY => Access::Write,
        OFlag::O_RDWR => Access::ReadWrite,
        _ => Access::Read,
    }
}

/// What is below a process's root.
struct Inside {
    /// The mounts that are wholly there.
    mounts: HashSet<u64>,
    /// The mount that the root is in; of which there may be more than what is below the root.
    partly: Option<u64>,
    root: PathBuf,
}

impl Inside {
    fn of(process: &Proc) -> Result<Self> {
        let root = Link::read(process, "root")?;
        let mounts = Mount::all(process)?.into_iter().map(|mount| mount.id).collect();
        let partly = root.place.and_then(|place| place.mount);
        Ok(Self { mounts, partly, root: root.path.unwrap_or_default() })
    }

    fn has(&self, mount: Option<u64>, path: &Path) -> bool {
        let Some(mount) = mount else { return false };
        self.mounts.contains(&mount) || Some(mount) == self.partly && path.starts_with(&self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_octal() {
        assert_eq!(access("pos:\t0\nflags:\t02100000\nmnt_id:\t29\n"), Access::Read);
        assert_eq!(access("flags:\t0100001\n"), Access::Write);
        assert_eq!(access("flags:\t0100002\n"), Access::ReadWrite);
        assert_eq!(access(&format!("flags:\t0{:o}\n", nix::libc::O_PATH)), Access::Place);
        assert_eq!(access(""), Access::Read);
        assert_eq!(access("flags:\t99\n"), Access::Read);
    }
}
