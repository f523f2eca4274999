//! One cgroup: a folder whose files are the kernel's.
//!
//! `mkdir` makes a cgroup and `rmdir` removes it; the files in it come and go with it, and can
//! neither be made nor removed. So the usual ways of writing a file or removing a folder, which
//! create what is missing and empty what is full, both fail here with words that mislead.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use process::{Attempt, Step, kernel};

use crate::hierarchy::{Controller, Version};
use crate::texts;

/// How long to wait for killed processes to be gone: 2 s, in steps of 1 ms.
const PATIENCE: u32 = 2000;

/// One of a container's cgroups: it has one in each hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The kind of hierarchy.
    pub version: Version,
    /// On v1: the hierarchy's controllers.
    pub controllers: Vec<String>,
    /// The folder.
    pub path: PathBuf,
}

/// The first group that has the controller.
#[must_use]
pub fn of(groups: &[Group], controller: Controller) -> Option<&Group> {
    groups.iter().find(|group| group.has(controller))
}

impl Group {
    /// Whether it has this controller: on v2 the folder itself says so.
    #[must_use]
    pub fn has(&self, controller: Controller) -> bool {
        let Some(name) = controller.name(self.version) else { return true };
        match self.version {
            Version::One => self.controllers.iter().any(|other| other == name),
            Version::Two => self.words("cgroup.controllers").iter().any(|other| other == name),
        }
    }

    /// Writes into one of its files.
    ///
    /// # Errors
    ///
    /// ENOENT when the file's controller is not there, and what the kernel says of the value.
    pub fn write(&self, step: &Step, file: &str, value: &str) -> Result<()> {
        let path = self.path.join(file);
        // In one write, and without O_CREAT: where the file is missing, the kernel's answer to an
        // attempt at creating it is "Permission denied", even for root.
        let written = OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|mut file| file.write_all(value.as_bytes()));
        written.step(step, format_args!("write({path:?}, {value:?})"))
    }

    /// Whether it has this file.
    ///
    /// # Errors
    ///
    /// What `stat(2)` refuses.
    pub fn has_file(&self, file: &str) -> Result<bool> {
        let path = self.path.join(file);
        path.try_exists().tried(&texts::HIERARCHIES, format_args!("stat({path:?})"))
    }

    /// What one of its files says; `None` when it is not there.
    #[must_use]
    pub fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.path.join(file)).ok()
    }

    /// The words in one of its files.
    #[must_use]
    pub fn words(&self, file: &str) -> Vec<String> {
        self.read(file).unwrap_or_default().split_whitespace().map(String::from).collect()
    }

    /// The number in one of its files; `None` also for `max`.
    #[must_use]
    pub fn number(&self, file: &str) -> Option<u64> {
        self.read(file)?.trim().parse().ok()
    }

    /// The number behind a name, in a file with one of them a line.
    #[must_use]
    pub fn entry(&self, file: &str, name: &str) -> Option<u64> {
        let text = self.read(file)?;
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(key, _)| *key == name)?.1.trim().parse().ok()
    }

    /// The processes in it. (0 stands for one that our PID namespace does not show.)
    #[must_use]
    pub fn processes(&self) -> Vec<Pid> {
        let numbers = self.words("cgroup.procs").into_iter();
        numbers.filter_map(|number| number.parse().ok().map(Pid::from_raw)).collect()
    }

    /// Kills every process in it. As a rule there is none: the PID namespace's first process took
    /// all others along.
    ///
    /// # Errors
    ///
    /// When a process may not be killed.
    pub fn kill_all(&self) -> Result<()> {
        if self.processes().is_empty() {
            return Ok(());
        }
        // One write for all of them.
        if self.has_file("cgroup.kill")? {
            return self.write(&texts::KILL, "cgroup.kill", "1");
        }
        if self.version == Version::Two {
            kernel::CGROUP_KILL.tell_missing();
        }
        for process in self.processes().into_iter().filter(|process| process.as_raw() > 0) {
            match kill(process, Signal::SIGKILL) {
                Err(Errno::ESRCH) => {}
                killed => killed.step(&texts::KILL, format_args!("kill({process}, SIGKILL)"))?,
            }
        }
        Ok(())
    }

    /// Removes it, with all that were made in it, once the last of its processes is gone; that it is
    /// gone itself is no failure.
    ///
    /// # Errors
    ///
    /// EBUSY when a process stays in it.
    pub fn remove(&self) -> Result<()> {
        let call = format!("rmdir({:?})", self.path);
        for _ in 0..PATIENCE {
            match remove_all(&self.path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                // A killed process takes its time to end.
                Err(error) if is_busy(&error) => sleep(Duration::from_millis(1)),
                removed => return removed.step(&texts::REMOVE, call),
            }
        }
        bail!(texts::still_busy(&call))
    }
}

/// Removes a cgroup. One that has others in it is busy until those are removed.
fn remove_all(folder: &Path) -> io::Result<()> {
    match fs::remove_dir(folder) {
        Err(error) if is_busy(&error) => {}
        removed => return removed,
    }
    for entry in fs::read_dir(folder)?.flatten().filter(|entry| entry.path().is_dir()) {
        match remove_all(&entry.path()) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed?,
        }
    }
    fs::remove_dir(folder)
}

pub(crate) fn is_busy(error: &io::Error) -> bool {
    error.kind() == ErrorKind::ResourceBusy
}
