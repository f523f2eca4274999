//! A report for people: what holds, then the first cause of what does not, and one next step.

use std::fmt::Write;

use colored::Colorize;

use super::report::{Problem, Report, Verdict};
use super::texts;

/// How wide the text may be, in columns.
const COLUMNS: usize = 79;
/// How wide the names of a failure's parts are.
const LABEL: usize = 10;

/// The report of the chapter that is called `name`, as text for a terminal.
#[must_use]
pub fn show(report: &Report, name: &str) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", texts::heading(name).bold());
    if !report.checks.is_empty() {
        text.push('\n');
    }
    let first = report.causes().next().map(|cause| cause.id.clone());
    for check in &report.checks {
        text += &line(check, report, first.as_deref());
    }
    text += &left_out(report);
    text.push('\n');
    match (&report.problem, report.causes().next()) {
        (Some(problem), _) => text += &self::problem(problem, report),
        (None, Some(cause)) => text += &failure(cause, &report.chapter),
        (None, None) => {}
    }
    text += &verdict(report);
    text
}

/// One claim in the list. What follows from another failure is only counted there.
fn line(check: &Verdict, report: &Report, first: Option<&str>) -> String {
    let title = &check.title;
    if check.left_out.is_some() {
        return format!("  {} {}\n", texts::OPEN.dimmed(), title.dimmed());
    }
    if check.passed {
        return format!("  {} {title}\n", texts::YES.green());
    }
    if check.because.is_some() || report.problem.is_some() && first != Some(&check.id) {
        return format!("  {} {}\n", texts::OPEN.dimmed(), title.dimmed());
    }
    let folded = match report.consequences(&check.id) {
        0 => String::new(),
        count => format!("\n      {}", texts::consequences(count).dimmed()),
    };
    format!("  {} {}{folded}\n", texts::NO.red().bold(), title.bold())
}

/// Each reason once, however many claims it keeps from being examined.
fn left_out(report: &Report) -> String {
    let reasons = report.checks.iter().filter_map(|check| check.left_out.as_deref());
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for reason in reasons {
        match counts.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, count)) => *count += 1,
            None => counts.push((reason, 1)),
        }
    }
    let mut text = String::new();
    for (reason, count) in counts {
        for line in wrap(&texts::left_out(count, reason), COLUMNS - 4) {
            let _ = writeln!(text, "    {}", line.dimmed());
        }
    }
    text
}

/// What is wrong, so that the student can see it too.
fn failure(cause: &Verdict, chapter: &str) -> String {
    let mut text = format!("{} {}\n\n", texts::NO.red().bold(), cause.title.bold());
    let yourself = see_it(chapter, &cause.seen).unwrap_or_default();
    for (label, words) in [
        (texts::EXPECTED, &cause.expected),
        (texts::SEEN, &cause.seen),
        (texts::YOURSELF, &yourself),
        (texts::WHY, &cause.why),
        (texts::NEXT, &cause.hint),
        (texts::BOOK, &cause.book),
    ] {
        text += &part(label, words);
    }
    text.push('\n');
    text
}

/// How the student can look at the file in `/proc` that was seen: from inside, where the process is
/// called `self`. (The number that we saw is gone with the sandbox.) From 06 on that takes an image.
fn see_it(chapter: &str, seen: &str) -> Option<String> {
    let words = seen.split([' ', ',', ';', '\n']);
    let mut files = words.filter_map(|word| {
        let (number, file) = word.strip_prefix("/proc/")?.split_once('/')?;
        number.parse::<u32>().ok()?;
        Some(file.trim_end_matches([':', '.']))
    });
    let file = files.find(|file| !file.is_empty()).filter(|_| chapter < "06")?;
    let program = match file {
        "root" | "cwd" | "exe" => "readlink",
        link if link.starts_with("ns/") => "readlink",
        "fd" => "ls -l",
        "status" | "mountinfo" | "cmdline" | "cgroup" | "stat" | "environ" => "cat",
        _ => return None,
    };
    Some(texts::see_it(chapter, program, file))
}

