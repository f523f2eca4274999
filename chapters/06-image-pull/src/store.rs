//! The store: what this machine has of images, each thing once.
//!
//! Everything that a registry sends is called by the SHA-256 digest of its bytes. So there is
//! nothing to compare and nothing to update: what has the right name is the right thing, two images
//! that share a layer share the file, and a byte that went wrong is noticed. Only the names that
//! people give ("alpine:3.20") can change what they stand for, and they stand in one small file.
//!
//! ```text
//! index.json              names, and the manifest that each stands for
//! oci-layout              says that this is an OCI image layout (image-layout.md); other programs
//!                         can read it: `skopeo inspect oci:FOLDER:docker.io/library/alpine:latest`
//! blobs/sha256/DIGEST     manifests, configurations, layers: exactly what the registry sent
//! layers/CHAIN/fs/        a layer unpacked, as overlayfs wants it (module `layers`)
//! layers/CHAIN/layer.json how large it is
//! partial/                what is on its way: a download that can be resumed, a layer half unpacked
//! lock                    held shared by whoever adds, exclusively by whoever removes
//! index.lock              held while index.json is replaced
//! ```
//!
//! Nothing in `blobs` and `layers` is ever half there: it is made in `partial` and moved by
//! `rename(2)`, which is all or nothing. The locks are `flock(2)`'s, which end with their process.

mod incoming;
mod index;
mod layers;
mod lock;
mod prune;

use std::fs::{self, DirBuilder};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::libc;
use process::Attempt;

use crate::config::Config;
use crate::digest::Digest;
use crate::manifest::{Descriptor, Manifest};
use crate::name::Name;
use crate::texts::store as texts;

pub use incoming::Incoming;
pub use index::Entry;
pub use layers::{HeldLayer, NewLayer, chain_ids};
pub use lock::Lock;
pub use prune::{Removed, Spared};

/// The largest configuration that is read, in bytes. Real ones have a few thousand.
pub const MOST_CONFIG: u64 = 8 << 20;

/// What this machine has of images.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// An image that is here with all its layers. As long as this value lives nobody removes them.
#[derive(Debug)]
pub struct Image {
    /// What it was asked for by.
    pub name: Name,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The digest of its configuration: what Docker shows as the image's ID.
    pub id: Digest,
    /// What to run, and how.
    pub config: Config,
    /// The layers' folders in overlayfs's form, the bottom one first.
    pub layers: Vec<PathBuf>,
    /// How much they take, unpacked, in bytes.
    pub size: u64,
    _held: Vec<HeldLayer>,
}

impl Store {
    /// The user's store; it is made if it is not there.
    ///
    /// # Errors
    ///
    /// When it can't be made.
    pub fn open() -> Result<Self> {
        Self::at(&overlay_layers::data_folder()?.join("store"))
    }

    /// The store in this folder; it is made if it is not there.
    ///
    /// # Errors
    ///
    /// When it can't be made.
    pub fn at(folder: &Path) -> Result<Self> {
        for name in ["blobs/sha256", "layers", "partial"] {
            let path = folder.join(name);
            // Programs with the set-user-ID bit lie in the layers, old and full of holes: nobody
            // else may get at them.
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .tried(&texts::STORE, format_args!("mkdir({path:?})"))?;
        }
        let store = Self { folder: folder.into() };
        let layout = folder.join("oci-layout");
        if !layout.exists() {
            store.replace(&layout, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        }
        Ok(store)
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.hex())
    }

    fn partial(&self, name: &str) -> PathBuf {
        self.folder.join("partial").join(name)
    }

    /// Whether a blob is here.
    #[must_use]
    pub fn has_blob(&self, digest: &Digest) -> bool {
        self.blob_path(digest).exists()
    }

    /// Opens a blob for reading. What is read has to be checked: a disk can fail.
    ///
    /// # Errors
    ///
    /// When it is not here.
    pub fn open_blob(&self, digest: &Digest) -> Result<fs::File> {
        let path = self.blob_path(digest);
        // A link can't have got there by this program; so don't follow one.
        fs::OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)
            .tried(&texts::BLOB, format_args!("open({path:?})"))
    }

    /// Removes a blob that turned out to be damaged.
    pub fn discard_blob(&self, digest: &Digest) {
        let _ = fs::remove_file(self.blob_path(digest));
    }

    /// A small blob, checked. `most` is the largest size that is believed, in bytes.
    ///
    /// # Errors
    ///
    /// When it is not here, is larger, or is damaged.
    pub fn read_blob(&self, digest: &Digest, most: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_blob(digest)?
            .take(most + 1)
            .read_to_end(&mut bytes)
            .tried(&texts::BLOB, format_args!("read({:?})", self.blob_path(digest)))?;
        if bytes.len() as u64 > most || Digest::of(&bytes) != *digest {
            bail!(texts::damaged(digest));
        }
        Ok(bytes)
    }

    /// Keeps a small blob whose digest was checked.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn keep_blob(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        let path = self.blob_path(&digest);
        if !path.exists() {
            self.replace(&path, bytes)?;
        }
        Ok(digest)
    }

    /// Writes a file of the store, all of it or nothing: a new one beside it, synced, renamed.
    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        // Two processes at once must not write to one file.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let new = self.partial(&format!("{name}.{}", std::process::id()));
        let written = fs::write(&new, bytes).and_then(|()| fs::File::open(&new)?.sync_all());
        let moved = written.and_then(|()| fs::rename(&new, path));
        if moved.is_err() {
            let _ = fs::remove_file(&new);
        }
        moved.tried(&texts::STORE, format_args!("write({path:?})"))?;
        sync_folder(path)
    }

    /// The manifest behind a digest.
    ///
    /// # Errors
    ///
    /// When it is not here, or is damaged.
    pub fn manifest(&self, digest: &Digest) -> Result<Manifest> {
        let bytes = self.read_blob(digest, crate::manifest::MOST_BYTES)?;
        Manifest::parse(&bytes).with_context(|| texts::unreadable(digest))
    }

    /// The configuration behind a manifest.
    ///
    /// # Errors
    ///
    /// When it is not here, or is damaged.
    pub fn config(&self, manifest: &Manifest) -> Result<Config> {
        let Descriptor { digest, .. } = &manifest.config;
        let bytes = self.read_blob(digest, MOST_CONFIG)?;
        Config::parse(&bytes).with_context(|| texts::unreadable(digest))
    }

    /// The image with this name, if it is here with every layer.
    ///
    /// # Errors
    ///
    /// When the store can't be read, or something in it is damaged.
    pub fn image(&self, name: &Name) -> Result<Option<Image>> {
        let Some(entry) = self.entry(name)? else { return Ok(None) };
        // From here to the locks on the layers nobody may remove them.
        let _shared = self.share()?;
        let manifest = self.manifest(&entry.digest)?;
        let config = self.config(&manifest)?;
        let mut held = Vec::new();
        for chain in chain_ids(&config.rootfs.diff_ids) {
            match self.layer(&chain)? {
                Some(layer) => held.push(layer),
                None => return Ok(None),
            }
        }
        Ok(Some(Image {
            name: name.clone(),
            digest: entry.digest,
            id: manifest.config.digest,
            config,
            layers: held.iter().map(HeldLayer::folder).collect(),
            size: held.iter().map(HeldLayer::size).sum(),
            _held: held,
        }))
    }
}

/// Makes sure that a name that was just given in a folder outlasts a power cut.
fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.tried(&texts::STORE, format_args!("fsync({folder:?})"))
}
