//! `coracle hint`: three steps, one at a time; and every exercise has them.

mod project;

use std::fs;

use coracle::check::{Problem, Report, Verdict};
use coracle::lessons::hints;
use coracle::project::chapters_in;
use coracle::student::progress;
use project::{Project, files, region, stderr, stdout};

const CHECK: &[&str] = &["author", "starters", "--check"];

#[test]
fn one_step_more_each_time_and_the_last_one_leads_to_the_solution() {
    let project = Project::small("hint-steps");
    let first = project.says(&["hint"]);
    assert!(
        first.starts_with("first: title of first\nchapters/00-process/src/lib.rs:4\n"),
        "{first}"
    );
    assert!(first.contains("1. nudge first") && !first.contains("2. "), "{first}");
    assert!(first.contains("Hint 1 of 3. The next one: coracle hint 00 first"), "{first}");
    let second = project.says(&["hint", "0"]);
    assert!(second.contains("nudge first") && second.contains("2. pointer first"), "{second}");
    for _ in 0..2 {
        let third = project.says(&["hint"]);
        assert!(third.contains("3. nearly first"), "{third}");
        assert!(third.ends_with("The finished lines: coracle solve 00 first\n"), "{third}");
    }
    // Another exercise has its own.
    let other = project.says(&["hint", "00", "second"]);
    assert!(other.contains("1. nudge second") && !other.contains("pointer"), "{other}");
    assert!(project.says(&["hint", "01"]).contains("1. nudge third"));
}

#[test]
fn the_exercise_that_is_meant_is_the_one_that_fails_or_else_the_first_open_one() {
    let project = Project::small("hint-meant");
    project.says(&["solve", "00", "first"]);
    assert!(project.says(&["hint"]).starts_with("second: "));
    project.says(&["solve", "00", "second"]);
    assert_eq!(project.says(&["hint", "00"]), "Chapter 00 is done. What is next: coracle next\n");
    assert!(project.says(&["hint"]).starts_with("third: "), "of the next chapter");

    let own = project.read("chapters/00-process/src/lib.rs").replace("= 1", "= 2");
    project.write("chapters/00-process/src/lib.rs", &own);
    let nothing = project.says(&["hint"]);
    assert_eq!(nothing, "Nothing in chapter 00 is open. Is it right? coracle check 00\n");
    record(&project, &[("cause", "second", None), ("effect", "first", Some("cause"))]);
    assert!(project.says(&["hint"]).starts_with("second: "), "not what follows from it");
    record(&project, &[("one", "second", None), ("other", "first", None)]);
    assert!(project.says(&["hint"]).starts_with("second: "), "what was named first");
    record(&project, &[("one", "", None)]);
    let said = project.says(&["hint"]);
    assert!(said.ends_with("Has anything else changed?\ncoracle diff 00\n"), "{said}");
    assert!(project.says(&[]).contains("Next: coracle hint 00"));
}

/// Remembers that these checks have failed: id, exercise, what caused it.
fn record(project: &Project, failed: &[(&str, &str, Option<&str>)]) {
    let verdict = |(id, exercise, because): &(&str, &str, Option<&str>)| Verdict {
        id: (*id).into(),
        title: "Title".into(),
        passed: false,
        expected: String::new(),
        seen: String::new(),
        why: String::new(),
        exercise: (*exercise).into(),
        left_out: None,
        hint: String::new(),
        book: String::new(),
        because: because.map(String::from),
    };
    let checks = failed.iter().map(verdict).collect();
    let report = Report { chapter: "00".into(), passed: false, checks, problem: None };
    let project = project.project();
    let source = progress::source(&project, "00-process").unwrap();
    progress::record(&project, "00-process", source, &report).unwrap();
}

#[test]
fn what_the_check_found_open_comes_before_what_else_is_open() {
    let project = Project::small("hint-open");
    let open = Problem::OpenExercise {
        name: "second".into(),
        title: "title of second".into(),
        place: "chapters/00-process/src/lib.rs:15".into(),
    };
    let report =
        Report { chapter: "00".into(), passed: false, checks: Vec::new(), problem: Some(open) };
    let source = progress::source(&project.project(), "00-process").unwrap();
    progress::record(&project.project(), "00-process", source, &report).unwrap();
    assert!(project.says(&["hint"]).starts_with("second: "));
    assert!(project.says(&[]).contains("Next: second, "));
    project.says(&["solve", "00", "second"]);
    assert!(project.says(&["hint"]).starts_with("first: "));
}

