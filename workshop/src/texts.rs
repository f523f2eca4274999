//! What the workshop's command says to people. All words stand here, so that they can be translated
//! in one place; only the help of the command line stands in `main.rs`, where clap wants it.

use std::path::Path;

use chroot_jail::Copied;

use crate::author::{Change, Difference};

/// What was tried when writing to standard output failed.
pub const STANDARD_OUTPUT: &str = "can't write to standard output";

pub(crate) const CURRENT_FOLDER: &str = "can't tell which folder this is; change to another one";
pub(crate) const NO_PROJECT: &str = "this is not the workshop's folder, nor a folder in it; \
     change to your copy of the workshop (the folder with chapters/ in it) and try again";
pub(crate) const NO_CARGO: &str =
    "can't start cargo, which builds your program; install Rust from https://rustup.rs";
pub(crate) const NO_GIT: &str =
    "can't start git, which knows whether chapters/ holds edits of yours; install it";

/// The remedy when chapters/ is not what solutions/ makes of it.
pub const MAKE_STARTERS: &str =
    "chapters/ is not in step with solutions/; run `coracle author starters`";
/// All is well.
pub const IN_STEP: &str = "chapters/ is in step with solutions/";

pub(crate) const MALFORMED_MARKER: &str = "not understood; the forms are `// ANCHOR: name`, \
     `// EXERCISE name: title` and `// ANCHOR_END: name`, a name being letters, digits, _ and -";

/// What `coracle rootfs` has done, and what to do with it.
#[must_use]
pub fn root_filled(copied: &Copied, folder: &Path) -> String {
    let Copied { files, bytes, unchanged } = copied;
    let megabytes = bytes.div_ceil(1_000_000);
    let there = if *unchanged == 0 {
        String::new()
    } else {
        format!(", {unchanged} of them there already")
    };
    format!(
        "{files} files, {megabytes} MB, in {folder:?}{there}.\n\
         Next: coracle run 01 -- run --root {folder:?} sh"
    )
}

pub(crate) fn no_chapters(folder: &Path) -> String {
    format!("there are no chapters in {}; `coracle author starters` makes them", folder.display())
}

pub(crate) fn unknown_chapter(name: &str, chapters: &[String]) -> String {
    format!("there is no chapter {name:?}; choose one of {}", chapters.join(", "))
}

pub(crate) fn cannot_execute(program: &Path) -> String {
    format!("can't execute {}", program.display())
}

pub(crate) fn does_not_compile(package: &str) -> String {
    format!("{package} could not be built; the first error above is the one to begin with")
}

pub(crate) fn no_program(package: &str) -> String {
    format!("cargo built {package} but named no program; is there a src/main.rs in its folder?")
}

pub(crate) fn cannot_read(path: &Path) -> String {
    format!("can't read {}", path.display())
}

pub(crate) fn cannot_write(path: &Path) -> String {
    format!("can't bring {} in step", path.display())
}

/// One line of `coracle author starters --check`.
#[must_use]
pub fn out_of_step(change: &Change) -> String {
    let what = match change.difference {
        Difference::Missing => "is missing",
        Difference::Differs => "differs from what its solution makes",
        Difference::Extra => "comes from no solution",
    };
    format!("chapters/{}: {what}; `coracle author starters` puts it right", change.path.display())
}

/// One line of `coracle author starters`.
#[must_use]
pub fn brought_in_step(change: &Change) -> String {
    let what = match change.difference {
        Difference::Missing => "new",
        Difference::Differs => "changed",
        Difference::Extra => "removed",
    };
    format!("chapters/{}: {what}", change.path.display())
}

pub(crate) fn would_lose_edits(files: &[&Path]) -> String {
    let files: Vec<_> = files.iter().map(|file| format!("chapters/{}", file.display())).collect();
    format!(
        "edits that are not committed would be lost in {}; commit them, move them to solutions/, or take them back",
        files.join(", ")
    )
}

pub(crate) fn git_cannot_tell(said: &str) -> String {
    format!("git can't tell whether chapters/ holds edits of yours, so nothing was written: {said}")
}

pub(crate) fn fault_at(file: &Path, line: usize, sentence: &str) -> String {
    format!("{}:{line}: {sentence}", file.display())
}

pub(crate) fn faults(faults: &[String]) -> String {
    format!("the exercises in solutions/ are not in order\n{}", faults.join("\n"))
}

pub(crate) fn duplicated_exercise(name: &str, file: &Path, line: usize) -> String {
    format!(
        "the chapter has an exercise {name:?} already, at {}:{line}; give this one another name",
        file.display()
    )
}

pub(crate) fn anchor_opened_twice(name: &str) -> String {
    format!("{name:?} is open already; close it first, or give this one another name")
}

pub(crate) fn anchor_not_open(name: &str) -> String {
    format!("closes {name:?}, which is not open; is there an `// ANCHOR: {name}` above?")
}

pub(crate) fn anchor_not_closed(name: &str) -> String {
    format!("{name:?} is never closed; put `// ANCHOR_END: {name}` behind its last line")
}

pub(crate) fn anchor_crosses_exercise(name: &str) -> String {
    format!("{name:?} is half inside of an exercise; put both of its ends inside, or both outside")
}

pub(crate) fn exercise_without_anchor(name: &str) -> String {
    format!("exercise {name:?} has no region; put `// ANCHOR: {name}` in the line above")
}

pub(crate) fn exercise_of_other_name(name: &str, anchor: &str) -> String {
    format!("the exercise is called {name:?} and its region {anchor:?}; give both one name")
}

pub(crate) fn exercise_in_exercise(name: &str) -> String {
    format!("exercise {name:?} is inside of another one; close that one first")
}

pub(crate) fn nothing_to_write(name: &str) -> String {
    format!("exercise {name:?} has no finished lines, so there is nothing to write")
}

pub(crate) fn title_too_long(by: usize) -> String {
    format!("the title makes a line of more than 100 columns in the starter; shorten it by {by}")
}
