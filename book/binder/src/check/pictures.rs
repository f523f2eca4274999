//! Pictures follow the theme: classes, and no colours, fonts or sizes of their own.

use crate::book::Book;
use crate::fault::Fault;

/// What `theme/pictures.css` knows.
const CLASSES: [&str; 14] = [
    "line",
    "box",
    "host",
    "container",
    "kernel",
    "accent",
    "muted",
    "arrow",
    "arrowhead",
    "text",
    "small",
    "strong",
    "mono",
    "on-accent",
];
/// What the style says, and so the picture does not.
const STYLE: [&str; 8] =
    ["fill", "stroke", "color", "style", "font-family", "font-size", "font-weight", "opacity"];

/// What is wrong with the pictures of a tree.
pub(super) fn faults(book: &Book) -> Vec<Fault> {
    let folder = book.source().join("pictures");
    let mut faults = Vec::new();
    for file in book.list(&folder) {
        let path = folder.join(&file);
        let Some(name) = file.strip_suffix(".svg") else {
            faults.push(Fault::new(&path, 0, "a picture is an SVG"));
            continue;
        };
        let text = book.read(&path).unwrap_or_default();
        for (offset, sentence) in look(&text, name) {
            let line = text[..offset].matches('\n').count() + 1;
            faults.push(Fault::new(&path, line, sentence));
        }
    }
    faults
}

/// What is wrong with a picture, each with its place.
fn look(svg: &str, name: &str) -> Vec<(usize, String)> {
    let mut wrong = Vec::new();
    for (offset, tag) in tags(svg) {
        let element = tag.split_whitespace().next().unwrap_or_default().trim_end_matches('/');
        if matches!(element, "style" | "script" | "image" | "foreignObject") {
            wrong.push((offset, format!("a picture has no <{element}>")));
        }
        for (attribute, value) in attributes(tag) {
            match attribute {
                "width" | "height" if element == "svg" => {
                    let sentence = format!("the <svg> has no {attribute}: the page makes it fit");
                    wrong.push((offset, sentence));
                }
                "class" => {
                    for class in value.split_whitespace().filter(|class| !CLASSES.contains(class)) {
                        let known = CLASSES.join(", ");
                        wrong.push((
                            offset,
                            format!("there is no class {class}; there are {known}"),
                        ));
                    }
                }
                "id" if element != "title" && element != "desc" && !value.starts_with(name) => {
                    let sentence =
                        format!("the id {value} could be another picture's, too: {name}-{value}");
                    wrong.push((offset, sentence));
                }
                _ if STYLE.contains(&attribute) => {
                    let sentence =
                        format!("{attribute}=\"{value}\" does not follow the theme: use a class");
                    wrong.push((offset, sentence));
                }
                _ => {}
            }
        }
    }
    wrong
}

/// Every tag that opens, with its place, and without its brackets.
fn tags(svg: &str) -> impl Iterator<Item = (usize, &str)> {
    let opens = svg.match_indices('<').map(|(offset, _)| offset);
    opens.filter_map(|offset| {
        let rest = &svg[offset + 1..];
        let tag = &rest[..rest.find('>')?];
        tag.starts_with(|c: char| c.is_ascii_alphabetic()).then_some((offset, tag))
    })
}

fn attributes(tag: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut pieces = tag.split('"');
    std::iter::from_fn(move || {
        let name =
            pieces.next()?.trim().trim_end_matches('=').rsplit(char::is_whitespace).next()?;
        Some((name, pieces.next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_classes_is_well_and_one_with_colours_is_not() {
        let well = "<svg viewBox=\"0 0 9 9\"><rect class=\"box\" x=\"1\"/><g id=\"p-a\"/></svg>";
        assert!(look(well, "p").is_empty());
        let wrong = "<svg viewBox=\"0 0 9 9\" width=\"9\">\n<style>a{}</style>\n<rect class=\"red\" \
                     fill=\"red\" id=\"x\"/></svg>";
        let sentences: Vec<_> =
            look(wrong, "p").into_iter().map(|(_, sentence)| sentence).collect();
        assert_eq!(sentences.len(), 5, "{sentences:?}");
    }
}
