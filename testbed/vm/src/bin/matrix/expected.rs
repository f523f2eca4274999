//! What the README says of an environment, and what is otherwise now.

/// A sentence for each mark that is not as the README's table has it. Environments that it does not
/// have, and cells that were not run now or then, have no expectation; nor do the letters count. What
/// is wrong in itself needs none.
pub(crate) fn differences(table: &str, rows: &[(&str, Vec<&str>)]) -> Vec<String> {
    let mut lines = table.lines().filter_map(cells);
    let Some((_, columns)) = lines.next() else { return Vec::new() };
    let known: Vec<_> = lines.collect();
    let mut found = Vec::new();
    for (title, marks) in rows {
        let expected = known.iter().filter(|(known, _)| known == title);
        for (_, expected) in expected {
            for ((column, mark), expected) in columns.iter().zip(marks).zip(expected) {
                let expected = expected.split(' ').next().unwrap_or_default();
                if expected != *mark && ![expected, *mark].contains(&"–") && *mark != "✗" {
                    found.push(format!(
                        "{title}: {column} is {mark}, and the README has {expected} \
                         (where that is right: `scripts/matrix --write`)"
                    ));
                }
            }
        }
    }
    found
}

/// A line of the table: its first cell and the others.
fn cells(line: &str) -> Option<(&str, Vec<&str>)> {
    let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
    Some((cells.next()?, cells.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "
| environment | 00 | 01 | net |
|---|---|---|---|
| Linux 1.0, root | ● | ◐ b | – a |
| Linux 1.0, ordinary user | ● | ○ b c | ● |

● works.
";

    #[test]
    fn another_mark_is_a_sentence_and_another_letter_is_none() {
        let rows = [
            ("Linux 1.0, root", vec!["○", "◐", "●"]),
            ("Linux 1.0, ordinary user", vec!["●", "●", "–"]),
            ("Linux 2.0, root", vec!["○", "○", "○"]),
            ("Linux 1.0, ordinary user", vec!["✗", "✗", "✗"]),
        ];
        let found = differences(TABLE, &rows);
        let said = |found: &String| found.split(" (").next().map(String::from);
        assert_eq!(
            found.iter().filter_map(said).collect::<Vec<_>>(),
            [
                "Linux 1.0, root: 00 is ○, and the README has ●",
                "Linux 1.0, ordinary user: 01 is ●, and the README has ○",
            ]
        );
    }
}
