//! The ordinary user's home on a test's host.
//!
//! It lies on a disk, as homes do, and not in memory: before Linux 6.6 tmpfs keeps none of the
//! `user.*` attributes in which an ordinary user's layers note what was deleted (`xattr(7)`).

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A folder beside the built programs; removed with all in it when this value is dropped.
pub(crate) struct Home(PathBuf);

impl Home {
    /// Makes it, and removes those of tests that were killed.
    pub(crate) fn new(user: u32) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let all = crate::target().join("tmp/homes");
        fs::create_dir_all(&all).expect("a folder for homes");
        sweep(&all);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let home = all.join(name);
        DirBuilder::new().mode(0o700).create(&home).expect("a home");
        chown(&home, Some(user), Some(user)).expect("a home of the user's");
        Self(home)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sweep(all: &Path) {
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.split('-').next().unwrap_or_default();
        if !Path::new("/proc").join(number).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
