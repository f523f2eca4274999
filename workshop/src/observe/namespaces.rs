//! Which namespaces a process is in (`namespaces(7)`).
//!
//! `/proc/PID/ns` has a link for each kind. What is at its end is the namespace itself, as a file:
//! two processes are in the same one when device and inode are the same. Two more links,
//! `pid_for_children` and `time_for_children`, name the namespace that the *next* child is born
//! into; after `unshare(CLONE_NEWPID)` the first leads nowhere until there is one, for a PID
//! namespace without a PID 1 can't be named.

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use anyhow::Result;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use process::Attempt;
use process::namespaces::KINDS;
use serde::{Serialize, Serializer};

use super::proc::Proc;
use super::{sys, texts};

/// The kinds of namespaces, in the order of [`KINDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Which cgroup is the topmost one.
    Cgroup,
    /// System V's queues, semaphores and memory; POSIX queues.
    Ipc,
    /// What is mounted.
    Mnt,
    /// Interfaces, addresses, routes, ports.
    Net,
    /// Process numbers.
    Pid,
    /// When the clocks began.
    Time,
    /// Users, groups, and who may do what.
    User,
    /// The host name.
    Uts,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Cgroup,
        Self::Ipc,
        Self::Mnt,
        Self::Net,
        Self::Pid,
        Self::Time,
        Self::User,
        Self::Uts,
    ];

    /// The link's name in `/proc/PID/ns`.
    #[must_use]
    pub fn name(self) -> &'static str {
        KINDS[self as usize]
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

/// One namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Namespace {
    /// The number that `readlink` shows: `pid:[4026531836]`.
    pub inode: u64,
    /// The device of the kernel's file system of namespaces.
    pub device: u64,
    /// The inode of the user namespace that owns it: whoever is root there may change this one.
    /// `None` where we may not know.
    pub owner: Option<u64>,
}

/// The namespaces of one process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Namespaces {
    /// By kind; what this kernel does not have, or we may not see, is missing.
    pub by_kind: BTreeMap<Kind, Namespace>,
    /// The PID namespace of its next child; `None` while that has no PID 1.
    pub pid_for_children: Option<Namespace>,
    /// The time namespace of its next child.
    pub time_for_children: Option<Namespace>,
}

impl Namespaces {
    /// The namespace of this kind.
    #[must_use]
    pub fn get(&self, kind: Kind) -> Option<Namespace> {
        self.by_kind.get(&kind).copied()
    }

    /// Whether both are in the same namespace of this kind; `None` where we can't tell.
    #[must_use]
    pub fn same(&self, other: &Self, kind: Kind) -> Option<bool> {
        let (a, b) = (self.get(kind)?, other.get(kind)?);
        Some((a.device, a.inode) == (b.device, b.inode))
    }

    /// The kinds of which it is in another one than `other`.
    #[must_use]
    pub fn other_than(&self, other: &Self) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| self.same(other, *kind) == Some(false)).collect()
    }

    pub(super) fn read(process: &Proc) -> Result<Self> {
        let mut by_kind = BTreeMap::new();
        for kind in Kind::ALL {
            if let Some(namespace) = look(process, kind.name())? {
                by_kind.insert(kind, namespace);
            }
        }
        Ok(Self {
            by_kind,
            pid_for_children: look(process, "pid_for_children")?,
            time_for_children: look(process, "time_for_children")?,
        })
    }
}

/// Whether the process is in our own namespace of this kind; `None` on a kernel without it.
pub(super) fn is_ours(process: &Proc, kind: Kind) -> Result<Option<bool>> {
    let ours = look(&Proc::own()?, kind.name())?;
    let both = look(process, kind.name())?.zip(ours);
    Ok(both.map(|(its, ours)| (its.device, its.inode) == (ours.device, ours.inode)))
}

/// What the link leads to; `None` where it leads nowhere, or this kernel has no such kind.
fn look(process: &Proc, link: &str) -> Result<Option<Namespace>> {
    let name = format!("ns/{link}");
    let refused = |errno| match errno {
        Errno::ENOENT => Ok(None),
        errno => Err(errno).tried(&texts::READ, format_args!("open({:?})", process.path(&name))),
    };
    let namespace = match process.try_open(&name, OFlag::O_RDONLY) {
        Ok(namespace) => namespace,
        Err(errno) => return refused(errno),
    };
    let found = match sys::metadata(namespace.as_fd()) {
        Ok(found) => found,
        Err(errno) => return refused(errno),
    };
    let owner = sys::owner(namespace.as_fd()).and_then(|owner| sys::metadata(owner.as_fd())).ok();
    let owner = owner.map(|owner| owner.ino());
    Ok(Some(Namespace { inode: found.ino(), device: found.dev(), owner }))
}
