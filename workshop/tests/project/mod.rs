//! A made-up copy of the workshop, in a folder that is gone when the test ends.

#![allow(dead_code, reason = "not every test file uses everything")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What git sets for its hooks; these tests may run in one, and have repositories of their own.
pub(crate) const HOOK: [&str; 3] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];

pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    /// A project with three small exercises in two chapters; `name` is the test's own.
    pub(crate) fn small(name: &str) -> Self {
        let project = Self::new(name);
        let chapter = |chapter: &str, files: &[(&str, &[&str])]| {
            let cargo = format!("[package]\nname = \"sol{chapter}\"\n");
            project.write(&format!("solutions/{chapter}/Cargo.toml"), &cargo);
            for (file, exercises) in files {
                let regions: String = exercises.iter().map(|name| region(name)).collect();
                project.write(&format!("solutions/{chapter}/src/{file}"), &regions);
            }
            let names: Vec<_> =
                files.iter().flat_map(|(_, exercises)| *exercises).copied().collect();
            project.write_hints(chapter, &names);
        };
        chapter("00-process", &[("lib.rs", &["first", "second"]), ("deep/mod.rs", &[])]);
        chapter("01-chroot-jail", &[("lib.rs", &["third"])]);
        project.make_starters();
        project
    }

    /// A copy of the real one, with the exercises open.
    pub(crate) fn real(name: &str) -> Self {
        let project = Self::new(name);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for folder in ["solutions", "workshop/src/lessons/hints"] {
            for (path, text) in files(&root.join(folder)) {
                project.write(&format!("{folder}/{}", path.display()), &text);
            }
        }
        project.make_starters();
        project
    }

    fn make_starters(&self) {
        let output = self.coracle(&["author", "starters"]);
        assert!(output.status.success(), "{}", stderr(&output));
    }

    /// A chapter's hints: `nudge NAME`, `pointer NAME`, `nearly NAME`; ten minutes each.
    pub(crate) fn write_hints(&self, chapter: &str, exercises: &[&str]) {
        let hints = exercises.iter().map(|name| {
            format!("\n## {name}\n\n10 minutes\n\n1. nudge {name}\n2. pointer {name}\n3. nearly\n   {name}\n")
        });
        let text = format!("# Hints\n{}", hints.collect::<String>());
        self.write(&format!("workshop/src/lessons/hints/{chapter}.md"), &text);
    }

    /// What a command prints that has to succeed.
    pub(crate) fn says(&self, args: &[&str]) -> String {
        let output = self.coracle(args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        stdout(&output)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// A project without any chapter; `name` is the test's own.
    pub(crate) fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        // What a test that was interrupted left behind.
        let _ = fs::remove_dir_all(&root);
        let project = Self { root };
        let package = "[workspace.package]\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        project.write("Cargo.toml", &format!("[workspace]\nmembers = [\"chapters/*\"]\n{package}"));
        project
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The same, for calls of the library.
    pub(crate) fn project(&self) -> coracle::project::Project {
        coracle::project::Project::at(&self.root)
    }

    pub(crate) fn coracle(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coracle"));
        command.args(args).current_dir(&self.root);
        // The real project's programs have the same names.
        command.env("CARGO_TARGET_DIR", self.root.join("target"));
        for name in HOOK {
            command.env_remove(name);
        }
        command.output().unwrap()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// The project's own folder, if its chapters are as solutions/ makes them: in a student's copy they
/// hold the student's work, and its tests are none of ours.
pub(crate) fn pristine() -> Option<&'static Path> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let pristine = coracle::author::differences(root).is_ok_and(|found| found.is_empty());
    if !pristine {
        testbed::skipped("chapters/ is being worked on");
    }
    pristine.then_some(root)
}

/// The finished lines of an exercise, with all that is around them.
pub(crate) fn region(name: &str) -> String {
    format!(
        "/// {name}.\npub fn {name}() -> u8 {{\n    // ANCHOR: {name}\n    // EXERCISE {name}: title of {name}\n    \
         //   Task of {name}.\n    let {name} = 1;\n    {name}\n    // ANCHOR_END: {name}\n}}\n"
    )
}

/// Every file below `folder`, with its content.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().into();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
