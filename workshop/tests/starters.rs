//! `coracle author starters`: what it makes, what it refuses, and what it never destroys.

mod project;

use std::fs;
use std::path::Path;
use std::process::Command;

use project::{HOOK, Project, files, stderr, stdout};

const STARTERS: &[&str] = &["author", "starters"];
const CHECK: &[&str] = &["author", "starters", "--check"];

/// The made-up tree beside this file: `solutions` is what is given, `chapters` what is expected.
fn example() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/starters"))
}

fn example_project(name: &str) -> Project {
    let project = Project::new(name);
    for (path, text) in files(&example().join("solutions")) {
        project.write(&format!("solutions/{}", path.display()), &text);
    }
    project.write_hints("00-process", &["sum", "short"]);
    project
}

/// A project whose only source file is this one.
fn project_of(name: &str, source: &str) -> Project {
    let project = Project::new(name);
    project.write("solutions/00-process/Cargo.toml", "[package]\nname = \"sol00-process\"\n");
    project.write("solutions/00-process/src/lib.rs", source);
    project
}

/// Makes the example's chapters and commits everything.
fn committed_project(name: &str) -> Project {
    let project = example_project(name);
    assert!(project.coracle(STARTERS).status.success());
    git(&project, &["init", "--quiet"]);
    commit(&project);
    project
}

fn commit(project: &Project) {
    git(project, &["add", "--all"]);
    let author = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
    git(project, &[&author[..], &["commit", "--quiet", "--no-verify", "--message=test"]].concat());
}

fn git(project: &Project, args: &[&str]) {
    let mut command = Command::new("git");
    command.args(args).current_dir(project.path("."));
    for name in HOOK {
        command.env_remove(name);
    }
    assert!(command.status().unwrap().success(), "git {args:?}");
}

#[test]
fn chapters_are_the_solutions_with_their_exercises_open() {
    let project = example_project("made");
    let output = project.coracle(STARTERS);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(files(&project.path("chapters")), files(&example().join("chapters")));
}

#[test]
fn it_is_found_from_any_folder_of_the_project() {
    let project = example_project("from-below");
    let output = Command::new(env!("CARGO_BIN_EXE_coracle"))
        .args(CHECK)
        .current_dir(project.path("solutions/00-process/src"))
        .output()
        .unwrap();
    assert!(stdout(&output).contains("chapters/00-process/src/lib.rs: is missing"));
}

#[test]
fn a_file_that_is_right_is_not_written_again() {
    let project = committed_project("untouched");
    let written = |file| fs::metadata(project.path(file)).unwrap().modified().unwrap();
    let (same, other) = ("chapters/00-process/src/lib.rs", "chapters/00-process/src/kernel/mod.rs");
    let before = written(same);
    project.write("solutions/00-process/src/kernel/mod.rs", "//! New.\n");
    let output = project.coracle(STARTERS);
    assert_eq!(
        stdout(&output),
        format!("{other}: changed\nchapters/ is in step with solutions/\n")
    );
    assert_eq!(written(same), before);
}

#[test]
fn what_no_solution_makes_any_more_is_removed() {
    let project = committed_project("stale");
    project.write("chapters/README.md", "by hand\n");
    fs::remove_dir_all(project.path("solutions/01-chroot-jail")).unwrap();
    fs::remove_dir_all(project.path("solutions/00-process/src/kernel")).unwrap();
    let output = project.coracle(STARTERS);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!project.path("chapters/01-chroot-jail").exists());
    assert!(!project.path("chapters/00-process/src/kernel").exists());
    assert!(project.path("chapters/README.md").exists());
}

#[test]
fn check_lists_what_differs_is_missing_or_is_extra_and_writes_nothing() {
    let project = committed_project("check");
    let output = project.coracle(CHECK);
    assert!(output.status.success());
    assert_eq!(stdout(&output), "chapters/ is in step with solutions/\n");

    project.write("chapters/00-process/src/lib.rs", "//! Mine.\n");
    project.write("chapters/00-process/src/notes.rs", "//! Mine.\n");
    fs::remove_file(project.path("chapters/01-chroot-jail/Cargo.toml")).unwrap();
    let before = files(&project.path("chapters"));
    let output = project.coracle(CHECK);
    assert_eq!(output.status.code(), Some(1));
    let remedy = "`coracle author starters` puts it right";
    let expected = [
        format!("chapters/00-process/src/lib.rs: differs from what its solution makes; {remedy}"),
        format!("chapters/00-process/src/notes.rs: comes from no solution; {remedy}"),
        format!("chapters/01-chroot-jail/Cargo.toml: is missing; {remedy}"),
    ];
    assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), expected);
    assert_eq!(files(&project.path("chapters")), before);
}

#[test]
fn edits_that_are_not_committed_are_never_lost() {
    for (name, file) in [("edited", "src/lib.rs"), ("untracked", "src/notes.rs")] {
        let project = committed_project(name);
        let file = format!("chapters/00-process/{file}");
        project.write(&file, "//! Mine.\n");
        // Staged is not committed.
        git(&project, &["add", "--all", if name == "edited" { "." } else { "solutions" }]);
        project.write("solutions/00-process/src/kernel/mod.rs", "//! New.\n");
        let before = files(&project.path("chapters"));

        let output = project.coracle(STARTERS);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(
            stderr(&output),
            format!(
                "coracle: edits that are not committed would be lost in {file}; commit them, move \
                 them to solutions/, or take them back\n"
            )
        );
        assert_eq!(files(&project.path("chapters")), before, "nothing was written");

        commit(&project);
        assert!(project.coracle(STARTERS).status.success(), "git has them now");
        assert!(project.coracle(CHECK).status.success());
    }
}

