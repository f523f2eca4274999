//! The probe: what `coracle check` runs inside a student's container.
//!
//! `coracle-probe TOKEN ACTION…` does one action after the other. What an action finds out it says in
//! a line on standard output: the token, a key, and the value, escaped so that it stays one line. The
//! checker believes a line only when it has seen, in `/proc`, that the process is really this
//! program: whoever prints the right lines without running it is not found there.
//!
//! An action that the kernel refuses says so in its line, and the next one follows. So one run answers
//! several questions.

mod act;
mod see;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Says what one action has found out.
pub(crate) struct Reporter {
    token: String,
}

impl Reporter {
    pub(crate) fn say(&self, key: &str, value: impl Display) {
        let value = value.to_string();
        let line = format!("{} {key} {}\n", self.token, value.escape_debug());
        // In one write, and whoever has closed our standard output does not want to know.
        let mut out = io::stdout().lock();
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }

    /// What came of a system call: `ok`, or the errno's name.
    pub(crate) fn outcome(&self, key: &str, result: nix::Result<impl Display>) {
        match result {
            Ok(value) => self.say(key, value),
            Err(errno) => self.say(key, format_args!("{errno:?}")),
        }
    }
}

/// The program: does what its arguments say.
#[must_use]
pub fn main() -> ExitCode {
    let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).skip(1);
    let Some(token) = words.next() else {
        eprintln!("coracle-probe is run by `coracle check`");
        return ExitCode::from(125);
    };
    let reporter = Reporter { token };
    for word in words {
        let (action, argument) = word.split_once(':').unwrap_or((&word, ""));
        match act::perform(&reporter, action, argument) {
            Some(status) => return ExitCode::from(status),
            None => continue,
        }
    }
    ExitCode::SUCCESS
}
