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
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::unistd::linkat;
use overlay_layers::{Found, flatten, whiteout};
use process::Attempt;

use super::attributes::{Attributes, Setter};
use super::hide;
use super::tree::{self, Tree};
use crate::texts::unpack as texts;

/// How much is remembered of folders and links, in bytes. Real layers need a hundredth.
const MOST_MEMORY: usize = 64 << 20;

/// An unpacked layer that waits for the layers below.
#[derive(Debug, Default)]
pub struct Pending {
    /// Its folders, by their paths. None: the archive does not say what it is like.
    folders: BTreeMap<Vec<u8>, Option<Attributes>>,
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

    /// There is a folder, of which nothing is known.
    pub(super) fn imply(&mut self, path: &[u8]) -> Result<()> {
        self.remember(path.len())?;
        self.folders.entry(path.into()).or_default();
        Ok(())
    }

    /// There is a folder, and it is like this.
    pub(super) fn describe(&mut self, path: &[u8], attributes: Attributes) -> Result<()> {
        let extended = attributes.extended.iter();
        let extended: usize =
            extended.map(|(name, value)| 64 + name.count_bytes() + value.len()).sum();
        self.remember(path.len() + extended)?;
        self.folders.insert(path.into(), Some(attributes));
        Ok(())
    }

    /// There is to be a second name for a file that is not in this layer.
    pub(super) fn link(&mut self, path: &[u8], target: Vec<u8>) -> Result<()> {
        self.remember(path.len() + target.len())?;
        self.links.push((path.into(), target));
        Ok(())
    }

    /// The folder at a path is there no more, nor anything in it.
    pub(super) fn forget(&mut self, path: &[u8]) {
        let below = [path, b"/"].concat();
        self.folders.remove(path);
        let inside = self.folders.range(below.clone()..).map(|(path, _)| path);
        let inside: Vec<_> = inside.take_while(|path| path.starts_with(&below)).cloned().collect();
        inside.iter().for_each(|path| drop(self.folders.remove(path)));
        self.links.retain(|(link, _)| !link.starts_with(&below));
    }

