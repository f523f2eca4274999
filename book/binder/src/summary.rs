//! `SUMMARY.md`: the pages in their order, in parts.

use anyhow::Result;

use crate::book::Book;

/// A line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The title of the pages that follow.
    Part(String),
    /// A page, with its file's name without the ending.
    Page { title: String, name: String },
}

/// Reads it.
///
/// # Errors
///
/// When it is not there.
pub(crate) fn read(book: &Book) -> Result<Vec<Entry>> {
    Ok(parse(&book.read(&book.source().join("SUMMARY.md"))?))
}

fn parse(text: &str) -> Vec<Entry> {
    // The first heading is the file's own.
    let mut parts = text.lines().map(str::trim).skip_while(|line| !line.starts_with("# "));
    parts.next();
    parts.filter_map(entry).collect()
}

fn entry(line: &str) -> Option<Entry> {
    if let Some(title) = line.strip_prefix("# ") {
        return Some(Entry::Part(title.into()));
    }
    let link = line.strip_prefix("- ").unwrap_or(line).strip_prefix('[')?;
    let (title, rest) = link.split_once("](")?;
    let name = rest.strip_suffix(".md)")?;
    Some(Entry::Page { title: title.into(), name: name.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_in_parts() {
        let text = "# Summary\n\n[Front](index.md)\n\n# Part\n\n- [00 A](00-a.md)\n";
        let page = |title: &str, name: &str| Entry::Page { title: title.into(), name: name.into() };
        assert_eq!(
            parse(text),
            [page("Front", "index"), Entry::Part("Part".into()), page("00 A", "00-a")]
        );
    }
}
