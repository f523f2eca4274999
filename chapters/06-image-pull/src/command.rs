//! The command: the image's proposal, and what the user makes of it.
//!
//! An image has two lists of words. *Entrypoint* is what the command begins with, *Cmd* is what
//! follows if nobody says otherwise. Words behind the image's name take the place of Cmd alone;
//! `--entrypoint` takes the place of both.

use std::env;
use std::ffi::OsString;

use anyhow::{Result, ensure};
use process::Command;

use crate::config::Execution;
use crate::name::Name;
use crate::options::RunOptions;
use crate::texts::run as texts;

/// The command that the image and the user agree on, in a container of this host name. Where HOME
/// is only its user can tell, if nobody else has ([`User`](crate::user::User)).
///
/// # Errors
///
/// When neither of them names a command, or the user a variable without a name.
pub fn of(image: &Name, config: &Execution, options: &RunOptions, host: &str) -> Result<Command> {
    let words = words(config, options.entrypoint.as_deref(), options.command());
    ensure!(!words.is_empty(), texts::no_command(image));
    for variable in &options.env {
        ensure!(!variable.is_empty() && !variable.starts_with('='), texts::no_variable(variable));
    }
    let command = Command::new(&words)?.clean_environment().without_env("HOME");
    Ok(with_variables(command.env("HOSTNAME", host), &config.env, &options.env))
}

fn words(config: &Execution, entrypoint: Option<&str>, given: &[OsString]) -> Vec<OsString> {
    let (begin, proposed) = match entrypoint {
        None => (config.entrypoint.clone(), config.cmd.clone()),
        Some("") => (Vec::new(), Vec::new()),
        Some(program) => (vec![program.to_owned()], Vec::new()),
    };
    let proposed = proposed.into_iter().map(OsString::from);
    let rest = if given.is_empty() { proposed.collect() } else { given.to_vec() };
    begin.into_iter().map(OsString::from).chain(rest).collect()
}

/// Sets the image's variables, then the user's, which win. A name without a value stands for the
/// user's own variable; one that he does not have, the command shall not have either. (An image's
/// stands for nothing: it is not to learn what the host's variables are.)
fn with_variables(command: Command, of_image: &[String], of_user: &[String]) -> Command {
    let of_image = of_image.iter().filter_map(|text| text.split_once('='));
    let of_image = of_image.map(|(name, value)| (name, Some(value.into())));
    let of_user = of_user.iter().map(|text| match text.split_once('=') {
        Some((name, value)) => (name, Some(value.into())),
        None => (text.as_str(), env::var_os(text)),
    });
    let named = of_image.chain(of_user).filter(|(name, _)| !name.is_empty());
    named.fold(command, |command, (name, value): (_, Option<OsString>)| match value {
        Some(value) => command.env(name, value),
        None => command.without_env(name),
    })
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
            let given: Vec<OsString> = given.iter().map(Into::into).collect();
            words(config, entrypoint, &given).join(" ".as_ref()).into_string().unwrap()
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
