//! The user namespace around the sandbox (`user_namespaces(7)`).
//!
//! Who is root in a user namespace is root over what was made in it: here over the sandbox's mounts,
//! its network, its name. The host's own are another's, whatever the number says.
//!
//! For root all numbers are mapped to themselves, but for the last one. (That one is no user, and
//! programs that find a whole map take themselves for the host's root.) For an ordinary user our own
//! half has entered a user namespace before, in which he is 0; the sandbox has one more, in which he
//! has his own number again. So his program finds what it finds outside: that it is not root.

use std::fs;

use anyhow::Result;
use nix::sched::CloneFlags;
use nix::unistd::{Gid, Pid, Uid};
use process::{Attempt, Mechanism, Process, rootless};

use super::texts;

/// As whom the sandbox's command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// With all rights over the sandbox.
    Keeper,
    /// As whoever has called us.
    Caller,
}

/// A user namespace with one line in each of its maps.
#[derive(Debug)]
pub struct Ids {
    users: String,
    groups: String,
}

/// The user namespace that is to be around a sandbox; none where our own half's is enough, and where
/// the kernel makes none for root.
///
/// # Errors
///
/// When no process can be made.
pub fn namespace(who: Who) -> Result<Option<Ids>> {
    let caller = rootless::caller();
    if caller.is_root() {
        let all = "0 0 4294967294".to_owned();
        let possible = Process::spawn(CloneFlags::CLONE_NEWUSER, None, || 0);
        return match possible {
            Ok(process) => {
                process.wait()?;
                Ok(Some(Ids { users: all.clone(), groups: all }))
            }
            // They are switched off. The other walls stand without it.
            Err(_) => Ok(None),
        };
    }
    Ok((who == Who::Caller).then(|| Ids::of(caller, rootless::callers_group())))
}

impl Ids {
    /// One user and one group, which are 0 one level up.
    #[must_use]
    pub fn of(user: Uid, group: Gid) -> Self {
        Self { users: format!("{user} 0 1"), groups: format!("{group} 0 1") }
    }

    /// Writes the maps of a process that was born into the namespace.
    ///
    /// # Errors
    ///
    /// What the kernel refuses.
    pub fn write(&self, process: Pid) -> Result<()> {
        let write = |file: &str, text: &str| {
            let file = format!("/proc/{process}/{file}");
            fs::write(&file, text).tried(&texts::IDS, format_args!("write({file:?}, {text:?})"))
        };
        if !rootless::caller().is_root() {
            write("setgroups", "deny")?;
        }
        write("uid_map", &self.users)?;
        write("gid_map", &self.groups)
    }
}

impl Mechanism for Ids {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWUSER
    }

    fn attach(&mut self, process: Pid) -> Result<()> {
        self.write(process)
    }
}
