//! The tasks as a command, for whoever serves a page: it has one thread, as [`verify`](crate::verify)
//! wants it, whatever the caller has.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::texts;

/// Tasks for readers of the book: what to bring about, and whether the kernel shows it
#[derive(Parser)]
#[command(name = "coracle-task", version)]
enum Arguments {
    /// List the tasks' names
    List,
    /// Make up a task's names and numbers
    Start {
        /// The task
        task: String,
    },
    /// Look whether a task is done
    Verify {
        /// The task
        task: String,
        /// What `start` has made up: its JSON object, or that of its `values`
        values: String,
        /// Process 1 of the reader's machine
        #[arg(long, value_name = "PID", default_value_t = 1)]
        host: i32,
    },
}

/// Does what the command line says; prints one JSON value.
#[must_use]
pub fn main() -> ExitCode {
    let told = answer(Arguments::parse()).and_then(|answer| {
        writeln!(io::stdout(), "{answer}").context(coracle::texts::STANDARD_OUTPUT)
    });
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn answer(arguments: Arguments) -> Result<Value> {
    match arguments {
        Arguments::List => Ok(json!(crate::list())),
        Arguments::Start { task } => crate::start(&task),
        Arguments::Verify { task, values, host } => {
            let given: Value = serde_json::from_str(&values).context(texts::NO_VALUES)?;
            let values = given.get("values").cloned().unwrap_or(given);
            let values = serde_json::from_value(values).context(texts::NO_VALUES)?;
            crate::verify(&task, &values, Pid::from_raw(host))
        }
    }
}
