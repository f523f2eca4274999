//! The tasks of the book's pages: a reader brings something about at a shell, and the kernel shows
//! whether it is so.
//!
//! A task is made up of random names and numbers, so that what one reader typed is of no use to the
//! next. Who looks whether it is done knows nothing of what was typed or printed: only processes,
//! mounts, namespaces, cgroups and files count, and the claims about them are those of
//! `coracle check` ([`coracle::lessons`]) where the chapter has them.
//!
//! # Layout
//!
//! - [`task`]: what a task is; all of them, by name.
//! - [`look`]: a look at what the reader did: claims, and what was found about each.
//! - [`host`]: the reader's machine, seen from inside.
//! - [`values`]: names and numbers that nobody can know in advance.
//! - `tasks`: a file for each chapter.
//! - [`command`]: the same as a command.

pub mod command;
pub mod host;
pub mod look;
pub mod task;
mod tasks;
mod texts;
pub mod values;

use anyhow::Result;
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::host::Host;
use crate::look::Look;
use crate::task::Task;
use crate::values::Values;

/// The names of all tasks, in the order of the chapters.
#[must_use]
pub fn list() -> Vec<&'static str> {
    task::all().map(|task| task.name).collect()
}

/// Makes up a task's names and numbers: `{"values": {"name": "lime-7", …}}`. Whoever calls keeps
/// them for [`verify`].
///
/// # Errors
///
/// When there is no such task.
pub fn start(name: &str) -> Result<Value> {
    let task = Task::named(name)?;
    Ok(json!({ "values": (task.values)()? }))
}

/// Looks whether it is done: `{"done": false, "claims": [{"claim", "holds", "found"}]}`.
///
/// `host` is process 1 of the machine that the reader sees, or any process that shares all
/// namespaces with it. The look is taken by a process of its own, which joins them: so numbers and
/// paths in the answer are the reader's.
///
/// # Errors
///
/// When there is no such task, when its values are missing, and when the machine can't be looked at.
pub fn verify(name: &str, values: &Values, host: Pid) -> Result<Value> {
    let task = Task::named(name)?;
    Host::visit(host, |host| {
        let mut look = Look::new(task, values, host);
        look.take();
        Ok(look.report())
    })
}
