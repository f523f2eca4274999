//! From what was refused to what is missing: the first cause, and its remedy.
//!
//! Ten refusals may have one cause. Inside a container that keeps its filter and its capabilities,
//! or under Ubuntu's restriction of user namespaces, one call is refused here and another there, and
//! the remedy is one and the same. So those are told once.

use nix::errno::Errno;
use serde::Serialize;

use super::probe::{Findings, Probe, Refusal};
use super::surroundings::{APPARMOR, MOST_USERNS, Surroundings, USERNS_CLONE};
use super::texts;

/// Something that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lack {
    /// What was asked.
    pub id: Probe,
    /// What was tried, and what the kernel said.
    pub seen: String,
    /// What that means.
    pub why: String,
    /// What to do. A line that begins with blanks is a command.
    pub remedy: String,
}

/// Why a user namespace can't be had, or not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoUserNamespace {
    /// `user.max_user_namespaces` is 0, or as many are there.
    Limit,
    /// `kernel.unprivileged_userns_clone` is 0.
    Debian,
    /// AppArmor lets it be made, and not used.
    AppArmor,
    /// None can be made in a chroot.
    Chroot,
    /// The kernel is built without.
    Kernel,
    /// A security module or a filter that we don't know.
    Other,
}

/// The lack behind what was refused of `probe`.
pub(super) fn lack(probe: Probe, findings: &Findings, here: &Surroundings) -> Lack {
    let causes = Causes { findings, here };
    let id = causes.of(probe);
    // The first of all that have this cause.
    let mut refused = findings.iter().filter_map(|(it, found)| Some((*it, found.as_ref()?)));
    let first = refused.find(|(it, _)| causes.of(*it) == id);
    let first = first.map_or_else(|| Refusal::new(""), |(_, refusal)| refusal.clone());
    let (why, remedy) = (texts::why(id, &first, here), texts::remedy(id, &first, here));
    Lack { id, seen: first.seen, why, remedy }
}

/// Leaves out what can't be told apart from its cause: who gets no user namespace gets nothing that
/// is made in one.
pub(super) fn without_consequences(findings: &Findings, here: &Surroundings) -> Findings {
    let mut left = findings.clone();
    if here.administrator {
        // None of these chapters makes one then.
        left.remove(&Probe::UserNamespace);
    }
    if matches!(left.get(&Probe::UserNamespace), Some(Some(_))) {
        left.retain(|probe, _| !(Probe::Chroot..=Probe::CgroupKill).contains(probe));
    }
    if matches!(left.get(&Probe::StateFolder), Some(Some(_))) {
        left.retain(|probe, _| ![Probe::Overlay, Probe::OverlayUser].contains(probe));
    }
    left
}

struct Causes<'a> {
    findings: &'a Findings,
    here: &'a Surroundings,
}

impl Causes<'_> {
    /// What is behind a refusal: often itself.
    fn of(&self, probe: Probe) -> Probe {
        let here = self.here;
        let for_rights = self.refusal(probe).is_some_and(Refusal::is_for_rights);
        let of_kernel = (Probe::Pidfd..=Probe::Forwarding).contains(&probe);
        let of_cgroups = (Probe::CgroupMemory..=Probe::CgroupPids).contains(&probe);
        let inside = (Probe::Chroot..=Probe::Forwarding).contains(&probe);
        if here.wsl == Some(1) && (of_kernel || of_cgroups) {
            Probe::Wsl
        } else if self.container_forbids() && of_kernel && for_rights
            || here.container.is_some() && here.is_root() && of_cgroups
        {
            Probe::InsideContainer
        } else if inside && for_rights && self.user_namespace_is_of_no_use() {
            Probe::UserNamespace
        } else {
            probe
        }
    }

    fn refusal(&self, probe: Probe) -> Option<&Refusal> {
        self.findings.get(&probe)?.as_ref()
    }

    /// That we are in one is not yet a reason: it may have been given all rights.
    fn container_forbids(&self) -> bool {
        let Surroundings { container, filtered, bounded, .. } = self.here;
        container.is_some() && (*filtered || *bounded || self.here.is_root())
    }

    /// What Ubuntu's restriction looks like, if the user namespace's maps could be written.
    fn user_namespace_is_of_no_use(&self) -> bool {
        let no_mounts = self.refusal(Probe::MountInside).and_then(|refusal| refusal.errno);
        let no_mounts = no_mounts == Some(Errno::EACCES as i32);
        !self.here.administrator && (no_mounts || self.here.is_switch(APPARMOR, "1"))
    }
}

/// Why there is no user namespace, or one that is of no use.
pub(super) fn no_user_namespace(refusal: &Refusal, here: &Surroundings) -> NoUserNamespace {
    let made = !refusal.seen.contains("unshare(CLONE_NEWUSER)");
    match refusal.errno.map(Errno::from_raw) {
        Some(Errno::ENOSPC) => NoUserNamespace::Limit,
        Some(Errno::EINVAL | Errno::ENOSYS) => NoUserNamespace::Kernel,
        _ if made || here.is_switch(APPARMOR, "1") => NoUserNamespace::AppArmor,
        _ if here.is_switch(USERNS_CLONE, "0") => NoUserNamespace::Debian,
        _ if here.is_switch(MOST_USERNS, "0") => NoUserNamespace::Limit,
        _ if here.chroot => NoUserNamespace::Chroot,
        _ => NoUserNamespace::Other,
    }
}
