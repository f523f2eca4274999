//! `coracle run`: the chapter that is meant, cargo's own words, and a status that is the program's.

mod project;

use std::process::Command;

use project::{Project, stderr, stdout};

fn project(name: &str, main: &str) -> Project {
    let project = Project::new(name);
    for chapter in ["00-process", "01-chroot-jail"] {
        let package = "version.workspace = true\nedition.workspace = true\n";
        let cargo = format!("[package]\nname = \"ch{chapter}\"\n{package}");
        project.write(&format!("chapters/{chapter}/Cargo.toml"), &cargo);
        project.write(&format!("chapters/{chapter}/src/main.rs"), main);
    }
    project
}

#[test]
fn the_program_gets_its_arguments_and_its_status_is_ours() {
    let project = project(
        "arguments",
        "fn main() {
            let args: Vec<_> = std::env::args().skip(1).collect();
            println!(\"{} {args:?} {:?}\", env!(\"CARGO_PKG_NAME\"), std::env::var(\"CARGO_PKG_NAME\"));
            std::process::exit(7);
        }",
    );
    let arguments: &[&str] = &["run", "-p", "80", "--", "sh", "-c", ""];
    // Cargo's variables are there when these tests run, but they are not the chapter's.
    let variable = std::env::var("CARGO_PKG_NAME");
    let expected =
        format!("[\"run\", \"-p\", \"80\", \"--\", \"sh\", \"-c\", \"\"] {variable:?}\n");
    for (name, package) in [
        ("0", "ch00-process"),
        ("00", "ch00-process"),
        ("1", "ch01-chroot-jail"),
        ("01-chroot-jail", "ch01-chroot-jail"),
    ] {
        let output = project.coracle(&[&["run", name, "--"], arguments].concat());
        assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
        assert_eq!(stdout(&output), format!("{package} {expected}"));
        assert_eq!(stderr(&output), "");
    }
    assert_eq!(stdout(&project.coracle(&["run", "0", "--", "--help"])).lines().count(), 1);
}

#[test]
fn a_program_that_a_signal_ends_is_128_and_the_signal() {
    let project = project("signal", "fn main() { std::process::abort() }");
    assert_eq!(project.coracle(&["run", "00"]).status.code(), Some(128 + 6));
}

#[test]
fn cargo_says_why_a_chapter_does_not_compile() {
    let project = project("error", "fn main() { nonsense }");
    let output = project.coracle(&["run", "00"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("cannot find value `nonsense`"), "{said}");
    assert!(said.ends_with(
        "coracle: ch00-process could not be built; the first error above is the one to begin with\n"
    ));
    assert_eq!(stdout(&output), "");
}

#[test]
fn an_unknown_chapter_is_answered_with_the_list() {
    let project = project("unknown", "fn main() {}");
    for name in ["7", "process", "00-", ""] {
        let output = project.coracle(&["run", name]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(
            stderr(&output),
            format!(
                "coracle: there is no chapter {name:?}; choose one of 00-process, 01-chroot-jail\n"
            )
        );
    }
}

#[test]
fn without_chapters_it_says_how_to_make_them() {
    let project = Project::new("none");
    project.write("solutions/00-process/Cargo.toml", "");
    let said = stderr(&project.coracle(&["run", "00"]));
    assert!(said.contains("`coracle author starters` makes them"), "{said}");
}

#[test]
fn a_root_folder_is_made_from_this_hosts_programs() {
    let project = Project::new("rootfs");
    let output = project.coracle(&["rootfs", "root"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stdout(&output).contains(" in \"root\".\nNext: coracle run 01 "),
        "{}",
        stdout(&output)
    );
    for program in ["ls", "sh", "cat"] {
        let found =
            ["bin", "usr/bin"].map(|folder| project.path("root").join(folder).join(program));
        assert!(found.iter().any(|path| path.exists()), "{program}");
    }
    // A second time it finds them there.
    assert!(stdout(&project.coracle(&["rootfs", "root"])).contains(" of them there already.\n"));
}

#[test]
fn a_command_line_without_sense_is_status_2() {
    let project = Project::new("usage");
    assert_eq!(project.coracle(&["sail"]).status.code(), Some(2));
    assert_eq!(project.coracle(&["run"]).status.code(), Some(2));
}

#[test]
fn a_starter_says_which_exercise_is_open() {
    let Some(root) = project::pristine() else { return };
    let output = Command::new(env!("CARGO_BIN_EXE_coracle"))
        .args(["run", "00", "--", "run", "true"])
        .current_dir(root)
        .output()
        .unwrap();
    let said = stderr(&output);
    let exercise = "spawn: make the new process (chapters/00-process/src/process.rs:";
    let expected = format!("ch00-process: this exercise is still open: {exercise}");
    assert!(said.starts_with(&expected) && said.lines().count() == 1, "{said}");
    assert_eq!(output.status.code(), Some(125));
}
