//! Rust that is not included is compiled: by rustdoc, as the documentation tests of `blocks.rs`,
//! which has to name each page that has such a block.

use std::path::Path;

use super::Tree;
use crate::fault::Fault;
use crate::page::Use;

const LIST: &str = "book/binder/src/blocks.rs";

/// Pages whose blocks of Rust nobody compiles.
pub(super) fn faults(tree: &Tree) -> Vec<Fault> {
    let list = tree.book.read(Path::new(LIST)).unwrap_or_default();
    let with_rust = tree.pages.iter().filter(|(page, _)| page.uses.contains(&Use::Rust));
    let unknown = with_rust.filter(|(page, _)| !list.contains(&format!("/{}.md", page.name())));
    let sentence = format!("its blocks of Rust are not compiled: name it in {LIST}");
    unknown.map(|(page, _)| Fault::new(&page.file, 0, sentence.clone())).collect()
}
