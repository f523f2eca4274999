//! A chapter has its sections, in their order, and all of its exercises.

use std::path::Path;

use super::outline::Outline;
use crate::book::Book;
use crate::directives::exercise;
use crate::fault::Fault;
use crate::page::{Page, Use};
use crate::rust::region;

const SECTIONS: [&str; 13] = [
    "top",
    "question",
    "by-hand",
    "predict",
    "kernel",
    "build",
    "check",
    "break",
    "others",
    "trouble",
    "remember",
    "questions",
    "sources",
];

/// Up to this chapter these sections have something to do in the page: from the next one on the
/// machine there lacks what the chapters need.
const LAST_LIVE: &str = "06";
const LIVE: [&str; 2] = ["by-hand", "break"];

/// What a page lacks, if it is a chapter's.
pub(super) fn faults(book: &Book, page: &Page, outline: &Outline) -> Vec<Fault> {
    let name = page.name();
    let Some(number) = name.split('-').next().filter(|number| is_number(number)) else {
        return Vec::new();
    };
    let fault = |line, sentence: String| Fault::new(&page.file, line, sentence);
    let mut faults = Vec::new();

    if book.chapter(number).as_deref() != Some(name) {
        faults.push(fault(0, "no folder of solutions/ has its name".into()));
    }
    let mut behind = 0;
    for section in SECTIONS {
        let of = |heading: &super::outline::Heading| heading.id.as_deref() == Some(section);
        match outline.headings.iter().find(|heading| of(heading)) {
            None => faults.push(fault(0, format!("it has no section `{{#{section}}}`"))),
            Some(heading) if heading.line < behind => {
                let sentence = format!("section {section} stands elsewhere in other chapters");
                faults.push(fault(heading.line, sentence));
            }
            Some(heading) => behind = heading.line,
        }
    }
    let top = outline.headings.first().filter(|heading| heading.level == 1);
    let begins = format!("{} ", number.trim_start_matches('0').chars().next().unwrap_or('0'));
    if !top.is_some_and(|top| top.title.starts_with(&begins)) {
        faults.push(fault(1, format!("it begins with `# {begins}Title {{#top}}`")));
    }
    if !page.uses.iter().any(|used| matches!(used, Use::Minutes(_))) {
        faults.push(fault(0, "it does not say how long it takes: `{{#minutes 20}}`".into()));
    }
    if !page.text.contains("**Goal:**") {
        faults
            .push(fault(0, "it does not say its goal: a sentence that begins `**Goal:**`".into()));
    }
    if number <= LAST_LIVE {
        faults.extend(without_live(page, outline));
    }
    for exercise in exercises(book, name) {
        let used = Use::Exercise(number.into(), exercise.clone());
        if !page.uses.contains(&used) {
            let sentence =
                format!("exercise {exercise} is missing: `{{{{#exercise {number}/{exercise}}}}}`");
            faults.push(fault(0, sentence));
        }
    }
    faults
}

/// Sections in which nothing can be done in the page.
fn without_live(page: &Page, outline: &Outline) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (place, heading) in outline.headings.iter().enumerate() {
        let Some(id) = heading.id.as_deref().filter(|id| LIVE.contains(id)) else { continue };
        let mut behind = outline.headings[place + 1..].iter();
        let end = behind.find(|next| next.level <= heading.level).map_or(usize::MAX, |it| it.line);
        if !outline.live.iter().any(|line| (heading.line..end).contains(line)) {
            let sentence = format!(
                "nothing of section {id} can be done in the page: say `# live: yes` in the head of \
                 one of its sessions, or write `{{{{#live NAME}}}}`"
            );
            let fault = Fault::new(&page.file, heading.line, sentence);
            faults.push(Fault { tolerable: true, ..fault });
        }
    }
    faults
}

fn is_number(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The names of all exercises of a chapter.
fn exercises(book: &Book, chapter: &str) -> Vec<String> {
    let folder = Path::new("solutions").join(chapter).join("src");
    let sources = exercise::sources(book, &folder).into_iter();
    let texts = sources.filter_map(|file| book.read(&file).ok());
    texts.flat_map(|text| region::exercises(&text)).map(|exercise| exercise.name).collect()
}
