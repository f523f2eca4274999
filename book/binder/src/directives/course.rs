//! `{{#course half-day}}`: a course from `courses.toml`, as a table with its sum.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::{exercise, minutes};
use crate::book::Book;
use crate::html;
use crate::page::{Page, Use};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Course {
    /// How long it may take.
    minutes: u32,
    part: Vec<Part>,
}

/// One of: a page to read, an exercise to do, something else. What a page and an exercise say of
/// themselves need not be said again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    page: Option<String>,
    exercise: Option<String>,
    what: Option<String>,
    minutes: Option<u32>,
}

pub(crate) fn render(book: &Book, page: &mut Page, name: &str) -> Result<String, String> {
    let file = file(book);
    let text = book.read(&file).map_err(|error| format!("{error:#}"))?;
    let courses: BTreeMap<String, Course> =
        toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let course = courses.get(name).ok_or_else(|| {
        let others: Vec<_> = courses.keys().map(String::as_str).collect();
        format!("{} has no course {name}; it has {}", file.display(), others.join(", "))
    })?;
    page.uses.push(Use::Course(name.into()));

    let mut rows = String::new();
    let mut at = 0;
    for part in &course.part {
        let (what, minutes) = part.html(book)?;
        rows.push_str(&format!("<tr><td>{}</td><td>{what}</td><td>{minutes}</td></tr>", clock(at)));
        at += minutes;
    }
    if at > course.minutes {
        return Err(format!(
            "course {name} takes {at} minutes, and has {}: take something out",
            course.minutes
        ));
    }
    let texts = &book.texts;
    let (from, what, minutes) =
        (texts.get("course.from"), texts.get("course.what"), texts.get("course.minutes"));
    let sum = texts.get("course.sum");
    Ok(format!(
        "<div class=\"table-wrapper\"><table class=\"course\"><thead><tr><th scope=\"col\">{from}</th>\
         <th scope=\"col\">{what}</th><th scope=\"col\">{minutes}</th></tr></thead>\
         <tbody>{rows}</tbody><tfoot><tr><td>{}</td><th scope=\"row\">{sum}</th><td>{at}</td></tr>\
         </tfoot></table></div>",
        clock(at)
    ))
}

/// Where the courses are, seen from the project's folder.
pub(crate) fn file(book: &Book) -> PathBuf {
    book.source().join("courses.toml")
}

impl Part {
    /// What is done, and how long it takes.
    fn html(&self, book: &Book) -> Result<(String, u32), String> {
        let (own, otherwise) = match self {
            Self { page: Some(name), .. } => {
                let file = book.page(name);
                let title = title(&book.read(&file).map_err(|error| format!("{error:#}"))?);
                let link = format!("<a href=\"{name}.html\">{}</a>", html::phrase(&title));
                let what = book.texts.fill("course.read", &[("title", &link)]);
                let minutes = || minutes::of_page(book, &file);
                (what, self.minutes.map_or_else(minutes, Ok)?)
            }
            Self { exercise: Some(name), .. } => {
                let (chapter, _, found) = exercise::find(book, name)?;
                let link = format!(
                    "<a href=\"{chapter}.html#exercise-{}\">{}</a>",
                    found.name,
                    html::phrase(&found.title)
                );
                let what = book.texts.fill("course.exercise", &[("title", &link)]);
                let of_hints = || {
                    let minutes = exercise::minutes(book, &chapter, &found.name);
                    minutes
                        .and_then(|minutes| minutes.parse().ok())
                        .ok_or_else(|| format!("the hints of exercise {name} name no minutes"))
                };
                (what, self.minutes.map_or_else(of_hints, Ok)?)
            }
            Self { what: Some(text), minutes: Some(minutes), .. } => {
                return Ok((html::phrase(text), *minutes));
            }
            _ => {
                return Err(
                    "a part of a course has a `page`, an `exercise`, or `what` and `minutes`"
                        .into(),
                );
            }
        };
        // What a page or an exercise is for here.
        let note = self.what.as_ref().map(|text| format!(". {}", html::phrase(text)));
        Ok((own + &note.unwrap_or_default(), otherwise))
    }
}

/// A page's title, without its id.
fn title(text: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default();
    line.split(" {#").next().unwrap_or_default().trim().to_owned()
}

/// Minutes as on a clock that starts with the course.
fn clock(minutes: u32) -> String {
    format!("{}:{:02}", minutes / 60, minutes % 60)
}
