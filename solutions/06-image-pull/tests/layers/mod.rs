//! Archives of the tests' own making, byte by byte, and what is in a folder.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use overlay_layers::sys;

/// An archive that is being made. Nothing is checked: that is what the tests are for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Archive(pub(crate) Vec<u8>);

impl Archive {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// An entry with a header that `change` has the last word on.
    pub(crate) fn with(
        mut self,
        kind: u8,
        name: impl AsRef<[u8]>,
        content: &[u8],
        change: impl FnOnce(&mut tar::Header),
    ) -> Self {
        let mut header = tar::Header::new_gnu();
        let name = name.as_ref();
        let short = &name[..name.len().min(100)];
        header.as_old_mut().name[..short.len()].copy_from_slice(short);
        header.as_old_mut().linkflag = [kind];
        header.set_mode(if kind == b'5' { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000_000_000);
        header.set_size(content.len() as u64);
        change(&mut header);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.content(content)
    }

    /// Bytes, filled up to a block.
    pub(crate) fn content(mut self, content: &[u8]) -> Self {
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, name: impl AsRef<[u8]>, content: &str) -> Self {
        self.with(b'0', name, content.as_bytes(), |_| {})
    }

    pub(crate) fn folder(self, name: impl AsRef<[u8]>, mode: u32) -> Self {
        self.with(b'5', name, b"", |header| header.set_mode(mode))
    }

    pub(crate) fn symlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.link(b'2', name, target)
    }

    pub(crate) fn hard_link(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.link(b'1', name, target)
    }

    fn link(self, kind: u8, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        let target = target.as_ref();
        self.with(kind, name, b"", |header| {
            header.set_mode(0o777);
            header.as_old_mut().linkname[..target.len()].copy_from_slice(target);
        })
    }

    pub(crate) fn device(self, kind: u8, name: &str, major: u32, minor: u32) -> Self {
        self.with(kind, name, b"", |header| {
            header.set_device_major(major).unwrap();
            header.set_device_minor(minor).unwrap();
        })
    }

    /// POSIX's extra entry.
    pub(crate) fn pax(self, records: &[(&str, &[u8])]) -> Self {
        self.with(b'x', "pax", &Self::records(records), |_| {})
    }

    pub(crate) fn records(records: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let mut length = rest + 1;
            while length.to_string().len() + rest != length {
                length = length.to_string().len() + rest;
            }
            bytes.extend_from_slice(format!("{length} {key}=").as_bytes());
            bytes.extend_from_slice(value);
            bytes.push(b'\n');
        }
        bytes
    }

    /// GNU's extra entry: `L` for a name, `K` for a link's target.
    pub(crate) fn long(self, kind: u8, name: &[u8]) -> Self {
        self.with(kind, "././@LongLink", &[name, b"\0"].concat(), |_| {})
    }

    /// The bytes, with the blocks at the end.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

/// A folder of the test's own, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        // On a disk: not every kernel's `/tmp` keeps an ordinary user's attributes.
        let folder = env::var_os("TMPDIR").map_or("/var/tmp".into(), PathBuf::from);
        let path = folder.join(format!("coracle-layers-{process}-{count}"));
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A new folder in it.
    pub(crate) fn make(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir(&path).expect("a folder");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        overlay_layers::remove_tree(&self.0).expect("the test's folder is removed");
    }
}

/// Something that nobody may touch: in it are one thing of each kind.
pub(crate) fn canary(folder: &Path) {
    fs::create_dir_all(folder.join("sub/deep")).unwrap();
    for name in ["secret", "sub/file", "sub/deep/file"] {
        fs::write(folder.join(name), name).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o640)).unwrap();
    }
    symlink("secret", folder.join("link")).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o750)).unwrap();
}

/// Everything in a folder and the folder itself: a line each.
pub(crate) fn list(folder: &Path) -> BTreeMap<Vec<u8>, String> {
    let mut all = BTreeMap::new();
    add(folder, b"", &mut all);
    all
}

fn add(path: &Path, name: &[u8], all: &mut BTreeMap<Vec<u8>, String>) {
    let found = fs::symlink_metadata(path).unwrap();
    let kind = found.file_type();
    let mut line = format!("{:o} {} {}", found.mode(), found.uid(), found.gid());
    line += &format!(" {}.{:09}", found.mtime(), found.mtime_nsec());
    if kind.is_symlink() {
        line += &format!(" -> {:?}", fs::read_link(path).unwrap());
    } else if kind.is_char_device() || kind.is_block_device() {
        line += &format!(" device {:x}", found.rdev());
    } else if kind.is_file() {
        line += &format!(" {} bytes, {} names, {:?}", found.len(), found.nlink(), content(path));
    }
    if kind.is_file() || kind.is_dir() {
        let file = File::open(path).unwrap();
        let mut names = sys::attributes(file.as_fd()).unwrap_or_default();
        names.sort();
        for name in names {
            line += &format!(" {name:?}={:?}", sys::attribute(file.as_fd(), &name).unwrap());
        }
    }
    all.insert(name.into(), line);
    if kind.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            let own = entry.unwrap().file_name();
            let slash = if name.is_empty() { &b""[..] } else { b"/" };
            add(&path.join(&own), &[name, slash, own.as_bytes()].concat(), all);
        }
    }
}

/// A small file's bytes, a large one's sum.
fn content(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    match bytes.len() {
        0..100 => format!("{:?}", bytes.escape_ascii().to_string()),
        _ => testbed::registry::digest(&bytes),
    }
}

/// The difference of two lists, for people.
pub(crate) fn assert_same(one: &BTreeMap<Vec<u8>, String>, other: &BTreeMap<Vec<u8>, String>) {
    for (name, line) in one {
        let there = other.get(name).map(String::as_str);
        assert_eq!(there, Some(&line[..]), "{}", name.escape_ascii());
    }
    for name in other.keys() {
        assert!(one.contains_key(name), "{} is more", name.escape_ascii());
    }
}
