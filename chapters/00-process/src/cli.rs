//! What every chapter's `main` shares: reading the command line, the colours, and one line on
//! standard error with the right exit status when something fails.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;

use crate::failure::{NOT_MADE, catch, exit_code};
use crate::{Command, explain, texts};

/// The command to run, and whether its story is told: the last arguments of every `run`.
#[derive(Debug, clap::Args)]
// A chapter's own `Run` would be a second group of arguments with the same name.
#[group(skip)]
pub struct Run {
    /// Tell each kernel call as it happens, and why it is made
    #[arg(long)]
    explain: bool,
    /// The command and its arguments
    #[arg(
        value_name = "CMD",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    words: Vec<OsString>,
}

impl Run {
    /// The command; from here on the story is told, if that was asked for.
    ///
    /// # Errors
    ///
    /// When the first word is an option that we don't have, or a word contains a NUL byte.
    pub fn command(&self) -> Result<Command> {
        refuse_option(self.words.first())?;
        if self.explain {
            explain::enable();
        }
        Command::new(&self.words)
    }
}

/// Refuses an option in the first word's place: the parser takes whatever it does not know for that
/// word.
///
/// # Errors
///
/// When there is one.
pub fn refuse_option(first: Option<&OsString>) -> Result<()> {
    match first.filter(|word| word.as_bytes().starts_with(b"-")) {
        Some(word) => bail!(texts::unknown_option(word, &program_name())),
        None => Ok(()),
    }
}

/// Reads the command line, runs `body` and turns what comes out into an exit status.
///
/// A command line that makes no sense is Docker's 125, as is everything that keeps a container from
/// being made: any other number would be the command's own.
pub fn main<Arguments: Parser>(body: impl FnOnce(Arguments) -> Result<u8>) -> ExitCode {
    // An option's parser may be an exercise.
    let arguments = match catch(|| Ok(Arguments::try_parse())) {
        Ok(Ok(arguments)) => arguments,
        Err(error) => {
            explain::say(format_args!("{}: {error:#}", program_name()));
            return NOT_MADE.into();
        }
        Ok(Err(error)) => {
            let status = if error.use_stderr() { NOT_MADE } else { 0 };
            // Printing help into a closed pipe is no failure.
            let _ = error.print();
            return status.into();
        }
    };
    if std::env::var_os("CLICOLOR_FORCE").is_none() {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        colored::control::set_override(io::stderr().is_terminal() && !plain);
    }
    match catch(|| body(arguments)) {
        Ok(status) => status.into(),
        Err(error) => {
            explain::say(format_args!("{}: {error:#}", program_name()));
            exit_code(&error).into()
        }
    }
}

/// What we were started as, without its folder.
#[must_use]
pub fn program_name() -> String {
    let path = std::env::args_os().next().map(std::path::PathBuf::from).unwrap_or_default();
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
