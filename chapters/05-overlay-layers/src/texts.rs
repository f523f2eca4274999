//! What this chapter says to people. All words stand here, so that they can be translated in one
//! place.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use process::Step;

use crate::diff::Stored;

const NOT_YOURS: (Errno, &str) =
    (Errno::EACCES, "the folder is not yours to write to; set XDG_DATA_HOME to one that is");
const FULL: (Errno, &str) = (Errno::ENOSPC, "the disk is full");

pub(crate) const NO_DATA_FOLDER: &str = "there is no place for images and containers: neither XDG_DATA_HOME nor HOME is set, and your account has no home";
pub(crate) const NO_LAYERS: &str = "an overlay needs at least one layer: --layer DIR";

pub(crate) const WRITABLE: Step = Step {
    section: "05#upper",
    why: "what the container writes goes to a folder of its own; the layers stay as they are",
    causes: &[NOT_YOURS, FULL, (Errno::EROFS, "the file system can't be written to")],
};

pub(crate) const REMOVE: Step = Step {
    section: "05#upper",
    why: "what the container wrote goes with it",
    causes: &[
        (Errno::EBUSY, "something is mounted in it"),
        (Errno::EXDEV, "something is mounted in it, which is left alone (`findmnt` shows what)"),
        (Errno::EPERM, "a file in it is immutable (`chattr -i` takes that away)"),
    ],
};

pub(crate) const LAYER: Step = Step {
    section: "05#layers",
    why: "a layer is a folder, which overlayfs only reads",
    causes: &[(Errno::ENOENT, "there is no such folder")],
};

pub(crate) const OVERLAY: Step = Step {
    section: "05#mount",
    why: "a file system whose files are in other folders: a name is looked up from the top layer down, and what is written goes to the upper folder",
    causes: &[
        (
            Errno::EINVAL,
            "the upper folder lies on a file system that can't be one (an overlay itself, as in a dev container, or a network file system), or work and upper are not on the same one; the kernel's log (`dmesg`) has the reason",
        ),
        (Errno::ENODEV, "this kernel has no overlayfs, or can't load it: `modprobe overlay`"),
        (Errno::EPERM, "before Linux 5.11 overlayfs is for the host's root alone"),
        (Errno::EIO, "the upper folder's file system can't hold overlayfs's attributes"),
        (Errno::ELOOP, "a layer lies inside another one, or is given twice"),
        (Errno::EBUSY, "the upper or work folder is part of another overlay"),
        (Errno::ENOMEM, "there are too many layers"),
    ],
};

pub(crate) const USER_ATTRIBUTES: Step = Step {
    section: "05#rootless",
    why: "who is root only in a user namespace may not set `trusted.` attributes, so overlayfs is to use `user.` ones",
    causes: &[(Errno::EINVAL, "overlayfs has it since Linux 5.11")],
};

pub(crate) const VOLATILE: Step = Step {
    section: "05#upper",
    why: "what is removed at the end need not reach the disk before: otherwise the last unmount waits until all that was written to that file system has, by anybody",
    causes: &[],
};

pub(crate) const ATTRIBUTES: Step = Step {
    section: "05#opaque",
    why: "overlayfs marks a folder that was replaced by an extended attribute",
    causes: &[(Errno::EOPNOTSUPP, "this file system has no such attributes for you")],
};

pub(crate) const ONE_TEXT: Step = Step {
    section: "05#mount",
    why: "this kernel takes all options as one text of at most 4095 bytes: so each folder is opened, and named by its descriptor's number",
    causes: &[],
};

pub(crate) const COPY: Step = Step {
    section: "05#fallback",
    why: "where there is no overlayfs, the layers are copied into one folder",
    causes: &[NOT_YOURS, FULL],
};

pub(crate) const DIFF: Step = Step {
    section: "05#diff",
    why: "the upper folder is held against the layers below",
    causes: &[(Errno::EACCES, "what a container of root's wrote is for root to read")],
};

pub(crate) fn no_folder(path: &Path) -> String {
    format!("{path:?} is not a folder, and a layer is one")
}

pub(crate) fn taken(folder: &Path) -> String {
    format!("{folder:?} is held by another container")
}

pub(crate) fn upper_in_use(upper: &Path) -> String {
    format!(
        "another container is writing to {upper:?}; two that share an upper folder destroy each other's files"
    )
}

pub(crate) fn no_upper_name(path: &Path) -> String {
    format!("{path:?} has no name that a work folder could be put beside")
}

pub(crate) fn other_layers(upper: &Path) -> String {
    format!(
        "{upper:?} holds changes to other layers; with these they would make no sense. Use the same layers, or an empty folder"
    )
}

pub(crate) fn unsuitable_upper(upper: &Path) -> String {
    format!(
        "{upper:?} can't be an upper folder; put it on another file system, or leave --upper out"
    )
}

pub(crate) fn copying(why: &anyhow::Error) -> String {
    format!(
        "No overlay here: {why:#}. Copying the layers instead, which takes longer (book 05#fallback)."
    )
}

pub(crate) fn kernel_says(error: &anyhow::Error, message: &str) -> String {
    format!("{error:#}; it adds: {message:?}")
}

pub(crate) fn swept(folder: &Path) -> String {
    format!("removing what a killed run wrote: {folder:?}")
}

pub(crate) fn not_swept(error: &anyhow::Error) -> String {
    format!("What a killed run wrote stays for now: {error:#}")
}

pub(crate) fn no_layers_noted(upper: &Path) -> String {
    format!(
        "nobody noted which layers {upper:?} belongs to: was it the --upper folder of a run? Name them: --layer DIR"
    )
}

/// A path for people: what a terminal would obey is escaped.
pub(crate) fn shown(path: &Path) -> String {
    let mut text = String::new();
    for part in path.as_os_str().as_bytes().utf8_chunks() {
        for character in part.valid().chars() {
            match character.is_control() {
                true => text.extend(character.escape_default()),
                false => text.push(character),
            }
        }
        for byte in part.invalid() {
            // Writing to a string can't fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

pub(crate) fn stored(stored: Stored) -> &'static str {
    match stored {
        Stored::Itself => "it is in the upper folder",
        Stored::CopiedUp => "the upper folder has all of it, copied up",
        Stored::Way => "a folder in the upper folder; what it does not have comes from below",
        Stored::Whiteout => "a whiteout: a character device 0, 0",
        Stored::Opaque => "an opaque folder: its attribute overlay.opaque is y",
        Stored::Hidden => "not stored: the opaque folder above hides it",
    }
}
