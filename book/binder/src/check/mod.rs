//! `binder check`: what is wrong with the book.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::book::Book;
use crate::fault;
use crate::page::Page;

/// Reads every tree of the book; whether all is well.
pub(crate) fn check(project: &Path, strict: bool) -> Result<ExitCode> {
    let book = Book::open(project, "en")?;
    let mut faults = Vec::new();
    for name in book.list(&book.source()) {
        let file = book.source().join(&name);
        if name.ends_with(".md") {
            faults.extend(Page::read(&book, &file, &book.read(&file)?).faults);
        }
    }
    Ok(ExitCode::from(u8::from(!fault::report(faults, strict))))
}
