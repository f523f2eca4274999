//! Whether two recordings of a session tell the same.

use std::path::Path;

use anyhow::{Context, Result};
use regex_lite::Regex;
use similar::TextDiff;

use crate::masks::mask;
use crate::results::{Index, text};

/// What differs between the two folders of a session: unified differences of the masked transcripts,
/// and parts that only one of them has. Empty when nothing does.
///
/// # Errors
///
/// When a recording can't be read.
pub fn compare(name: &str, kept: &Path, fresh: &Path, masks: &[Regex]) -> Result<String> {
    let before = Index::read(kept)?;
    let after = Index::read(fresh)?.with_context(|| format!("{name} was not recorded"))?;
    let Some(before) = before else { return Ok(format!("{name}: there is no recording of it\n")) };
    let mut differences = String::new();
    if before.without_parts() != after.without_parts() {
        differences += &format!("{name}: title, user or host name changed\n");
    }
    for part in &after.parts {
        if before.parts.iter().any(|it| it.name == part.name && it.terminal == part.terminal) {
            let title = format!("{name}/{}.txt", part.name);
            let masked =
                |folder| Ok::<_, anyhow::Error>(mask(&text(folder, &part.name, "txt")?, masks));
            differences += &difference(&title, &masked(kept)?, &masked(fresh)?);
        } else {
            differences += &format!("{name}: [{}] is new\n", part.name);
        }
    }
    for part in &before.parts {
        if after.parts.iter().all(|it| it.name != part.name) {
            differences += &format!("{name}: [{}] is gone\n", part.name);
        }
    }
    Ok(differences)
}

/// The unified difference of two masked transcripts; empty where there is none.
pub(crate) fn difference(title: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let differences = TextDiff::from_lines(before, after);
    let (recorded, now) = (format!("{title} as recorded"), format!("{title} now"));
    differences.unified_diff().header(&recorded, &now).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_a_unified_one() {
        let shown = difference("a/b.txt", "$ ls\nx\n", "$ ls\ny\n");
        assert!(shown.starts_with("--- a/b.txt as recorded\n+++ a/b.txt now\n"), "{shown}");
        assert!(shown.contains("\n-x\n+y\n"), "{shown}");
        assert_eq!(difference("a/b.txt", "x\n", "x\n"), "");
    }
}
