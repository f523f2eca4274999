//! The world of a program under examination: hosts that may be harmed, and programs that run there.
//!
//! The examiner is PID 1 of a [sandbox](crate::sandbox). It keeps to itself a list of mounts that no
//! program in the sandbox can reach; what a program takes for its machine is a [`Host`], made afresh
//! as often as a lesson likes: again mounts, a name, a network, of its own. So the examiner goes on
//! seeing, whatever is unmounted or mounted over, and every run can begin with a host that no run
//! before has spoilt.
//!
//! - [`Host`]: a machine that may be harmed; and what has changed on it.
//! - [`Running`]: a program, from its start to its end, and the probe in it.
//! - [`wire`]: its network, a neighbour, and who answers there.
//! - [`Facts`]: what the probe says.
//! - [`Trouble`]: why a program did not come so far.

mod facts;
mod host;
mod running;
mod trouble;
pub mod wire;

use std::cell::Cell;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use nix::unistd::{Gid, Uid};
use process::Attempt;

use super::texts;

pub use facts::Facts;
pub use host::{Host, Snapshot, search_path};
pub use running::{Call, Outcome, Running};
pub use trouble::Trouble;
pub use wire::Door;

/// Everything that one examination has in common.
#[derive(Debug)]
pub struct World {
    /// The program under examination.
    program: PathBuf,
    probe: PathBuf,
    /// An ordinary user's number and group, as whom the program runs; as root none.
    user: Option<(Uid, Gid)>,
    random: Cell<u64>,
}

/// Where the examiner keeps what it makes. The sandbox has a `/tmp` of its own.
const SCRATCH: &str = "/tmp/check";

/// How long a run may take that should take milliseconds: other things may keep this machine busy.
const PATIENCE: Duration = Duration::from_secs(10);

impl World {
    /// The world for this program; `seed` decides every name and number in it.
    ///
    /// # Errors
    ///
    /// When its folders can't be made.
    pub fn new(
        program: PathBuf,
        probe: PathBuf,
        user: Option<(Uid, Gid)>,
        seed: u64,
    ) -> Result<Self> {
        for folder in [SCRATCH, "/tmp/home", "/tmp/data", "/tmp/cache", "/tmp/run"] {
            fs::create_dir_all(folder).tried(&texts::WORLD, format_args!("mkdir({folder:?})"))?;
        }
        Ok(Self { program, probe, user, random: Cell::new(seed) })
    }

    /// The number of the user whom the program runs as.
    #[must_use]
    pub fn user(&self) -> Option<Uid> {
        self.user.map(|(user, _)| user)
    }

    /// The program under examination.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The probe's own file.
    #[must_use]
    pub fn probe(&self) -> &Path {
        &self.probe
    }

    /// A number that nobody can know in advance, below `below`.
    #[must_use]
    pub fn number(&self, below: u64) -> u64 {
        // splitmix64: good enough for names, and the same seed gives the same run.
        let next = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(next);
        let mut mixed = next;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below.max(1)
    }

    /// A word that nobody can know in advance.
    #[must_use]
    pub fn word(&self) -> String {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
        let letter = || char::from(LETTERS[self.number(26) as usize]);
        (0..8).map(|_| letter()).collect()
    }

    /// A new folder with this word in its name.
    ///
    /// # Errors
    ///
    /// When it can't be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = Path::new(SCRATCH).join(format!("{name}-{}", self.word()));
        fs::create_dir(&folder).tried(&texts::WORLD, format_args!("mkdir({folder:?})"))?;
        Ok(folder)
    }

    /// A root folder with the probe in `/bin/probe`, a shell and a few programs.
    ///
    /// # Errors
    ///
    /// When one of them can't be copied.
    pub fn root(&self) -> Result<PathBuf> {
        let root = self.folder("root")?;
        let programs: Vec<OsString> = ["sh", "cat", "ls"].map(OsString::from).into();
        chroot_jail::fill(&root, &[programs, vec![self.probe.clone().into()]].concat())?;
        let probe = root.join("bin/probe");
        fs::create_dir_all(root.join("bin")).tried(&texts::WORLD, "mkdir(\"/bin\")")?;
        fs::copy(&self.probe, &probe)
            .tried(&texts::WORLD, format_args!("copy({:?}, {probe:?})", self.probe))?;
        Ok(root)
    }

    /// A call of the program with the probe as its command.
    #[must_use]
    pub fn call(&self) -> Call {
        Call::new(self.word())
    }
}
