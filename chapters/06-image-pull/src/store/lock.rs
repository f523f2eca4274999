//! Who may do what at the same time: `flock(2)`.
//!
//! A lock belongs to an open file and ends when that is closed, at the latest with its process,
//! however that ends. So nobody has to clear up after a killed one.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use process::{Attempt, explain};

use super::Store;
use crate::digest::Digest;
use crate::texts::store as texts;

/// A lock, held as long as this value lives.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "dropping it is its use")] Flock<File>);

/// One image, for one pull. Its file goes with it.
#[derive(Debug)]
pub struct ImageLock {
    path: PathBuf,
    _held: Flock<File>,
}

impl Drop for ImageLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Store {
    /// As long as this lives nothing is removed from the store.
    ///
    /// # Errors
    ///
    /// When the lock can't be had.
    pub fn share(&self) -> Result<Lock> {
        wait(&self.folder.join("lock"), FlockArg::LockShared)
    }

    /// As long as this lives nobody adds to the store, and nothing is being added.
    pub(super) fn alone(&self) -> Result<Lock> {
        let path = self.folder.join("lock");
        match try_take(open(&path)?, &path, FlockArg::LockExclusiveNonblock)? {
            Some(lock) => Ok(Lock(lock)),
            None => {
                explain::say(texts::WAITING_FOR_PULLS);
                wait(&path, FlockArg::LockExclusive)
            }
        }
    }

    /// The same, if it can be had at once.
    pub(super) fn try_alone(&self) -> Result<Option<Lock>> {
        let path = self.folder.join("lock");
        Ok(try_take(open(&path)?, &path, FlockArg::LockExclusiveNonblock)?.map(Lock))
    }

    /// As long as this lives nobody else pulls the image with this manifest: two pulls of one image
    /// at once work once. `waiting` is told if somebody does.
    ///
    /// # Errors
    ///
    /// When the lock can't be had.
    pub fn lock_image(&self, digest: &Digest, waiting: impl FnOnce()) -> Result<ImageLock> {
        let path = self.partial(&format!("{}.pull", digest.hex()));
        let _held = own(&path, waiting)?;
        Ok(ImageLock { path, _held })
    }

    /// As long as this lives nobody else changes the names.
    pub(super) fn lock_index(&self) -> Result<Lock> {
        wait(&self.folder.join("index.lock"), FlockArg::LockExclusive)
    }
}

pub(super) fn open(path: &Path) -> Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .tried(&texts::STORE, format_args!("open({path:?})"))
}

/// Makes a file, or finds the one that is there, and holds it alone. `waiting` is told if somebody
/// else holds it.
pub(super) fn own(path: &Path, waiting: impl FnOnce()) -> Result<Flock<File>> {
    let mut waiting = Some(waiting);
    loop {
        let held = match try_take(open(path)?, path, FlockArg::LockExclusiveNonblock)? {
            Some(held) => held,
            None => {
                if let Some(waiting) = waiting.take() {
                    waiting();
                }
                take(open(path)?, path, FlockArg::LockExclusive)?
            }
        };
        // Whoever held it before may have moved or removed it: then ours is not the file that
        // others find there.
        let (ours, there) = (held.metadata(), fs::symlink_metadata(path));
        if let (Ok(ours), Ok(there)) = (ours, there) {
            if (ours.dev(), ours.ino()) == (there.dev(), there.ino()) {
                return Ok(held);
            }
        }
    }
}

fn wait(path: &Path, how: FlockArg) -> Result<Lock> {
    take(open(path)?, path, how).map(Lock)
}

/// Locks an open file, waiting for whoever holds it.
pub(super) fn take(mut file: File, path: &Path, how: FlockArg) -> Result<Flock<File>> {
    loop {
        match Flock::lock(file, how) {
            Err((again, Errno::EINTR)) => file = again,
            locked => {
                let locked = locked.map_err(|(_, errno)| errno);
                return locked.tried(&texts::LOCK, format_args!("flock({path:?})"));
            }
        }
    }
}

/// Locks an open file if nobody holds it. `how` is one of the two that don't wait.
pub(super) fn try_take(file: File, path: &Path, how: FlockArg) -> Result<Option<Flock<File>>> {
    match Flock::lock(file, how).map_err(|(_, errno)| errno) {
        Err(Errno::EWOULDBLOCK) => Ok(None),
        locked => locked.tried(&texts::LOCK, format_args!("flock({path:?})")).map(Some),
    }
}
