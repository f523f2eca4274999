//! What a process sees beside what the host sees: a table of 80 columns.

use std::fmt::Write;

use colored::Colorize;

const QUESTION: usize = 12;
const ANSWER: usize = 33;

/// One question, and its two answers.
pub(crate) struct Row {
    pub(crate) question: &'static str,
    pub(crate) inside: String,
    pub(crate) outside: String,
    /// Whether the answer from inside stands out.
    pub(crate) changed: bool,
}

/// The table's look.
pub(crate) struct Table {
    /// The headings of the two columns.
    pub(crate) heads: [String; 2],
    /// How many lines an answer may have.
    pub(crate) lines: usize,
    /// What stands before an answer that stands out, for those who see no colours.
    pub(crate) mark: char,
}

impl Table {
    /// The two headings.
    pub(crate) fn head(&self) -> String {
        let [inside, outside] = &self.heads;
        format!("{:QUESTION$} {inside:ANSWER$} {outside}", "").dimmed().to_string()
    }

    /// The lines below them.
    pub(crate) fn body(&self, rows: &[Row]) -> String {
        let mut table = String::new();
        for Row { question, inside, outside, changed } in rows {
            let (left, right) = (self.wrap(inside), self.wrap(outside));
            for line in 0..left.len().max(right.len()) {
                let first = line == 0;
                let question = if first { question } else { "" };
                let mark = if *changed && first { self.mark } else { ' ' };
                let cell = |lines: &[String]| lines.get(line).cloned().unwrap_or_default();
                let left = format!("{:ANSWER$}", cell(&left));
                let left = if *changed { left.green().bold() } else { left.normal() };
                let row = format!("{question:QUESTION$}{mark}{left} {}", cell(&right));
                let _ = writeln!(table, "{}", row.trim_end());
            }
        }
        table
    }

    /// Lines of at most [`ANSWER`] columns, and not too many.
    fn wrap(&self, text: &str) -> Vec<String> {
        let mut lines = fold(text, ANSWER - 2);
        if lines.len() > self.lines {
            lines.truncate(self.lines);
            if let Some(last) = lines.last_mut() {
                last.push_str(" …");
            }
        }
        lines.iter().map(|line| shorten(line)).collect()
    }
}

/// Lines of at most so many columns, unless a word is longer.
pub(crate) fn fold(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::<String>::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

/// The end of a long path says more than its beginning.
fn shorten(line: &str) -> String {
    match line.chars().count().checked_sub(ANSWER) {
        None | Some(0) => line.into(),
        Some(over) => format!("…{}", line.chars().skip(over + 1).collect::<String>()),
    }
}
