//! The words of `unpack` and `compression`.

use std::fmt::Display;

use indicatif::HumanBytes;
use nix::errno::Errno;
use process::Step;

use crate::compression::Compression;
use crate::unpack::tree::shown;

/// The most that is read into memory of an extra entry, in bytes.
pub(crate) const MOST_NOTE: u64 = 1 << 20;

pub(crate) const ENTRY: Step = Step {
    section: "06#unpacking",
    why: "a layer is an archive of what it adds; every path in it is looked up with the layer's folder as the root, so none leads out",
    causes: &[
        (Errno::ENOSPC, "the disk is full; `prune` removes what no image needs any more"),
        (Errno::ENAMETOOLONG, "the file system takes no name of this length"),
        (Errno::EPERM, "only root may make this"),
    ],
};

pub(crate) const FOLDER: Step = Step {
    section: "06#unpacking",
    why: "the folder that an entry lies in",
    causes: &[
        (Errno::ENOTDIR, "the archive has put a file where a folder is needed"),
        (Errno::ELOOP, "the archive has put links there that lead in a circle"),
    ],
};

pub(crate) const HARD_LINK: Step = Step {
    section: "06#hard-links",
    why: "a second name for a file",
    causes: &[
        (Errno::ELOOP, "its target lies behind a link, and so is not what the archive says"),
        (Errno::EPERM, "a folder can't have two names"),
    ],
};

pub(crate) const WHITEOUT: Step = Step {
    section: "06#whiteouts",
    why: "an archive says by the name `.wh.NAME` that something is gone; overlayfs wants a character device 0, 0",
    causes: &[(
        Errno::EOPNOTSUPP,
        "the file system of the store has no extended attributes; put XDG_DATA_HOME on another one",
    )],
};

pub(crate) const ATTRIBUTE: Step = Step {
    section: "06#unpacking",
    why: "an extended attribute",
    causes: &[(Errno::ENOSPC, "the file system has no room for an attribute of this size")],
};

pub(crate) const TRUNCATED: &str = "the archive ends in the middle of an entry";
pub(crate) const BAD_SUM: &str =
    "this is no tar archive, or it is damaged: a header has another checksum";
pub(crate) const BAD_SIZE: &str = "a header has a size that can't be";
pub(crate) const BAD_NUMBER: &str = "a number in its header is none";
pub(crate) const BAD_OWNER: &str = "its owner has a number that Linux does not know";
pub(crate) const BAD_DEVICE: &str = "it is a device with a number that Linux does not know";
pub(crate) const NO_TARGET: &str = "a link without a target";
pub(crate) const NUL_IN_PATH: &str = "a path with a NUL byte, which no path can have";
pub(crate) const TOO_MANY_LINKS: &str =
    "its path leads through too many links, perhaps in a circle";
pub(crate) const BAD_RECORD: &str = "an extra header (pax) makes no sense";
pub(crate) const BAD_MAP: &str = "the map of a file's holes makes no sense";
pub(crate) const GOES_UP: &str = "the path goes up by `..`, and may lead out of the layer";
pub(crate) const ROOT_IS_A_FOLDER: &str = "the layer's root can't be anything but a folder";
pub(crate) const BAD_WHITEOUT: &str = "a whiteout without a name to hide";
pub(crate) const DEVICE_0_0: &str = "a character device 0, 0 would be taken for a whiteout";
pub(crate) const FOLDER_IS_WHITEOUT: &str = "it lies in a folder whose name begins with `.wh.`, which can't be: such a name says that something is gone";
pub(crate) const LINK_TO_ITSELF: &str = "a hard link to itself";
pub(crate) const LINK_TO_ROOT: &str = "a hard link to the layer's root";
pub(crate) const ATTRIBUTES_LEFT_OUT: &str =
    "some extended attributes are left out: you may not set them, or the file system has none";
pub(crate) const OWNERS_LEFT_OUT: &str = "what belongs to others in the image belongs to you here: you have one number to give (book 07)";
pub(crate) const TOO_MANY_FOLDERS: &str = "more folders and links than any real layer has";

fn by(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "nothing",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    }
}

pub(crate) fn not_compressed(compression: Compression, first: &[u8]) -> String {
    let by = by(compression);
    format!(
        "it should be compressed by {by}, and it does not begin like that, but with {first:02x?}"
    )
}

pub(crate) fn damaged(compression: Compression, error: &dyn Display) -> String {
    format!("what {} has compressed is damaged: {error}", by(compression))
}

pub(crate) fn cut_short(compression: Compression) -> String {
    format!("what {} has compressed ends too early", by(compression))
}

pub(crate) fn too_many_entries(most: u64) -> String {
    format!("more than {most} entries; no real layer has that many")
}

pub(crate) fn too_large(size: u64, most: u64) -> String {
    format!(
        "the layer unpacks to {} or more; no real one has more than {}",
        HumanBytes(size),
        HumanBytes(most)
    )
}

pub(crate) fn large_note(size: u64) -> String {
    format!("an extra header of {size} bytes; no real one has more than {MOST_NOTE}")
}

pub(crate) fn long_path(length: usize, most: usize) -> String {
    format!("a path of {length} bytes; Linux takes {most}")
}

pub(crate) fn long_name(length: usize, most: usize) -> String {
    format!("a name of {length} bytes; Linux takes {most}")
}

pub(crate) fn entry(path: &[u8]) -> String {
    format!("entry \"{}\"", shown(path))
}

pub(crate) fn after(last: &Option<Vec<u8>>) -> String {
    match last {
        Some(path) => format!("after \"{}\"", shown(path)),
        None => "at its beginning".into(),
    }
}

pub(crate) fn too_deep(most: usize) -> String {
    format!("folders that lie deeper than {most} in each other; no real layer has them")
}

pub(crate) fn no_room(size: u64, room: u64) -> String {
    format!(
        "the layer's files take {} or more, and the disk has room for {}; `prune` removes what no image needs any more",
        HumanBytes(size),
        HumanBytes(room)
    )
}

pub(crate) fn no_such_target(target: &[u8]) -> String {
    format!(
        "a hard link to \"{}\", which is neither in this layer, before it, nor in one below",
        shown(target)
    )
}

pub(crate) fn unknown_kind(kind: u8) -> String {
    format!("it is of the kind '{}', which no layer has", kind.escape_ascii())
}
