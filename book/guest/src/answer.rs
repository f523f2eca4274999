//! The questions that take a process of their own: what it prints is the answer.

use anyhow::{Context, Result, bail};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// What this program is called for it.
pub(crate) const NAME: &str = "desk-answer";

/// Finds out what the words ask for, and prints it.
pub(crate) fn print(words: &[String]) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let answer = find(&words).unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
    println!("{answer}");
}

fn find(words: &[&str]) -> Result<Value> {
    match words {
        ["inspect", pid] => Ok(json!({ "inspect": coracle::inspect::seen(pid.parse()?)? })),
        ["task", name] => tasks::start(name),
        ["verify", name, values] => {
            let values = serde_json::from_str(values).context("the task's values")?;
            // The session's first process is process 1 of what the reader sees.
            tasks::verify(name, &values, Pid::from_raw(1))
        }
        _ => bail!("nobody knows an answer to {words:?}"),
    }
}
