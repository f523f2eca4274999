//! Lines of a source file: by an anchor, or by an item's name.
//!
//! What an exercise region looks like, `workshop/src/author/region.rs` tells; here its task and its
//! finished lines are taken out of it.

use syn::spanned::Spanned;
use syn::{ImplItem, Item, TraitItem};

/// An exercise of a finished chapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exercise {
    /// Its name.
    pub(crate) name: String,
    /// What it is about, in a few words.
    pub(crate) title: String,
    /// What is to be done: Markdown.
    pub(crate) task: String,
    /// The finished lines.
    pub(crate) solution: String,
}

/// The lines of an anchor, or where there is none of the item of that name, with its comments.
pub(crate) fn find(source: &str, name: &str) -> Result<String, String> {
    let lines: Vec<_> = source.lines().collect();
    let place = |marker: &str| {
        let names = |line: &&str| {
            comment(line).and_then(|text| text.strip_prefix(marker)?.strip_prefix(": "))
                == Some(name)
        };
        lines.iter().position(names)
    };
    if let (Some(start), Some(end)) = (place("ANCHOR"), place("ANCHOR_END")) {
        return Ok(finished(&lines[start + 1..end.max(start + 1)]));
    }
    let file = syn::parse_file(source).map_err(|error| format!("it is no Rust: {error}"))?;
    let mut all = Vec::new();
    items(&file.items, "", &mut all);
    // `Type::method` is also just `method`, where nothing else has that name.
    let exact = |found: &&Found| found.name == name;
    let method =
        |found: &&Found| found.name.strip_suffix(name).is_some_and(|owner| owner.ends_with("::"));
    let mut found: Vec<_> = all.iter().filter(exact).collect();
    if found.is_empty() {
        found = all.iter().filter(method).collect();
    }
    match found[..] {
        [found] => Ok(finished(&lines[with_comments(&lines, found.first)..found.behind])),
        [] => Err(format!("it has no anchor and no item {name}")),
        _ => {
            Err(format!("it has several items {name}: name one as `Type::{name}`, or by an anchor"))
        }
    }
}

/// All exercises of a file, in their order.
pub(crate) fn exercises(source: &str) -> Vec<Exercise> {
    let lines: Vec<_> = source.lines().collect();
    let mut exercises = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let Some((name, title)) =
            comment(line).and_then(|text| text.strip_prefix("EXERCISE ")?.split_once(": "))
        else {
            continue;
        };
        let end = format!("ANCHOR_END: {name}");
        let rest = &lines[place + 1..];
        let Some(length) = rest.iter().position(|line| comment(line) == Some(&end)) else {
            continue;
        };
        let task = task_length(rest).min(length);
        exercises.push(Exercise {
            name: name.into(),
            title: title.into(),
            task: rest[..task].iter().map(|line| task_line(line)).collect(),
            solution: finished(&rest[task..length]),
        });
    }
    exercises
}

/// A comment's text, when the line is one.
fn comment(line: &str) -> Option<&str> {
    Some(line.trim().strip_prefix("//")?.trim())
}

/// A task's lines are indented by three spaces; an empty comment between two of them is a gap.
fn task_length(lines: &[&str]) -> usize {
    let of_task = |line: &&str| line.trim_start().starts_with("//   ");
    let mut length = 0;
    loop {
        match lines[length..] {
            [line, ..] if of_task(&line) => length += 1,
            [gap, line, ..] if gap.trim() == "//" && of_task(&line) => length += 2,
            _ => return length,
        }
    }
}

/// What remains is Markdown: further blanks may be a list's.
fn task_line(line: &str) -> String {
    let text = line.trim_start().strip_prefix("//").unwrap_or_default();
    format!("{}\n", text.strip_prefix("   ").unwrap_or_default())
}

/// The lines without the markers and the tasks in them, and without what all have in front.
fn finished(lines: &[&str]) -> String {
    let mut kept = Vec::new();
    let mut place = 0;
    while let Some(line) = lines.get(place) {
        place += 1;
        match comment(line) {
            Some(text) if text.starts_with("ANCHOR:") || text.starts_with("ANCHOR_END:") => {}
            Some(text) if text.starts_with("EXERCISE ") => place += task_length(&lines[place..]),
            _ => kept.push(*line),
        }
    }
    let blanks = |line: &&&str| line.len() - line.trim_start().len();
    let indent = kept.iter().filter(|line| !line.trim().is_empty()).map(|line| blanks(&line)).min();
    let dedented = |line: &&str| line.get(indent.unwrap_or(0)..).unwrap_or_default().to_owned();
    let kept: Vec<_> = kept.iter().map(dedented).collect();
    kept.join("\n").trim_matches('\n').to_owned()
}

