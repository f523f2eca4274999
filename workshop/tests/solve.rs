//! `coracle solve`, `reset`, `restore`, `diff`: the lines that are meant, and no line lost.

mod project;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use project::{Project, files, region, stderr, stdout};
use testbed::{Host, Who};

const LIB: &str = "chapters/00-process/src/lib.rs";
const KEPT: &str = ".coracle/kept/00-process";

/// Something that nobody else has written.
fn mine(project: &Project) -> String {
    project.read(LIB).replace("todo!(\"first: title of first\")", "first_of_mine()")
}

fn kept(project: &Project) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(project.path(KEPT)) else { return Vec::new() };
    let mut copies: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    copies.sort();
    copies
}

#[test]
fn a_chapter_becomes_the_finished_one_and_the_students_is_kept() {
    let project = Project::small("solve-chapter");
    let mine = mine(&project);
    project.write(LIB, &mine);
    project.write("chapters/00-process/src/own.rs", "// Mine.\n");
    let said = project.says(&["solve", "00"]);
    assert_eq!(project.read(LIB), region("first") + &region("second"));
    assert!(!project.path("chapters/00-process/src/own.rs").exists());

    let copies = kept(&project);
    let [copy] = &copies[..] else { panic!("{copies:?}") };
    let name = copy.file_name().unwrap().to_str().unwrap();
    assert_eq!(
        said,
        format!(
            "Chapter 00 is finished now.\nYour version is kept in {KEPT}/{name}\n\
             To get it back: coracle restore 00\n"
        )
    );
    let copied = files(copy);
    assert_eq!(copied[Path::new("src/lib.rs")], mine);
    assert_eq!(copied[Path::new("src/own.rs")], "// Mine.\n");
    assert!(copied.contains_key(Path::new("Cargo.toml")));

    assert_eq!(
        project.says(&["solve", "00"]),
        "Chapter 00 is finished already; nothing was changed.\n"
    );
    assert_eq!(kept(&project).len(), 1);
    assert_eq!(project.says(&["diff", "00"]), "Chapter 00 is the finished one, word for word.\n");
}

#[test]
fn the_real_chapters_solved_are_what_the_solutions_are_under_the_students_names() {
    let project = Project::real("solve-real");
    let starters = files(&project.path("chapters"));
    for number in 0..7 {
        // One exercise after the other makes the same as all at once.
        let number = format!("0{number}");
        let list = project.says(&["hint", &number]);
        assert!(list.contains("Hint 1 of 3"), "{list}");
        let unknown = stderr(&project.coracle(&["solve", &number, "?"]));
        let exercises = unknown.trim_end().split("choose one of ").nth(1).unwrap();
        for exercise in exercises.split(", ") {
            project.says(&["solve", &number, exercise]);
        }
        let diff = project.says(&["diff", &number]);
        assert!(diff.ends_with("is the finished one, word for word.\n"), "{diff}");
        for exercise in exercises.split(", ") {
            project.says(&["reset", &number, exercise]);
        }
    }
    assert_eq!(files(&project.path("chapters")), starters);
    for number in 0..7 {
        project.says(&["solve", &format!("0{number}")]);
    }
    let solved = files(&project.path("chapters"));
    for (path, text) in files(&project.path("solutions")) {
        if path.extension().is_some_and(|extension| extension == "rs")
            && path.iter().nth(1).unwrap() == "src"
        {
            let lines =
                |text: &str| -> BTreeSet<String> { text.lines().map(String::from).collect() };
            let renamed = (0..7)
                .fold(text, |text, n| text.replace(&format!("sol0{n}_"), &format!("ch0{n}_")));
            assert_eq!(lines(&solved[&path]), lines(&renamed), "{path:?}");
        }
    }
}

#[test]
fn one_exercise_is_replaced_and_nothing_around_it() {
    let project = Project::small("solve-one");
    // Lines around it were added, removed, indented; one file uses Windows' line ends.
    let mine = format!("//! Mine.\r\nfn more() {{}}\r\n{}", mine(&project).replace('\n', "\r\n"));
    let mine = mine.replace("    // ANCHOR: second\r\n", "");
    project.write(LIB, &mine);
    let said = project.says(&["solve", "00", "second"]);
    assert!(
        said.starts_with("second in chapter 00 is finished now.\nYour version is kept in "),
        "{said}"
    );
    let solved = project.read(LIB);
    assert!(
        solved.contains("    let second = 1;\n    second\n    // ANCHOR_END: second\n"),
        "{solved}"
    );
    let (before, _) = mine.split_once("    // EXERCISE second").unwrap();
    assert!(solved.starts_with(before) && solved.ends_with("}\r\n"), "{solved}");
    project.says(&["reset", "00", "second"]);
    assert!(project.read(LIB).contains("todo!(\"second: title of second\")\n"));
    project.says(&["restore", "00"]);
    assert_eq!(project.read(LIB), solved);
}

