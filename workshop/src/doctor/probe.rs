//! What can be asked of this machine, and what it answered.

use std::collections::BTreeMap;

use anyhow::Error;
use nix::errno::Errno;
use process::failure;
use serde::{Deserialize, Serialize};

/// One question. Their order is that of causes: what an earlier one lacks, a later one may well
/// lack for that reason. The names, in kebab case, are the ids in `--json`, and stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// Not Windows in the guise of Linux.
    Wsl,
    /// A kernel that is new enough.
    Kernel,
    /// A kind of machine that the workshop is tried on, or at least compiled for.
    Architecture,
    /// Cargo, and a compiler that is new enough.
    Compiler,
    /// `cc`, and the C library's files.
    Linker,
    /// A folder for built programs.
    TargetFolder,
    /// Room on the disk.
    Disk,
    /// A process that is waited for by its descriptor.
    Pidfd,
    /// All descriptors closed at once.
    CloseRange,
    /// Behind others: the container that we are in forbids them.
    InsideContainer,
    /// A user namespace in which we are root.
    UserNamespace,
    /// Its own count of processes.
    ProcessesByNamespace,
    /// Another root folder.
    Chroot,
    /// Mounts in a mount namespace.
    MountInside,
    /// A mount made read-only with all below it.
    MountSetattr,
    /// A PID namespace.
    PidNamespace,
    /// A `/proc` of that PID namespace.
    FreshProc,
    /// Paths looked up inside a root.
    #[serde(rename = "openat2")]
    OpenAt2,
    /// All of a container's mounts, and the new root in the old one's place.
    PivotRoot,
    /// A folder for what runs note down.
    StateFolder,
    /// A host name in a UTS namespace.
    HostName,
    /// A network namespace, and its loopback interface.
    NetworkNamespace,
    /// A bridge, and a cable that is plugged into it.
    VethBridge,
    /// Forwarding, switched on in a network namespace.
    Forwarding,
    /// The rules of a container's firewall.
    Nftables,
    /// A way out of an ordinary user's network.
    Pasta,
    /// A cgroup that an ordinary user may make others in.
    CgroupDelegation,
    /// The controller of memory, and a cgroup with it.
    CgroupMemory,
    /// The controller of processors, and a cgroup with it.
    CgroupCpu,
    /// The controller of processes, and a cgroup with it.
    CgroupPids,
    /// A process that is born into a cgroup (of v2).
    CloneIntoCgroup,
    /// The cgroup's processors, for who is born into it.
    ProcessorsAtBirth,
    /// A cgroup (of v2) whose processes are killed by one write.
    CgroupKill,
    /// A folder for images and for what containers write.
    DataFolder,
    /// The mount API of Linux 5.2.
    MountApi,
    /// Overlayfs' option for a single layer.
    LayerByLayer,
    /// Overlayfs, as the host's root.
    Overlay,
    /// Overlayfs, as anybody else.
    OverlayUser,
    /// A way to Docker Hub.
    RegistryNetwork,
    /// Further user ids that were granted to the user.
    SubordinateIds,
    /// The program that gives them to a user namespace.
    Newuidmap,
}

/// How something was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What was tried, and what the kernel said.
    pub seen: String,
    /// What that usually means, in the words of the chapter that makes the same call.
    pub cause: Option<String>,
    /// The kernel's answer as a number, where there is one.
    pub errno: Option<i32>,
}

impl Refusal {
    /// One that no system call stands behind.
    pub(super) fn new(seen: impl Into<String>) -> Self {
        Self { seen: seen.into(), cause: None, errno: None }
    }

    /// Whether it is for want of a right: another user, another place might get it.
    pub(super) fn is_for_rights(&self) -> bool {
        let rights = [Errno::EPERM, Errno::EACCES, Errno::EROFS, Errno::ENOSYS];
        self.errno.is_some_and(|errno| rights.contains(&Errno::from_raw(errno)))
    }
}

impl From<&Error> for Refusal {
    /// The chapters' sentences tell what was tried and what the kernel said, and then, behind the
    /// first semicolon, what usually causes it.
    fn from(error: &Error) -> Self {
        let text = format!("{error:#}");
        let errno = failure::errno(error).map(|errno| errno as i32);
        match text.split_once("; ") {
            Some((seen, cause)) => Self { seen: seen.into(), cause: Some(cause.into()), errno },
            None => Self { seen: text, cause: None, errno },
        }
    }
}

/// The answers: `None` for what works. What is not in it could not be tried, since something before
/// it failed already.
pub(super) type Findings = BTreeMap<Probe, Option<Refusal>>;
