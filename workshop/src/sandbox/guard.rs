//! A look at the disks while a program of a student's runs.
//!
//! Where it may write, it may fill the disk, and a full disk harms more than its owner. No limit of
//! the kernel's holds for a folder. So somebody looks, five times a second, and ends the sandbox
//! before it comes to that.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::statvfs::statvfs;
use nix::unistd::Pid;
use process::{Process, explain, sys};

use super::texts;

/// What is to stay free in any case: 1 GB. Where less than twice as much is free, half of it.
const RESERVE: u64 = 1 << 30;

/// A process that looks. It ends with this value.
#[derive(Debug)]
pub struct Guard(Process);

impl Guard {
    /// Watches over the disks that these paths are on, and ends `sandbox` when one fills up.
    ///
    /// # Errors
    ///
    /// When no process can be made.
    pub fn watch(paths: &[PathBuf], sandbox: Pid) -> Result<Self> {
        let disks: Vec<_> =
            paths.iter().filter_map(|path| Some((path, RESERVE.min(free(path)? / 2)))).collect();
        let process = Process::spawn(CloneFlags::empty(), None, || {
            let _ = sys::die_with_parent();
            loop {
                sleep(Duration::from_millis(200));
                let full =
                    disks.iter().find(|(path, least)| free(path).is_some_and(|now| now < *least));
                if let Some((path, least)) = full {
                    explain::say(texts::disk_full(path, *least));
                    let _ = kill(sandbox, Signal::SIGKILL);
                    return 0;
                }
            }
        })?;
        Ok(Self(process))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.signal(Signal::SIGKILL as i32);
        let _ = self.0.wait();
    }
}

/// Bytes.
fn free(path: &PathBuf) -> Option<u64> {
    let disk = statvfs(path).ok()?;
    Some(disk.blocks_available() as u64 * disk.fragment_size() as u64)
}
