//! Layers to run containers on, and what has become of them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::texts;
use crate::check::world::{Call, World};

/// A root folder and two layers, with files of random names in one folder.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) root: PathBuf,
    /// The topmost is the last.
    pub(super) layers: Vec<PathBuf>,
    /// The folder in all of them, as the container sees it: `/word`.
    pub(super) top: String,
    /// What the files say is this and the layer's number.
    pub(super) word: String,
}

/// What is below [`Scene::top`] in the root folder, and in each layer.
const FILES: [&[&str]; 3] = [
    &["only-0", "in-all", "in-two", "deleted", "changed", "folder/0", "removed/0", "anew/0"],
    &["only-1", "in-all", "in-two", "folder/1"],
    &["only-2", "in-all", "folder/2", "removed/2"],
];

impl Scene {
    /// Makes the folders.
    pub(super) fn new(world: &World) -> Result<Self> {
        let scene = Self {
            root: world.root()?,
            layers: vec![world.folder("layer")?, world.folder("layer")?],
            top: format!("/{}", world.word()),
            word: world.word(),
        };
        for (number, folder) in [&scene.root].into_iter().chain(&scene.layers).enumerate() {
            for name in FILES[number] {
                put(folder, &scene.path(name), &scene.says(number))?;
            }
        }
        Ok(scene)
    }

    /// A path as the container sees it.
    pub(super) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.top)
    }

    /// What the files of a layer say; the root folder is number 0.
    pub(super) fn says(&self, layer: usize) -> String {
        format!("{} {layer}", self.word)
    }

    /// A run on all of them.
    pub(super) fn call(&self, world: &World) -> Call {
        let call = lone(world).root(&self.root);
        self.layers.iter().fold(call, |call, layer| on(call, layer))
    }

    /// The root folder and the layers, as they are on the disk.
    pub(super) fn state(&self) -> Result<BTreeMap<PathBuf, String>> {
        let mut all = BTreeMap::new();
        for folder in [&self.root].into_iter().chain(&self.layers) {
            note(folder, &mut all).with_context(|| texts::cannot_read(folder))?;
        }
        Ok(all)
    }
}

/// A run without a network: this chapter has no use for one, and it takes time to make.
pub(super) fn lone(world: &World) -> Call {
    world.call().options(&["--network", "none"])
}

/// One more layer.
pub(super) fn on(call: Call, layer: &Path) -> Call {
    call.options(&["--layer".as_ref(), layer.as_os_str()])
}

/// Writes a file at a place in a layer.
pub(super) fn put(layer: &Path, path: &str, text: &str) -> Result<()> {
    let place = at(layer, path);
    let written = place.parent().map_or(Ok(()), fs::create_dir_all);
    written.and_then(|()| fs::write(&place, text)).with_context(|| texts::cannot_write(&place))
}

/// Where a path of the container's is in a layer.
pub(super) fn at(layer: &Path, path: &str) -> PathBuf {
    layer.join(path.trim_start_matches('/'))
}

/// Every file and folder. The time of the last change of anything about it (`ctime`) says most.
fn note(place: &Path, all: &mut BTreeMap<PathBuf, String>) -> io::Result<()> {
    let found = fs::symlink_metadata(place)?;
    let its = [i64::from(found.mode()), found.size() as i64, found.ctime(), found.ctime_nsec()];
    all.insert(place.into(), format!("{its:?} {}", found.ino()));
    if found.is_dir() {
        for entry in fs::read_dir(place)? {
            note(&entry?.path(), all)?;
        }
    }
    Ok(())
}

/// The first place where two states differ, and what is different there.
pub(super) fn difference(
    before: &BTreeMap<PathBuf, String>,
    after: &BTreeMap<PathBuf, String>,
) -> Option<String> {
    let changed = before.iter().find_map(|(place, its)| match after.get(place) {
        None => Some(texts::gone(place)),
        Some(now) if now != its && !place.is_dir() => Some(texts::changed(place)),
        Some(_) => None,
    });
    let new = || after.keys().find(|place| !before.contains_key(*place)).map(|it| texts::new(it));
    let folder = || before.iter().find(|(place, its)| after.get(*place) != Some(its));
    changed.or_else(new).or_else(|| folder().map(|(place, _)| texts::changed(place)))
}

/// Files and folders of this name, wherever a program can write.
pub(super) fn search(name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = ["/tmp", "/run", "/var/tmp", "/dev/shm"].map(Into::into).into();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name() == name {
                found.push(entry.path());
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
        }
    }
    found
}
