//! Which chapter works where: every chapter, in every environment that a student may have.
//!
//! A cell of the table is the result of real runs: `coracle check` of the finished chapter, and the
//! chapter's tests, of which a plain run has only some (`Extent`). Where they fail, `coracle doctor`
//! in that environment has to say why; its sentence stands below the table. Two things make this
//! program fail: a failure that the doctor can't explain, and a cell that is not as the table in the
//! README has it, unless that table is being written.
//!
//! # Layout
//!
//! * `environment`: the environments. `examine`: what is run in one. `verdict`: what came of it.
//! * `page`: the table. `expected`: what the README's says.

mod environment;
mod examine;
mod expected;
mod page;
mod verdict;

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread::scope;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Parser;
use vm::{Architecture, Project};

use environment::{Environment, Place};
use examine::Extent;
use verdict::Row;

/// How many machines run at the same time: much of a test is waiting.
const AT_ONCE: usize = 2;

/// Which chapter works where.
#[derive(Parser)]
#[command(name = "scripts/matrix", after_help = environments())]
struct Line {
    /// Only this machine and one with the newest kernel, without the safety net's tests.
    #[arg(long)]
    quick: bool,
    /// All of the chapters' tests. Where the processor is emulated that takes hours.
    #[arg(long, conflicts_with = "quick")]
    all: bool,
    /// Writes the table into the README and the book, if nothing in it is wrong.
    #[arg(long)]
    write: bool,
    /// Only these environments.
    #[arg(value_parser = environment::known)]
    only: Vec<String>,
}

fn environments() -> String {
    format!("Environments: {}", environment::names())
}

fn main() -> ExitCode {
    match run(&Line::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("matrix: {error:#}");
            125.into()
        }
    }
}

/// Whether every cell is as it should be.
fn run(line: &Line) -> Result<bool> {
    let environments: Vec<Environment> = environment::all()
        .into_iter()
        .filter(|it| {
            if line.only.is_empty() {
                !line.quick || it.quick
            } else {
                line.only.contains(&it.name)
            }
        })
        .collect();
    let whole = environments.len() == environment::all().len();
    ensure!(!line.write || whole, "only a whole table is written");
    // What runs on this very machine is alone with it; and what is for 32 bits is built apart.
    let (here, machines): (Vec<_>, Vec<_>) =
        environments.into_iter().partition(|it| matches!(it.place, Place::Here));
    let (wide, narrow): (Vec<_>, Vec<_>) =
        machines.into_iter().partition(|it| it.architecture() == Architecture::X86_64);
    let extent = match (line.quick, line.all) {
        (true, _) => Extent::Quick,
        (_, true) => Extent::All,
        _ => Extent::Usual,
    };
    let mut rows = Vec::new();
    for (environments, at_once) in [(here, 1), (wide, AT_ONCE), (narrow, AT_ONCE)] {
        if let Some(first) = environments.first() {
            let project = Project::with_tests(first.architecture())?;
            rows.extend(examine_all(&project, environments, extent, at_once));
        }
    }
    let table = page::table(&rows, extent);
    println!("\n{table}");
    let root = vm::project::root()?;
    let mut right = rows.iter().all(Row::is_right);
    if line.write {
        ensure!(right, "a table with a ✗ is not written");
        page::write(&root, &table)?;
    } else {
        let marks: Vec<_> =
            rows.iter().map(|row| (&row.environment.title[..], page::cells(row))).collect();
        for difference in expected::differences(&page::known(&root)?, &marks) {
            eprintln!("matrix: {difference}");
            right = false;
        }
    }
    Ok(right)
}

/// Examines environments, so many of them at a time; their rows, in the same order.
fn examine_all(
    project: &Project,
    environments: Vec<Environment>,
    extent: Extent,
    at_once: usize,
) -> Vec<Row> {
    let left = Mutex::new(environments.into_iter().enumerate());
    let rows = Mutex::new(Vec::new());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((number, environment)) = next() {
            let row = examine(project, environment, extent);
            rows.lock().unwrap_or_else(PoisonError::into_inner).push((number, row));
        }
    };
    scope(|scope| (0..at_once).for_each(|_| drop(scope.spawn(work))));
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(number, _)| *number);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn examine(project: &Project, environment: Environment, extent: Extent) -> Row {
    let begun = Instant::now();
    let examined = examine::examine(project, &environment, extent);
    if let Err(error) = &examined {
        eprintln!("{}: {error:#}", environment.name);
    }
    let row = Row::new(environment, examined, extent);
    let (name, cells) = (&row.environment.name, page::cells(&row).join(" "));
    eprintln!("{name:<18}{cells} {:4} s", begun.elapsed().as_secs());
    row
}
