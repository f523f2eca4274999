//! `{{#exercise 02/pivot}}`: the task as it stands in the student's file, how to work on it, and the
//! finished lines, folded.

use std::path::{Path, PathBuf};

use super::code;
use crate::book::Book;
use crate::html;
use crate::page::{Page, Use};
use crate::rust::region::{self, Exercise};

pub(crate) fn render(book: &Book, page: &mut Page, argument: &str) -> Result<String, String> {
    let (chapter, file, exercise) = find(book, argument)?;
    let number = &chapter[..2];
    let name = exercise.name.clone();
    page.uses.push(Use::Exercise(number.into(), name.clone()));

    let texts = &book.texts;
    let minutes = match minutes(book, &chapter, &name) {
        Some(minutes) => format!(" · {}", texts.fill("exercise.minutes", &[("minutes", &minutes)])),
        None => String::new(),
    };
    let path = file.strip_prefix("solutions").unwrap_or(&file).display().to_string();
    let place = format!("<code>chapters/{}</code>", html::escape(&path));
    let label = texts.get("exercise.label");
    let title = html::phrase(&capitalised(&exercise.title));
    let task = html::markdown(&exercise.task);
    let place = texts.fill("exercise.where", &[("file", &place)]);
    let hint = texts.get("exercise.hint");
    let summary = texts.get("exercise.solution");
    let solution = code::figure(book, &path, &exercise.solution);
    Ok(format!(
        "<section class=\"exercise\" id=\"exercise-{name}\" aria-label=\"{label} {name}\">\
         <p class=\"label\">{label} <code>{name}</code>{minutes}</p>\
         <p class=\"title\">{title}</p>{task}\
         <p>{place}</p><pre class=\"commands\"><code>coracle watch {number}</code></pre>\
         <p>{hint}</p><pre class=\"commands\"><code>coracle hint {number} {name}</code></pre>\
         <details><summary>{summary}</summary>{solution}</details></section>"
    ))
}

/// The chapter's folder, the file in it, and the exercise.
pub(crate) fn find(book: &Book, argument: &str) -> Result<(String, PathBuf, Exercise), String> {
    let (number, name) = argument.split_once('/').ok_or_else(|| {
        format!("{argument:?} names no exercise: write `{{{{#exercise 02/pivot}}}}`")
    })?;
    let chapter = book
        .chapter(number)
        .ok_or_else(|| format!("there is no chapter {number} in solutions/"))?;
    let mut others = Vec::new();
    for file in sources(book, &Path::new("solutions").join(&chapter).join("src")) {
        let source = book.read(&file).map_err(|error| format!("{error:#}"))?;
        for exercise in region::exercises(&source) {
            if exercise.name == name {
                return Ok((chapter, file, exercise));
            }
            others.push(exercise.name);
        }
    }
    Err(format!("chapter {number} has no exercise {name}; it has {}", others.join(", ")))
}

/// All source files below a folder.
pub(crate) fn sources(book: &Book, folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for name in book.list(folder) {
        let path = folder.join(&name);
        if name.ends_with(".rs") {
            files.push(path);
        } else if book.project.join(&path).is_dir() {
            files.extend(sources(book, &path));
        }
    }
    files
}

/// The minutes that the exercise's hints name.
pub(crate) fn minutes(book: &Book, chapter: &str, name: &str) -> Option<String> {
    let file = Path::new("workshop/src/lessons/hints").join(format!("{chapter}.md"));
    let hints = book.read(&file).ok()?;
    let mut lines = hints.lines().skip_while(|line| *line != format!("## {name}")).skip(1);
    let line = lines.by_ref().find(|line| !line.is_empty())?;
    Some(line.strip_suffix(" minutes")?.to_owned())
}

/// A title begins with a small letter, since it stands behind a name in the source.
fn capitalised(title: &str) -> String {
    let mut characters = title.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}
