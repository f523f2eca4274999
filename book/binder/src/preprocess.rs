//! mdBook's side: the book comes as JSON, `[context, book]`, and goes back as JSON.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::book::Book;
use crate::fault::{self, Fault};
use crate::page::Page;

/// Replaces the directives in a book.
///
/// # Errors
///
/// When what comes is no book, or it can't be given back.
pub(crate) fn preprocess(input: impl Read, output: impl Write) -> Result<ExitCode> {
    let (context, mut pages): (Value, Value) =
        serde_json::from_reader(input).context("read the book that mdBook gives")?;
    let root = context["root"].as_str().context("mdBook did not say where the book is")?;
    let book = tree(Path::new(root))?;
    // By MDBOOK_PREPROCESSOR__BINDER__STRICT, which `scripts/book` sets where nothing may be missing.
    let strict = context["config"]["preprocessor"]["binder"]["strict"].as_bool() == Some(true);

    let mut faults = Vec::new();
    for item in pages["items"].as_array_mut().into_iter().flatten() {
        replace(&book, item, &mut faults);
    }
    // While the book is being written, one page's mistake hides no other page.
    if !fault::report(faults, strict) && strict {
        return Ok(ExitCode::FAILURE);
    }
    serde_json::to_writer(output, &pages).context("give the book back to mdBook")?;
    Ok(ExitCode::SUCCESS)
}

/// The tree whose `book.toml` is in this folder.
fn tree(root: &Path) -> Result<Book> {
    let language = root.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let project = root.parent().and_then(Path::parent).context("the book is not in a project")?;
    Book::open(project, language)
}

/// Replaces them in a chapter and in those below it.
fn replace(book: &Book, item: &mut Value, faults: &mut Vec<Fault>) {
    let Some(chapter) = item.get_mut("Chapter") else { return };
    let file = chapter["source_path"].as_str().map(|path| book.source().join(path));
    if let (Some(file), Some(content)) = (file, chapter["content"].as_str()) {
        let page = Page::read(book, &file, content);
        chapter["content"] = page.text.into();
        faults.extend(page.faults);
    }
    for item in chapter["sub_items"].as_array_mut().into_iter().flatten() {
        replace(book, item, faults);
    }
}
