//! The diagnosis for people: a line a chapter, then what is missing, each lack once.

use std::fmt::Write as _;

use colored::Colorize;

use super::causes::Lack;
use super::chapters::{Chapter, State};
use super::kernel::Missing;
use super::{Diagnosis, texts};

/// How wide a terminal is at least.
const WIDTH: usize = 80;

const INDENT: &str = "   ";

/// The whole page.
pub(super) fn page(diagnosis: &Diagnosis) -> String {
    let Diagnosis { distribution, kernel, architecture, user, chapters, .. } = diagnosis;
    let mut page = String::new();
    let header = texts::header(distribution, kernel, architecture, user);
    paragraph(&mut page, "", &header);
    page.push('\n');
    let lacks = all_lacks(chapters);
    for chapter in chapters {
        line(&mut page, chapter, &lacks);
    }
    let summary = match (diagnosis.able, lacks.is_empty()) {
        (true, true) => texts::ALL_WELL,
        (true, false) => texts::SOME_LESS,
        (false, _) => texts::SOME_NOT,
    };
    let _ = writeln!(page, "\n{summary}");
    for (place, lack) in lacks.iter().enumerate() {
        let concerned =
            chapters.iter().filter(|it| it.lacks.iter().any(|other| other.id == lack.id));
        let concerned: Vec<_> = concerned.map(|chapter| chapter.chapter).collect();
        let concerned = format!("({})", texts::numbered(&concerned));
        let name = texts::name(lack.id).bold();
        let _ = writeln!(page, "\n{}. {name} {}", place + 1, concerned.dimmed());
        paragraph(&mut page, INDENT, &lack.why);
        for seen in std::iter::once(&lack.seen).chain(&lack.also) {
            paragraph(&mut page, INDENT, &format!("{} {seen}", texts::SEEN));
        }
        match lacks[..place].iter().position(|other| other.remedy == lack.remedy) {
            Some(other) => paragraph(&mut page, INDENT, &texts::same_remedy(other + 1)),
            None => remedy(&mut page, lack),
        }
    }
    if !diagnosis.kernel_lacks.is_empty() {
        let _ = writeln!(page, "\n{}", texts::OLDER_KERNEL);
        for Missing { name, since, instead, .. } in &diagnosis.kernel_lacks {
            paragraph(&mut page, INDENT, &texts::missing(name, since, instead));
        }
    }
    for lack in &diagnosis.later {
        let _ = writeln!(page, "\n{} {}", texts::LATER.dimmed(), texts::name(lack.id));
        remedy(&mut page, lack);
    }
    page
}

/// Each lack once, the first cause first.
fn all_lacks(chapters: &[Chapter]) -> Vec<Lack> {
    Lack::joined(chapters.iter().flat_map(|chapter| chapter.lacks.clone()))
}

fn line(page: &mut String, chapter: &Chapter, lacks: &[Lack]) {
    let Chapter { chapter: number, title, state, .. } = chapter;
    let position = |lack: &Lack| lacks.iter().position(|other| other.id == lack.id);
    let positions = chapter.lacks.iter().filter_map(position);
    let numbers: Vec<_> = positions.map(|place| (place + 1).to_string()).collect();
    let words = match state {
        State::Works => texts::WORKS.into(),
        State::WorksWithLess => texts::works_without(&chapter.without),
        State::Cannot => texts::CANNOT.into(),
    };
    let words = match &numbers[..] {
        [] => words,
        numbers => format!("{words} [{}]", numbers.join(",")),
    };
    let begin = format!("  {number}  {title:<28}  ");
    let mut column = String::new();
    paragraph(&mut column, &" ".repeat(begin.len()), &words);
    let words = column.trim();
    let words = match state {
        State::Works => words.green(),
        State::WorksWithLess => words.yellow(),
        State::Cannot => words.red(),
    };
    let _ = writeln!(page, "{begin}{words}");
}

fn remedy(page: &mut String, lack: &Lack) {
    for text in lack.remedy.lines() {
        match text.starts_with(' ') {
            // A command is copied; a line's end in it would be part of it.
            true => drop(writeln!(page, "{INDENT}{}", text.cyan())),
            false => paragraph(page, INDENT, text),
        }
    }
}

/// Fills lines up to the width.
fn paragraph(page: &mut String, indent: &str, text: &str) {
    let mut line = indent.to_owned();
    for word in text.split_whitespace() {
        let begun = line.len() > indent.len();
        if begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(page, "{line}");
            line = indent.to_owned();
        } else if begun {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(page, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_keeps_to_the_width() {
        let mut page = String::new();
        paragraph(&mut page, INDENT, &"word ".repeat(40));
        assert!(page.lines().all(|line| line.len() <= WIDTH && line.starts_with("   word")));
        assert_eq!(page.lines().count(), 3);
        assert_eq!(page.split_whitespace().count(), 40);
    }
}