#[test]
fn where_the_lines_are_not_clear_nothing_is_guessed() {
    let project = Project::small("solve-unclear");
    let starter = project.read(LIB);
    for mine in [
        starter.replace("    // ANCHOR_END: first\n", ""),
        format!("{starter}{starter}"),
        starter.replace("// ANCHOR: first", "").replace("// EXERCISE first", "// first"),
        starter.replace("// ANCHOR_END: first", "// ANCHOR_END: second"),
        String::new(),
    ] {
        project.write(LIB, &mine);
        for verb in ["solve", "reset"] {
            let output = project.coracle(&[verb, "00", "first"]);
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{mine}");
            assert!(said.contains("the lines of \"first\" can't be told for certain"), "{said}");
            assert!(said.contains("`coracle solve 00`"), "{said}");
            assert_eq!(project.read(LIB), mine);
        }
    }
    fs::write(project.path(LIB), b"// EXERCISE first: \xff\n// ANCHOR_END: first\n").unwrap();
    assert!(!project.coracle(&["solve", "00", "first"]).status.success());
    // The whole chapter always goes, and any bytes are kept.
    project.says(&["solve", "00"]);
    let copy = &kept(&project)[0];
    assert!(fs::read(copy.join("src/lib.rs")).unwrap().contains(&0xff));
    project.says(&["restore", "00"]);
    assert!(fs::read(project.path(LIB)).unwrap().contains(&0xff));
}

#[test]
fn restore_goes_back_and_forth_and_to_any_version() {
    let project = Project::small("restore");
    let output = project.coracle(&["restore", "00"]);
    assert!(stderr(&output).contains("there is no earlier version"), "{}", stderr(&output));
    let mine = mine(&project);
    project.write(LIB, &mine);
    project.says(&["reset", "00"]);
    let starter = project.read(LIB);
    for version in [&mine, &starter, &mine] {
        project.says(&["restore", "00"]);
        assert_eq!(project.read(LIB), *version);
    }
    let copies = kept(&project);
    let first = copies[0].file_name().unwrap().to_str().unwrap();
    project.write(LIB, "// Other.\n");
    let said = project.says(&["restore", "00", first]);
    assert_eq!(project.read(LIB), mine);
    assert!(said.contains("Other versions, for `coracle restore 00 NAME`:\n  2"), "{said}");

    let several = stderr(&project.coracle(&["restore", "00", "2"]));
    assert!(several.contains("may be any of these") && several.contains(first), "{several}");
    let none = stderr(&project.coracle(&["restore", "00", "x"]));
    assert!(
        none.contains("there is none called \"x\"; there are:") && none.contains(first),
        "{none}"
    );
    let path = stderr(&project.coracle(&["restore", "00", "../01-chroot-jail"]));
    assert!(path.contains("there is none called"), "{path}");
}

#[test]
fn mode_and_owner_of_a_file_stay_and_cargo_has_to_build_it_again() {
    let project = Project::small("solve-owner");
    let path = project.path(LIB);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let is_root = chown(&path, Some(1000), Some(1000)).is_ok();
    let _ = chown(project.path("."), Some(1000), Some(1000));
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(1000);
    fs::File::options().append(true).open(&path).unwrap().set_modified(long_ago).unwrap();
    project.says(&["solve", "00"]);
    project.says(&["restore", "00"]);
    let found = fs::metadata(&path).unwrap();
    assert_eq!(found.mode() & 0o777, 0o640);
    assert!(found.modified().unwrap() > long_ago + Duration::from_secs(900));
    if is_root {
        assert_eq!((found.uid(), found.gid()), (1000, 1000));
        for (path, _) in files(&project.path(".coracle")) {
            let path = project.path(".coracle").join(path);
            assert_eq!(fs::metadata(&path).unwrap().uid(), 1000, "{path:?}");
        }
    }
}

