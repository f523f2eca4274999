//! `{{#predict}}`, `{{#answer}}`, `{{#end}}`: a guess first, then the answer, folded.
//!
//! Between the three stands ordinary Markdown, so each is only a tag that opens or closes.

use super::Directive;
use crate::book::Book;

/// The box that is open, if one is, with the number of its first line.
#[derive(Debug, Default)]
pub(crate) enum Guess {
    #[default]
    None,
    Question(usize),
    Answer(usize),
}

impl Guess {
    /// The HTML of a directive that belongs to a box; `None` when it is another one.
    pub(crate) fn step(
        &mut self,
        book: &Book,
        directive: &Directive<'_>,
        line: usize,
    ) -> Option<Result<String, String>> {
        let texts = &book.texts;
        let (next, html) = match (directive.name, &*self) {
            ("predict", Self::None) => {
                let label = texts.get("predict.label");
                (
                    Self::Question(line),
                    format!("<div class=\"guess\"><p class=\"label\">{label}</p>"),
                )
            }
            ("answer", Self::Question(first)) => {
                let summary = texts.get("predict.summary");
                (
                    Self::Answer(*first),
                    format!("<details class=\"predict\"><summary>{summary}</summary>"),
                )
            }
            ("end", Self::Answer(_)) => (Self::None, "</details></div>".into()),
            ("predict" | "answer" | "end", _) => {
                return Some(Err(
                    "a guess is `{{#predict}}`, then `{{#answer}}`, then `{{#end}}`, \
                                 and the next one begins behind it"
                        .into(),
                ));
            }
            _ => return None,
        };
        *self = next;
        Some(Ok(html))
    }

    /// Whether a box is open, to which the next `{{#end}}` belongs.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Where the box that never ends began, and what it lacks.
    pub(crate) fn still_open(&self) -> Option<(usize, String)> {
        match self {
            Self::None => None,
            Self::Question(line) => Some((*line, "this guess has no `{{#answer}}`".into())),
            Self::Answer(line) => Some((*line, "this guess has no `{{#end}}`".into())),
        }
    }
}
