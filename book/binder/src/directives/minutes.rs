//! `{{#minutes 20}}`: how long a page takes to read.

use std::path::Path;

use super::Directive;
use crate::book::Book;
use crate::page::{Page, Use};

pub(crate) fn render(book: &Book, page: &mut Page, argument: &str) -> Result<String, String> {
    let minutes = parse(argument)?;
    page.uses.push(Use::Minutes(minutes));
    let text = match minutes {
        1 => book.texts.get("minutes-one").to_owned(),
        _ => book.texts.fill("minutes", &[("minutes", &minutes.to_string())]),
    };
    Ok(format!("<p class=\"minutes\">{text}</p>"))
}

/// What a page says of itself.
pub(crate) fn of_page(book: &Book, file: &Path) -> Result<u32, String> {
    let text = book.read(file).map_err(|error| format!("{error:#}"))?;
    let directive = text.lines().filter_map(Directive::parse).find(|found| found.name == "minutes");
    let directive =
        directive.ok_or_else(|| format!("{} has no `{{{{#minutes}}}}`", file.display()));
    directive.and_then(|directive| parse(directive.argument))
}

fn parse(argument: &str) -> Result<u32, String> {
    let refused = || format!("{argument:?} are no minutes: write `{{{{#minutes 20}}}}`");
    argument.parse().ok().filter(|minutes| *minutes > 0).ok_or_else(refused)
}
