//! Where kernels, packages and disks stay: `~/.cache/coracle/vm`.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

/// The folder; made if it is not there.
///
/// # Errors
///
/// When there is no home, or the folder can't be made.
pub fn folder() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let caches = caches.ok_or_else(|| anyhow!("neither XDG_CACHE_HOME nor HOME is set"))?;
    let folder = caches.join("coracle/vm");
    fs::create_dir_all(&folder).with_context(|| format!("{} can't be made", folder.display()))?;
    Ok(folder)
}

/// Keeps other calls out of the cache while the value lives: what one makes, two would spoil.
///
/// # Errors
///
/// When the lock's file can't be made.
pub fn lock() -> Result<impl Drop> {
    lock_in(&folder()?)
}

/// The same for another folder.
///
/// # Errors
///
/// As above.
pub fn lock_in(folder: &Path) -> Result<impl Drop + use<>> {
    let path = folder.join("lock");
    let file = File::create(&path).with_context(|| format!("{} can't be made", path.display()))?;
    let lock = nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusive);
    lock.map_err(|(_, errno)| anyhow!("{} can't be locked: {errno}", path.display()))
}