#[test]
fn what_it_made_itself_it_may_make_again_without_a_commit() {
    let project = committed_project("twice");
    for text in ["//! One.\n", "//! Two.\n"] {
        project.write("solutions/00-process/src/kernel/mod.rs", text);
        let output = project.coracle(STARTERS);
        assert!(output.status.success(), "{}", stderr(&output));
    }
    project.write("chapters/00-process/src/kernel/mod.rs", "//! Mine.\n");
    assert!(!project.coracle(STARTERS).status.success());
}

#[test]
fn an_edit_that_the_solutions_make_as_well_is_no_obstacle() {
    let project = committed_project("same-edit");
    project.write("solutions/00-process/src/kernel/mod.rs", "//! New.\n");
    project.write("chapters/00-process/src/kernel/mod.rs", "//! New.\n");
    fs::remove_file(project.path("chapters/00-process/src/lib.rs")).unwrap();
    let output = project.coracle(STARTERS);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(project.coracle(CHECK).status.success());
}

#[test]
fn where_git_knows_nothing_nothing_is_overwritten() {
    let project = example_project("no-git");
    assert!(project.coracle(STARTERS).status.success(), "new files need no git");
    // A repository of its own, so that the one that this test lies in is not asked.
    git(&project, &["init", "--quiet"]);
    project.write("chapters/00-process/src/lib.rs", "//! Mine.\n");
    let output = project.coracle(STARTERS);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("git can't tell"), "{}", stderr(&output));
    assert_eq!(files(&project.path("chapters"))[Path::new("00-process/src/lib.rs")], "//! Mine.\n");
}

#[test]
fn each_mistake_in_a_region_is_named_with_its_place() {
    let long = format!("// ANCHOR: a\n// EXERCISE a: {}\nx\n// ANCHOR_END: a\n", "x".repeat(89));
    let cases = [
        ("// ANCHOR: a\nx\n", 1, "\"a\" is never closed"),
        ("// ANCHOR: a\n// EXERCISE a: title\nx\n", 1, "\"a\" is never closed"),
        ("x\n// ANCHOR_END: a\n", 2, "closes \"a\", which is not open"),
        ("// ANCHOR: a\n// ANCHOR: a\n// ANCHOR_END: a\n", 2, "\"a\" is open already"),
        ("x\n// EXERCISE a: title\nx\n", 2, "exercise \"a\" has no region"),
        (
            "// ANCHOR: a\nx\n// EXERCISE a: title\nx\n// ANCHOR_END: a\n",
            3,
            "exercise \"a\" has no region",
        ),
        (
            "// ANCHOR: a\n// EXERCISE b: title\nx\n// ANCHOR_END: a\n",
            2,
            "the exercise is called \"b\" and its region \"a\"",
        ),
        ("// ANCHOR: a\n// EXERCISE a title\nx\n// ANCHOR_END: a\n", 2, "not understood"),
        ("// ANCHOR: a b\n", 1, "not understood"),
        (
            "// ANCHOR: a\n// EXERCISE a: title\n//   Task.\n// ANCHOR_END: a\n",
            2,
            "nothing to write",
        ),
        (
            "// ANCHOR: a\n// EXERCISE a: title\n// ANCHOR: b\n// EXERCISE b: title\nx\n\
             // ANCHOR_END: b\n// ANCHOR_END: a\n",
            4,
            "exercise \"b\" is inside of another one",
        ),
        (
            "// ANCHOR: a\n// EXERCISE a: title\n// ANCHOR: b\nx\n// ANCHOR_END: a\n",
            3,
            "\"b\" is half inside of an exercise",
        ),
        (
            "// ANCHOR: b\n// ANCHOR: a\n// EXERCISE a: title\nx\n// ANCHOR_END: b\n\
             // ANCHOR_END: a\n",
            5,
            "\"b\" is half inside of an exercise",
        ),
        (
            "// ANCHOR: a\n// EXERCISE a: title\nx\n// ANCHOR_END: a\n\
             // ANCHOR: a\n// EXERCISE a: title\nx\n// ANCHOR_END: a\n",
            6,
            "the chapter has an exercise \"a\" already, at src/lib.rs:2",
        ),
        (&*long, 2, "shorten it by 1"),
    ];
    for (number, (source, line, sentence)) in cases.into_iter().enumerate() {
        let project = project_of(&format!("mistake-{number}"), source);
        let output = project.coracle(CHECK);
        assert_eq!(output.status.code(), Some(1), "{source}");
        let expected = format!("\nsolutions/00-process/src/lib.rs:{line}: ");
        let said = stderr(&output);
        assert!(said.contains(&expected) && said.contains(sentence), "{source}: {said}");
        assert!(!project.coracle(STARTERS).status.success());
        assert!(!project.path("chapters").exists(), "nothing was written");
    }
}

#[test]
fn an_exercise_has_one_name_in_all_files_of_a_chapter() {
    let source = "// ANCHOR: a\n// EXERCISE a: title\nx\n// ANCHOR_END: a\n";
    let project = project_of("two-files", source);
    project.write("solutions/00-process/src/other.rs", source);
    let said = stderr(&project.coracle(CHECK));
    assert!(said.contains("src/other.rs:2: the chapter has an exercise \"a\" already"), "{said}");
}

#[test]
fn the_real_chapters_compile_without_a_warning() {
    let Some(root) = project::pristine() else { return };
    let chapters = coracle::project::chapters_in(&root.join("chapters")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet"]).current_dir(root);
    cargo.args(chapters.iter().map(|chapter| format!("--package=ch{chapter}")));
    let output = cargo.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", stderr(&output));
}
