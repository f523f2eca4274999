//! One page, line by line: the directives become HTML, everything else stays as it is.

use std::path::{Path, PathBuf};

use crate::book::Book;
use crate::directives::predict::Guess;
use crate::directives::task::Task;
use crate::directives::{self, Directive, man, not_run, questions};
use crate::fault::Fault;
use crate::{html, rust};

/// A page, read.
#[derive(Debug)]
pub(crate) struct Page {
    /// Its file, seen from the project's folder.
    pub(crate) file: PathBuf,
    /// Its Markdown, with HTML in the place of the directives.
    pub(crate) text: String,
    /// What is wrong with it.
    pub(crate) faults: Vec<Fault>,
    /// What its directives brought in.
    pub(crate) uses: Vec<Use>,
    /// The line that is being read, from 1.
    line: usize,
    /// For each line of `text` the one that it came from.
    origins: Vec<usize>,
}

/// Something that a page includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Use {
    /// A session and its part.
    Session(String, String),
    /// A picture.
    Picture(String),
    /// An exercise: chapter and name.
    Exercise(String, String),
    /// Lines of a file of `solutions/`.
    Code(String),
    /// How long it takes to read the page.
    Minutes(u32),
    /// The names of questions, in their order.
    Questions(Vec<String>),
    /// A box for a guess.
    Guess,
    /// A task.
    Task(String),
    /// A course.
    Course(String),
    /// A block of Rust that is the page's own.
    Rust,
}

/// A block of code that is open.
struct Fence {
    /// The number of its first line.
    line: usize,
    /// Blanks before it: it may stand in a list.
    indent: String,
    /// How it began, and may end: backticks or tildes.
    mark: String,
    /// Language and attributes.
    info: String,
    text: String,
}

/// What may be open: each ends with its `{{#end}}`.
#[derive(Default)]
struct Boxes {
    guess: Guess,
    task: Task,
}

impl Boxes {
    /// The HTML of a directive that opens or closes one; `None` when it is another one.
    fn step(
        &mut self,
        book: &Book,
        directive: &Directive<'_>,
        line: usize,
    ) -> Option<Result<String, String>> {
        // A guess may stand in a task, and ends before it.
        let of_task = match (self.guess.is_open(), directive.name) {
            (true, "task") => Some(Err("the guess above has no `{{#end}}`".into())),
            (true, _) => None,
            (false, _) => self.task.step(book, directive, line),
        };
        of_task.or_else(|| self.guess.step(book, directive, line))
    }
}

impl Page {
    /// Reads a page's Markdown.
    pub(crate) fn read(book: &Book, file: &Path, content: &str) -> Self {
        let mut page = Self {
            file: file.into(),
            text: String::with_capacity(content.len() * 2),
            faults: Vec::new(),
            uses: Vec::new(),
            line: 0,
            origins: Vec::new(),
        };
        let mut fence: Option<Fence> = None;
        let mut boxes = Boxes::default();
        for (place, line) in content.lines().enumerate() {
            page.line = place + 1;
            match fence.take() {
                Some(open) if open.ends_with(line) => page.block(book, &open),
                Some(mut open) => {
                    open.push(line);
                    fence = Some(open);
                }
                None => match Fence::opens(line, page.line) {
                    Some(open) => fence = Some(open),
                    None => page.line(book, line, &mut boxes),
                },
            }
        }
        if let Some(open) = fence {
            page.fault_at(open.line, "this block of code never ends".into());
        }
        let open = [boxes.guess.still_open(), boxes.task.still_open()];
        for (line, sentence) in open.into_iter().flatten() {
            page.fault_at(line, sentence);
        }
        page
    }

