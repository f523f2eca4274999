//! What this chapter says to people. All words stand here, so that they can be translated in one
//! place.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use nix::errno::Errno;
use process::Step;

use crate::Copied;
use crate::breakout::{Escape, Identity};

/// For whoever looks at a root folder.
pub const ROOT: Step = Step {
    section: "01#root",
    why: "the root folder has to be there",
    causes: &[
        (
            Errno::ENOENT,
            "there is no such folder; `jail DIR PROGRAM…` makes one, and without --root there is one of this host's programs",
        ),
        (Errno::ENOTDIR, "the root has to be a folder, and this is a file"),
        (Errno::EACCES, "you may not look into this folder; make it yours, or run this as root"),
    ],
};

pub(crate) const CHROOT: Step = Step {
    section: "01#chroot",
    why: "from now on a path that begins with / begins in this folder, for this process and its children",
    causes: &[
        (
            Errno::EPERM,
            "chroot needs root, or a user namespace that may be used: on Ubuntu 24.04 AppArmor forbids it until a profile with `userns,` is loaded for this program",
        ),
        (Errno::EACCES, "you may not enter this folder, or one above it"),
        (Errno::ENOENT, "the folder has gone since it was looked at"),
    ],
};

pub(crate) const CHDIR: Step = Step {
    section: "01#chdir",
    why: "chroot moves the root, not the feet: step inside as well",
    causes: &[(Errno::EACCES, "you may not enter this folder")],
};

pub(crate) const LOADER: Step = Step {
    section: "01#libraries",
    why: "ask the loader which libraries a program needs, and where they are",
    causes: &[
        (Errno::ENOENT, "the program names a loader that this host does not have"),
        (Errno::ENOEXEC, "the program is for another machine"),
    ],
};

pub(crate) const HOST_FILE: Step = Step {
    section: "01#copying",
    why: "look at a file of the host",
    causes: &[
        (Errno::ENOENT, "there is no such file"),
        (Errno::ENOTDIR, "there is no such file: what should be a folder is a file"),
        (Errno::EACCES, "you may not read it; as root you may"),
        (Errno::ELOOP, "its links lead in a circle"),
    ],
};

pub(crate) const JAIL_FOLDER: Step = Step {
    section: "01#copying",
    why: "the folder that becomes the jail",
    causes: &[
        (Errno::EEXIST, "something that is no folder has this name"),
        (Errno::ENOTDIR, "something on the way is no folder"),
        (Errno::EACCES, "you may not write there"),
        (Errno::EROFS, "nothing can be written there"),
        (Errno::ENOSPC, "the disk is full"),
    ],
};

pub(crate) const JAIL_WRITE: Step = Step {
    section: "01#copying",
    why: "put it at the same place in the jail",
    causes: &[
        (Errno::EACCES, "you may not write there"),
        (Errno::EPERM, "it belongs to somebody else"),
        (Errno::EROFS, "nothing can be written there"),
        (Errno::ENOSPC, "the disk is full"),
        (Errno::EDQUOT, "your share of the disk is used up"),
    ],
};

pub(crate) const JAIL_REPLACE: Step = Step {
    section: "01#copying",
    why: "take away what has the same name",
    causes: &[
        (Errno::EISDIR, "on the host this is no folder, in the jail it is; use an empty folder"),
        (Errno::EACCES, "you may not write there"),
        (Errno::EPERM, "it belongs to somebody else"),
    ],
};

pub(crate) const JAIL_INSIDE: Step = Step {
    section: "01#copying",
    why: "look the folder up as somebody in the jail would, so that no link leads out",
    causes: &[
        (
            Errno::ENOENT,
            "a link in the jail leads to nothing inside the jail; remove it, or use an empty folder",
        ),
        (Errno::ENOTDIR, "in the jail, something on the way is no folder; use an empty folder"),
        (Errno::ELOOP, "in the jail, links lead in a circle; use an empty folder"),
        (Errno::EACCES, "you may not look into this folder"),
        (Errno::ENOSYS, "this needs Linux 5.6 or newer"),
    ],
};

const ELSEWHERE: &str =
    "you may not write there; set XDG_CACHE_HOME to a folder of yours, or give --root DIR";

pub(crate) const CACHE: Step = Step {
    section: "01#host-root",
    why: "the workshop's own root folder is made once and kept",
    causes: &[
        (Errno::EACCES, ELSEWHERE),
        (Errno::EPERM, ELSEWHERE),
        (Errno::EROFS, ELSEWHERE),
        (Errno::ENOSPC, "the disk is full"),
    ],
};

pub(crate) const BREAKOUT: Step = Step {
    section: "01#breakout",
    why: "walk out of the jail",
    causes: &[
        (
            Errno::EPERM,
            "without the right to chroot (CAP_SYS_CHROOT) there is no way out like this one",
        ),
        (Errno::EACCES, "the breakout needs a folder in the jail that you may write to"),
        (Errno::EROFS, "the breakout needs a folder in the jail that can be written to"),
    ],
};

