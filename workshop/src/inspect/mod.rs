//! `coracle inspect`: a container beside the host, whichever runtime made it.
//!
//! A container is a process, so its number is all that is needed: `coracle inspect PID`. Or a
//! command that starts one: `coracle inspect -- podman run alpine sleep 60` starts it, waits for the
//! container, looks at it, and ends it again.
//!
//! # Layout
//!
//! - `watch`: starts the command, finds the container, ends what was started.
//! - `facts`: what is told of a view, in the order of the chapters.
//! - `page`: the facts of two views, side by side.
//! - `texts`: the words.

mod facts;
mod page;
mod texts;
mod watch;

use std::ffi::OsString;
use std::io::{self, Write};

use anyhow::{Context, Result, bail};
use nix::unistd::Pid;
use serde::Serialize;

use crate::observe::{Difference, Part, View, compare};
use watch::Started;

/// What is inspected.
#[derive(Debug)]
pub enum What {
    /// A process that runs.
    Process(i32),
    /// The container that this command makes.
    Command(Vec<OsString>),
}

/// Looks, and shows it: as a page to read, or as one JSON object.
///
/// # Errors
///
/// When there is no such process, or it is not ours to look into; when the command starts no
/// container.
pub fn inspect(what: What, json: bool) -> Result<()> {
    let inspected = match what {
        What::Process(number) => Inspected::look(Pid::from_raw(number))?,
        What::Command(words) => {
            let started = Started::new(&words)?;
            let inspected = started.container().and_then(Inspected::look);
            // In any case, and before anything is shown: whoever reads may take their time.
            started.end();
            inspected?
        }
    };
    let text = if json {
        serde_json::to_string_pretty(&inspected).context(texts::JSON)? + "\n"
    } else {
        inspected.page()?
    };
    io::stdout().write_all(text.as_bytes()).context(crate::texts::STANDARD_OUTPUT)
}

/// What the JSON object has under `process`, for programs that need no command.
///
/// # Errors
///
/// When there is no such process, or it is not ours to look into.
pub fn seen(process: i32) -> Result<serde_json::Value> {
    serde_json::to_value(View::of(Pid::from_raw(process))?).context(texts::JSON)
}

/// What is shown: the keys of the JSON object.
#[derive(Debug, Serialize)]
struct Inspected {
    process: View,
    host: View,
    difference: Difference,
}

impl Inspected {
    fn look(pid: Pid) -> Result<Self> {
        let process = View::of(pid)?;
        let host = View::of_host()?;
        Ok(Self { difference: compare(&process, &host), process, host })
    }

    fn page(&self) -> Result<String> {
        if let Some(unread) = self.process.unread.iter().find(|it| it.part == Part::Namespaces) {
            bail!(unread.reason.clone());
        }
        Ok(page::page(&self.process, &self.host, &self.difference))
    }
}
