//! The workshop's programs name sections of the book, `02#pivot-root`: each exists.

use std::path::{Path, PathBuf};

use super::Tree;
use crate::directives::exercise;
use crate::fault::Fault;

/// Where a section is named that the book lacks.
pub(super) fn faults(tree: &Tree) -> Vec<Fault> {
    let book = &tree.book;
    let mut files = files(tree, Path::new("workshop/src"));
    for chapter in book.list(Path::new("solutions")) {
        files.extend(exercise::sources(book, &Path::new("solutions").join(chapter).join("src")));
    }
    let mut faults = Vec::new();
    for file in files {
        let Ok(text) = book.read(&file) else { continue };
        for (place, line) in text.lines().enumerate() {
            for (number, id) in sections(line) {
                // Chapters that there are not yet name no page, and those not written are told of.
                let Some(chapter) = book.chapter(number) else { continue };
                let Some((page, outline)) = tree.page(&chapter) else { continue };
                if !outline.has(id) {
                    let sentence = format!("{} has no section `{{#{id}}}`", page.file.display());
                    faults.push(Fault::new(&file, place + 1, sentence));
                }
            }
        }
    }
    faults
}

/// The source files and the hints.
fn files(tree: &Tree, folder: &Path) -> Vec<PathBuf> {
    let mut files = exercise::sources(&tree.book, folder);
    let hints = folder.join("lessons/hints");
    files.extend(tree.book.list(&hints).into_iter().map(|name| hints.join(name)));
    files
}

/// `NN#section`, as often as it stands in a line.
fn sections(line: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for (place, _) in line.match_indices('#') {
        let before = &line.as_bytes()[..place];
        let number = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let edge = before.len().checked_sub(3).map(|edge| before[edge]);
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let behind = &line[place + 1..];
        let of_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let length = behind.find(|c| !of_id(c)).unwrap_or(behind.len());
        let begins = behind.starts_with(|c: char| c.is_ascii_lowercase());
        if number == 2 && begins && !edge.is_some_and(word) {
            found.push((&line[place - 2..place], behind[..length].trim_end_matches('-')));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_two_digits_and_an_id() {
        assert_eq!(
            sections("Book: 01#chroot and 01#no-way-out. #1, a02#x, 102#y, 00#."),
            [("01", "chroot"), ("01", "no-way-out")]
        );
    }
}
