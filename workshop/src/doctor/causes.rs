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

/// The lack behind a refusal.
pub(super) fn lack(probe: Probe, findings: &Findings, here: &Surroundings) -> Lack {
    let refusal = |probe: &Probe| findings.get(probe).cloned().flatten();
    let id = cause(probe, refusal(&probe).as_ref(), here);
    // The first of all that have this cause.
    let mut same = findings.iter().filter_map(|(it, found)| Some((*it, found.as_ref()?)));
    let first = same.find(|(it, found)| cause(*it, Some(found), here) == id);
    let seen = first.map(|(_, found)| found.clone()).unwrap_or_else(|| Refusal::new(""));
    let why = texts::why(id, &seen, here);
    let remedy = texts::remedy(id, &seen, here);
    Lack { id, seen: seen.seen, why, remedy }
}

/// What is behind it: often itself.
fn cause(probe: Probe, refusal: Option<&Refusal>, here: &Surroundings) -> Probe {
    let for_rights = refusal.is_some_and(Refusal::is_for_rights);
    let of_kernel = (Probe::Pidfd..=Probe::Forwarding).contains(&probe);
    let of_cgroups = (Probe::CgroupDelegation..=Probe::CgroupPids).contains(&probe);
    let inside = (Probe::Chroot..=Probe::Forwarding).contains(&probe);
    if here.wsl == Some(1) && (of_kernel || of_cgroups) {
        Probe::Wsl
    } else if here.container.is_some() && (of_kernel && for_rights || of_cgroups) {
        Probe::InsideContainer
    } else if !here.administrator && inside && for_rights && here.is_switch(APPARMOR, "1") {
        Probe::UserNamespace
    } else {
        probe
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
