//! The command: the image's proposal, and what the user makes of it.
//!
//! An image has two lists of words. *Entrypoint* is what the command begins with, *Cmd* is what
//! follows if nobody says otherwise. Words behind the image's name take the place of Cmd alone;
//! `--entrypoint` takes the place of both.

use std::ffi::OsString;

use anyhow::{Result, ensure};
use process::Command;

use crate::config::Execution;
use crate::options::RunOptions;
use crate::texts::run as texts;

/// The command, with the environment that was decided before the container is there.
///
/// # Errors
///
/// When neither the image nor the user names one.
pub fn of(config: &Execution, options: &RunOptions) -> Result<Command> {
    let words = words(config, options.entrypoint.as_deref(), &options.words);
    ensure!(!words.is_empty(), texts::no_command(&options.image));
    let command = Command::new(&words)?.clean_environment();
    Ok(variables(config, options).fold(command, |command, (name, value)| command.env(name, value)))
}

fn words(config: &Execution, entrypoint: Option<&str>, words: &[String]) -> Vec<String> {
    let (mut all, rest) = match entrypoint {
        None => (config.entrypoint.clone(), &config.cmd[..]),
        Some("") => (Vec::new(), &[][..]),
        Some(program) => (vec![program.to_owned()], &[][..]),
    };
    all.extend_from_slice(if words.is_empty() { rest } else { words });
    all
}

/// The image's variables, then the user's, which win.
fn variables<'a>(
    config: &'a Execution,
    options: &'a RunOptions,
) -> impl Iterator<Item = (&'a str, OsString)> {
    let all = config.env.iter().chain(&options.env);
    all.filter_map(|variable| match variable.split_once('=') {
        Some((name, value)) => Some((name, value.into())),
        None => Some((variable.as_str(), std::env::var_os(variable)?)),
    })
    // A variable without a name can't be asked for.
    .filter(|(name, _)| !name.is_empty())
}

/// Whether the image or the user has decided on a variable.
#[must_use]
pub fn has_variable(config: &Execution, options: &RunOptions, name: &str) -> bool {
    variables(config, options).any(|(other, _)| other == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entrypoint_and_cmd() {
        let config = |entrypoint: &[&str], cmd: &[&str]| Execution {
            entrypoint: entrypoint.iter().map(|word| (*word).to_owned()).collect(),
            cmd: cmd.iter().map(|word| (*word).to_owned()).collect(),
            ..Execution::default()
        };
        let both = config(&["run", "-x"], &["a", "b"]);
        let of = |config: &Execution, entrypoint, given: &[&str]| {
            let given: Vec<String> = given.iter().map(|word| (*word).to_owned()).collect();
            words(config, entrypoint, &given).join(" ")
        };
        assert_eq!(of(&both, None, &[]), "run -x a b");
        assert_eq!(of(&both, None, &["c"]), "run -x c");
        assert_eq!(of(&both, Some("sh"), &[]), "sh");
        assert_eq!(of(&both, Some("sh"), &["-c", "true"]), "sh -c true");
        assert_eq!(of(&both, Some(""), &["ls"]), "ls");
        assert_eq!(of(&both, Some(""), &[]), "");
        assert_eq!(of(&config(&[], &["sh"]), None, &[]), "sh");
        assert_eq!(of(&config(&[], &["sh"]), None, &["ls", "/"]), "ls /");
        assert_eq!(of(&config(&["sh"], &[]), None, &[]), "sh");
    }
}
