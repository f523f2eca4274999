//! One exercise's lines in a file that a student has worked on.
//!
//! They are known by the comments around them: from `// ANCHOR: name` (or, where that is gone,
//! `// EXERCISE name: …`) to `// ANCHOR_END: name`. What stands between is the student's in every
//! respect. Where the comments are no longer clear nothing is guessed: there is no region then.

use std::ops::Range;

use crate::author::region::{Marker, is_comment, marker, task_length};

/// Which lines of `text` belong to the exercise, with the comments around them. `None` when they
/// can't be told for certain.
pub(super) fn find(text: &str, exercise: &str) -> Option<Range<usize>> {
    let markers: Vec<_> =
        text.lines().enumerate().filter_map(|(line, text)| Some((line, marker(text)?))).collect();
    let lines = |wanted: &dyn Fn(&Marker) -> bool| -> Vec<usize> {
        markers.iter().filter(|(_, marker)| wanted(marker)).map(|(line, _)| *line).collect()
    };
    let begins = lines(&|marker| *marker == Marker::Begin(exercise));
    let titles = lines(&|marker| matches!(marker, Marker::Exercise(name, _) if *name == exercise));
    let start = match (&begins[..], &titles[..]) {
        ([begin], [title]) if begin < title => *begin,
        ([start], []) | ([], [start]) => *start,
        _ => return None,
    };
    let ends = lines(&|marker| *marker == Marker::End(exercise));
    let [end] = ends[..] else { return None };
    let is_other =
        |marker: &Marker| matches!(marker, Marker::Exercise(name, _) if *name != exercise);
    let others = lines(&is_other);
    let crossed = others.iter().any(|line| (start..end).contains(line));
    (start < end && !crossed).then_some(start..end + 1)
}

/// The lines themselves.
pub(super) fn lines(text: &str, lines: Range<usize>) -> String {
    text.split_inclusive('\n').skip(lines.start).take(lines.len()).collect()
}

/// `text` with other lines in the place of `lines`.
pub(super) fn replaced(text: &str, lines: &Range<usize>, by: &str) -> String {
    let before = text.split_inclusive('\n').take(lines.start);
    let after = text.split_inclusive('\n').skip(lines.end);
    before.chain([by]).chain(after).collect()
}

/// What the exercise asks for, in its own words, without the comments' signs.
pub(super) fn task(text: &str, lines: Range<usize>) -> String {
    let lines: Vec<_> = text.lines().skip(lines.start).take(lines.len()).collect();
    let title = lines.iter().position(|line| matches!(marker(line), Some(Marker::Exercise(..))));
    let below = &lines[title.map_or(lines.len(), |title| title + 1)..];
    let task = below[..task_length(below)].iter().map(|line| line.trim().trim_start_matches('/'));
    task.map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Whether something is still to be written: a `todo!` stands in these lines, in no comment.
pub(super) fn is_open(lines: &str) -> bool {
    lines.lines().any(|line| !is_comment(line) && line.contains("todo!"))
}

/// Where in a text without the comments the exercise's own `todo!` stands.
pub(super) fn open_line(text: &str, exercise: &str) -> Option<usize> {
    let todo = format!("todo!(\"{exercise}: ");
    text.lines().position(|line| !is_comment(line) && line.contains(&todo))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "fn a() {\r\n    // ANCHOR: a\r\n    // EXERCISE a: title\n    //   Task, and\n    \
         //   more.\n    todo!(\"a: title\")\n    // ANCHOR_END: a\n}\n";

    #[test]
    fn the_comments_around_it_say_which_lines_they_are() {
        assert_eq!(find(TEXT, "a"), Some(1..7));
        assert_eq!(task(TEXT, 1..7), "Task, and more.");
        assert_eq!(open_line(TEXT, "a"), Some(5));
        assert!(is_open(&lines(TEXT, 1..7)));
        assert_eq!(replaced(TEXT, &(1..7), "x\n"), "fn a() {\r\nx\n}\n");
        for (gone, start) in [("    // ANCHOR: a\r\n", 1), ("    // EXERCISE a: title\n", 1)] {
            assert_eq!(find(&TEXT.replace(gone, ""), "a"), Some(start..6));
        }
    }

    #[test]
    fn where_they_are_not_clear_nothing_is_guessed() {
        let twice = format!("{TEXT}{TEXT}");
        let no_end = TEXT.replace("    // ANCHOR_END: a\n", "");
        let no_start = TEXT.replace("    // ANCHOR: a\r\n", "").replace("// EXERCISE a: title", "");
        let crossed = TEXT.replace("todo", "// EXERCISE b: title\n    todo");
        let backwards = "// ANCHOR_END: a\n// ANCHOR: a\n".to_owned();
        for text in [twice, no_end, no_start, crossed, backwards, String::new()] {
            assert_eq!(find(&text, "a"), None, "{text}");
        }
    }
}
