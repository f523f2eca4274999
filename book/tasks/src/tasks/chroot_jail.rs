//! 01: a root folder of its own, feet that did not come along, and a door that was left open.

use std::path::Path;

use anyhow::Result;
use coracle::check::claim::expect;
use coracle::lessons::look::{identity, link};
use coracle::observe::{self, DescriptorKind};
use nix::unistd::Pid;

use crate::look::Look;
use crate::task::{Promise, Task};
use crate::values::{self, Values};

pub(super) const TASKS: [Task; 3] = [
    Task {
        name: "01-jail",
        values,
        promises: &[
            Promise::Lesson("00", "runs"),
            ROOT_FOLDER,
            Promise::Lesson("01", "working-folder"),
            Promise::Lesson("01", "own-program"),
        ],
        look: |look| {
            look.process("runs", &["sleep", look.value("seconds")?], |look, pid| {
                root_folder(look, pid)?;
                working_folder(look, pid);
                own_program(look, pid)
            })
        },
    },
    Task {
        name: "01-feet",
        values,
        promises: &[
            Promise::Lesson("00", "runs"),
            ROOT_FOLDER,
            Promise::Own("feet", "it stands outside of it: in the host's /"),
        ],
        look: |look| {
            look.process("runs", &["sleep", look.value("seconds")?], |look, pid| {
                root_folder(look, pid)?;
                feet(look, pid);
                Ok(())
            })
        },
    },
    Task {
        name: "01-door",
        values: || {
            let mut values = values()?;
            values.insert("descriptor".into(), (values::number(6)? + 4).to_string());
            Ok(values)
        },
        promises: &[
            Promise::Lesson("00", "runs"),
            ROOT_FOLDER,
            Promise::Lesson("01", "working-folder"),
            Promise::Own("door", "its descriptor {descriptor} is the host's / all the same"),
        ],
        look: |look| {
            look.process("runs", &["sleep", look.value("seconds")?], |look, pid| {
                root_folder(look, pid)?;
                working_folder(look, pid);
                door(look, pid)
            })
        },
    },
];

/// Of chapter 02, too.
pub(super) const ROOT_FOLDER: Promise =
    Promise::Own("root-folder", "/tmp/{name} is its root folder");

fn values() -> Result<Values> {
    Ok(values::of([("name", values::name()?), ("seconds", values::seconds()?)]))
}

/// Its root is the task's folder: told by device and inode, since a path may be another's.
pub(super) fn root_folder(look: &mut Look, pid: Pid) -> Result<()> {
    let folder = look.folder()?;
    let (its, wanted) = (identity(&format!("/proc/{pid}/root")), identity(&path(&folder)));
    let root = link(pid, "root");
    let found = if wanted.is_none() {
        Err(format!("There is no folder {} on the host.", folder.display()))
    } else if its == wanted {
        Ok(format!("/proc/{pid}/root -> {root}, the folder {}.", folder.display()))
    } else if its == identity("/") {
        Err(format!(
            "/proc/{pid}/root -> {root}, which is the host's root. The process that becomes `sleep` \
             has to change its root before."
        ))
    } else {
        Err(format!(
            "/proc/{pid}/root -> {root}, which is another folder than {}.",
            folder.display()
        ))
    };
    look.finding("root-folder", found);
    Ok(())
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// Chapter 01's claim: where it stands is below its root.
fn working_folder(look: &mut Look, pid: Pid) {
    let inside = observe::cwd(pid).is_ok_and(|cwd| cwd.below_root == Some(true));
    let seen = format!("/proc/{pid}/cwd -> {}", link(pid, "cwd"));
    let finding =
        expect(inside && look.holds("root-folder"), || format!("{seen}, outside of its root"));
    if look.holds("root-folder") {
        look.lesson("working-folder", finding, || format!("{seen}."), None);
    }
}

fn own_program(look: &mut Look, pid: Pid) -> Result<()> {
    let folder = look.folder()?;
    let exe = link(pid, "exe");
    let file = Path::new(&exe).strip_prefix(&folder).map(|below| folder.join(below));
    let own =
        file.is_ok_and(|file| identity(&path(&file)) == identity(&format!("/proc/{pid}/exe")));
    let finding = expect(own, || format!("/proc/{pid}/exe -> {exe}, the host's"));
    if look.holds("root-folder") {
        look.lesson("own-program", finding, || format!("/proc/{pid}/exe -> {exe}."), None);
    }
    Ok(())
}

fn feet(look: &mut Look, pid: Pid) {
    let cwd = link(pid, "cwd");
    let found = if !look.holds("root-folder") {
        return;
    } else if identity(&format!("/proc/{pid}/cwd")) == identity("/") {
        Ok(format!(
            "/proc/{pid}/cwd -> {cwd}: from there `..` and every relative path are the host's."
        ))
    } else if observe::cwd(pid).is_ok_and(|cwd| cwd.below_root == Some(false)) {
        Err(format!("/proc/{pid}/cwd -> {cwd}: outside, and not in the host's / yet."))
    } else {
        Err(format!(
            "/proc/{pid}/cwd -> {cwd}, inside. chroot(1) steps in for you. chroot(2) does not, and \
             neither does a program that opens a folder before, and steps back into it."
        ))
    };
    look.finding("feet", found);
}

fn door(look: &mut Look, pid: Pid) -> Result<()> {
    if !look.holds("root-folder") {
        return Ok(());
    }
    let number = look.value("descriptor")?;
    let all = observe::descriptors(pid)?;
    let found = match all.iter().find(|it| it.number.to_string() == number) {
        None => Err(format!(
            "/proc/{pid}/fd has no {number}. The shell opens a folder for reading as it opens a file."
        )),
        Some(it) if it.kind != DescriptorKind::Folder => Err(format!(
            "/proc/{pid}/fd/{number} -> {}, which is no folder.",
            link(pid, &fd(number))
        )),
        Some(_) if identity(&format!("/proc/{pid}/fd/{number}")) == identity("/") => Ok(format!(
            "/proc/{pid}/fd/{number} -> {}, the host's root: `fchdir` needs no path to get there.",
            link(pid, &fd(number))
        )),
        Some(_) => Err(format!(
            "/proc/{pid}/fd/{number} -> {}, another folder than the host's root.",
            link(pid, &fd(number))
        )),
    };
    look.finding("door", found);
    Ok(())
}

fn fd(number: &str) -> String {
    format!("fd/{number}")
}
