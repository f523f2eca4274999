//! The cgroups of a session, with the names and the owners that systemd would give them.
//!
//! The shells of a login are in a cgroup of their own, and may not change it. With `delegate: yes`
//! they are where `systemd-run --user --scope -p Delegate=yes` puts a command: below a cgroup that
//! the user owns.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::session::Session;
use crate::stage::uid;

const ROOT: &str = "/sys/fs/cgroup";
/// Where we ourselves stay.
const INIT: &str = "init.scope";
/// What systemd hands on to users.
const CONTROLLERS: [&str; 5] = ["cpu", "cpuset", "io", "memory", "pids"];

/// Moves this process out of the way, and makes the cgroup for the shells.
///
/// # Errors
///
/// What the kernel refuses.
pub fn enter(session: &Session) -> Result<PathBuf> {
    let init = Path::new(ROOT).join(INIT);
    make(&init)?;
    write(&init.join("cgroup.procs"), "0")?;
    let uid = uid(session.user);
    let slice = format!("user.slice/user-{uid}.slice");
    let path = if session.delegate {
        format!("{slice}/user@{uid}.service/app.slice/shell.scope")
    } else {
        format!("{slice}/session-1.scope")
    };
    let mut group = PathBuf::from(ROOT);
    let mut owned = false;
    for name in path.split('/') {
        hand_on(&group)?;
        group.push(name);
        make(&group)?;
        owned |= session.delegate && name.starts_with("user@");
        if owned {
            own(&group, uid)?;
        }
    }
    Ok(group)
}

/// Does something that starts a process: it is born in this group.
///
/// # Errors
///
/// What it fails with, and what the kernel refuses.
pub fn born_in<T>(group: &Path, start: impl FnOnce() -> Result<T>) -> Result<T> {
    write(&group.join("cgroup.procs"), "0")?;
    let started = start();
    write(&Path::new(ROOT).join(INIT).join("cgroup.procs"), "0")?;
    started
}

/// Enables controllers for the groups below this one: those that the kernel has here.
fn hand_on(group: &Path) -> Result<()> {
    let path = group.join("cgroup.controllers");
    let available = fs::read_to_string(&path)
        .with_context(|| format!("{} could not be read", path.display()))?;
    for controller in CONTROLLERS {
        if available.split_whitespace().any(|it| it == controller) {
            write(&group.join("cgroup.subtree_control"), &format!("+{controller}"))?;
        }
    }
    Ok(())
}

/// What cgroups(7), "delegation", lists.
fn own(group: &Path, uid: u32) -> Result<()> {
    for name in ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"] {
        let path = group.join(name);
        chown(&path, Some(uid), Some(uid))
            .with_context(|| format!("{} could not be given away", path.display()))?;
    }
    Ok(())
}

/// It may be there: in the page's machine another session waits beside this one.
fn make(group: &Path) -> Result<()> {
    fs::create_dir_all(group).with_context(|| format!("{} could not be made", group.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)
        .with_context(|| format!("{text:?} could not be written to {}", path.display()))
}
