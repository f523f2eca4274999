//! The root folder that the workshop's programs copy from the host's at their first use: made once,
//! and shown to every session, without taking any room.
//!
//! The first session of root's makes it. What it has copied are files that the machine has already:
//! they become further names of those. The ordinary user's is the same one with another owner: a
//! layer on top of it, in which the owners are and nothing else (overlayfs: `metacopy`).

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount, umount};
use recorder::session::User;

/// Beside the programs' files, as only files of one file system can have names in common.
pub(crate) const FOLDER: &str = "/kept";
const ROOTS: &str = "/kept/root";
/// The layer with the owners, on a file system that has room for attributes.
const OWNERS: &str = "/run/owners";

/// The layers that a user's sessions find, as overlayfs' options; `None` before they are made.
pub(crate) fn layers(user: User) -> Option<String> {
    if !Path::new(OWNERS).exists() {
        return None;
    }
    Some(match user {
        User::Root => format!("lowerdir={ROOTS}"),
        User::Student => format!("metacopy=on,lowerdir={OWNERS}/upper:{ROOTS}"),
    })
}

/// After the first session: sees to it that the next ones find the folder. Does nothing later.
pub(crate) fn settle() -> Result<()> {
    if !Path::new(ROOTS).exists() || Path::new(OWNERS).exists() {
        return Ok(());
    }
    share(Path::new(ROOTS)).context("the first copy can't share files with the machine")?;
    for name in ["upper", "work", "all"] {
        fs::create_dir_all(Path::new(OWNERS).join(name))?;
    }
    let all = Path::new(OWNERS).join("all");
    let options =
        format!("metacopy=on,lowerdir={ROOTS},upperdir={OWNERS}/upper,workdir={OWNERS}/work");
    let overlay = Some("overlay");
    mount(overlay, &all, overlay, MsFlags::empty(), Some(options.as_str()))
        .context("the ordinary user's layer can't be mounted")?;
    give(&all).context("the ordinary user's layer can't be made")?;
    umount(&all)?;
    Ok(())
}

/// Makes the files below a folder names of those that the machine has under the same path.
fn share(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let about = path.symlink_metadata()?;
        if about.is_dir() {
            share(&path)?;
        } else if about.is_file() {
            if let Some(own) =
                path.to_str().and_then(|path| path.find("/usr/").map(|at| &path[at..]))
            {
                if same(&about, own, &path)? {
                    fs::remove_file(&path)?;
                    fs::hard_link(own, &path)?;
                }
            }
        }
    }
    Ok(())
}

/// Whether it is one of the machine's own files. (Its time of last change nobody asks for.)
fn same(about: &Metadata, own: &str, path: &Path) -> Result<bool> {
    let Ok(of_own) = Path::new(own).symlink_metadata() else { return Ok(false) };
    let all = |it: &Metadata| (it.len(), it.mode(), it.uid(), it.gid());
    Ok(all(about) == all(&of_own) && fs::read(path)? == fs::read(own)?)
}

/// Gives a folder and all in it to the ordinary user.
fn give(folder: &Path) -> Result<()> {
    lchown(folder, Some(1000), Some(1000))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.symlink_metadata()?.is_dir() {
            give(&path)?;
        } else {
            lchown(&path, Some(1000), Some(1000))?;
        }
    }
    Ok(())
}
