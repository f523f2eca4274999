//! The project's tests in the machine.

use std::ffi::OsString;
use std::fmt::Write as _;

use crate::project::{Project, Test};

/// Tests of the workshop's that let cargo build something: the machine has no compiler.
const NEED_CARGO: [&str; 8] =
    ["check", "hints", "progress", "run", "solve", "starters", "terminal", "watch"];

/// A command that runs all the tests that can run in a machine, each of whose programs is given
/// `words`; its exit status is 0 if all pass.
#[must_use]
pub fn command(project: &Project, words: &[String]) -> Vec<OsString> {
    let mut script = String::from("failed=''\n");
    for test in project.tests.iter().filter(|test| can_run(test)) {
        let name = format!("{} {}", test.package, test.name);
        let _ = writeln!(
            script,
            "echo \"== $SECONDS {name}\"; cd {} && {} \"$@\" </dev/null || failed=\"$failed {name},\"",
            quoted(&test.folder.to_string_lossy()),
            quoted(&test.program.to_string_lossy()),
        );
    }
    let left = project.tests.iter().filter(|test| !can_run(test)).map(|test| test.name.as_str());
    let left: Vec<_> = left.collect();
    if !left.is_empty() {
        let left = left.join(", ");
        let _ = writeln!(script, "echo '== left out, since a machine has no compiler: {left}'");
    }
    script += "[ -z \"$failed\" ] || { echo \"== failed:${failed%,}\"; exit 1; }\n";
    let mut command: Vec<OsString> = ["bash", "-c", &script, "tests"].map(Into::into).into();
    command.extend(words.iter().map(Into::into));
    command
}

/// Whether a test needs nothing that a machine lacks.
#[must_use]
pub fn can_run(test: &Test) -> bool {
    test.package != "workshop" || !NEED_CARGO.contains(&test.name.as_str())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
