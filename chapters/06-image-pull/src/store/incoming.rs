//! A blob on its way.
//!
//! It grows in `partial/` under its own digest. Whoever makes it holds a lock on it, so two pulls
//! that need the same blob fetch it once: the second one waits, and then finds it in its place. A
//! pull that was killed leaves what it had, and the next one goes on from there; since the digest is
//! computed over all of it anyway, it does not matter who wrote the first half.

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::Result;
use nix::fcntl::Flock;
use process::Attempt;

use super::{Store, lock, sync_folder};
use crate::digest::Digest;
use crate::texts::store as texts;

/// A blob that this process, and no other, is making.
#[derive(Debug)]
pub struct Incoming {
    file: Flock<File>,
    path: PathBuf,
    place: PathBuf,
}

impl Store {
    /// Begins a blob, or goes on with it; `None` when it is here already. `waiting` is told if
    /// somebody else is at it.
    ///
    /// # Errors
    ///
    /// When the file can't be made.
    pub fn receive(&self, digest: &Digest, waiting: impl FnOnce()) -> Result<Option<Incoming>> {
        let place = self.blob_path(digest);
        let path = self.partial(digest.hex());
        let file = lock::own(&path, waiting)?;
        if place.exists() {
            // Whoever we waited for has moved theirs there; this one is ours, and empty.
            let _ = fs::remove_file(&path);
            return Ok(None);
        }
        Ok(Some(Incoming { file, path, place }))
    }
}

impl Incoming {
    /// The file: read from its beginning what is there already, then write what is missing.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// How many bytes are there already.
    ///
    /// # Errors
    ///
    /// What `fstat(2)` refuses.
    pub fn received(&self) -> Result<u64> {
        let metadata = self.file.metadata();
        Ok(metadata.tried(&texts::STORE, format_args!("fstat({:?})", self.path))?.len())
    }

    /// Begins anew: what is there is not what it should be.
    ///
    /// # Errors
    ///
    /// What `ftruncate(2)` refuses.
    pub fn begin_anew(&self) -> Result<()> {
        self.file.set_len(0).tried(&texts::STORE, format_args!("ftruncate({:?}, 0)", self.path))
    }

    /// Puts it in its place. Its digest has been checked.
    ///
    /// # Errors
    ///
    /// What `fsync(2)` or `rename(2)` refuses.
    pub fn keep(self) -> Result<()> {
        // First the content has to be on the disk, then the name: a power cut in between must not
        // leave a name with nothing behind it.
        self.file.sync_data().tried(&texts::STORE, format_args!("fdatasync({:?})", self.path))?;
        fs::rename(&self.path, &self.place)
            .tried(&texts::STORE, format_args!("rename({:?}, {:?})", self.path, self.place))?;
        sync_folder(&self.place)
    }

    /// Gives it up: it is not what it should be.
    pub fn discard(self) {
        let _ = fs::remove_file(&self.path);
    }
}