pub(crate) const HOST_ROOT: &str = "this folder is the host's own root; a jail needs another one";
pub(crate) const NO_SHELL: &str =
    "this host has no `sh` to make a root folder from; give one with --root DIR";
pub(crate) const NO_CACHE: &str =
    "there is no folder to keep the root folder in; set HOME or XDG_CACHE_HOME, or give --root DIR";

pub(crate) const TOLD_MKDIR: &str = "a folder in the jail, any folder";
pub(crate) const TOLD_CHROOT: &str =
    "our root moves down into it; we don't, so now we stand outside of our root";
pub(crate) const TOLD_CLIMB: &str =
    "up: the kernel stops `..` only at our root, and we are not below it any more";
pub(crate) const TOLD_NO_WAY_UP: &str =
    "up: but there is nothing above; this is the top of all that is mounted here";
pub(crate) const TOLD_TOP: &str = "the place that we have come to becomes our root";

/// What came of filling a jail, and what to do next.
#[must_use]
pub fn filled(copied: &Copied, folder: &Path, program: &OsString, ourselves: &str) -> String {
    let Copied { files, bytes, unchanged } = copied;
    let there = match unchanged {
        0 => String::new(),
        n => format!(", {n} of them there already"),
    };
    let tenths = (bytes + 50_000) / 100_000;
    let size = format!("{}.{} MB", tenths / 10, tenths % 10);
    format!(
        "{files} files, {size}, in {folder:?}{there}.\nNext: {ourselves} run --root {folder:?} {}",
        program.to_string_lossy(),
    )
}

pub(crate) fn empty_root(root: &Path) -> String {
    format!(
        "{root:?} is empty, so there is nothing to run in it; fill it with `jail {} PROGRAM…`",
        root.display(),
    )
}

pub(crate) fn no_such_program(name: &OsStr) -> String {
    format!("there is no program {name:?} in PATH, /usr/sbin or /sbin")
}

pub(crate) fn no_file(path: &Path) -> String {
    format!("{path:?} is neither a file nor a link, and nothing else can be copied")
}

pub(crate) fn no_interpreter(script: &Path, interpreter: &Path) -> String {
    format!("{script:?} is a script for {interpreter:?}, which this host does not have")
}

pub(crate) fn foreign_loader(file: &Path, loader: &Path) -> String {
    format!(
        "{file:?} names {loader:?} as its loader, which is not the system's own; to ask it would be to run it, whoever made it"
    )
}

pub(crate) fn unresolved(file: &Path, complaint: &str) -> String {
    format!("the loader can't find all that {file:?} needs: {complaint}")
}

pub(crate) fn not_inside(place: &Path, folder: &Path) -> String {
    format!(
        "{place:?} is not inside the jail {folder:?}, so nothing is written; a path that begins with / throws away what it is joined to"
    )
}

pub(crate) fn copying(file: &Path) -> String {
    format!("copies {}, and the folders and links that lead to it", file.display())
}

pub(crate) fn making(folder: &Path, again: bool) -> String {
    let why = match again {
        false => "First use",
        true => "The host's programs have changed, or their copies were",
    };
    format!("{why}: copying this host's everyday programs to {folder:?} (book 01#host-root).")
}

pub(crate) fn has_mounts(folder: &Path) -> String {
    format!("{folder:?} has to go, but something is mounted in it; `umount` that first")
}

pub(crate) fn told(number: u32, call: &str, meaning: &str) -> String {
    format!(" {number}. {call}\n    {meaning}")
}

pub(crate) fn climbed(steps: usize) -> String {
    format!("chdir(\"..\"), {steps} times")
}

pub(crate) fn where_we_are(root: Identity, entries: &[String]) -> String {
    format!("In the jail: / is {}.\n{}", identity(root), holds(entries))
}

pub(crate) fn verdict(escape: &Escape, entries: &[String]) -> String {
    let now = identity(escape.after);
    match escape.is_out() {
        true => format!("Out: / is now {now}.\n{}", holds(entries)),
        false => format!("Still inside: / is {now}, as before.\nThere was nothing above it."),
    }
}

/// The names in a folder, as many as fit into a line of 80 columns.
fn holds(entries: &[String]) -> String {
    let mut line = String::from("    It holds:");
    for (place, entry) in entries.iter().enumerate() {
        if line.chars().count() + entry.chars().count() > 64 {
            return format!("{line} and {} more", entries.len() - place);
        }
        line.push(' ');
        line.push_str(entry);
    }
    line
}

fn identity(Identity { device, inode }: Identity) -> String {
    format!("folder {inode} of device {device:#x}")
}
