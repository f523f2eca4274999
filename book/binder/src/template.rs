//! mdBook's template of a page, in the book's language.
//!
//! mdBook gives a template nothing but its own data. So the texts are put into it before: a
//! `[[name]]` becomes the text of that name, `[[script]]` those that the modules in the browser
//! show, as JSON, `[[toc]]` the table of contents, which mdBook itself makes only in JavaScript, and
//! `[[machine]]` how many bytes the machine in the page has: nothing if this copy has none.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::book::Book;
use crate::html;
use crate::summary::{self, Entry};

/// Writes `index.hbs` into the folder.
///
/// # Errors
///
/// When the template is not there, or the folder can't be written to.
pub(crate) fn write(project: &Path, language: &str, folder: &Path) -> Result<()> {
    let book = Book::open(project, language)?;
    let template = book.read(Path::new("book/theme/index.hbs"))?;
    let toc = toc(&summary::read(&book)?);
    let file = folder.join("index.hbs");
    let template = template.replace("[[machine]]", &machine(&book));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&file, fill(&book, &template, &toc)))
        .with_context(|| format!("write {}", file.display()))
}

fn fill(book: &Book, template: &str, toc: &str) -> String {
    let script: BTreeMap<_, _> = book.texts.section("script").collect();
    let script = html::escape(&serde_json::json!(script).to_string());
    let template = template.replace("[[script]]", &script).replace("[[toc]]", toc);
    let texts = book.texts.section("page");
    texts.fold(template, |page, (name, text)| {
        page.replace(&format!("[[{name}]]"), &html::escape(text))
    })
}

/// What `scripts/browser-vm` says that a page has to load.
fn machine(book: &Book) -> String {
    let text = book.read(Path::new("target/book/machine/machine.json")).unwrap_or_default();
    let machine: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    machine["bytes"].as_u64().map(|bytes| bytes.to_string()).unwrap_or_default()
}

/// The contents as lists, in the template's own language: it knows which page it makes.
fn toc(entries: &[Entry]) -> String {
    let mut toc = String::from("<ul>\n");
    for entry in entries {
        match entry {
            Entry::Part(title) => {
                toc.push_str(&format!("</ul>\n<p>{}</p>\n<ul>\n", html::escape(title)));
            }
            Entry::Page { title, name } => toc.push_str(&format!(
                "<li><a href=\"{{{{ path_to_root }}}}{name}.html\"\
                 {{{{#if (eq path \"{name}.md\")}}}} aria-current=\"page\"{{{{/if}}}}>{}</a></li>\n",
                html::escape(title)
            )),
        }
    }
    toc + "</ul>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contents_mark_the_page_that_is_open() {
        let page = Entry::Page { title: "A & B".into(), name: "a".into() };
        let toc = toc(&[Entry::Part("Part".into()), page]);
        assert_eq!(
            toc,
            "<ul>\n</ul>\n<p>Part</p>\n<ul>\n<li><a href=\"{{ path_to_root }}a.html\"\
             {{#if (eq path \"a.md\")}} aria-current=\"page\"{{/if}}>A &amp; B</a></li>\n</ul>"
        );
    }
}
