//! `{{#measured NAME}}`: what a program measured, a table in `book/measured/NAME.md`. Like code and
//! sessions it is not typed into the text, so that it can be measured again.

use std::path::Path;

use crate::book::Book;

pub(crate) fn render(book: &Book, name: &str) -> Result<String, String> {
    let file = Path::new("book/measured").join(format!("{name}.md"));
    let text =
        book.read(&file).map_err(|_| format!("there is no file {}: measure it", file.display()))?;
    Ok(format!("<div class=\"measured\">{}</div>", html(&text)))
}

/// A table may be wider than the page.
fn html(text: &str) -> String {
    let html = crate::html::markdown(text);
    html.replace("<table>", "<div class=\"table-wrapper\"><table>")
        .replace("</table>", "</table></div>")
}
