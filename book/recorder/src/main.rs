//! Records the book's terminal sessions, and tells whether a recording still holds.
//!
//! Called by `scripts/record`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use recorder::isolation::{self, INIT, Isolation};
use recorder::played::Played;
use recorder::results::Recording;
use recorder::session::Session;
use recorder::{compare, machine};

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run sessions, and write what came of each into a folder of its name
    Record(Record),
    /// Run all sessions of a folder in a virtual machine
    Machine(InMachine),
    /// Tell whether recordings tell the same, but for what differs from run to run
    Compare(Compare),
    /// Put those into the book that tell something else than the book's
    Update(Compare),
    /// Tell whether a machine in a page showed what the recording shows
    Played(OfPlayer),
    /// Be PID 1 of a session
    #[command(hide = true)]
    Init,
}

#[derive(Args)]
struct Record {
    /// The workshop's folder, with the finished programs in target/release
    #[arg(long)]
    project: PathBuf,
    /// The folder of the recordings
    #[arg(long)]
    out: PathBuf,
    /// The whole machine is there for the sessions: they see its cgroups from the root
    #[arg(long)]
    whole_machine: bool,
    /// The sessions' files
    #[arg(required = true)]
    sessions: Vec<PathBuf>,
}

#[derive(Args)]
struct InMachine {
    /// The folder with recorder, project/ and sessions/
    #[arg(long)]
    stage: PathBuf,
    /// The folder of the recordings
    #[arg(long)]
    out: PathBuf,
}

#[derive(Args)]
struct OfPlayer {
    /// The folder of the book's recordings
    #[arg(long)]
    kept: PathBuf,
    /// What the player kept, as JSON
    #[arg(long)]
    heard: PathBuf,
    /// The session's file
    session: PathBuf,
}

#[derive(Args)]
struct Compare {
    /// The folder of the book's recordings
    #[arg(long)]
    kept: PathBuf,
    /// The folder of the new ones
    #[arg(long)]
    fresh: PathBuf,
    /// The sessions' files
    #[arg(required = true)]
    sessions: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let by_name = env::args().next().as_deref() == Some(INIT);
    let outcome = if by_name { isolation::init().map(|()| ExitCode::SUCCESS) } else { call() };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("recorder: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn call() -> Result<ExitCode> {
    let holds = match Arguments::parse().verb {
        Verb::Record(arguments) => record(&arguments)?,
        Verb::Machine(arguments) => return machine::record(&arguments.stage, &arguments.out),
        Verb::Compare(arguments) => differences(&arguments)?.is_empty(),
        Verb::Update(arguments) => update(&arguments).map(|()| true)?,
        Verb::Played(arguments) => played(&arguments)?,
        Verb::Init => isolation::init().map(|()| true)?,
    };
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs them all, also when one fails.
fn record(arguments: &Record) -> Result<bool> {
    let kept = env::temp_dir().join(format!("recorder-{}", std::process::id()));
    fs::create_dir(&kept).with_context(|| format!("{} could not be made", kept.display()))?;
    let isolation = Isolation {
        project: arguments.project.clone(),
        kept: kept.clone(),
        whole_machine: arguments.whole_machine,
    };
    let mut all = true;
    for path in &arguments.sessions {
        let name = name(path)?;
        let begun = Instant::now();
        let attempt = || isolation.run(&read(path)?)?.write(&arguments.out.join(name));
        match attempt() {
            Ok(()) => println!("{name}: {:.1} s", begun.elapsed().as_secs_f64()),
            Err(error) => {
                println!("{name}.session, {error:#}");
                all = false;
            }
        }
    }
    fs::remove_dir_all(&kept)
        .with_context(|| format!("{} could not be removed", kept.display()))?;
    Ok(all)
}

/// The sessions that tell something else, which are shown.
fn differences(arguments: &Compare) -> Result<Vec<&str>> {
    let mut changed = Vec::new();
    for path in &arguments.sessions {
        let name = name(path)?;
        let session = Session::parse(&read(path)?).with_context(|| format!("{name}.session"))?;
        let (kept, fresh) = (arguments.kept.join(name), arguments.fresh.join(name));
        let differences = compare::compare(name, &kept, &fresh, &session.masks)?;
        if !differences.is_empty() {
            print!("{differences}");
            changed.push(name);
        }
    }
    Ok(changed)
}

/// Whether nothing differs; what does is shown.
fn played(arguments: &OfPlayer) -> Result<bool> {
    let name = name(&arguments.session)?;
    let session = Session::parse(&read(&arguments.session)?)?;
    let heard = Played::parse(&read(&arguments.heard)?)?;
    let differences = heard.compare(name, &session, &arguments.kept.join(name))?;
    print!("{differences}");
    Ok(differences.is_empty())
}

/// Replaces a session as a whole: its parts tell of the same processes.
fn update(arguments: &Compare) -> Result<()> {
    for name in differences(arguments)? {
        Recording::read(&arguments.fresh.join(name))?.write(&arguments.kept.join(name))?;
    }
    Ok(())
}

fn name(path: &Path) -> Result<&str> {
    let name = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".session"));
    name.with_context(|| format!("{} is no session: its name ends in .session", path.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} could not be read", path.display()))
}
