//! A page's headings, ids and links.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::fault::Fault;
use crate::html;
use crate::page::Page;

/// What leads into a page and out of it.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) headings: Vec<Heading>,
    /// All ids, those of headings and those that directives made, each with its line.
    pub(crate) ids: Vec<(usize, String)>,
    /// Where links lead to, each with its line.
    pub(crate) links: Vec<(usize, String)>,
    /// The lines of examples that can be done in the page.
    pub(crate) live: Vec<usize>,
    /// Tables some of whose columns have no name.
    nameless: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct Heading {
    pub(crate) line: usize,
    pub(crate) level: usize,
    pub(crate) id: Option<String>,
    pub(crate) title: String,
}

impl Outline {
    /// Reads a page, directives replaced.
    pub(crate) fn read(page: &Page) -> Self {
        let mut outline = Self::default();
        let mut heading: Option<Heading> = None;
        // The columns of the table's head that is open: how many have a name, how many have none.
        let mut cell: Option<String> = None;
        let (mut named, mut nameless) = (0, 0);
        for (event, range) in Parser::new_ext(&page.text, html::options()).into_offset_iter() {
            let line = page.origin(range.start);
            match event {
                Event::Start(Tag::Heading { level, id, .. }) => {
                    let id = id.map(|id| id.to_string());
                    outline.ids.extend(id.clone().map(|id| (line, id)));
                    let level = level as usize;
                    heading = Some(Heading { line, level, id, title: String::new() });
                }
                Event::End(TagEnd::Heading(_)) => outline.headings.extend(heading.take()),
                Event::Start(Tag::TableHead) => (named, nameless) = (0, 0),
                Event::Start(Tag::TableCell) => cell = Some(String::new()),
                Event::End(TagEnd::TableCell) => match cell.take() {
                    Some(text) if text.trim().is_empty() => nameless += 1,
                    _ => named += 1,
                },
                Event::End(TagEnd::TableHead) if named > 0 && nameless > 0 => {
                    outline.nameless.push(line);
                }
                Event::Start(Tag::Link { dest_url, .. }) => {
                    outline.links.push((line, dest_url.to_string()));
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    let links = attributes(&html, "href").map(|link| (line, link));
                    outline.links.extend(links);
                    outline.ids.extend(attributes(&html, "id").map(|id| (line, id)));
                    outline.live.extend(attributes(&html, "data-live").map(|_| line));
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.title.push_str(&text);
                    }
                    if let Some(cell) = &mut cell {
                        cell.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        outline
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.ids.iter().any(|(_, known)| known == id)
    }

    /// Headings without an id of their own, and ids that stand for two things.
    pub(super) fn faults(&self, page: &Page) -> Vec<Fault> {
        let fault = |line, sentence: String| Fault::new(&page.file, line, sentence);
        let mut faults = Vec::new();
        for heading in self.headings.iter().filter(|heading| heading.id.is_none()) {
            let sentence = format!("`{}` has no id: write `{{#name}}` behind it", heading.title);
            faults.push(fault(heading.line, sentence));
        }
        for line in &self.nameless {
            let sentence = "a column of this table has no name: a screen reader reads it before each \
                            cell (leave all of them out, or none)";
            faults.push(fault(*line, sentence.into()));
        }
        for (place, (line, id)) in self.ids.iter().enumerate() {
            if self.ids[..place].iter().any(|(_, other)| other == id) {
                faults
                    .push(fault(*line, format!("the id {id} stands for something above already")));
            }
        }
        faults
    }
}

/// The values of an attribute in a piece of HTML. Text can't look like one: its quotes are escaped.
fn attributes<'a>(html: &'a str, name: &str) -> impl Iterator<Item = String> + use<'a> {
    let begins = format!(" {name}=\"");
    let mut rest = html;
    std::iter::from_fn(move || {
        let (_, behind) = rest.split_once(begins.as_str())?;
        let (value, behind) = behind.split_once('"')?;
        rest = behind;
        Some(value.replace("&amp;", "&"))
    })
}
