//! The table, as Markdown.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::examine::Extent;
use crate::verdict::{Cell, ROWS, Row};

const BEGIN: &str = "<!-- matrix: written by `scripts/matrix --write` -->\n";
const END: &str = "<!-- matrix: end -->\n";

/// A row's marks.
pub(crate) fn cells(row: &Row) -> Vec<&'static str> {
    let mark = |cell: &Cell| match cell {
        Cell::Works => "●",
        Cell::Less(_) => "◐",
        Cell::Cannot(_) => "○",
        Cell::NotRun(_) => "–",
        Cell::Wrong(_) => "✗",
    };
    row.cells.iter().map(mark).collect()
}

/// The table, and below it a sentence for each cell that is not a full circle.
pub(crate) fn table(rows: &[Row], extent: Extent) -> String {
    let mut notes: Vec<String> = Vec::new();
    let mut text =
        format!("| environment | {} |\n|---|{}\n", ROWS.join(" | "), "---|".repeat(ROWS.len()));
    for row in rows {
        let mut line = Vec::new();
        for (cell, mark) in row.cells.iter().zip(cells(row)) {
            let sentences: &[String] = match cell {
                Cell::Works => &[],
                Cell::Less(sentences) | Cell::Cannot(sentences) => sentences,
                Cell::NotRun(why) | Cell::Wrong(why) => std::slice::from_ref(why),
            };
            let mut letters = Vec::new();
            for sentence in sentences {
                let known = notes.iter().position(|note| note == sentence);
                let number = known.unwrap_or_else(|| {
                    notes.push(sentence.clone());
                    notes.len() - 1
                });
                letters.push(letter(number));
            }
            line.push(format!("{mark} {}", letters.join(" ")).trim_end().to_string());
        }
        text += &format!("| {} | {} |\n", row.environment.title, line.join(" | "));
    }
    text +=
        "\n● works, ◐ works but for what the letter says, ○ can't be done there, – was not run.\n";
    text += &format!("\n{}\n", extent.leaves_out());
    for (number, note) in notes.iter().enumerate() {
        text += &format!("\n- **{}** {note}", letter(number));
    }
    text + if notes.is_empty() { "" } else { "\n" }
}

/// `a`, `b`, … `z`, `aa`.
fn letter(number: usize) -> String {
    let last = char::from(b'a' + u8::try_from(number % 26).unwrap_or(0));
    if number < 26 { last.to_string() } else { letter(number / 26 - 1) + &last.to_string() }
}

/// The table that stands in the README.
pub(crate) fn known(root: &Path) -> Result<String> {
    let path = root.join("README.md");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let (_, rest) = text.split_once(BEGIN).context("README.md has no table")?;
    let (table, _) = rest.split_once(END).context("README.md's table has no end")?;
    Ok(table.into())
}

/// Writes the table between the marks of the two files that have it.
pub(crate) fn write(root: &Path, table: &str) -> Result<()> {
    for name in ["README.md", "book/en/src/environments.md"] {
        let path = root.join(name);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let text = replaced(&text, table).with_context(|| format!("{name} has no place for it"))?;
        fs::write(path, text)?;
    }
    Ok(())
}

fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_on_after_z() {
        assert_eq!([0, 25, 26, 27, 52].map(letter), ["a", "z", "aa", "ab", "ba"]);
    }

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = format!("before\n{BEGIN}old\n{END}after\n");
        let new = replaced(&text, "table").unwrap();
        assert_eq!(new, format!("before\n{BEGIN}\ntable\n{END}after\n"));
        assert_eq!(replaced(&new, "table").unwrap(), new);
        assert_eq!(replaced("nothing", "table"), None);
    }
}
