//! `binder check`: what is wrong with the book. One file per kind of mistake; each gives faults.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use crate::book::Book;
use crate::fault::{self, Fault};
use crate::page::Page;
use crate::summary::{self, Entry};
use crate::texts::Texts;

mod blocks;
mod chapter;
mod cited;
mod included;
mod links;
mod outline;
mod pictures;
mod translation;

use outline::Outline;

/// The language in which the book is written; others are compared to it.
const FIRST: &str = "en";

/// One language's tree, read.
struct Tree {
    book: Book,
    pages: Vec<(Page, Outline)>,
    faults: Vec<Fault>,
}

/// Reads every tree of the book and prints what is wrong; whether all is well.
pub(crate) fn check(project: &Path, strict: bool) -> Result<ExitCode> {
    let tree = Tree::read(project, FIRST)?;
    let mut faults = tree.faults.clone();
    for (page, outline) in &tree.pages {
        faults.extend(outline.faults(page));
        faults.extend(chapter::faults(&tree.book, page, outline));
    }
    faults.extend(links::faults(&tree));
    faults.extend(cited::faults(&tree));
    faults.extend(included::faults(&tree));
    faults.extend(pictures::faults(&tree.book));
    faults.extend(blocks::faults(&tree));

    let mut trees = 1;
    for language in tree.book.list(Path::new("book")) {
        let is_tree = project.join("book").join(&language).join("src/SUMMARY.md").exists();
        if language != FIRST && is_tree {
            let other = Tree::read(project, &language)?;
            faults.extend(translation::faults(&tree, &other));
            trees += 1;
        }
    }
    let well = fault::report(faults, strict);
    if well {
        println!("binder: {} pages, {trees} language(s): nothing is wrong", tree.pages.len());
    }
    Ok(ExitCode::from(u8::from(!well)))
}

impl Tree {
    /// Reads the pages that the summary names.
    fn read(project: &Path, language: &str) -> Result<Self> {
        // The book's own texts are not what is checked.
        let book = Book::with_texts(project, language, Texts::of(FIRST)?)?;
        let summary = book.source().join("SUMMARY.md");
        let (mut pages, mut faults) = (Vec::new(), Vec::new());
        let mut named: Vec<PathBuf> = vec![summary.clone()];
        for entry in summary::read(&book)? {
            let Entry::Page { name, .. } = entry else { continue };
            let file = book.page(&name);
            match book.read(&file) {
                Ok(content) => {
                    let page = Page::read(&book, &file, &content);
                    faults.extend(page.faults.iter().cloned());
                    let outline = Outline::read(&page);
                    pages.push((page, outline));
                }
                Err(_) => {
                    let fault = Fault::new(&file, 0, "it is not written yet");
                    faults.push(Fault { tolerable: true, ..fault });
                }
            }
            named.push(file);
        }
        for name in book.list(&book.source()) {
            let file = book.source().join(&name);
            if name.ends_with(".md") && !named.contains(&file) {
                faults.push(Fault::new(
                    &file,
                    0,
                    format!("{} does not name it", summary.display()),
                ));
            }
        }
        Ok(Self { book, pages, faults })
    }

    /// A page by its name, `02-pid-namespace`.
    fn page(&self, name: &str) -> Option<&(Page, Outline)> {
        self.pages.iter().find(|(page, _)| page.name() == name)
    }

    /// Whether the summary names it, written or not.
    fn expects(&self, name: &str) -> bool {
        self.page(name).is_some()
            || self.faults.iter().any(|fault| fault.tolerable && fault.file == self.book.page(name))
    }
}