#[test]
fn diff_reads_like_diff_and_has_no_colour_in_a_file() {
    let project = Project::small("diff");
    project.write("chapters/00-process/src/own.rs", "// Mine.\n");
    let shown = project.says(&["diff", "00"]);
    let first = "--- chapters/00-process/src/lib.rs\n+++ solutions/00-process/src/lib.rs\n@@ -3,7 +3,8 @@\n";
    assert!(shown.starts_with(first), "{shown}");
    assert!(
        shown
            .contains("\n-    todo!(\"first: title of first\")\n+    let first = 1;\n+    first\n"),
        "{shown}"
    );
    assert!(shown.contains("--- chapters/00-process/src/own.rs\n+++ /dev/null\n"), "{shown}");
    assert!(!shown.contains('\x1b'));
    // patch(1) understands it.
    let (shown, _) = shown.split_once("--- chapters/00-process/src/own.rs").unwrap();
    let patch = Command::new("sh")
        .args(["-c", "cd chapters/00-process/src && printf %s \"$0\" | patch -s lib.rs", shown])
        .current_dir(project.path("."))
        .status();
    match patch {
        Ok(status) if status.code() != Some(127) => {
            assert_eq!(project.read(LIB), region("first") + &region("second"))
        }
        _ => testbed::skipped("no patch(1)"),
    }
}

/// Numbers that look random, and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % sides
    }
}

/// Every content that a file of the chapter has now, or in a copy.
fn everything(project: &Project) -> BTreeSet<(PathBuf, String)> {
    let mut found: BTreeSet<_> = chapter(project).into_iter().collect();
    for copy in kept(project) {
        found.extend(files(&copy));
    }
    found
}

fn chapter(project: &Project) -> BTreeMap<PathBuf, String> {
    files(&project.path("chapters/00-process"))
}

#[test]
fn whatever_the_student_does_no_text_is_ever_lost() {
    for seed in 0..6 {
        let project = Project::small(&format!("never-lost-{seed}"));
        let (mut dice, mut had) = (Dice(seed), BTreeSet::new());
        for step in 0..40 {
            had.extend(chapter(&project));
            match dice.roll(8) {
                0..3 => edit(&project, &mut dice, step),
                3 => drop(project.coracle(&["solve", "00"])),
                4 => drop(project.coracle(&["reset", "00"])),
                5 => drop(project.coracle(&["solve", "00", ["first", "second"][dice.roll(2)]])),
                6 => drop(project.coracle(&["reset", "00", ["first", "second"][dice.roll(2)]])),
                _ => {
                    let copies = kept(&project);
                    let name = copies.get(dice.roll(copies.len() + 1));
                    let name = name.map(|copy| copy.file_name().unwrap().to_str().unwrap());
                    let words: Vec<_> = ["restore", "00"].into_iter().chain(name).collect();
                    project.coracle(&words);
                }
            }
            had.extend(chapter(&project));
            let now = everything(&project);
            let lost: Vec<_> = had.difference(&now).collect();
            assert!(lost.is_empty(), "seed {seed}, step {step}: {lost:#?}");
        }
    }
}

/// What the student writes; what was there before is remembered by a `reset`, as an editor's undo
/// would: this test is about what the workshop loses, and not about the student's own edits.
fn edit(project: &Project, dice: &mut Dice, step: usize) {
    project.coracle(&["solve", "00"]);
    project.coracle(&["restore", "00"]);
    let path = ["lib.rs", "deep/mod.rs", "own.rs"][dice.roll(3)];
    let path = format!("chapters/00-process/src/{path}");
    let text = fs::read_to_string(project.path(&path)).unwrap_or_default();
    let text = match dice.roll(4) {
        0 => format!("// {step}\n{text}"),
        1 => text.replace("todo!", &format!("/* {step} */ todo!")),
        2 => text.replacen("// ANCHOR_END", &format!("// {step}\n    // ANCHOR_END"), 1),
        _ => text.lines().skip(dice.roll(3)).map(|line| format!("{line}\n")).collect(),
    };
    project.write(&path, &text);
}

