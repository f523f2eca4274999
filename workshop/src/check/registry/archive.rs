//! A layer's archive, entry by entry, as somebody may write it who means harm (`tar(5)`).
//!
//! Names and targets go into the headers as they are. The usual writers refuse `..` there, and that
//! is what some of these archives are about.

use tar::{EntryType, Header};

/// Where the name, and the target of a link, end in a header.
const NAME_BYTES: usize = 100;

/// One entry.
#[derive(Debug, Clone)]
pub struct Entry {
    name: String,
    kind: EntryType,
    target: String,
    mode: u32,
    owner: (u64, u64),
    content: Vec<u8>,
}

impl Entry {
    fn new(name: impl Into<String>, kind: EntryType, mode: u32) -> Self {
        let (name, target, content) = (name.into(), String::new(), Vec::new());
        Self { name, kind, target, mode, owner: (0, 0), content }
    }

    /// A file that everybody may read.
    #[must_use]
    pub fn file(name: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { content: content.into(), ..Self::new(name, EntryType::Regular, 0o644) }
    }

    /// A folder that everybody may look into.
    #[must_use]
    pub fn folder(name: impl Into<String>) -> Self {
        Self::new(name.into() + "/", EntryType::Directory, 0o755)
    }

    /// A symbolic link.
    #[must_use]
    pub fn link(name: impl Into<String>, target: impl Into<String>) -> Self {
        Self { target: target.into(), ..Self::new(name, EntryType::Symlink, 0o777) }
    }

    /// A second name for the file that is called `target`.
    #[must_use]
    pub fn hard_link(name: impl Into<String>, target: impl Into<String>) -> Self {
        Self { target: target.into(), ..Self::new(name, EntryType::Link, 0o644) }
    }

    /// A named pipe.
    #[must_use]
    pub fn pipe(name: impl Into<String>) -> Self {
        Self::new(name, EntryType::Fifo, 0o644)
    }

    /// With these permissions.
    #[must_use]
    pub fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    /// Of this user and this group.
    #[must_use]
    pub fn owner(self, user: u64, group: u64) -> Self {
        Self { owner: (user, group), ..self }
    }
}

/// The archive with these entries, in this order.
#[must_use]
pub fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        let mut header = Header::new_ustar();
        let old = header.as_old_mut();
        put(&mut old.name, &entry.name);
        put(&mut old.linkname, &entry.target);
        header.set_entry_type(entry.kind);
        header.set_mode(entry.mode);
        header.set_uid(entry.owner.0);
        header.set_gid(entry.owner.1);
        header.set_mtime(1_700_000_000);
        header.set_size(entry.content.len() as u64);
        header.set_cksum();
        bytes.extend(header.as_bytes());
        bytes.extend(&entry.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    // Two empty blocks are the end.
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// # Panics
///
/// For a name that is longer: a mistake in a lesson.
fn put(field: &mut [u8; NAME_BYTES], text: &str) {
    field[..text.len()].copy_from_slice(text.as_bytes());
}
