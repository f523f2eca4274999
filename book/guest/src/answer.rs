//! The questions that take a process of their own: what it prints is the answer.

use anyhow::{Result, bail};
use serde_json::{Value, json};

/// What this program is called for it.
pub(crate) const NAME: &str = "desk-answer";

/// Finds out what the words ask for, and prints it.
pub(crate) fn print(words: &[String]) {
    let answer = find(words).unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
    println!("{answer}");
}

fn find(words: &[String]) -> Result<Value> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    bail!("not yet: {words:?}")
}