#[test]
fn killed_at_any_moment_it_leaves_whole_files_and_a_whole_copy() {
    let project = Project::small("killed");
    let mine = mine(&project);
    let solution = region("first") + &region("second");
    let mut killed = 0;
    for round in 0..60 {
        project.write(LIB, &mine);
        project.write("chapters/00-process/src/own.rs", "// Mine.\n");
        let before = chapter(&project);
        let delay = Duration::from_micros(300 * round);
        let mut child = Command::new(env!("CARGO_BIN_EXE_coracle"))
            .args(["solve", "00"])
            .current_dir(project.path("."))
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(delay);
        let _ = child.kill();
        killed += usize::from(!child.wait().unwrap().success());

        let now = project.read(LIB);
        assert!(now == mine || now == solution, "half a file after {delay:?}: {now}");
        if chapter(&project) != before {
            let copies = kept(&project);
            let latest = copies.iter().rfind(|copy| !copy.ends_with(".unfinished")).unwrap();
            assert_eq!(files(latest), before, "after {delay:?}");
        }
        // And the next one works.
        project.says(&["solve", "00"]);
        project.says(&["restore", "00"]);
        let leftovers: Vec<_> = files(&project.path(KEPT)).into_keys().collect();
        assert!(leftovers.iter().all(|path| !path.starts_with(".unfinished")), "{leftovers:?}");
    }
    assert!(killed > 5, "only {killed} were killed in time");
}

#[test]
fn a_full_disk_and_a_read_only_one_change_nothing() {
    let Some(host) = Host::new() else { return };
    let project = Project::small("full-disk");
    let mine = mine(&project);
    project.write(LIB, &mine);
    let own = project.path(".").canonicalize().unwrap();
    let own = own.display();
    let coracle = testbed::reachable(&host, env!("CARGO_BIN_EXE_coracle"));
    // A file system of its own with room for the project and for little else.
    let _ = host.sh(&format!(
        "mkdir /run/small && mount -t tmpfs -o size=256k none /run/small && cp -a {own}/. /run/small/"
    ));
    let run = |words: &str| {
        let script = format!("cd /run/small && {} {words}", coracle.display());
        host.command(Who::Root, "sh").args(["-c", &script]).output().unwrap()
    };
    let lib = || host.sh(&format!("cat /run/small/{LIB}"));
    let _ = host.sh("cat /dev/zero >/run/small/fill 2>/dev/null || true");
    for words in ["solve 00", "reset 00", "solve 00 first"] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        assert!(stderr(&output).contains("No space left on device"), "{}", stderr(&output));
        assert_eq!(lib(), mine);
    }
    assert_eq!(host.sh("find /run/small -name '.*.coracle' -o -name .unfinished"), "");

    let _ = host.sh("rm /run/small/fill && mount -o remount,ro /run/small");
    let output = run("solve 00");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("Read-only file system"), "{}", stderr(&output));
    // To look is allowed.
    let output = run("hint 00 first");
    assert!(stdout(&output).contains("1. nudge first"), "{}", stderr(&output));
    assert!(
        run("").status.success() && run("list").status.success() && run("diff 00").status.success()
    );

    let _ = host.sh("mount -o remount,rw /run/small");
    assert!(run("solve 00").status.success());
    assert!(run("restore 00").status.success());
    assert_eq!(lib(), mine);
}

#[test]
fn when_only_a_part_could_be_replaced_it_says_how_to_get_it_back() {
    let Some(host) = Host::new() else { return };
    let project = Project::small("in-part");
    let mine = mine(&project);
    project.write(LIB, &mine);
    project.write("chapters/00-process/src/deep/mod.rs", "// Mine.\n");
    let own = project.path(".").canonicalize().unwrap();
    let coracle = testbed::reachable(&host, env!("CARGO_BIN_EXE_coracle"));
    // One of the two files lies where nobody can write.
    let deep = own.join("chapters/00-process/src/deep");
    let file = own.join(LIB);
    let _ =
        host.sh(&format!("mount --bind {0} {0} && mount -o remount,bind,ro {0}", file.display()));
    let run = |words: &str| {
        let script = format!("cd {} && {} {words}", own.display(), coracle.display());
        host.command(Who::Root, "sh").args(["-c", &script]).output().unwrap()
    };
    let output = run("solve 00");
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("was replaced in part only; `coracle restore 00 2"), "{said}");
    assert_eq!(fs::read_to_string(deep.join("mod.rs")).unwrap(), "");
    let _ = host.sh(&format!("umount {}", file.display()));
    let output = run("restore 00");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(deep.join("mod.rs")).unwrap(), "// Mine.\n");
    assert_eq!(project.read(LIB), mine);
}
