//! `{{#task memory}}`, `{{#end}}`: something to do in the page's Linux, which looks whether it was
//! done. Between them stands ordinary Markdown, in which `{name}` stands for a value that is made up
//! when the reader begins.

use super::Directive;
use super::live::PLAYGROUND;
use crate::book::Book;

/// The number of the first line of the task that is open.
#[derive(Debug, Default)]
pub(crate) struct Task(Option<usize>);

impl Task {
    /// The HTML of a directive that belongs to a task; `None` when it is another one.
    pub(crate) fn step(
        &mut self,
        book: &Book,
        directive: &Directive<'_>,
        line: usize,
    ) -> Option<Result<String, String>> {
        match (directive.name, self.0) {
            ("task", Some(_)) => Some(Err("the task above has no `{{#end}}`".into())),
            ("task", None) if !is_name(directive.argument) => {
                Some(Err("a task has a name: write `{{#task memory}}`".into()))
            }
            ("task", None) => {
                self.0 = Some(line);
                let (name, label) = (directive.argument, book.texts.get("task.label"));
                Some(Ok(format!(
                    "<div class=\"task\" id=\"task-{name}\" data-task=\"{name}\" \
                     data-session=\"{PLAYGROUND}\"><p class=\"label\">{label}</p>"
                )))
            }
            ("end", Some(_)) => {
                self.0 = None;
                Some(Ok("</div>".into()))
            }
            _ => None,
        }
    }

    /// Where the task that never ends began, and what it lacks.
    pub(crate) fn still_open(&self) -> Option<(usize, String)> {
        self.0.map(|line| (line, "this task has no `{{#end}}`".into()))
    }
}

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(plain)
}
