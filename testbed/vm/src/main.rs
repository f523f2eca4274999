//! The command line of `scripts/vm`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow};
use clap::{Args, Parser, Subcommand, ValueEnum};
use vm::{Kernel, Lost, Machine};

/// Virtual machines: a kernel of one's own for a command, and gone afterwards.
#[derive(Parser)]
#[command(name = "scripts/vm", disable_help_subcommand = true)]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Runs a command in a new machine.
    ///
    /// The exit status is the command's own; 124 when time was up, 125 when the machine could not
    /// be made or ended by itself.
    Run(Run),
}

/// Which machine.
#[derive(Args)]
struct Options {
    /// The kernel: 5.10, 6.1 or 6.12.
    #[arg(long, default_value = "6.12")]
    kernel: Kernel,
    /// Who runs the command.
    #[arg(long, value_enum, default_value_t = User::Root)]
    user: User,
    /// Makes the command's cgroup the user's own.
    #[arg(long)]
    delegate: bool,
    /// Copies a file or a folder in, to the same path or to another one.
    #[arg(long, value_name = "PATH[=GUEST]")]
    put: Vec<String>,
    /// When the command has ended, copies a folder's content, or a file, into a folder here.
    #[arg(long, value_name = "GUEST=FOLDER")]
    get: Vec<String>,
    /// Sets a value in /proc/sys first.
    #[arg(long, value_name = "NAME=VALUE")]
    sysctl: Vec<OsString>,
    /// Memory in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    memory: u32,
    /// How long all of it may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum User {
    Root,
    Student,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    options: Options,
    /// The command.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

fn main() -> ExitCode {
    let done = match Line::parse().verb {
        Verb::Run(run) => run.options.machine().and_then(|machine| machine.stream(run.command)),
    };
    match done {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("vm: {error:#}");
            let late = matches!(error.downcast_ref(), Some(Lost::TimedOut(_)));
            (if late { 124 } else { 125 }).into()
        }
    }
}

impl Options {
    fn machine(&self) -> Result<Machine> {
        let mut machine = Machine::new(self.kernel)
            .user(match self.user {
                User::Root => vm::User::Root,
                User::Student => vm::User::Student,
            })
            .memory(self.memory)
            .patience(Duration::from_secs(self.timeout));
        if self.delegate {
            machine = machine.delegate();
        }
        for path in &self.put {
            let (from, to) = match path.split_once('=') {
                Some((from, to)) => (PathBuf::from(from), PathBuf::from(to)),
                None => (PathBuf::from(path), std::path::absolute(path)?),
            };
            machine = machine.put(from, to);
        }
        for path in &self.get {
            let (from, to) =
                path.split_once('=').ok_or_else(|| anyhow!("--get {path}: GUEST=FOLDER"))?;
            machine = machine.get(from, to);
        }
        for setting in &self.sysctl {
            machine = machine.sysctl(setting);
        }
        Ok(machine)
    }
}
