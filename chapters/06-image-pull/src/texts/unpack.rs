//! The words of `unpack` and `compression`.

use std::fmt::Display;

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
        (Errno::EXDEV, "its target lies outside of the layer"),
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

pub(crate) const BAD_ZSTD_CHECKSUM: &str = "zstd's checksum is another than that of the content";
pub(crate) const BROKEN_BEFORE: &str = "what was read before was damaged";
pub(crate) const TRAILING_BYTES: &str = "something else follows what zstd has compressed";
pub(crate) const TRUNCATED: &str = "the archive ends in the middle of an entry";
pub(crate) const BAD_SUM: &str =
    "this is no tar archive, or it is damaged: a header has another checksum";
pub(crate) const BAD_NUMBER: &str = "a header has a size that is no number";
pub(crate) const BAD_RECORD: &str = "an extra header (pax) makes no sense";
pub(crate) const BAD_MAP: &str = "the map of a file's holes makes no sense";
pub(crate) const GOES_UP: &str = "the path goes up by `..`, and may lead out of the layer";
pub(crate) const ROOT_IS_A_FOLDER: &str = "the layer's root can't be anything but a folder";
pub(crate) const BAD_WHITEOUT: &str = "a whiteout without a name to hide";
pub(crate) const DEVICE_0_0: &str = "a character device 0, 0 would be taken for a whiteout";
pub(crate) const LINK_TO_ITSELF: &str = "a hard link to itself, or to the layer's root";
pub(crate) const ABSOLUTE_HARD_LINK: &str =
    "a hard link to an absolute path, which is none of the archive's";
pub(crate) const TOO_MANY_FOLDERS: &str = "more folders and links than any real layer has";

pub(crate) fn large_window(window: u64, most: u64) -> String {
    format!(
        "zstd's window needs {window} bytes of memory; no real layer has one of more than {most}"
    )
}

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
    format!("{size} bytes; a layer may have {most}")
}

pub(crate) fn large_note(size: u64) -> String {
    format!("an extra header of {size} bytes; no real one has more than {MOST_NOTE}")
}

pub(crate) fn long_path(length: usize) -> String {
    format!("a path of {length} bytes; Linux takes 4096")
}

pub(crate) fn long_name(length: usize) -> String {
    format!("a name of {length} bytes; Linux takes 255")
}

pub(crate) fn entry(path: &[u8]) -> String {
    format!("entry \"{}\"", shown(path))
}

pub(crate) fn entry_number(path: &[u8]) -> String {
    format!("entry \"{}\": a number in its header is none", shown(path))
}

pub(crate) fn bad_owner(path: &[u8]) -> String {
    format!("entry \"{}\": its owner has a number that Linux does not know", shown(path))
}

pub(crate) fn no_target(path: &[u8]) -> String {
    format!("entry \"{}\": a link without a target", shown(path))
}

pub(crate) fn no_such_target(target: &[u8]) -> String {
    format!(
        "a hard link to \"{}\", which is neither in this layer before it nor in one below",
        shown(target)
    )
}

pub(crate) fn unknown_kind(path: &[u8], kind: u8) -> String {
    format!(
        "entry \"{}\": it is of the kind '{}', which no layer has",
        shown(path),
        kind.escape_ascii()
    )
}
