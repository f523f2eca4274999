//! Starts a container, catches what its command prints, and lets the host look at it while it runs.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use anyhow::{Context, Result, bail};
use nix::unistd::{Pid, dup, dup2_stderr};
use process::Container;

use super::texts;
use crate::piped;

/// The line with which the command says that it has said everything. It then waits to be ended.
pub(super) const SAID: &str = "--";

/// Starts `container` and gives what its command prints, up to [`SAID`], and what `look` sees of its
/// first process meanwhile. The container is ended before this returns.
///
/// # Errors
///
/// When the container can't be made, `look` fails, or the command ends too early.
pub(super) fn watch<T>(
    container: Container,
    look: impl FnOnce(Pid) -> Result<T>,
) -> Result<(String, T)> {
    watch_until(container, |line| line == SAID, look)
}

/// The same, where the command says something else when it is time to look.
///
/// # Errors
///
/// As [`watch`].
pub(super) fn watch_until<T>(
    container: Container,
    is_time: impl Fn(&str) -> bool,
    look: impl FnOnce(Pid) -> Result<T>,
) -> Result<(String, T)> {
    let (running, output) = piped::start(container)?;
    let said = read(output, is_time)?;
    let seen = look(running.pid())?;
    Ok((said, seen))
}

/// Lets what `body` tells on standard error be a part of the tour: it goes to standard output.
pub(super) fn aloud<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    let ours = dup(io::stderr()).context(texts::PIPE)?;
    dup2_stderr(io::stdout()).context(texts::PIPE)?;
    let result = body();
    dup2_stderr(&ours).context(texts::PIPE)?;
    result
}

fn read(output: File, is_time: impl Fn(&str) -> bool) -> Result<String> {
    let mut said = String::new();
    for line in BufReader::new(output).lines() {
        let line = line.context(texts::PIPE)?;
        if is_time(&line) {
            return Ok(said);
        }
        said += &line;
        said.push('\n');
    }
    bail!(texts::ENDED_EARLY)
}
