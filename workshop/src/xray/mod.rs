//! `coracle xray -- CMD…`: the system calls that make a container, as they are made, by any runtime.
//!
//! The command runs as it would without xray. Beside it a second process watches it, and all that it
//! makes, through `ptrace(2)`; a filter (`seccomp(2)`) stops only the few calls that matter, so the
//! rest runs at full speed. Each call is a line: in words, with its result, with the chapter that
//! explains it.
//!
//! ```text
//!   coracle xray ──┬── the command ── its children …      (filtered)
//!    (waits,       │        ▲   │ stops
//!     passes       │        │   ▼
//!     signals on)  └── the tracer: reads, puts into words, writes
//! ```
//!
//! Three processes and not two, since a container may outlive the command that made it (`podman run
//! -d`): coracle ends with the command, and the tracer stays, untold, until the last process has
//! ended. It can't leave: a filter is never taken off, and without a tracer the kernel answers each
//! call that the filter picks with ENOSYS. If coracle is killed before, the tracer is killed with
//! it, and with the tracer all that it traces.
//!
//! # Layout
//!
//! - `launch`: the two processes, and how they begin.
//! - `trace`: what happens to a traced thread, and what is done then.
//! - `filter`, `calls`: which calls stop; the table of all that are told.
//! - `decode`: puts a call into words, with `memory`, `flags` and `netlink`.
//! - `story`: how it is written.
//! - `texts`: all words. `sys`: the only unsafe code.
//!
//! # What is left out
//!
//! Calls that a program makes through `io_uring`. Calls that the container's own filter forbids.
//! Answers of netlink. What an unprivileged user may not look into shows as `?`.

mod calls;
mod decode;
mod filter;
mod flags;
mod launch;
mod memory;
mod netlink;
mod story;
mod sys;
mod texts;
mod trace;

pub use sys::set_filter;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::path::Path;

use anyhow::{Context, Result};
use process::Command;

use story::Story;

/// Runs a command and tells its story: on standard error, or in a file.
///
/// Returns the command's exit status, by the conventions of shells and of Docker.
///
/// # Errors
///
/// When it can't be traced, or the file can't be written.
pub fn xray(words: &[OsString], output: Option<&Path>, json: bool) -> Result<u8> {
    let command = Command::new(words)?;
    let out = match output {
        Some(path) => File::create(path).with_context(|| texts::cannot_write(path))?,
        None => File::from(io::stderr().as_fd().try_clone_to_owned()?),
    };
    if std::env::var_os("CLICOLOR_FORCE").is_none() {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        colored::control::set_override(out.is_terminal() && !plain);
    }
    launch::launch(&command, Story::new(out, json))
}
