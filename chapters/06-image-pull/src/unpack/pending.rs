//! What an unpacked layer still needs from the layers below.
//!
//! Layers are unpacked side by side, in any order. But a layer may add `/etc/motd` and not say what
//! `/etc` is like; in the merged tree the topmost folder decides that, so it has to become like the
//! one below. And a layer may give a second name to a file that is in a layer below; overlayfs has no
//! links between layers, so the file is copied up, as it would be if a container had linked it.
//!
//! Folders get their modes and times last of all: a mode could keep us out, and everything that is
//! put into a folder changes its time.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::unistd::linkat;
use overlay_layers::{Found, flatten};
use process::Attempt;

use super::archive::Attributes;
use super::finish_file;
use super::tree::{self, Tree};
use crate::texts::unpack as texts;

/// How much is remembered of folders and links, in bytes. Real layers need a hundredth.
const MOST_MEMORY: usize = 64 << 20;

/// An unpacked layer that waits for the layers below.
#[derive(Debug, Default)]
pub struct Pending {
    /// What the archive says of its folders, by their paths.
    folders: BTreeMap<Vec<u8>, Attributes>,
    /// Folders of which it says nothing.
    implied: BTreeSet<Vec<u8>>,
    /// Second names: the path, and the path of the first name.
    links: Vec<(Vec<u8>, Vec<u8>)>,
    size: u64,
    memory: usize,
    left_out: u64,
}

impl Pending {
    /// What the layer's files take, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many device files were left out, since only the host's root may make them.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(super) fn add(&mut self, size: u64) {
        self.size += size;
    }

    pub(super) fn leave_out(&mut self) {
        self.left_out += 1;
    }

    pub(super) fn folder(&mut self, path: Vec<u8>, attributes: Attributes) -> Result<()> {
        let values = attributes.extended.iter().map(|(_, value)| value.len()).sum::<usize>();
        self.remember(path.len() + values)?;
        self.folders.insert(path, attributes);
        Ok(())
    }

    pub(super) fn link(&mut self, path: Vec<u8>, target: Vec<u8>) -> Result<()> {
        self.remember(path.len() + target.len())?;
        self.links.push((path, target));
        Ok(())
    }

    /// What was at a path is there no more.
    pub(super) fn forget(&mut self, path: &[u8]) {
        let below = [path, b"/"].concat();
        self.folders.remove(path);
        self.folders.retain(|path, _| !path.starts_with(&below));
        self.links.retain(|(link, _)| link != path && !link.starts_with(&below));
    }

    pub(super) fn take_implied(&mut self, tree: Tree) {
        self.implied = tree.implied;
    }

    fn remember(&mut self, bytes: usize) -> Result<()> {
        // The maps' own part is about as much again for short names.
        self.memory += bytes + 200;
        ensure!(self.memory <= MOST_MEMORY, texts::TOO_MANY_FOLDERS);
        Ok(())
    }

    /// Finishes the layer in `folder`, now that those below it are there; `parents` are their
    /// folders, the topmost first.
    ///
    /// # Errors
    ///
    /// When a hard link leads to nothing. The layer is then to be removed.
    pub fn finish(self, folder: &Path, parents: &[PathBuf]) -> Result<()> {
        let layers: Vec<PathBuf> = parents.iter().rev().cloned().collect();
        let below = |path: &[u8]| Found::root(&layers).at_path(Path::new(OsStr::from_bytes(path)));
        let mut tree = Tree::open(folder)?;
        for (path, target) in &self.links {
            link(&mut tree, path, target, &below(target)?).with_context(|| texts::entry(path))?;
        }
        for path in self.implied.iter().chain(&tree.implied) {
            if let Some(from) = below(path)?.folders.first() {
                let to = folder.join(OsStr::from_bytes(path));
                flatten::copy_attributes(from, &to)
                    .tried(&texts::FOLDER, format_args!("chmod({to:?})"))?;
            }
        }
        // The other way round: what lies in a folder comes before it.
        for (path, attributes) in self.folders.iter().rev() {
            let opened = tree.open_folder(path);
            let opened =
                opened.tried(&texts::FOLDER, format_args!("open({:?})", tree::shown(path)));
            if let Some(opened) = opened? {
                finish_file(&File::from(opened), attributes).with_context(|| texts::entry(path))?;
            }
        }
        Ok(())
    }
}

/// Gives a file of a layer below a second name in this one.
fn link(tree: &mut Tree, path: &[u8], target: &[u8], below: &Found) -> Result<()> {
    let from = below.place.as_deref().filter(|_| below.folders.is_empty());
    let from = from.with_context(|| texts::no_such_target(target))?;
    let first = tree::place_of(tree, target)?;
    let copied = flatten::copy_file(from, &first.by_descriptor());
    match copied {
        // Another link had it copied already.
        Err(error) if error.raw_os_error() == Some(Errno::EEXIST as i32) => {}
        copied => copied.tried(&texts::HARD_LINK, format_args!("copy({from:?})"))?,
    }
    let second = tree::place_of(tree, path)?;
    tree.clear(&second)?;
    let (from, to) = (first.name.as_os_str(), second.name.as_os_str());
    linkat(&first.parent, from, &second.parent, to, AtFlags::empty())
        .tried(&texts::HARD_LINK, format_args!("linkat({:?})", tree::shown(target)))
}
