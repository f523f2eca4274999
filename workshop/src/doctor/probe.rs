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
#[expect(
    missing_docs,
    reason = "each is told in the table of `chapters`, by its phrase in `texts`"
)]
pub enum Probe {
    Wsl,
    Kernel,
    Architecture,
    Compiler,
    Linker,
    TargetFolder,
    Disk,
    Pidfd,
    CloseRange,
    InsideContainer,
    UserNamespace,
    Chroot,
    MountInside,
    PidNamespace,
    FreshProc,
    #[serde(rename = "openat2")]
    OpenAt2,
    PivotRoot,
    StateFolder,
    HostName,
    NetworkNamespace,
    VethBridge,
    Forwarding,
    Nftables,
    Pasta,
    CgroupDelegation,
    CgroupMemory,
    CgroupCpu,
    CgroupPids,
    CloneIntoCgroup,
    CgroupKill,
    DataFolder,
    MountApi,
    Overlay,
    OverlayUser,
    RegistryNetwork,
    SubordinateIds,
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
