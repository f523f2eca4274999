//! A check in a process of its own, so that it can be ended when the student saves again.
//!
//! It is the leader of a process group: cargo and the compilers that it starts end with it. What it
//! says goes into memory (`memfd_create(2)`) and not into a pipe, which somebody would have to empty
//! meanwhile, and which a program that lives on would keep open.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::sys;
use super::texts;
use crate::check::Report;

/// How long a check may take to clear up when it is ended.
const PATIENCE: Duration = Duration::from_secs(2);

/// A check that runs.
pub(super) struct Running {
    child: Child,
    out: File,
    said: File,
    /// The source that it checks.
    pub(super) source: String,
}

/// How it ended.
pub(super) struct Outcome {
    /// What it found; `None` if it could not even say that.
    pub(super) report: Option<Report>,
    /// What it said on standard error: cargo's words, as cargo writes them.
    pub(super) said: String,
    /// The source that it has checked.
    pub(super) source: String,
}

impl Running {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// When it can't be started.
    pub(super) fn start(mut command: Command, source: String) -> Result<Self> {
        let memory = || memfd_create(c"check", MFdFlags::MFD_CLOEXEC).map(File::from);
        let (out, said) = (memory()?, memory()?);
        sys::of_its_own(&mut command);
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(said.try_clone()?)
            .process_group(0)
            .spawn()
            .context(texts::NO_CHECK)?;
        Ok(Self { child, out, said, source })
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    ///
    /// When what it said can't be read.
    pub(super) fn outcome(&mut self) -> Result<Option<Outcome>> {
        if self.child.try_wait()?.is_none() {
            return Ok(None);
        }
        let out = read(&mut self.out)?;
        let report = serde_json::from_str(&out).ok();
        let said = read(&mut self.said)?;
        Ok(Some(Outcome { report, said, source: self.source.clone() }))
    }
}

fn read(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    // The position is the child's as well, and stands where it wrote last.
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Drop for Running {
    /// Ends it, unless it has ended: politely, so that it can take down what it made.
    fn drop(&mut self) {
        let group = Pid::from_raw(self.child.id() as i32);
        let give_up = Instant::now() + PATIENCE;
        let mut signal = Some(Signal::SIGTERM);
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if let Some(signal) = signal.take() {
                let _ = killpg(group, signal);
            }
            if Instant::now() > give_up {
                let _ = killpg(group, Signal::SIGKILL);
                let _ = self.child.wait();
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}
