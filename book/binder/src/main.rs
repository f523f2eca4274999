//! What stands between mdBook and the book's text.
//!
//! mdBook calls it as a *preprocessor*: it gets the whole book as JSON and gives it back with the
//! directives of `book/README.md` replaced by HTML. `binder check` reads the same text and says what
//! is wrong with it; `binder template` writes mdBook's page template in the book's language.
//!
//! # Layout
//!
//! - `preprocess`: mdBook's side, JSON in and out
//! - `page`: one page, line by line: finds the directives, leaves the rest alone
//! - `directives`: one file per directive
//! - `rust`: the source files of `solutions/`, and Rust in colours
//! - `book`: where everything lies; `texts`: what the book says in its own name
//! - `check`: one file per kind of mistake
//!
//! # What is left out
//!
//! mdBook's own includes: code gets into the book by `{{#code}}` and `{{#exercise}}` alone.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod book;
mod check;
mod directives;
mod fault;
mod html;
mod page;
mod preprocess;
mod rust;
mod summary;
mod template;
mod texts;

/// Between mdBook and the book's text: knows the directives, and checks
#[derive(Parser)]
#[command(name = "binder", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// What mdBook asks first: can this preprocessor serve that renderer?
    Supports {
        /// The renderer's name
        renderer: String,
    },
    /// Read the book and say what is wrong with it
    Check {
        /// What has not been recorded yet is a mistake, too
        #[arg(long)]
        strict: bool,
        /// The project's folder
        #[arg(long, default_value = ".")]
        project: PathBuf,
    },
    /// Write mdBook's template in the book's language
    Template {
        /// The language: a folder of book/
        language: String,
        /// The folder to write into
        folder: PathBuf,
        /// The project's folder
        #[arg(long, default_value = ".")]
        project: PathBuf,
    },
}

fn main() -> ExitCode {
    match act(Arguments::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("binder: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn act(verb: Option<Verb>) -> Result<ExitCode> {
    match verb {
        None => preprocess::preprocess(io::stdin().lock(), io::stdout().lock()),
        // The directives become HTML, which is no use to another one.
        Some(Verb::Supports { renderer }) => Ok(ExitCode::from(u8::from(renderer != "html"))),
        Some(Verb::Check { strict, project }) => check::check(&project, strict),
        Some(Verb::Template { language, folder, project }) => {
            template::write(&project, &language, Path::new(&folder))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