fn problem(problem: &Problem, report: &Report) -> String {
    let (sentence, next) = match problem {
        Problem::OpenExercise { name, title, place } => {
            (texts::open(name, title, place), texts::write_it(chapter_of(place, report), name))
        }
        Problem::DoesNotCompile => (texts::DOES_NOT_COMPILE.into(), texts::READ_CARGO.into()),
        Problem::Panicked { place, message } => {
            (texts::panicked(place, message), texts::LOOK_THERE.into())
        }
        Problem::Hung { command, seen } => (texts::hung(command, seen), texts::WAIT.into()),
        Problem::Crashed { command, signal } => {
            (texts::crashed(command, *signal), texts::TRY_IT.into())
        }
    };
    let mark = match problem {
        Problem::OpenExercise { .. } => texts::OPEN.yellow().bold(),
        _ => texts::NO.red().bold(),
    };
    let mut text = String::new();
    for (place, line) in wrap(&sentence, COLUMNS - 2).iter().enumerate() {
        let _ = match place {
            0 => writeln!(text, "{mark} {}", line.bold()),
            _ => writeln!(text, "  {}", line.bold()),
        };
    }
    text.push('\n');
    text += &part(texts::NEXT, &next);
    text.push('\n');
    text
}

/// The chapter that an exercise belongs to: an earlier one's may be open as well.
fn chapter_of<'a>(place: &'a str, report: &'a Report) -> &'a str {
    let folder = place.split("chapters/").nth(1).and_then(|rest| rest.get(..2));
    folder.unwrap_or(&report.chapter)
}

/// A label, and words beside it.
fn part(label: &str, words: &str) -> String {
    let mut text = String::new();
    for (place, line) in wrap(words, COLUMNS - 2 - LABEL).iter().enumerate() {
        let label = if place == 0 { label } else { "" };
        let _ = writeln!(text, "  {}{line}", format!("{label:LABEL$}").dimmed());
    }
    text
}

/// Lines of at most so many columns, unless a word is longer. Line breaks stay.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > columns {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

fn verdict(report: &Report) -> String {
    let left_out = report.checks.iter().filter(|check| check.left_out.is_some()).count();
    let passed = report.checks.iter().filter(|check| check.passed).count();
    let all = report.checks.len();
    let sentence = texts::verdict(passed - left_out, left_out, all, report.problem.as_ref());
    let sentence = if report.passed { sentence.green().bold() } else { sentence.normal() };
    format!("{sentence}\n")
}

#[cfg(test)]
mod tests {
    use super::{Report, Verdict, see_it, verdict, wrap};

    /// A report with a claim that holds, one that does not, and one that could not be examined; the
    /// last line of it.
    fn last_line(marks: &str) -> String {
        let check = |mark: char| Verdict {
            id: mark.into(),
            title: mark.into(),
            passed: mark != 'x',
            expected: String::new(),
            seen: String::new(),
            why: String::new(),
            exercise: String::new(),
            hint: String::new(),
            book: String::new(),
            left_out: (mark == '?').then(|| "no root".into()),
            because: None,
        };
        let checks: Vec<_> = marks.chars().map(check).collect();
        let passed = checks.iter().all(|check| check.passed);
        verdict(&Report { chapter: "04".into(), passed, problem: None, checks })
    }

    #[test]
    fn what_could_not_be_examined_is_not_counted_as_holding() {
        colored::control::set_override(false);
        for (marks, said) in [
            ("vv", "All 2 claims hold.\n"),
            ("vv?", "2 claims hold, 1 could not be examined.\n"),
            ("vx", "1 of 2 claims hold so far.\n"),
            ("vx??", "1 of 4 claims hold so far, 2 could not be examined.\n"),
        ] {
            assert_eq!(last_line(marks), said);
        }
    }

    #[test]
    fn what_was_seen_in_proc_the_student_can_see_from_inside() {
        let see = |seen| see_it("02", seen).unwrap_or_default();
        assert_eq!(
            see("/proc/16/mountinfo: the host's root at /old"),
            "coracle run 02 -- run cat /proc/self/mountinfo"
        );
        assert_eq!(see("/proc/9/cwd -> /x; and"), "coracle run 02 -- run readlink /proc/self/cwd");
        for nothing in ["/proc/self/mountinfo: new", "nothing", "/proc/9/", "/proc/9/root/file: x"]
        {
            assert_eq!(see(nothing), "", "{nothing}");
        }
    }

    #[test]
    fn lines_are_broken_between_words_and_kept_where_they_were() {
        assert_eq!(wrap("one two three\nfour", 8), ["one two", "three", "four"]);
        assert_eq!(wrap("longerthanthat x", 4), ["longerthanthat", "x"]);
        assert_eq!(wrap("", 4), Vec::<String>::new());
    }
}
