//! `{{#code 02-pid-namespace/src/root.rs:pivot}}`: lines of a finished chapter.

use std::path::Path;

use crate::book::Book;
use crate::html;
use crate::page::{Page, Use};
use crate::rust::{self, region};

pub(crate) fn render(book: &Book, page: &mut Page, argument: &str) -> Result<String, String> {
    let (path, name) = argument
        .split_once(':')
        .filter(|(path, _)| path.contains("/src/") && path.ends_with(".rs"))
        .ok_or_else(|| {
            format!("{argument:?} names no lines: write `02-pid-namespace/src/root.rs:pivot`")
        })?;
    let file = Path::new("solutions").join(path);
    let source = book.read(&file).map_err(|_| format!("there is no file {}", file.display()))?;
    let lines = region::find(&source, name)
        .map_err(|sentence| format!("{}: {sentence}", file.display()))?;
    page.uses.push(Use::Code(argument.into()));
    Ok(figure(book, path, &lines))
}

/// The lines, with their file's name above.
pub(crate) fn figure(book: &Book, path: &str, lines: &str) -> String {
    let label = book.texts.get("code");
    let (path, lines) = (html::escape(path), rust::colour(lines));
    format!(
        "<figure class=\"code\"><figcaption><span class=\"kind\">{label}</span> \
         <code>{path}</code></figcaption>\
         <pre class=\"scroll\"><code class=\"rust\">{lines}</code></pre></figure>"
    )
}
