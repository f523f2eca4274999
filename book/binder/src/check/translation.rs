//! A tree in another language says the same: the same pages, headings and ids, the same directives.
//! Only words differ.

use sha2::{Digest, Sha256};

use super::Tree;
use crate::fault::Fault;
use crate::page::Page;

/// Where a translation has something else than the original.
pub(super) fn faults(original: &Tree, other: &Tree) -> Vec<Fault> {
    let mut faults = other.faults.clone();
    for (page, outline) in &original.pages {
        let name = page.name();
        let Some((translated, translated_outline)) = other.page(name) else {
            faults.push(Fault::new(&other.book.page(name), 0, "it is not translated"));
            continue;
        };
        let file = &translated.file;
        let headings = |outline: &super::Outline| -> Vec<_> {
            outline.headings.iter().map(|heading| (heading.level, heading.id.clone())).collect()
        };
        let (wanted, found) = (headings(outline), headings(translated_outline));
        if let Some(place) = difference(&wanted, &found) {
            let line = translated_outline.headings.get(place).map_or(0, |heading| heading.line);
            let sentence = match wanted.get(place) {
                Some((level, id)) => format!(
                    "the original has a heading of level {level} here, `{{#{}}}`",
                    id.as_deref().unwrap_or_default()
                ),
                None => "the original has no such heading".into(),
            };
            faults.push(Fault::new(file, line, sentence));
        }
        if let Some(place) = difference(&page.uses, &translated.uses) {
            let sentence = match (page.uses.get(place), translated.uses.get(place)) {
                (Some(wanted), Some(found)) => {
                    format!("it has {found:?} where the original has {wanted:?}")
                }
                (Some(wanted), None) => format!("it lacks {wanted:?}, which the original has"),
                (None, found) => format!("the original has no {found:?}", found = found),
            };
            faults.push(Fault::new(file, 0, sentence));
        }
        faults.extend(stale(page, translated, original, other));
    }
    for (page, _) in &other.pages {
        if original.page(page.name()).is_none() {
            faults.push(Fault::new(&page.file, 0, "the original has no such page"));
        }
    }
    faults
}

/// Where two lists begin to differ.
fn difference<T: PartialEq>(one: &[T], other: &[T]) -> Option<usize> {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    (same < one.len().max(other.len())).then_some(same)
}

/// A translation says of what text it is one: by its SHA-256. A page that has changed since is told of, and still shown.
fn stale(page: &Page, translated: &Page, original: &Tree, other: &Tree) -> Option<Fault> {
    let source = original.book.read(&page.file).ok()?;
    let text = other.book.read(&translated.file).ok()?;
    let digest = digest(&source);
    let noted = text.lines().find_map(|line| line.strip_prefix("<!-- translated-from: "));
    let fault = match noted.map(|noted| noted.trim_end_matches("-->").trim()) {
        Some(noted) if noted == digest => return None,
        Some(_) => {
            format!("the original has changed: look, then write `translated-from: {digest}`")
        }
        None => format!(
            "it does not say of what it is a translation: `<!-- translated-from: {digest} -->`"
        ),
    };
    Some(Fault { tolerable: true, ..Fault::new(&translated.file, 0, fault) })
}

/// A text's SHA-256.
fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_a_place() {
        assert_eq!(difference(&[1, 2], &[1, 2]), None);
        assert_eq!(difference(&[1, 2], &[1, 3]), Some(1));
        assert_eq!(difference(&[1, 2], &[1]), Some(1));
    }
}
