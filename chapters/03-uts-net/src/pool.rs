//! Which addresses are taken: one file for each, locked by the run that has it.
//!
//! Of the addresses of a /24 network the first is the bridge's, and 253 are left. The last part of
//! an address (a *number* here) also names the container's interface and its firewall table, so a
//! file in this folder stands for everything in the kernel that its owner made. It is made before
//! the first of them and removed after the last. A file that nobody has locked was left by a run
//! that was killed, and says what there is to clear up.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use process::Attempt;

use crate::state::{Lock, State};
use crate::texts;

/// The numbers that containers can have: 0 is the network's own, 1 the bridge's, 255 everybody's.
const NUMBERS: std::ops::RangeInclusive<u8> = 2..=254;

/// A number, and the right to it.
#[derive(Debug)]
pub struct Lease {
    number: u8,
    path: PathBuf,
    _lock: Lock,
}

impl Lease {
    /// The number.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.number
    }

    /// Gives the number back.
    ///
    /// # Errors
    ///
    /// When the file can't be removed.
    pub fn give_back(self) -> Result<()> {
        fs::remove_file(&self.path).tried(&texts::LEASE, format_args!("unlink({:?})", self.path))
    }
}

/// The numbers of one network namespace. To be used under the state folder's lock.
#[derive(Debug)]
pub struct Pool {
    folder: PathBuf,
}

impl Pool {
    /// Those of the network namespace that this process is in, whoever else is in it.
    ///
    /// # Errors
    ///
    /// Without `/proc`.
    pub fn of_this_network(state: &State) -> Result<Self> {
        let link = "/proc/self/ns/net";
        let namespace = fs::metadata(link).tried(&texts::LEASE, format_args!("stat({link:?})"))?;
        Ok(Self { folder: state.path().join(format!("net-{}", namespace.ino())) })
    }

    /// Those of a network namespace that nobody but this run is in.
    #[must_use]
    pub fn of_run(run: &Path) -> Self {
        Self { folder: run.join("net") }
    }

    /// The note that forwarding was off before.
    #[must_use]
    pub fn forwarding_note(&self) -> PathBuf {
        self.folder.join("ip_forward-was-0")
    }

    /// The lowest free number.
    ///
    /// # Errors
    ///
    /// When all are taken.
    pub fn take(&self) -> Result<Lease> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .tried(&texts::LEASE, format_args!("mkdir({:?})", self.folder))?;
        for number in NUMBERS {
            if let Some(lease) = self.lock(number)? {
                return Ok(lease);
            }
        }
        bail!(texts::ALL_ADDRESSES_TAKEN);
    }

    /// What killed runs left, now ours; and whether there are other runs that live. `own` is the
    /// caller's own number, which is neither.
    ///
    /// # Errors
    ///
    /// When a file can't be opened.
    pub fn look_around(&self, own: Option<u8>) -> Result<(Vec<Lease>, bool)> {
        let (mut dead, mut others_live) = (Vec::new(), false);
        let Ok(entries) = fs::read_dir(&self.folder) else { return Ok((dead, false)) };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            if own == Some(number) {
                continue;
            }
            match self.lock(number)? {
                Some(lease) => dead.push(lease),
                None => others_live = true,
            }
        }
        Ok((dead, others_live))
    }

    /// Removes the folder, now that nobody has a number any more.
    pub fn remove(&self) {
        let _ = fs::remove_dir(&self.folder);
    }

    /// Whether anybody has had a number, and not given it back.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.folder.exists()
    }

    fn lock(&self, number: u8) -> Result<Option<Lease>> {
        let path = self.folder.join(number.to_string());
        Ok(Lock::try_take(&path)?.map(|lock| Lease { number, path, _lock: lock }))
    }
}
