//! The `coracle` command: the workshop at one's fingertips.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{CommandFactory, Parser, Subcommand};

use coracle::project::Project;
use coracle::{author, inspect, registry, run, texts, tour, web};

/// Coracle: build a Linux container runtime by hand, one kernel mechanism a chapter
#[derive(Parser)]
#[command(name = "coracle", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// See a process become a container, live, on this machine's kernel
    Tour,
    /// Build your program of a chapter and run it: `coracle run 00 -- run ls`
    Run {
        /// The chapter: 2, 02 or 02-pid-namespace
        #[arg(value_name = "NN")]
        chapter: String,
        /// What the chapter's program is given
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Show a container beside the host, whichever runtime made it
    #[command(override_usage = "coracle inspect [--json] PID\n       \
                                coracle inspect [--json] -- CMD…")]
    Inspect {
        /// The number of one of its processes, as `ps -e` on this host shows it
        #[arg(value_name = "PID", required_unless_present = "command")]
        pid: Option<i32>,
        /// A command that starts a container, which is ended again: `-- podman run alpine sleep 60`
        #[arg(value_name = "CMD", last = true, conflicts_with = "pid")]
        command: Vec<OsString>,
        /// As a JSON object: both views, and how they differ
        #[arg(long)]
        json: bool,
    },
    /// Make a root folder from this host's everyday programs
    Rootfs {
        /// The folder; it is made if it is not there
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Serve images to pull, with no network: some made from this host's programs, and some fetched
    /// from other registries before
    Registry {
        /// The address and the port to listen on; 0.0.0.0 is every address that this host has
        #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:5555")]
        listen: SocketAddr,
        /// Images to be fetched first, once, and served from then on: `alpine,nginx:1.29`
        #[arg(long, value_name = "NAME", value_delimiter = ',')]
        mirror: Vec<String>,
    },
    /// Show a folder's files over HTTP: what the images of `coracle registry` run
    Web {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The port to listen on
        #[arg(long, default_value_t = 80)]
        port: u16,
    },
    /// For the workshop's authors
    #[command(subcommand)]
    Author(Author),
}

#[derive(Subcommand)]
enum Author {
    /// Make chapters/ from solutions/, with every exercise open
    Starters {
        /// Write nothing; fail if chapters/ is not what solutions/ makes of it
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    // A command line that makes no sense ends here, with status 2.
    match perform(Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read this has seen enough: `coracle tour | head`.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading any more; the status still tells.
            let _ = writeln!(io::stderr(), "coracle: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

fn perform(verb: Option<Verb>) -> Result<()> {
    match verb {
        None => Arguments::command().print_help().context(texts::STANDARD_OUTPUT),
        Some(Verb::Tour) => tour::tour(),
        Some(Verb::Run { chapter, args }) => {
            match run::chapter(&Project::find()?, &chapter, &args)? {}
        }
        Some(Verb::Inspect { pid, command, json }) => {
            let what = pid.map_or(inspect::What::Command(command), inspect::What::Process);
            inspect::inspect(what, json)
        }
        Some(Verb::Rootfs { folder }) => rootfs(&folder),
        Some(Verb::Registry { listen, mirror }) => registry::serve(listen, &mirror),
        Some(Verb::Web { folder, port }) => web::serve(&folder, port),
        Some(Verb::Author(Author::Starters { check })) => starters(check),
    }
}

fn rootfs(folder: &Path) -> Result<()> {
    let copied = chroot_jail::build_default_root(folder)?;
    writeln!(io::stdout(), "{}", texts::root_filled(&copied, folder))
        .context(texts::STANDARD_OUTPUT)
}

fn starters(check: bool) -> Result<()> {
    let root = Project::find()?;
    let root = root.root();
    let changes = if check { author::differences(root)? } else { author::make_starters(root)? };
    let mut out = io::stdout().lock();
    for change in &changes {
        let line = if check { texts::out_of_step(change) } else { texts::brought_in_step(change) };
        writeln!(out, "{line}").context(texts::STANDARD_OUTPUT)?;
    }
    if check && !changes.is_empty() {
        bail!(texts::MAKE_STARTERS);
    }
    writeln!(out, "{}", texts::IN_STEP).context(texts::STANDARD_OUTPUT)
}