    /// The page's name: its file's, without the ending.
    pub(crate) fn name(&self) -> &str {
        self.file.file_stem().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Says that something is missing that may come later, in the line that is being read.
    pub(crate) fn warn(&mut self, sentence: String) {
        let fault = Fault::new(&self.file, self.line, sentence);
        self.faults.push(Fault { tolerable: true, ..fault });
    }

    fn fault_at(&mut self, line: usize, sentence: String) {
        self.faults.push(Fault::new(&self.file, line, sentence));
    }

    /// The line of the page from which a place in its text came.
    pub(crate) fn origin(&self, offset: usize) -> usize {
        let place = self.text[..offset].matches('\n').count();
        self.origins.get(place).copied().unwrap_or_default()
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        self.origins.push(self.line);
    }

    /// A line outside of code.
    fn line(&mut self, book: &Book, line: &str, boxes: &mut Boxes) {
        let html = match Directive::parse(line) {
            None => {
                if let Some(sentence) = directives::misplaced(line) {
                    self.fault_at(self.line, sentence);
                }
                self.push(&man::link(line));
                return;
            }
            Some(directive) => match boxes.step(book, &directive, self.line) {
                Some(html) => {
                    match directive.name {
                        "predict" => self.uses.push(Use::Guess),
                        "task" => self.uses.push(Use::Task(directive.argument.into())),
                        _ => {}
                    }
                    html
                }
                None => directive.render(book, self),
            },
        };
        self.piece("", html);
    }

    /// A block of code, which has ended.
    fn block(&mut self, book: &Book, fence: &Fence) {
        let end = std::mem::replace(&mut self.line, fence.line);
        let mut words = fence.info.split([' ', ',']).filter(|word| !word.is_empty());
        let html = match words.next().unwrap_or_default() {
            "questions" => questions::render(book, self, &fence.text),
            "sh" | "bash" | "console" | "shell" => not_run::render(book, &fence.info, &fence.text),
            "" => Err("this block of code names no language: write `text` if it has none".into()),
            "rust" => {
                self.uses.push(Use::Rust);
                Ok(block("rust", &rust::colour(&rust::visible(&fence.text))))
            }
            language => Ok(block(language, &html::escape(fence.text.trim_end_matches('\n')))),
        };
        self.piece(&fence.indent, html);
        self.line = end;
    }

    /// A piece of HTML: one line, with an empty one on either side.
    fn piece(&mut self, indent: &str, html: Result<String, String>) {
        match html {
            Ok(html) => {
                debug_assert!(!html.contains('\n'), "an empty line would end it: {html}");
                self.push("");
                self.push(&format!("{indent}{html}"));
                self.push("");
            }
            Err(sentence) => {
                self.push("");
                self.push(&format!("<p class=\"missing\">{}</p>", html::escape(&sentence)));
                self.push("");
                self.fault_at(self.line, sentence);
            }
        }
    }
}

/// Lines of code in a frame, from HTML.
fn block(language: &str, html: &str) -> String {
    let class = html::escape(language);
    format!(
        "<div class=\"code\"><pre class=\"scroll\"><code class=\"{class}\">{html}</code></pre></div>"
    )
}

impl Fence {
    /// Whether a block of code begins with this line.
    fn opens(line: &str, number: usize) -> Option<Self> {
        let text = line.trim_start();
        let indent = &line[..line.len() - text.len()];
        let first = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let info = text.trim_start_matches(first);
        let mark = &text[..text.len() - info.len()];
        if mark.len() < 3 || (first == '`' && info.contains('`')) {
            return None;
        }
        Some(Self {
            line: number,
            indent: indent.into(),
            mark: mark.into(),
            info: info.trim().into(),
            text: String::new(),
        })
    }

    /// Whether it ends with this line.
    fn ends_with(&self, line: &str) -> bool {
        let line = line.trim();
        let first = &self.mark[..1];
        line.len() >= self.mark.len() && line.trim_matches(|c| first.contains(c)).is_empty()
    }

    fn push(&mut self, line: &str) {
        let blanks = line.len() - line.trim_start().len();
        self.text.push_str(&line[blanks.min(self.indent.len())..]);
        self.text.push('\n');
    }
}
