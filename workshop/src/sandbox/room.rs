//! Room on a disk, where a file system in memory will not do.
//!
//! Overlayfs marks folders by extended attributes; in a user namespace by such that begin with
//! `user.` (chapter 05). A tmpfs takes those since Linux 6.6. Before, the sandbox's `/tmp` has to be
//! a folder on a disk, as long as the sandbox lives. Somebody then has to look after the disk:
//! [`Guard`](super::guard::Guard).

use std::env;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, statfs};
use overlay_layers::sys::set_attribute;
use process::explain;

use super::texts;

/// A folder on a disk. It goes with this value.
#[derive(Debug)]
pub struct Room {
    folder: PathBuf,
}

/// Its name, with our number behind it.
const NAME: &str = "coracle-room-";

impl Room {
    /// Whether a file in memory can't have `user.` attributes.
    #[must_use]
    pub fn is_needed() -> bool {
        let file = memfd_create(c"coracle", MFdFlags::MFD_CLOEXEC);
        file.is_ok_and(|file| set_attribute(file.as_fd(), c"user.coracle", b"y").is_err())
    }

    /// A new folder below the first of these that has what overlayfs needs; `None` if none has.
    #[must_use]
    pub fn make(candidates: &[PathBuf]) -> Option<Self> {
        candidates.iter().find_map(|base| {
            sweep(base);
            let room = Self { folder: base.join(format!("{NAME}{}", std::process::id())) };
            room.try_out().ok().filter(|good| *good).map(|_| room)
        })
    }

    /// The places where such a folder may be: the user's own, the project's, everybody's.
    #[must_use]
    pub fn candidates(project: &Path) -> Vec<PathBuf> {
        let variable = |name| env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
        let own = variable("XDG_CACHE_HOME").or(variable("HOME").map(|home| home.join(".cache")));
        own.into_iter().chain([project.join("target"), "/var/tmp".into()]).collect()
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn try_out(&self) -> io::Result<bool> {
        let folder = &self.folder;
        DirBuilder::new().mode(0o700).create(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o1777))?;
        set_attribute(File::open(folder)?.as_fd(), c"user.coracle", b"y")?;
        // An overlay can't be the upper folder of another one.
        Ok(statfs(folder)?.filesystem_type() != OVERLAYFS_SUPER_MAGIC)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Err(error) = overlay_layers::remove_tree(&self.folder) {
            explain::say(texts::room_stays(&self.folder, &error));
        }
    }
}

/// Removes what a killed check has left.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix(NAME).and_then(|number| number.parse::<u32>().ok());
        if number.is_some_and(|number| !Path::new(&format!("/proc/{number}")).exists()) {
            let _ = overlay_layers::remove_tree(&entry.path());
        }
    }
}
