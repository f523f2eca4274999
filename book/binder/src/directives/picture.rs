//! `{{#picture NAME}} Caption.`: an SVG, put into the page so that it follows the theme.
//!
//! A screen reader reads its `<title>` and its `<desc>`, which need names for that. A picture that
//! answers has a module of the same name in `theme/modules`, which finds it by `data-picture`.

use std::path::{Path, PathBuf};

use crate::book::Book;
use crate::directives::session::Script;
use crate::html;
use crate::page::{Page, Use};

/// So many times larger than it was drawn a picture may become, or its letters look like headings.
const LARGEST: f64 = 1.15;

pub(crate) fn render(
    book: &Book,
    page: &mut Page,
    name: &str,
    caption: &str,
) -> Result<String, String> {
    let file = file(book, name);
    let svg =
        book.read(&file).map_err(|_| format!("there is no picture {}: draw it", file.display()))?;
    page.uses.push(Use::Picture(name.into()));
    let svg = inline(&svg, &format!("{}-{name}", page.name()))
        .map_err(|sentence| format!("{}: {sentence}", file.display()))?;
    let caption = match caption {
        "" => String::new(),
        text => format!("<figcaption>{}</figcaption>", html::phrase(text)),
    };
    let answers = answers(book, page, name);
    Ok(format!("<figure class=\"picture\"{answers}>{svg}{caption}</figure>"))
}

/// How its module finds it, if it has one. What such a picture answers was recorded: all parts of the
/// session of its name.
fn answers(book: &Book, page: &mut Page, name: &str) -> String {
    if !book.project.join(format!("book/theme/modules/{name}.js")).exists() {
        return String::new();
    }
    let parts = Script::read(book, name).unwrap_or_default().parts;
    page.uses.extend(parts.into_iter().map(|part| Use::Session(name.into(), part.name)));
    format!(" data-picture=\"{name}\"")
}

/// Its file, seen from the project's folder. Another language shares the pictures that it has not
/// drawn itself.
pub(crate) fn file(book: &Book, name: &str) -> PathBuf {
    let own = book.source().join("pictures").join(format!("{name}.svg"));
    if book.project.join(&own).exists() {
        return own;
    }
    Path::new("book/en/src/pictures").join(format!("{name}.svg"))
}

/// The SVG on one line, as one image with a name and a description. `unique` begins their ids.
fn inline(svg: &str, unique: &str) -> Result<String, String> {
    let (_, rest) = svg.split_once("<svg").ok_or("there is no <svg> in it")?;
    let (tag, content) = rest.split_once('>').ok_or("its <svg> tag never ends")?;
    let view = tag.split("viewBox=\"").nth(1).and_then(|rest| rest.split('"').next());
    let view = view.ok_or("its <svg> needs a viewBox")?;
    let (title, desc) = (format!("{unique}-title"), format!("{unique}-desc"));
    let named = named(content, "title", &title).and_then(|text| named(&text, "desc", &desc));
    let content = named.ok_or("it needs a <title> and a <desc>, which a screen reader reads")?;
    let width = view.split_whitespace().nth(2).and_then(|width| width.parse::<f64>().ok());
    let width = (width.ok_or("its viewBox has no width")? * LARGEST).round();
    let image = format!(
        "<svg viewBox=\"{view}\" style=\"max-width:{width}px\" role=\"img\" aria-labelledby=\"{title}\" \
         aria-describedby=\"{desc}\">{content}"
    );
    let lines = without_comments(&image);
    Ok(lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" "))
}

/// The SVG with the element's tag made one that has the id and nothing else.
fn named(svg: &str, element: &str, id: &str) -> Option<String> {
    let (before, rest) = svg.split_once(&format!("<{element}"))?;
    let (_, rest) = rest.split_once('>')?;
    Some(format!("{before}<{element} id=\"{id}\">{rest}"))
}

fn without_comments(svg: &str) -> String {
    let mut pieces = svg.split("<!--");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once("-->").map_or("", |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_becomes_one_line_with_a_name_and_a_description() {
        let svg = "<?xml version=\"1.0\"?>\n<!-- by\n\nhand -->\n<svg viewBox=\"0 0 9 9\">\n\n  \
                   <title id=\"t\">A box</title>\n  <desc>It is a box.</desc>\n</svg>\n";
        assert_eq!(
            inline(svg, "p-box").unwrap(),
            "<svg viewBox=\"0 0 9 9\" style=\"max-width:10px\" role=\"img\" aria-labelledby=\"p-box-title\" \
             aria-describedby=\"p-box-desc\"> <title id=\"p-box-title\">A box</title> \
             <desc id=\"p-box-desc\">It is a box.</desc> </svg>"
        );
    }

    #[test]
    fn a_picture_without_words_is_refused() {
        assert!(inline("<svg viewBox=\"0 0 9 9\"></svg>", "p").unwrap_err().contains("<desc>"));
    }
}
