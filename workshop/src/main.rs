//! The `coracle` command: the workshop at one's fingertips.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use flate2::Compression;

use coracle::project::Project;
use coracle::student::solve::{self, By};
use coracle::student::{diff, hint, overview, watch};
use coracle::{author, book, check, doctor, inspect, registry, run, texts, tour, web, xray};
use process::{explain, failure};

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
    /// Can this machine do every chapter? What is missing, and what helps
    Doctor {
        /// For instructors and programs: everything that was found, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Build your program of a chapter and run it: `coracle run 00 -- run ls`
    Run {
        /// The chapter: 2, 02 or 02-pid-namespace
        #[arg(value_name = "NN")]
        chapter: String,
        /// What the chapter's program is given
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Is it right, and if not, why? Looks at what the kernel shows, not at what is printed
    Check {
        /// The chapter: 2, 02 or 02-pid-namespace; none for all of them
        #[arg(value_name = "NN")]
        chapter: Option<String>,
        /// Another program with the chapter's command line
        #[arg(long, value_name = "PATH", requires = "chapter")]
        bin: Option<PathBuf>,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// What `check` runs in its sandbox
    #[command(hide = true)]
    Examine(check::Order),
    /// Run a command, and tell the system calls by which it makes a container:
    /// `coracle xray -- runc run box`
    Xray {
        /// Write the story to this file, and not to standard error
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// For programs: one JSON object a line
        #[arg(long)]
        json: bool,
        /// The command and its arguments
        #[arg(
            value_name = "CMD",
            required = true,
            trailing_var_arg = true,
            allow_hyphen_values = true
        )]
        command: Vec<OsString>,
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
        /// Fetch and make the images, and end: what a class without a network is prepared with
        #[arg(long, conflicts_with = "listen")]
        fetch_only: bool,
    },
    /// The book on localhost, at a section if you name one: `coracle book 02#pivot-root`
    Book {
        /// A chapter or a page, and a section of it
        #[arg(value_name = "SECTION")]
        section: Option<String>,
        /// The port to listen on; otherwise always the same, so that the browser knows your answers
        #[arg(long)]
        port: Option<u16>,
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
    /// Check again at every save
    Watch {
        /// The chapter; without it the one that you are at
        #[arg(value_name = "NN")]
        chapter: Option<String>,
    },
    /// A nudge, then a pointer, then nearly the answer
    Hint {
        /// The chapter; without it the one that you are at
        #[arg(value_name = "NN")]
        chapter: Option<String>,
        /// The exercise; without it the one that fails or is open
        exercise: Option<String>,
    },
    /// Take the finished lines; yours are kept
    Solve {
        /// The chapter
        #[arg(value_name = "NN")]
        chapter: String,
        /// Only this exercise
        exercise: Option<String>,
    },
    /// Begin again, with the exercises open; your lines are kept
    Reset {
        /// The chapter
        #[arg(value_name = "NN")]
        chapter: String,
        /// Only this exercise
        exercise: Option<String>,
    },
    /// Bring back what `solve`, `reset` or `restore` has replaced
    Restore {
        /// The chapter
        #[arg(value_name = "NN")]
        chapter: String,
        /// Which version, by the beginning of its name; without it the latest
        version: Option<String>,
    },
    /// Show what is different between your chapter and the finished one
    Diff {
        /// The chapter
        #[arg(value_name = "NN")]
        chapter: String,
    },
    /// Go on: which file to open, and what to write there
    Next,
    /// All chapters and exercises: what is done, open, failing, and how long it takes
    List,
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
        Ok(code) => code,
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

fn perform(verb: Option<Verb>) -> Result<ExitCode> {
    let done = match verb {
        None => overview::here(&Project::find()?),
        Some(Verb::Watch { chapter }) => watch(&Project::find()?, chapter.as_deref()),
        Some(Verb::Hint { chapter, exercise }) => {
            hint::hint(&Project::find()?, chapter.as_deref(), exercise.as_deref())
        }
        Some(Verb::Solve { chapter, exercise }) => {
            solve::replace(&Project::find()?, &chapter, exercise.as_deref(), By::Solution)
        }
        Some(Verb::Reset { chapter, exercise }) => {
            solve::replace(&Project::find()?, &chapter, exercise.as_deref(), By::Starter)
        }
        Some(Verb::Restore { chapter, version }) => {
            solve::restore(&Project::find()?, &chapter, version.as_deref())
        }
        Some(Verb::Diff { chapter }) => diff::diff(&Project::find()?, &chapter),
        Some(Verb::Next) => overview::next(&Project::find()?),
        Some(Verb::List) => overview::list(&Project::find()?),
        Some(Verb::Tour) => tour::tour(),
        Some(Verb::Doctor { json }) => doctor::doctor(json),
        Some(Verb::Run { chapter, args }) => {
            return run::chapter(&Project::find()?, &chapter, &args).map(ExitCode::from);
        }
        Some(Verb::Check { chapter, bin, json }) => {
            return check::command(chapter.as_deref(), bin.as_deref(), json);
        }
        Some(Verb::Examine(order)) => check::examine(&order),
        Some(Verb::Xray { output, json, command }) => {
            return Ok(traced(&command, output.as_deref(), json).into());
        }
        Some(Verb::Inspect { pid, command, json }) => {
            let what = pid.map_or(inspect::What::Command(command), inspect::What::Process);
            inspect::inspect(what, json)
        }
        Some(Verb::Rootfs { folder }) => rootfs(&folder),
        Some(Verb::Registry { mirror, fetch_only: true, .. }) => {
            registry::fetch(&mirror, Compression::default()).map(drop)
        }
        Some(Verb::Registry { listen, mirror, .. }) => registry::serve(listen, &mirror),
        Some(Verb::Book { section, port }) => {
            book::serve(&Project::find()?, section.as_deref(), port)
        }
        Some(Verb::Web { folder, port }) => web::serve(&folder, port),
        Some(Verb::Author(Author::Starters { check })) => starters(check),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn watch(project: &Project, chapter: Option<&str>) -> Result<()> {
    let program = env::current_exe().context(texts::OUR_OWN_PROGRAM)?;
    watch::watch(project, chapter, &|chapter| {
        let mut command = Command::new(&program);
        command.args(["check", chapter, "--json"]).current_dir(project.root());
        command
    })
}

/// The exit status is the command's own; or 125 when it could not be traced, as a container that
/// could not be made.
fn traced(command: &[OsString], output: Option<&Path>, json: bool) -> u8 {
    xray::xray(command, output, json).unwrap_or_else(|error| {
        explain::say(format_args!("coracle: {error:#}"));
        failure::exit_code(&error)
    })
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
    let lacks = if check { author::lessons_out_of_step(root)? } else { Vec::new() };
    for sentence in &lacks {
        writeln!(out, "{sentence}").context(texts::STANDARD_OUTPUT)?;
    }
    if !lacks.is_empty() {
        bail!(texts::WRITE_HINTS);
    }
    writeln!(out, "{}", texts::IN_STEP).context(texts::STANDARD_OUTPUT)
}
