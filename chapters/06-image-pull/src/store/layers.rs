//! Unpacked layers.
//!
//! A layer is unpacked once, and then shared by every image and every container that has it. It is
//! called by its *chain ID* (the OCI image specification's `config.md`): the digest of the digests
//! of this layer and of all below it. For what a layer looks like unpacked depends on those: a
//! folder that it adds a file to without describing it keeps the mode and the owner that it has
//! below.
//!
//! Unlike blobs, the files of unpacked layers are not synced to the disk: to wait for thousands of
//! them would take longer than the pull. So after a power cut within half a minute of a pull a layer
//! can be damaged. Docker, containerd and podman make the same choice. The blobs are safe: `rmi` and
//! a new pull repair it.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use process::Attempt;
use serde::{Deserialize, Serialize};

use super::{Store, lock};
use crate::digest::Digest;
use crate::texts::store as texts;

/// The chain IDs of layers, the bottom one first, from the digests of their uncompressed archives.
#[must_use]
pub fn chain_ids(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::new();
    for diff_id in diff_ids {
        chain.push(match chain.last() {
            None => diff_id.clone(),
            Some(below) => Digest::of(format!("{below} {diff_id}").as_bytes()),
        });
    }
    chain
}

/// What `layer.json` says.
#[derive(Serialize, Deserialize)]
struct Facts {
    /// What the files take, in bytes.
    size: u64,
}

/// An unpacked layer that nobody removes as long as this value lives.
#[derive(Debug)]
pub struct HeldLayer {
    folder: PathBuf,
    size: u64,
    _lock: Flock<File>,
}

impl HeldLayer {
    /// Its files, as overlayfs wants them.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.join("fs")
    }

    /// What its files take, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// A layer that is being unpacked. Dropped before [`NewLayer::keep`] it is removed.
#[derive(Debug)]
pub struct NewLayer {
    /// Emptied when it has been moved.
    folder: Option<PathBuf>,
    place: PathBuf,
}

impl Store {
    fn layer_path(&self, chain: &Digest) -> PathBuf {
        self.folder.join("layers").join(chain.hex())
    }

    /// Whether a layer is here, unpacked.
    #[must_use]
    pub fn has_layer(&self, chain: &Digest) -> bool {
        self.layer_path(chain).exists()
    }

    /// Where a layer's files are, or will be.
    #[must_use]
    pub fn layer_folder(&self, chain: &Digest) -> PathBuf {
        self.layer_path(chain).join("fs")
    }

    /// The layer, if it is here.
    ///
    /// # Errors
    ///
    /// When it can't be read.
    pub fn layer(&self, chain: &Digest) -> Result<Option<HeldLayer>> {
        let folder = self.layer_path(chain);
        let file = match File::open(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.tried(&texts::LAYER, format_args!("open({folder:?})"))?,
        };
        let _lock = lock::take(file, &folder, FlockArg::LockShared)?;
        let path = folder.join("layer.json");
        let bytes = fs::read(&path).tried(&texts::LAYER, format_args!("read({path:?})"))?;
        let Facts { size } =
            serde_json::from_slice(&bytes).with_context(|| texts::damaged_layer(&path))?;
        Ok(Some(HeldLayer { folder, size, _lock }))
    }

    /// A folder for a layer that is to be unpacked.
    ///
    /// # Errors
    ///
    /// When it can't be made.
    pub fn new_layer(&self, chain: &Digest) -> Result<NewLayer> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = loop {
            let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let folder = self.partial(&format!("{}.{process}.{count}", chain.hex()));
            match DirBuilder::new().mode(0o700).create(&folder) {
                // A process that had our number was killed, or has it in another PID namespace.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => {
                    made.tried(&texts::LAYER, format_args!("mkdir({folder:?})"))?;
                    break folder;
                }
            }
        };
        let new = NewLayer { folder: Some(folder), place: self.layer_path(chain) };
        // What the whole root folder of the container looks like, if no layer says otherwise.
        let files = new.files();
        let made = DirBuilder::new().mode(0o755).create(&files);
        made.tried(&texts::LAYER, format_args!("mkdir({files:?})"))?;
        Ok(new)
    }
}

impl NewLayer {
    fn folder(&self) -> &Path {
        self.folder.as_deref().unwrap_or(&self.place)
    }

    /// Where to unpack it.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.folder().join("fs")
    }

    /// Puts it in its place. `size` is what its files take, in bytes.
    ///
    /// # Errors
    ///
    /// What `rename(2)` refuses.
    pub fn keep(mut self, size: u64) -> Result<()> {
        let facts = self.folder().join("layer.json");
        // This one file is synced: empty, it would keep the layer from being used at all.
        let content = serde_json::to_vec(&Facts { size })?;
        fs::write(&facts, content)
            .and_then(|()| File::open(&facts)?.sync_all())
            .tried(&texts::LAYER, format_args!("write({facts:?})"))?;
        match fs::rename(self.folder(), &self.place) {
            Ok(()) => {
                self.folder = None;
                Ok(())
            }
            // Another pull was faster. Ours goes.
            Err(error) if error.raw_os_error() == Some(Errno::ENOTEMPTY as i32) => Ok(()),
            Err(error) if error.raw_os_error() == Some(Errno::EEXIST as i32) => Ok(()),
            refused => refused.tried(&texts::LAYER, format_args!("rename({:?})", self.place)),
        }
    }
}

impl Drop for NewLayer {
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take() {
            // What can't be removed now `prune` will meet again.
            let _ = overlay_layers::remove_tree(&folder);
        }
    }
}
