//! What several lessons look at.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::unistd::Pid;

use crate::check::claim::{Finding, expect};
use crate::check::world::{Outcome, Trouble};

/// Where a link in `/proc/PID` leads to, or why that can't be told.
pub(super) fn link(pid: Pid, what: &str) -> String {
    fs::read_link(format!("/proc/{pid}/{what}"))
        .map_or_else(|it| it.to_string(), |it| it.display().to_string())
}

/// A file or folder by what can't be faked: its device and its inode there.
pub(super) fn identity(path: &str) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// The program ended with this status, and not because of something that it tells itself.
pub(super) fn ended_with(outcome: &Outcome, expected: i32) -> Finding {
    if let Some(trouble) = Trouble::told(&outcome.errors) {
        return Err(trouble.into());
    }
    expect(outcome.status() == expected, || {
        let seen = format!("{} instead of {expected} from `{}`", outcome.status(), outcome.shown);
        [&seen, outcome.errors.trim_end()].join("\n").trim_end().to_owned()
    })
}
