//! Bare `coracle`, `list`, `next`; and what is remembered between them.

mod project;

use std::fs;
use std::process::Command;

use coracle::check::{Report, Verdict};
use coracle::student::progress::{self, Progress};
use project::{Project, stderr, stdout};

const LIB: &str = "chapters/00-process/src/lib.rs";
const FILE: &str = ".coracle/progress.json";

/// What a check found: nothing wrong, or what the exercise has to do with.
fn record(project: &Project, chapter: &str, fails: Option<&str>) {
    let verdict = |exercise: &str| Verdict {
        id: "claim".into(),
        title: "Title".into(),
        passed: false,
        expected: String::new(),
        seen: String::new(),
        why: String::new(),
        exercise: exercise.into(),
        left_out: None,
        hint: String::new(),
        book: String::new(),
        because: None,
    };
    let checks = fails.map(verdict).into_iter().collect();
    let report =
        Report { chapter: chapter[..2].into(), passed: fails.is_none(), checks, problem: None };
    let project = project.project();
    let source = progress::source(&project, chapter).unwrap();
    progress::record(&project, chapter, source, &report).unwrap();
}

/// The student's own lines, which no solution knows.
fn write(project: &Project, value: u8) {
    let lines = project.read(LIB);
    let lines = lines.lines().map(|line| match line.trim() {
        todo if todo.starts_with("todo!") || todo.parse::<u8>().is_ok() => format!("    {value}\n"),
        _ => format!("{line}\n"),
    });
    project.write(LIB, &lines.collect::<String>());
}

#[test]
fn from_the_first_exercise_to_the_last() {
    let project = Project::small("progress-story");
    assert_eq!(
        project.says(&[]),
        "Chapter 00, process: 0 of 2 done\n\n\
         \x20 · first         title of first                                          10 min\n\
         \x20 · second        title of second                                         10 min\n\n\
         In all 0 of 3 done, about 30 minutes left.\n\n\
         Next: first, about 10 minutes\n\
         \x20     chapters/00-process/src/lib.rs:4\n\
         \x20     coracle watch 00\n\nAll commands: coracle --help\n"
    );
    assert_eq!(
        project.says(&["next"]),
        "Chapter 00, process\n\nfirst: title of first\n  Task of first.\n\n\
         Open chapters/00-process/src/lib.rs:4, about 10 minutes; and beside it:\ncoracle watch 00\n"
    );

    write(&project, 1);
    assert!(project.says(&[]).contains("  • first"), "written, and not checked");
    assert!(project.says(&["next"]).ends_with("Is it right?\ncoracle check 00\n"));

    record(&project, "00-process", Some("second"));
    let here = project.says(&[]);
    assert!(here.contains("  ✓ first") && here.contains("  ✗ second"), "{here}");
    assert!(here.contains("Next: second, "), "{here}");

    write(&project, 2);
    record(&project, "00-process", None);
    let list = project.says(&["list"]);
    assert!(
        list.starts_with("Chapter 00, process: done\n  ✓ first         title of first\n"),
        "{list}"
    );
    assert!(list.contains("Chapter 01, chroot-jail, about 10 minutes left\n  · third"), "{list}");
    assert!(list.contains("\n2 of 3 done, about 10 minutes left.\n"), "{list}");
    assert!(project.says(&[]).starts_with("Chapter 01, chroot-jail: 0 of 1 done\n"));

    // An edit that nobody has checked, and then one that broke it.
    write(&project, 3);
    let here = project.says(&[]);
    let changed = "Chapter 00, process: 2 of 2 done\nIt passed before, but not with the files as they are now.\n";
    assert!(here.starts_with(changed) && here.contains("Next: coracle check 00"), "{here}");
    assert!(project.says(&["list"]).starts_with("Chapter 00, process: changed since it passed\n"));
    record(&project, "00-process", Some("first"));
    assert!(project.says(&[]).contains("  ✗ first"));
    // Back as it was, it is right again, and nobody has to check that.
    write(&project, 2);
    assert!(project.says(&[]).starts_with("Chapter 01"));

    project.says(&["solve", "01"]);
    let end =
        "All chapters are done: 3 of 3 exercises. Look at what you have built:\ncoracle tour\n";
    assert_eq!(project.says(&[]), end);
    assert_eq!(project.says(&["next"]), end);
}

#[test]
fn what_passed_and_then_fails_with_the_same_files_has_not_passed() {
    let project = Project::small("progress-flaky");
    write(&project, 1);
    record(&project, "00-process", None);
    assert!(project.says(&[]).starts_with("Chapter 01"));
    record(&project, "00-process", Some("first"));
    assert!(project.says(&[]).contains("  ✗ first"));
}

#[test]
fn a_file_that_is_broken_is_put_aside() {
    for (number, text) in ["", "{", "[1]", "{\"chapters\": 3}", "\u{0}"].into_iter().enumerate() {
        let project = Project::small(&format!("progress-broken-{number}"));
        project.write(FILE, text);
        assert!(project.says(&[]).starts_with("Chapter 00"), "to look changes nothing");
        assert_eq!(project.read(FILE), text);
        let output = project.coracle(&["hint"]);
        assert!(stdout(&output).contains("1. nudge first"));
        let said = stderr(&output);
        assert!(said.contains("it is in ") && said.contains("progress.broken-1 now"), "{said}");
        assert_eq!(project.read(".coracle/progress.broken-1"), text);
        assert_eq!(stderr(&project.coracle(&["hint"])), "");
    }
}

#[test]
fn what_a_later_version_remembers_is_no_obstacle() {
    let project = Project::small("progress-later");
    project.write(
        FILE,
        "{\"new\": 1, \"chapters\": {\"00-process\": {\"hints\": {\"first\": 1}, \"more\": {}}}}",
    );
    assert!(project.says(&["hint"]).contains("2. pointer first"));
}

#[test]
fn two_at_once_both_remember() {
    let project = Project::small("progress-both");
    let start = |exercise| {
        Command::new(env!("CARGO_BIN_EXE_coracle"))
            .args(["hint", "00", exercise])
            .current_dir(project.path("."))
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    for _ in 0..10 {
        let _ = fs::remove_file(project.path(FILE));
        let children = ["first", "second"].map(start);
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let progress: Progress = serde_json::from_str(&project.read(FILE)).unwrap();
        assert_eq!(progress.chapters["00-process"].hints.len(), 2);
    }
}

#[test]
fn killed_at_any_moment_it_leaves_a_whole_file() {
    let project = Project::small("progress-killed");
    let mut killed = 0;
    for round in 0..40 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_coracle"))
            .args(["hint", "00", ["first", "second"][round % 2]])
            .current_dir(project.path("."))
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_micros(500 * round as u64));
        let _ = child.kill();
        killed += usize::from(!child.wait().unwrap().success());
        if let Ok(text) = fs::read_to_string(project.path(FILE)) {
            serde_json::from_str::<Progress>(&text).unwrap();
        }
        assert_eq!(stderr(&project.coracle(&["hint", "00"])), "", "nothing is broken or locked");
    }
    assert!(killed > 3, "only {killed} were killed in time");
}

#[test]
fn the_real_list_fits_on_the_screen() {
    let project = Project::real("progress-real");
    for words in [&[][..], &["list"], &["next"]] {
        let shown = project.says(words);
        let widest = shown.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= 80, "{widest}");
        assert!(!shown.contains('\x1b'), "no colour in a file");
        let minutes = if words == ["list"] { "0 of 29 done" } else { "about 15 minutes" };
        assert!(shown.contains(minutes), "{shown}");
    }
}
