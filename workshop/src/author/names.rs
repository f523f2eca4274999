//! From the finished chapters' names to the students'.

/// A source file under the student's names.
///
/// rustfmt sorts imports, and would move `use ch00_process` up from where `use sol00_process`
/// stood. So it is moved here.
pub(super) fn renamed(source: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in source.lines() {
        let renamed = rename(line);
        let moved = line.starts_with("use ") && renamed != line;
        let place = if moved { sorted_place(&lines, &renamed) } else { lines.len() };
        lines.insert(place, renamed);
    }
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// Where an import belongs in the group of imports that `lines` end with.
fn sorted_place(lines: &[String], import: &str) -> usize {
    // An import may take several lines: `use a::{`, the indented names, `};`.
    let of_group = |line: &&String| ["use ", " ", "}"].iter().any(|start| line.starts_with(start));
    let group = lines.len() - lines.iter().rev().take_while(of_group).count();
    let is_later = |line: &String| crate_name(line) > crate_name(import);
    lines[group..].iter().position(is_later).map_or(lines.len(), |place| group + place)
}

/// The crate that an import is from. Nothing for our own modules, which rustfmt puts first, and
/// for what begins no import.
fn crate_name(line: &str) -> &str {
    let path = line.strip_prefix("use ").unwrap_or_default();
    let name = path.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
    if ["crate", "self", "super"].contains(&name) { "" } else { name }
}

/// The student's name for everything that is ours: `sol00_process` is `ch00_process`, and a
/// package's `sol00-process` is `ch00-process`.
pub(super) fn rename(text: &str) -> String {
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("sol") {
        renamed.push_str(&rest[..at]);
        rest = &rest[at + "sol".len()..];
        let numbered = matches!(rest.as_bytes(), [a, b, b'_' | b'-', ..] if a.is_ascii_digit() && b.is_ascii_digit());
        let in_a_word = renamed.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        renamed.push_str(if numbered && !in_a_word { "ch" } else { "sol" });
    }
    renamed + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_names_are_renamed() {
        let text =
            "use sol00_process as process; // sol12-engine, sol_x, console09_y, a_sol00_b sol";
        let renamed =
            "use ch00_process as process; // ch12-engine, sol_x, console09_y, a_sol00_b sol";
        assert_eq!(rename(text), renamed);
    }

    #[test]
    fn an_import_stands_where_rustfmt_wants_it() {
        let source = "use std::fs;\n\nuse anyhow::{\n    Context, Result,\n};\nuse clap::{\n    Parser,\n};\n\
             use crate::texts;\nuse process::cli;\nuse sol02_pid as pid;\n\nuse pid::Root;\n";
        let moved = "use std::fs;\n\nuse anyhow::{\n    Context, Result,\n};\nuse ch02_pid as pid;\n\
             use clap::{\n    Parser,\n};\nuse crate::texts;\nuse process::cli;\n\nuse pid::Root;\n";
        assert_eq!(renamed(source), moved);
    }
}
