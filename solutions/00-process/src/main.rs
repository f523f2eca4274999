//! Chapter 00's program: run a command as a process of its own; show a process's namespaces.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use sol00_process as process;

use process::namespaces::{Compared, Namespaces};
use process::{Container, cli, texts};

/// Chapter 00: a process, and the frame that every later chapter adds to
#[derive(Parser)]
#[command(version)]
enum Arguments {
    /// Run a command as a process of its own, and end as it ends
    Run(cli::Run),
    /// Show which namespaces a process is in, beside those of process 1, or, where that may not be
    /// looked into, of the process that started this one
    Ns {
        /// The process's number; without one, this process
        pid: Option<u32>,
    },
}

fn main() -> ExitCode {
    cli::main(|arguments| match arguments {
        Arguments::Run(run) => Ok(Container::new(run.command()?).run()?.exit_code()),
        Arguments::Ns { pid } => ns(pid.unwrap_or_else(std::process::id)),
    })
}

fn ns(pid: u32) -> Result<u8> {
    let process = Namespaces::of(pid)?;
    // An ordinary user can't look into process 1; his own shell shares its namespaces as a rule.
    let others = [1, std::os::unix::process::parent_id()];
    let host = others.into_iter().find_map(|pid| Namespaces::of(pid).ok());
    let table = Compared { process: &process, with: host.as_ref() };
    write!(std::io::stdout(), "{table}").context(texts::STANDARD_OUTPUT)?;
    Ok(0)
}
