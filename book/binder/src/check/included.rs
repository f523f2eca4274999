//! What was made for the book is in the book: sessions, their recordings, pictures.

use std::path::Path;

use super::Tree;
use crate::directives::session::{Live, RECORDINGS, SESSIONS, Script};
use crate::fault::Fault;
use crate::page::Use;

/// What no page includes, and what was recorded of nothing.
pub(super) fn faults(tree: &Tree) -> Vec<Fault> {
    let book = &tree.book;
    let uses: Vec<_> = tree.pages.iter().flat_map(|(page, _)| &page.uses).collect();
    let mut faults = Vec::new();

    // Those that are recorded.
    let mut sessions = Vec::new();
    for file in book.list(Path::new(SESSIONS)) {
        let Some(session) = file.strip_suffix(".session") else { continue };
        let live = Script::read(book, session).map(|script| script.live).unwrap_or_default();
        if live != Live::Only {
            sessions.push(session.to_owned());
        }
        let file = Path::new(SESSIONS).join(&file);
        let of_it = |used: &&&Use| matches!(used, Use::Session(name, _) if name == session);
        if !uses.iter().any(|used| of_it(&used)) {
            let directive = if live == Live::Only { "live" } else { "session" };
            let sentence =
                format!("no page includes a part of it: `{{{{#{directive} {session}:PART}}}}`");
            faults.push(Fault::new(&file, 0, sentence));
        }
    }
    for recording in book.list(Path::new(RECORDINGS)) {
        let folder = Path::new(RECORDINGS).join(&recording);
        if book.project.join(&folder).is_dir() && !sessions.contains(&recording) {
            let sentence =
                format!("no {SESSIONS}/{recording}.session is recorded any more: remove it");
            faults.push(Fault::new(&folder, 0, sentence));
        }
    }
    let pictures = book.source().join("pictures");
    for file in book.list(&pictures) {
        let name = file.strip_suffix(".svg").unwrap_or(&file);
        if !uses.contains(&&Use::Picture(name.into())) {
            let sentence = format!("no page includes it: `{{{{#picture {name}}}}}`");
            faults.push(Fault::new(&pictures.join(&file), 0, sentence));
        }
    }
    // As long as pages are missing, all this may be theirs.
    let complete = !tree.faults.iter().any(|fault| fault.tolerable);
    for fault in &mut faults {
        fault.tolerable = !complete;
    }
    faults
}
