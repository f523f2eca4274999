//! What no name leads to any more.
//!
//! From a name to its manifest, from there to the configuration and the layers: what is not reached
//! can go. Nothing is counted, so nothing can be counted wrongly.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use anyhow::Result;
use nix::fcntl::FlockArg;
use process::{Attempt, explain};

use super::{Lock, Store, chain_ids, lock};
use crate::digest::Digest;
use crate::texts::store as texts;

/// What was removed.
#[derive(Debug, Default)]
pub struct Removed {
    /// The digests of blobs and layers.
    pub digests: Vec<String>,
    /// What they took on the disk, in bytes.
    pub bytes: u64,
}

/// Whether half-finished downloads are kept: a pull can go on with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spared {
    /// They stay.
    Downloads,
    /// They go as well.
    Nothing,
}

impl Store {
    /// Forgets a name, and removes what only it led to. (If a pull is under way, that is left to
    /// [`Store::prune`].)
    ///
    /// # Errors
    ///
    /// When the store can't be changed.
    pub fn remove(&self, name: &str) -> Result<Removed> {
        self.remove_name(name)?;
        match self.try_alone()? {
            Some(alone) => self.collect(&alone, Spared::Downloads),
            None => Ok(Removed::default()),
        }
    }

    /// Removes what no name leads to. Waits for pulls that are under way. A layer that a container
    /// uses is spared.
    ///
    /// # Errors
    ///
    /// When the store can't be changed.
    pub fn prune(&self) -> Result<Removed> {
        let alone = self.alone()?;
        self.collect(&alone, Spared::Nothing)
    }

    fn collect(&self, _alone: &Lock, spared: Spared) -> Result<Removed> {
        let (blobs, layers) = self.reached()?;
        let mut removed = Removed::default();
        // First of all, since a removed layer is moved there, to a name that has to be free.
        for (_, path) in list(&self.folder.join("partial"))? {
            // Nobody else is here: this is what killed pulls and removals left.
            if path.is_dir() || spared == Spared::Nothing {
                removed.bytes += disk_usage(&path);
                overlay_layers::remove_tree(&path)?;
            }
        }
        for (name, path) in list(&self.folder.join("blobs/sha256"))? {
            if !blobs.contains(&name) {
                removed.bytes += disk_usage(&path);
                fs::remove_file(&path).tried(&texts::STORE, format_args!("unlink({path:?})"))?;
                removed.digests.push(format!("sha256:{name}"));
            }
        }
        for (name, path) in list(&self.folder.join("layers"))? {
            if !layers.contains(&name) && self.remove_layer(&path, &mut removed)? {
                removed.digests.push(format!("sha256:{name}"));
            }
        }
        Ok(removed)
    }

    /// The names of the blobs and of the layers that some name leads to.
    fn reached(&self) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
        let (mut blobs, mut layers) = (BTreeSet::new(), BTreeSet::new());
        let hex = |digest: &Digest| digest.hex().to_owned();
        for entry in self.entries()? {
            let manifest = self.manifest(&entry.digest)?;
            let config = self.config(&manifest)?;
            blobs.extend([hex(&entry.digest), hex(&manifest.config.digest)]);
            blobs.extend(manifest.layers.iter().map(|layer| hex(&layer.digest)));
            layers.extend(chain_ids(&config.rootfs.diff_ids).iter().map(hex));
        }
        Ok((blobs, layers))
    }

    /// Removes an unpacked layer, unless a container uses it.
    fn remove_layer(&self, path: &Path, removed: &mut Removed) -> Result<bool> {
        let file = File::open(path).tried(&texts::LAYER, format_args!("open({path:?})"))?;
        let Some(_lock) = lock::try_take(file, path, FlockArg::LockExclusiveNonblock)? else {
            explain::say(texts::in_use(path));
            return Ok(false);
        };
        removed.bytes += disk_usage(path);
        // First away from its place: whatever happens next, nobody takes half of it for the layer.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let aside = self.partial(&format!("{name}.removed"));
        fs::rename(path, &aside).tried(&texts::LAYER, format_args!("rename({path:?})"))?;
        overlay_layers::remove_tree(&aside)?;
        Ok(true)
    }
}

/// What is in a folder: names and paths.
fn list(folder: &Path) -> Result<Vec<(String, std::path::PathBuf)>> {
    let entries = fs::read_dir(folder).tried(&texts::STORE, format_args!("opendir({folder:?})"))?;
    let entry =
        |entry: fs::DirEntry| (entry.file_name().to_string_lossy().into_owned(), entry.path());
    Ok(entries.flatten().map(entry).collect())
}

/// What a file, or a folder with all in it, takes on the disk, in bytes. What can't be read counts
/// nothing.
fn disk_usage(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    let within = || fs::read_dir(path).into_iter().flatten().flatten();
    let below =
        if metadata.is_dir() { within().map(|entry| disk_usage(&entry.path())).sum() } else { 0 };
    metadata.blocks() * 512 + below
}
