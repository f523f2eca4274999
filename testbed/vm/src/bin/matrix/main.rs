//! Which chapter works where: every chapter, in every environment that a student may have.
//!
//! A cell of the table is the result of real runs: the chapter's tests, and `coracle check` of the
//! finished chapter. Where they fail, `coracle doctor` in that environment has to say why; its
//! sentence stands below the table. A failure that it can't explain is a mistake of ours, and the
//! only thing that makes this program fail.
//!
//! # Layout
//!
//! * `environment`: the environments. `examine`: what is run in one. `verdict`: what came of it.
//! * `page`: the table.

mod environment;
mod examine;
mod page;
mod verdict;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Parser;
use vm::Project;

use environment::Environment;
use verdict::Row;

/// Which chapter works where.
#[derive(Parser)]
#[command(name = "scripts/matrix")]
struct Line {
    /// Only one machine as root and one as an ordinary user, and of the tests only those that differ
    /// between kernels.
    #[arg(long)]
    quick: bool,
    /// Writes the table into the README and the book.
    #[arg(long)]
    write: bool,
    /// Only these environments, by their names.
    only: Vec<String>,
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
    ensure!(!environments.is_empty(), "there are {}", environment::names());
    ensure!(!line.write || !line.quick && line.only.is_empty(), "only a whole table is written");
    let mut rows = Vec::new();
    let mut projects = BTreeMap::new();
    for environment in environments {
        let architecture = environment.architecture();
        let project = match projects.entry(architecture) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Project::with_tests(architecture)?),
        };
        let begun = Instant::now();
        eprint!("{:<16}", environment.name);
        let results = examine::examine(project, &environment, line.quick)?;
        let row = Row::new(environment, results.as_deref())?;
        eprintln!("{} {:4} s", page::cells(&row).join(" "), begun.elapsed().as_secs());
        rows.push(row);
    }
    println!("\n{}", page::table(&rows));
    if line.write {
        page::write(&vm::project::root()?, &page::table(&rows))?;
    }
    Ok(rows.iter().all(Row::is_right))
}
