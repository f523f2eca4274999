//! The same as an ordinary user: a user namespace first.
//!
//! Namespaces, mounts and `chroot` need root's capabilities. A *user namespace*
//! (`user_namespaces(7)`) is the one kind that an ordinary user may make, and in it he has them
//! all, over what belongs to it: the namespaces that are made from inside. Chapter 07 explains it;
//! until then this is enough: one user id is mapped, yours outside is 0 inside.
//!
//! The host's side of the frame enters it before anything else. So a mechanism does the same steps
//! whether it is root or only believes so, and what the kernel still refuses it says itself.

use std::fs;
use std::sync::OnceLock;

use anyhow::Result;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, getegid, geteuid};

use crate::failure::Attempt;
use crate::{explain, texts};

/// Who we were before [`enter`].
static CALLER: OnceLock<(Uid, Gid)> = OnceLock::new();

/// The user on whose behalf this process works, also after [`enter`], from where on `geteuid(2)`
/// says root. Whose folders to use is a question of this one.
#[must_use]
pub fn caller() -> Uid {
    CALLER.get().map_or_else(geteuid, |(user, _)| *user)
}

/// The group of that user.
#[must_use]
pub fn callers_group() -> Gid {
    CALLER.get().map_or_else(getegid, |(_, group)| *group)
}

/// Moves this process into a new user namespace in which it is root. Says so in one line.
///
/// # Errors
///
/// Where user namespaces are switched off (ENOSPC, EPERM), or where a security module lets them be
/// made but not used (Ubuntu's AppArmor: EACCES, EPERM at the maps).
pub fn enter() -> Result<()> {
    let uid = geteuid();
    enter_quietly()?;
    explain::say(texts::rootless(uid.as_raw()));
    Ok(())
}

/// The same, for a process in which nothing runs on the user's behalf: it says nothing.
///
/// # Errors
///
/// As above.
pub fn enter_quietly() -> Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER).step(&texts::USER_NAMESPACE, "unshare(CLONE_NEWUSER)")?;
    // Without this an ordinary user could leave a group that is there to keep him out of a file.
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("0 {uid} 1"))?;
    write("/proc/self/gid_map", &format!("0 {gid} 1"))?;
    CALLER.get_or_init(|| (uid, gid));
    Ok(())
}

/// Each map can be written once, in one write.
fn write(file: &str, text: &str) -> Result<()> {
    fs::write(file, text).step(&texts::USER_MAPS, format_args!("write({file:?}, {text:?})"))
}