    fn remember(&mut self, bytes: usize) -> Result<()> {
        // The map's own part is about as much again for short names.
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
    pub fn finish(mut self, folder: &Path, parents: &[PathBuf]) -> Result<()> {
        let links = std::mem::take(&mut self.links);
        let mut tree = Tree::open(folder, self)?;
        let mut layers: Vec<PathBuf> = parents.iter().rev().cloned().collect();
        empty_root(&tree, &layers)?;
        layers.push(folder.into());
        let mut copied = BTreeSet::new();
        for (path, target) in &links {
            let linked = link(&mut tree, &layers, path, target, &mut copied);
            linked.with_context(|| texts::entry(path))?;
        }
        let folders = std::mem::take(&mut tree.pending.folders);
        let (setter, mut below) = (Setter::new(), Below::new(&layers));
        // What lies in a folder comes before it.
        for (path, said) in folders.iter().rev() {
            let at = tree.look_up(path);
            let at = at.tried(&texts::FOLDER, format_args!("openat2({:?})", tree::shown(path)))?;
            match said {
                Some(attributes) => setter.set(at, attributes),
                None => match below.folder(path)? {
                    Some(like) => {
                        let at = format!("/proc/self/fd/{}/.", at.as_raw_fd());
                        let copied = flatten::copy_attributes(&like, Path::new(&at));
                        copied.tried(&texts::FOLDER, "fchmod()")
                    }
                    None => setter.set_plain(at),
                },
            }
            .with_context(|| texts::entry(path))?;
        }
        Ok(())
    }
}

/// Overlayfs does not ask whether the root of a layer is opaque. So what is below is hidden name by
/// name.
fn empty_root(tree: &Tree, below: &[PathBuf]) -> Result<()> {
    let root = tree.root().as_fd();
    if whiteout::is_opaque(root).tried(&texts::WHITEOUT, "fgetxattr(\"overlay.opaque\")")? {
        for name in Found::root(below).names()? {
            hide(root, &name)?;
        }
    }
    Ok(())
}

/// Gives a file of a layer below a second name in this one. `layers`: the bottom one first, this one
/// last. `copied`: what has been brought here already.
fn link(
    tree: &mut Tree,
    layers: &[PathBuf],
    path: &[u8],
    target: &[u8],
    copied: &mut BTreeSet<Vec<u8>>,
) -> Result<()> {
    let found = Found::root(layers).at_path(Path::new(OsStr::from_bytes(target)))?;
    let from = found.place.filter(|_| found.folders.is_empty());
    let from = from.with_context(|| texts::no_such_target(target))?;
    let is_here = layers.last().is_some_and(|own| from.starts_with(own));
    // What is here, and was not when its second name came, came later.
    ensure!(!is_here || copied.contains(target), texts::no_such_target(target));
    let no_root = || texts::ROOT_IS_A_FOLDER;
    let first = tree.place(target)?.with_context(no_root)?;
    if copied.insert(target.into()) {
        let copy = flatten::copy_file(&from, &first.by_descriptor());
        copy.tried(&texts::HARD_LINK, format_args!("copy({from:?})"))?;
    }
    let second = tree.place(path)?.with_context(no_root)?;
    let link = || {
        let (from, to) = (first.name.as_os_str(), second.name.as_os_str());
        linkat(&first.parent, from, &second.parent, to, AtFlags::empty())
    };
    let linked = match link() {
        // A whiteout of that name spares what is in its own layer.
        Err(Errno::EEXIST) if second.stat()?.is_some_and(|it| whiteout::is_whiteout(&it)) => {
            tree.clear(&second)?;
            link()
        }
        // A later entry has taken the name.
        Err(Errno::EEXIST) => Ok(()),
        linked => linked,
    };
    linked.tried(&texts::HARD_LINK, format_args!("linkat({:?})", tree::shown(target)))
}

/// What lies under this layer's folders.
struct Below {
    /// The folders above the one that was asked for last, each as it is with this layer on top.
    way: Vec<(Vec<u8>, Found)>,
}

impl Below {
    /// `layers`: the bottom one first, this one last.
    fn new(layers: &[PathBuf]) -> Self {
        Self { way: vec![(Vec::new(), Found::root(layers))] }
    }

    /// The folder that this layer's folder at `path` lies on, if there is one: nothing else, and not
    /// hidden.
    fn folder(&mut self, path: &[u8]) -> Result<Option<PathBuf>> {
        let without_own = |found: &Found| found.folders.get(1..).unwrap_or_default().to_vec();
        let Some((above, name)) = tree::split(path) else {
            return Ok(without_own(self.at(path)?).into_iter().next());
        };
        let folders = without_own(self.at(above)?);
        Ok(Found { folders, ..Found::default() }.at(name)?.folders.into_iter().next())
    }

    fn at(&mut self, path: &[u8]) -> Result<&Found> {
        // Folders come in the order of their paths: most of the way is the same as before.
        let is_on_way = |way: &[u8]| {
            let rest = path.strip_prefix(way);
            rest.is_some_and(|rest| way.is_empty() || rest.is_empty() || rest[0] == b'/')
        };
        while self.way.last().is_some_and(|(way, _)| !is_on_way(way)) {
            self.way.pop();
        }
        loop {
            let (way, found) = &self.way[self.way.len() - 1];
            let mut rest =
                path[way.len()..].split(|&byte| byte == b'/').filter(|it| !it.is_empty());
            let Some(name) = rest.next() else { break };
            let next = found.at(OsStr::from_bytes(name))?;
            let mut way = way.clone();
            tree::push(&mut way, name);
            self.way.push((way, next));
        }
        Ok(&self.way[self.way.len() - 1].1)
    }
}
