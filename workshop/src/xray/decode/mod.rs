//! Puts a stopped system call into words. One file for each part of a container:
//!
//! - `process`: programs, processes, namespaces.
//! - `mounts`: roots, working folders, mounts by the old calls and the new ones.
//! - `files`: what is no call of its own but a file: cgroups and the maps of user ids.
//! - `network`: host names, and messages for the network.
//! - `identity`: users, capabilities, filters.

pub(super) mod files;
pub(super) mod identity;
pub(super) mod mounts;
pub(super) mod network;
pub(super) mod process;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::flags::{self, Names};
use super::memory::Memory;
use super::texts::Topic;

/// Puts one call into words; `None` when it has no part in the story.
pub(super) type Decode = fn(&Entry) -> Option<Told>;

/// A call as it begins.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) memory: Memory,
    pub(super) args: [u64; 6],
}

/// What is told of a call.
pub(super) struct Told {
    /// The call with its arguments, as `strace(1)` would show it.
    pub(super) call: String,
    pub(super) topics: Vec<&'static Topic>,
    /// What it means, in a few words.
    pub(super) meaning: &'static str,
    /// Whether many of the same kind in a row are told as one, when the first has succeeded.
    pub(super) folds: bool,
}

impl Entry {
    /// What is told of this call, with the arguments as they are given.
    fn told(
        &self,
        arguments: &[String],
        topics: &[&'static Topic],
        meaning: &'static str,
    ) -> Option<Told> {
        let call = format!("{}({})", self.name, arguments.join(", "));
        Some(Told { call, topics: topics.into(), meaning, folds: false })
    }

    /// An argument that is a number with a sign.
    fn int(&self, place: usize) -> i32 {
        self.args[place] as i32
    }

    fn flags(&self, place: usize, names: &Names) -> String {
        flags::names(self.args[place] & 0xffff_ffff, names)
    }

    /// An argument that points to a string, in quotes.
    fn string(&self, place: usize) -> String {
        self.string_at(self.args[place])
    }

    fn string_at(&self, address: u64) -> String {
        match address {
            0 => "NULL".into(),
            _ => self.memory.string(address).map_or_else(|| "?".into(), |bytes| quoted(&bytes)),
        }
    }

    /// An argument that points to a path. One through a descriptor's magic link, which careful
    /// runtimes prefer, is given with where it leads.
    fn path(&self, place: usize) -> String {
        let path = self.memory.string(self.args[place]).filter(|_| self.args[place] != 0);
        let path = path.map(|path| String::from_utf8_lossy(&path).into_owned());
        let number = path.as_deref().and_then(|path| path.strip_prefix("/proc/self/fd/"));
        let target = number.and_then(|number| self.link(number.parse().ok()?));
        match target {
            Some(target) => format!("{}<{}>", self.string(place), printable(&target)),
            None => self.string(place),
        }
    }

    /// An argument that is a folder's descriptor, for a path to begin in.
    fn folder(&self, place: usize) -> String {
        match self.int(place) {
            nix::libc::AT_FDCWD => "AT_FDCWD".into(),
            _ => self.descriptor(place),
        }
    }

    /// An argument that is a descriptor, with what it stands for.
    fn descriptor(&self, place: usize) -> String {
        let number = self.int(place);
        match self.link(number) {
            Some(target) => format!("{number}<{}>", printable(&target)),
            None => number.to_string(),
        }
    }

    /// The magic link of a descriptor, `proc_pid_fd(5)`.
    fn link_path(&self, descriptor: i32) -> String {
        format!("/proc/{}/fd/{descriptor}", self.memory.tid)
    }

    fn link(&self, descriptor: i32) -> Option<Vec<u8>> {
        let target = fs::read_link(self.link_path(descriptor)).ok()?;
        Some(target.as_os_str().as_bytes().to_vec())
    }

    /// Where a path of the program's leads, as seen from here: it may live in another root, and
    /// another mount namespace. `folder` is the place of the descriptor that it begins at.
    fn path_from_here(&self, folder: Option<usize>, path: &[u8]) -> PathBuf {
        let tid = self.memory.tid;
        let begin = match folder.map(|place| self.int(place)) {
            _ if path.starts_with(b"/") => format!("/proc/{tid}/root/"),
            None | Some(nix::libc::AT_FDCWD) => format!("/proc/{tid}/cwd/"),
            Some(descriptor) => format!("{}/", self.link_path(descriptor)),
        };
        let path = std::ffi::OsStr::from_bytes(path.strip_prefix(b"/").unwrap_or(path));
        PathBuf::from(begin).join(path)
    }
}

/// A string in quotes. What a terminal would act upon is escaped.
fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", String::from_utf8_lossy(bytes).escape_debug())
}

fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}
