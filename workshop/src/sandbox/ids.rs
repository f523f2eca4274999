//! The user namespace of whoever is not to be trusted (`user_namespaces(7)`).
//!
//! Who is root in a user namespace is root over what was made in it. The walls were made outside of
//! it. So when the list of mounts is copied together with the step into the user namespace, the
//! kernel locks the copies: nobody in there can unmount them one by one, or make a read-only one
//! writable again (`mount_namespaces(7)`, "Restrictions on mount namespaces"). Nor can anybody open a
//! disk, load a module, or set the clock.
//!
//! For root all numbers are mapped to themselves, but for the last one. (That one is no user, and
//! programs that find a whole map take themselves for the host's root.) An ordinary user has his own
//! number, and no rights: his program finds what it finds outside.

use std::fs;
use std::io::{Read, Write};

use anyhow::{Result, ensure};
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Pid, Uid, getpid, pipe2};
use process::{Attempt, Ended, Mechanism, Process, rootless};
use uts_net::netlink::Netlink;

use super::{Net, texts};

/// What is written into the maps of a user namespace.
#[derive(Debug, Clone)]
pub struct Ids {
    users: String,
    groups: String,
    /// An ordinary user gives up to change his groups.
    ordinary: bool,
}

impl Ids {
    /// The maps for whoever has called us; none where root can't have a user namespace.
    ///
    /// # Errors
    ///
    /// When no process can be made.
    pub fn of_caller() -> Result<Option<Self>> {
        let (user, group) = (rootless::caller(), rootless::callers_group());
        if user.is_root() {
            return Self::of_root();
        }
        Ok(Some(Self::of_user(user, group)))
    }

    /// One user and one group, which are 0 one level up.
    #[must_use]
    pub fn of_user(user: Uid, group: Gid) -> Self {
        Self { users: format!("{user} 0 1"), groups: format!("{group} 0 1"), ordinary: true }
    }

    /// Everybody is who he is; none where user namespaces are switched off. (The other walls stand
    /// without one.)
    ///
    /// # Errors
    ///
    /// When no process can be waited for.
    pub fn of_root() -> Result<Option<Self>> {
        let all = "0 0 4294967294".to_owned();
        match Process::spawn(CloneFlags::CLONE_NEWUSER, None, || 0) {
            Ok(process) => {
                process.wait()?;
                Ok(Some(Self { users: all.clone(), groups: all, ordinary: false }))
            }
            Err(_) => Ok(None),
        }
    }

    /// Writes the maps of a process that is in the new namespace. For one that is not.
    ///
    /// # Errors
    ///
    /// What the kernel refuses.
    pub fn write(&self, process: Pid) -> Result<()> {
        let write = |file: &str, text: &str| {
            let file = format!("/proc/{process}/{file}");
            fs::write(&file, text).tried(&texts::IDS, format_args!("write({file:?}, {text:?})"))
        };
        if self.ordinary {
            write("setgroups", "deny")?;
        }
        write("uid_map", &self.users)?;
        write("gid_map", &self.groups)
    }
}

/// The step from the sandbox's keeper to whoever is kept in it: a user namespace, and with it a list
/// of mounts, a name, queues and, if it has one, a network that are his.
#[derive(Debug)]
pub struct Kept {
    ids: Option<Ids>,
    net: Net,
}

impl Kept {
    /// The caller, on this network.
    ///
    /// # Errors
    ///
    /// When no process can be made.
    pub fn new(net: Net) -> Result<Self> {
        Ok(Self { ids: Ids::of_caller()?, net })
    }

    fn namespaces(&self) -> CloneFlags {
        let mut flags =
            CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC;
        flags.set(CloneFlags::CLONE_NEWUSER, self.ids.is_some());
        flags.set(CloneFlags::CLONE_NEWNET, self.net == Net::Own);
        flags
    }
}

impl Mechanism for Kept {
    fn enter(&mut self) -> Result<()> {
        let step_in = || unshare(self.namespaces()).tried(&texts::KEPT, "unshare()");
        match &self.ids {
            Some(ids) => with_maps(ids, step_in)?,
            None => step_in()?,
        }
        super::walls::share_anew()?;
        match self.net {
            Net::Own => Netlink::open()?.up("lo"),
            Net::Hosts => Ok(()),
        }
    }
}

/// Lets a process that stays outside write the maps: whoever is inside has no right to.
fn with_maps(ids: &Ids, step_in: impl FnOnce() -> Result<()>) -> Result<()> {
    let (wait, go) = pipe2(OFlag::O_CLOEXEC).tried(&texts::IDS, "pipe2()")?;
    let (mut wait, mut go) = (fs::File::from(wait), fs::File::from(go));
    let us = getpid();
    let writer = Process::spawn(CloneFlags::empty(), None, || {
        let mut byte = [0];
        let written = match wait.read(&mut byte) {
            Ok(1) => ids.write(us),
            _ => Ok(()),
        };
        u8::from(written.is_err())
    })?;
    let stepped = step_in();
    if stepped.is_ok() {
        go.write_all(b"1").tried(&texts::IDS, "write(pipe)")?;
    }
    drop(go);
    let ended = if stepped.is_ok() { writer.wait()? } else { Ended::Exited(0) };
    stepped?;
    ensure!(ended == Ended::Exited(0), texts::NO_MAPS);
    Ok(())
}
