//! `coracle check`: is it right, and if not, why?
//!
//! A chapter makes *claims* about what every right program of it does. They are about the kernel's
//! state and not about words on the screen: the program is started with a probe for its command,
//! inside a sandbox, and while the probe holds still, `/proc` is read. So a shell script around
//! `unshare` that does the chapter's job is right, and a program that prints what a right one would
//! print is not.
//!
//! # Layout
//!
//! - [`claim`]: what is claimed, and what was found.
//! - [`exam`]: the examination of one program: claims get their findings, and become a report.
//! - [`report`]: what comes out, for programs; [`mod@show`]: the same for people.
//! - [`world`]: the machines that the program may harm, the program, and the probe.
//! - [`registry`]: images of the examiner's own, and a registry that has them.
//! - [`inside`]: the examiner, PID 1 of the sandbox; `cgroups`: where it is in there.
//! - `sys`: the only `unsafe` code. `texts`: all words.
//!
//! The claims themselves, a file for each chapter, are [`lessons`].

mod cgroups;
pub mod claim;
pub mod exam;
pub mod inside;
pub mod registry;
pub mod report;
pub mod show;
mod sys;
pub mod texts;
pub mod world;

use std::env;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use nix::unistd::getpid;
use process::{Command, rootless};

use crate::build::{self, Built};
use crate::project::Project;
use crate::sandbox::guard::Guard;
use crate::sandbox::room::Room;
use crate::sandbox::{self, Walls};
use crate::student::progress;
use crate::{lessons, piped};

pub use inside::{Order, examine};
pub use report::{Problem, Report, Verdict};
pub use show::show;

/// Checks a chapter: the student's own program, or another one with the chapter's command line.
///
/// # Errors
///
/// When this machine does not allow the examination, or the chapter has none.
pub fn check(project: &Project, chapter: &str, program: Option<&Path>) -> Result<Report> {
    let name = project.chapter(chapter)?;
    let number = &name[..2];
    if lessons::of(number).is_none() {
        bail!(texts::no_lesson(number));
    }
    let (program, probe) = match program {
        Some(program) => {
            let path = program.canonicalize();
            (path.with_context(|| texts::no_program(program))?, probe(project)?)
        }
        None => match build::chapter_and_probe(project, &name)? {
            Some(Built { program, probe }) => (program, probe),
            None => return Ok(does_not_compile(number)),
        },
    };
    let seed = seed()?;
    let mut order = Order { chapter: number.into(), program, probe, seed, user: Vec::new() };
    held(project, &mut order)
}

/// The probe for a program that is there already: beside ourselves, or built now.
fn probe(project: &Project) -> Result<PathBuf> {
    let beside = env::current_exe().ok().map(|path| path.with_file_name("coracle-probe"));
    match beside.filter(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => build::probe(project),
    }
}

fn does_not_compile(number: &str) -> Report {
    Report {
        chapter: number.into(),
        passed: false,
        problem: Some(Problem::DoesNotCompile),
        checks: Vec::new(),
    }
}

/// Lets the examiner do its work in a sandbox.
fn held(project: &Project, order: &mut Order) -> Result<Report> {
    let caller = rootless::caller();
    if !caller.is_root() {
        order.user = vec![caller.as_raw(), rootless::callers_group().as_raw()];
    }
    let mut walls = Walls::default().seen(&order.program).seen(&order.probe);
    for folder in ["/run", "/var/tmp"] {
        walls = walls.fresh(folder);
    }
    // Layers come with chapter 05.
    let disk = order.chapter.as_str() >= "05" && Room::is_needed();
    let room = disk.then(|| Room::make(&Room::candidates(project.root()))).flatten();
    walls = match &room {
        Some(room) => walls.room(room.folder(), "/tmp"),
        None => walls.fresh("/tmp"),
    };
    let command = Command::new(&order.words())?;
    let container = sandbox::for_check(command, walls)?;
    let (running, mut output) = piped::start(container)?;
    let watched = room.iter().map(|room| room.folder().into()).collect::<Vec<_>>();
    let guard = room.is_some().then(|| Guard::watch(&watched, running.pid())).transpose()?;
    let mut text = String::new();
    output.read_to_string(&mut text).context(texts::NO_REPORT)?;
    let ended = running.wait()?;
    drop(guard);
    serde_json::from_str(&text).with_context(|| texts::examiner_ended(ended))
}

/// `coracle check [NN]`: exit status 0 when everything holds, 1 when something does not.
///
/// # Errors
///
/// As [`check`].
pub fn command(chapter: Option<&str>, program: Option<&Path>, json: bool) -> Result<ExitCode> {
    let project = Project::find()?;
    let chapters = match chapter {
        Some(name) => vec![project.chapter(name)?],
        None => project.chapters()?,
    };
    let mut all_passed = true;
    for name in chapters.iter().filter(|name| lessons::of(&name[..2]).is_some()) {
        let source = progress::source(&project, name)?;
        let report = check(&project, name, program)?;
        // Another program than the student's says nothing about the student; and who asks for JSON
        // (`watch`, an instructor) remembers it himself.
        if program.is_none() && !json {
            progress::record(&project, name, source, &report)?;
        }
        let text = match json {
            true => serde_json::to_string(&report).context(texts::NO_JSON)?,
            false => show(&report, name),
        };
        writeln!(io::stdout(), "{text}").context(texts::STANDARD_OUTPUT)?;
        all_passed &= report.passed;
    }
    Ok(if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Decides everything that is random in an examination.
fn seed() -> Result<u64> {
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context(texts::NO_SEED)?;
    Ok(u64::from_ne_bytes(bytes) ^ getpid().as_raw() as u64)
}