/// The first of the comments right above a line that are not documentation, which the item has.
fn with_comments(lines: &[&str], start: usize) -> usize {
    let is_comment = |line: &&&str| line.trim_start().starts_with("//");
    start - lines[..start].iter().rev().take_while(is_comment).count()
}

/// An item: where its first line is, and the one behind its last.
struct Found {
    name: String,
    first: usize,
    behind: usize,
}

impl Found {
    fn new(name: String, item: &impl Spanned) -> Self {
        let span = item.span();
        Self { name, first: span.start().line - 1, behind: span.end().line }
    }
}

/// Finds all items, with their owners' names before theirs.
fn items(items: &[Item], module: &str, found: &mut Vec<Found>) {
    for item in items {
        let name = match item {
            Item::Const(item) => item.ident.to_string(),
            Item::Enum(item) => item.ident.to_string(),
            Item::Fn(item) => item.sig.ident.to_string(),
            Item::Macro(item) => item.ident.as_ref().map(ToString::to_string).unwrap_or_default(),
            Item::Mod(item) => {
                let content = item.content.as_ref().map_or(&[][..], |(_, items)| items);
                self::items(content, &format!("{module}{}::", item.ident), found);
                continue;
            }
            Item::Static(item) => item.ident.to_string(),
            Item::Struct(item) => item.ident.to_string(),
            Item::Trait(item) => {
                for member in &item.items {
                    if let TraitItem::Fn(method) = member {
                        let name = format!("{module}{}::{}", item.ident, method.sig.ident);
                        found.push(Found::new(name, method));
                    }
                }
                item.ident.to_string()
            }
            Item::Type(item) => item.ident.to_string(),
            Item::Impl(item) => {
                let owner = type_name(&item.self_ty);
                for member in &item.items {
                    if let ImplItem::Fn(method) = member {
                        let name = format!("{module}{owner}::{}", method.sig.ident);
                        found.push(Found::new(name, method));
                    }
                }
                let of = item.trait_.as_ref().and_then(|(path, _)| path.segments.last());
                match of {
                    Some(of) => format!("impl {} for {owner}", of.ident),
                    None => format!("impl {owner}"),
                }
            }
            _ => continue,
        };
        found.push(Found::new(format!("{module}{name}"), item));
    }
}

/// A type's name without its parameters.
fn type_name(of: &syn::Type) -> String {
    match of {
        syn::Type::Path(path) => {
            path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
//! A file.

/// A box.
#[derive(Debug)]
struct Box {
    side: u8,
}

impl Box {
    // Not what rustdoc shows.
    /// Its area.
    fn area(&self) -> u8 {
        // ANCHOR: area
        // EXERCISE area: how large is it
        //   Multiply, and mind
        //
        //   - the overflow.
        // Squares.
        self.side * self.side
        // ANCHOR_END: area
    }
}

fn other() {}

impl Other {
    fn other(&self) {}
}
";

    #[test]
    fn an_anchor_comes_first_and_its_task_is_not_code() {
        assert_eq!(find(SOURCE, "area").unwrap(), "// Squares.\nself.side * self.side");
    }

    #[test]
    fn an_item_comes_with_its_comments_and_attributes() {
        assert_eq!(
            find(SOURCE, "Box").unwrap(),
            "/// A box.\n#[derive(Debug)]\nstruct Box {\n    side: u8,\n}"
        );
        assert_eq!(
            find(SOURCE, "Box::area").unwrap(),
            "// Not what rustdoc shows.\n/// Its area.\nfn area(&self) -> u8 {\n    // Squares.\n    \
             self.side * self.side\n}"
        );
        assert_eq!(find(SOURCE, "other").unwrap(), "fn other() {}");
        assert!(find(SOURCE, "impl Box").unwrap().starts_with("impl Box {"));
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert_eq!(find(SOURCE, "volume").unwrap_err(), "it has no anchor and no item volume");
    }

    #[test]
    fn an_exercise_has_a_task_and_a_solution() {
        assert_eq!(
            exercises(SOURCE),
            [Exercise {
                name: "area".into(),
                title: "how large is it".into(),
                task: "Multiply, and mind\n\n- the overflow.\n".into(),
                solution: "// Squares.\nself.side * self.side".into(),
            }]
        );
    }
}
