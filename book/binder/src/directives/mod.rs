//! What may stand in the text between two braces: one file for each.

use crate::book::Book;
use crate::page::Page;

pub(crate) mod code;
pub(crate) mod course;
pub(crate) mod exercise;
pub(crate) mod live;
pub(crate) mod man;
pub(crate) mod measured;
pub(crate) mod minutes;
pub(crate) mod not_run;
pub(crate) mod picture;
pub(crate) mod predict;
pub(crate) mod questions;
pub(crate) mod session;
pub(crate) mod task;

const NAMES: &str = "minutes, exercise, code, session, live, playground, picture, measured, \
                     course, task, predict, answer, end";

/// A line `{{#name argument}} caption`.
#[derive(Debug)]
pub(crate) struct Directive<'a> {
    pub(crate) name: &'a str,
    pub(crate) argument: &'a str,
    pub(crate) caption: &'a str,
}

impl<'a> Directive<'a> {
    /// The directive that stands on a line of its own.
    pub(crate) fn parse(line: &'a str) -> Option<Self> {
        let (inside, caption) = line.trim().strip_prefix("{{#")?.split_once("}}")?;
        let (name, argument) = inside.split_once(' ').unwrap_or((inside, ""));
        Some(Self { name, argument: argument.trim(), caption: caption.trim() })
    }

    /// Its HTML, or what is wrong with it.
    pub(crate) fn render(&self, book: &Book, page: &mut Page) -> Result<String, String> {
        let Self { name, argument, caption } = *self;
        let has_caption = matches!(name, "picture" | "session" | "live");
        if !has_caption && !caption.is_empty() {
            return Err(format!(
                "`{{{{#{name}}}}}` has no caption: put a line break behind the }}}}"
            ));
        }
        match name {
            "minutes" => minutes::render(book, page, argument),
            "exercise" => exercise::render(book, page, argument),
            "code" => code::render(book, page, argument),
            "session" => session::render(book, page, argument, caption),
            "live" => live::render(book, page, argument, caption),
            "playground" => live::playground(book, page),
            "picture" => picture::render(book, page, argument, caption),
            "measured" => measured::render(book, argument),
            "course" => course::render(book, page, argument),
            "include" => {
                Err("mdBook's includes are not used: lines of code are `{{#code}}`, a table \
                              that was measured is `{{#measured NAME}}` from book/measured/NAME.md"
                    .into())
            }
            _ => Err(format!("there is no directive `{name}`; there are {NAMES}")),
        }
    }
}

/// What is wrong with a line that names a directive in its middle.
pub(crate) fn misplaced(line: &str) -> Option<String> {
    let outside_code = line.split('`').step_by(2);
    let misplaced = outside_code.into_iter().any(|text| text.contains("{{#"));
    misplaced.then(|| "a directive stands on a line of its own, and ends on it with }}".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_has_a_name_an_argument_and_a_caption() {
        let directive = Directive::parse("  {{#picture lookup}} From the top.").unwrap();
        assert_eq!(
            (directive.name, directive.argument, directive.caption),
            ("picture", "lookup", "From the top.")
        );
        assert!(Directive::parse("text").is_none());
    }

    #[test]
    fn a_directive_inside_a_sentence_is_refused_but_may_be_talked_about() {
        assert!(misplaced("See {{#code a.rs:b}}.").is_some());
        assert!(misplaced("Write `{{#code a.rs:b}}`.").is_none());
    }
}
