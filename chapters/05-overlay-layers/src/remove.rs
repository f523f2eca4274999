//! Removing what a container or an image left, whatever it is like.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;
use process::Attempt;

use crate::texts;

/// Removes a folder with all that is in it, or a file. Links are removed, not followed; that it is
/// gone already is no failure.
///
/// # Errors
///
/// What `unlink(2)` or `rmdir(2)` refuses.
pub fn remove_tree(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => remove_folder(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.tried(&texts::REMOVE, format_args!("unlink({path:?} and all in it)")),
    }
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        // An ordinary user needs the right to write to a folder in order to empty it, even if it
        // is his own. (Overlayfs makes one with no rights at all in its work folder.)
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        removed => removed,
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}
