//! Names and numbers that nobody can know in advance.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result};

use crate::texts;

/// A task's names and numbers, by what its text calls them: `{seconds}`.
pub type Values = BTreeMap<String, String>;

/// What names begin with: short, and never the name of a program.
const FRUITS: [&str; 12] = [
    "apple", "cherry", "fig", "grape", "kiwi", "lemon", "lime", "mango", "melon", "pear", "plum",
    "quince",
];

/// A number below `below`.
///
/// # Errors
///
/// Without `/dev/urandom`.
pub fn number(below: u64) -> Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context(texts::NO_NUMBERS)?;
    Ok(u64::from_ne_bytes(bytes) % below)
}

/// A name: `lime-7`. It is good for a file, a host and a network interface.
///
/// # Errors
///
/// As [`number`].
pub fn name() -> Result<String> {
    let fruit = FRUITS[number(FRUITS.len() as u64)? as usize];
    Ok(format!("{fruit}-{}", number(90)? + 10))
}

/// For how long a `sleep` sleeps: long enough to be looked at, and the number finds it.
///
/// # Errors
///
/// As [`number`].
pub fn seconds() -> Result<String> {
    Ok((number(8000)? + 2000).to_string())
}

/// Two different ones.
///
/// # Errors
///
/// As [`number`].
pub fn two_seconds() -> Result<[String; 2]> {
    let first = number(4000)? + 2000;
    Ok([first.to_string(), (first + 1 + number(3000)?).to_string()])
}

/// Puts them together.
#[must_use]
pub fn of<const N: usize>(all: [(&str, String); N]) -> Values {
    all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_wherever_it_is_used() {
        for _ in 0..1000 {
            let name = name().expect("/dev/urandom");
            // A network interface's name has at most 15 letters, and some tasks add two.
            assert!(name.len() <= 10, "{name}");
            assert!(name.chars().all(|it| it.is_ascii_alphanumeric() || it == '-'), "{name}");
        }
    }

    #[test]
    fn two_are_different() {
        for _ in 0..1000 {
            let [one, other] = two_seconds().expect("/dev/urandom");
            assert_ne!(one, other);
        }
    }
}