#[test]
fn an_unknown_exercise_is_answered_with_the_list() {
    let project = Project::small("hint-unknown");
    let output = project.coracle(&["hint", "00", "third"]);
    assert_eq!(output.status.code(), Some(1));
    let said = "coracle: chapter 00 has no exercise \"third\"; choose one of first, second\n";
    assert_eq!(stderr(&output), said);
}

#[test]
fn who_can_remember_nothing_gives_the_hint_all_the_same() {
    let project = Project::small("hint-no-memory");
    // Nobody, not even root, can make a folder there.
    project.write(".coracle", "");
    for _ in 0..2 {
        let output = project.coracle(&["hint"]);
        assert!(output.status.success());
        assert!(stdout(&output).contains("1. nudge first"));
        let said = stderr(&output);
        assert!(said.starts_with("coracle: this will not be remembered: can't write "), "{said}");
    }
}

#[test]
fn the_authors_are_told_what_is_missing_and_what_is_for_nothing() {
    let project = Project::small("hint-author");
    project.says(CHECK);
    let file = "workshop/src/lessons/hints/00-process.md";
    let good = project.read(file);
    let said = || {
        let output = project.coracle(CHECK);
        assert_eq!(output.status.code(), Some(1));
        stdout(&output) + &stderr(&output)
    };
    project.write(file, &good.replace("## second", "## secund"));
    let both = said();
    assert!(both.contains(&format!("{file}: exercise \"second\" has no hints")), "{both}");
    assert!(both.contains(&format!("{file}: there is no exercise \"secund\"")), "{both}");
    fs::remove_file(project.path(file)).unwrap();
    assert!(said().contains("exercise \"first\" has no hints"));
    for (wrong, sentence) in [
        (good.replace("3. nearly\n", ""), "\"first\" needs three steps"),
        (good.replace("10 minutes", "soon"), "belongs to no step: \"soon\""),
        (good.replace("10 minutes\n", ""), "does not say how long"),
    ] {
        project.write(file, &wrong);
        assert!(said().contains(sentence), "{sentence}: {}", said());
    }
}

#[test]
fn the_real_hints_fit_on_the_screen_and_give_no_line_away() {
    let project = Project::real("hint-real");
    project.says(CHECK);
    let root = project.path(".");
    let mut exercises = 0;
    for chapter in chapters_in(&project.path("solutions")).unwrap() {
        let sources = files(&project.path(&format!("solutions/{chapter}/src")));
        for hints in hints::read(&root, &chapter).unwrap() {
            exercises += 1;
            let (number, name) = (&chapter[..2], &hints.exercise);
            for _ in 0..hints::STEPS {
                let shown = project.says(&["hint", number, name]);
                let widest = shown.lines().map(|line| line.chars().count()).max();
                assert!(widest <= Some(80), "{shown}");
                assert!(shown.lines().count() <= 24, "{shown}");
            }
            let words = hints.steps.join(" ");
            let (begin, end) =
                (format!("// EXERCISE {name}: "), format!("// ANCHOR_END: {name}\n"));
            let source = sources.values().find(|text| text.contains(&begin)).unwrap();
            let lines = source.split(&begin).nth(1).unwrap().split(&end).next().unwrap();
            for line in lines.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
                let line = line.trim_end_matches([';', ',', '{', '?']);
                assert!(line.len() < 20 || !words.contains(line), "{name} gives away {line:?}");
            }
        }
    }
    assert!(exercises >= 29, "{exercises}");
}

#[test]
fn the_made_up_exercises_are_what_these_tests_take_them_for() {
    let project = Project::small("hint-small");
    let starter = region("first")
        .replace("let first = 1;\n    first\n", "todo!(\"first: title of first\")\n");
    assert!(project.read("chapters/00-process/src/lib.rs").starts_with(&starter));
}
