//! The folders that a container writes to.
//!
//! Overlayfs needs three: `upper` takes what the container writes; `work` is where it prepares a
//! file before it appears in `upper`, by `rename(2)`, so both have to be on one file system; and
//! `merged` is an empty folder on which the result is mounted.
//!
//! ```text
//! data_folder()/containers/
//!     lock               held while a folder is made or old ones are removed
//!     4f1a2b3c4d5e/      one run: locked as long as it lives, removed at its end
//!         upper/  work/  merged/
//! ```
//!
//! With `--upper DIR` the upper folder is one that the user names and keeps. The work folder then
//! stands beside it, in `DIR.work`, together with the list of layers that it belongs to: without
//! them nobody could tell what in it is new and what was changed.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use process::{Attempt, explain};

use crate::{data_folder, remove_tree, texts};

/// What a container writes to.
#[derive(Debug)]
pub struct Writable {
    /// This run's own folder.
    folder: PathBuf,
    /// The user's, if the upper folder is his.
    kept: Option<PathBuf>,
    /// Held from `make` on.
    locks: Vec<Flock<File>>,
}

impl Writable {
    /// The folders of the run `id`; the upper one is `kept`, if it is to outlive the run. Nothing is
    /// made yet.
    ///
    /// # Errors
    ///
    /// When there is no place for them.
    pub fn new(id: &str, kept: Option<PathBuf>) -> Result<Self> {
        let folder = data_folder()?.join("containers").join(id);
        let kept = match kept {
            Some(kept) => Some(absolute(&kept)?),
            None => None,
        };
        Ok(Self { folder, kept, locks: Vec::new() })
    }

    /// This run's own folder, for what other chapters keep there.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the container writes appears here.
    #[must_use]
    pub fn upper(&self) -> PathBuf {
        self.kept.clone().unwrap_or_else(|| self.folder.join("upper"))
    }

    /// Overlayfs's own.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        match &self.kept {
            Some(kept) => beside(kept).join("work"),
            None => self.folder.join("work"),
        }
    }

    /// Where the result is mounted.
    #[must_use]
    pub fn merged(&self) -> PathBuf {
        self.folder.join("merged")
    }

    /// Whether the upper folder is the user's.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Makes the folders, and holds them. First removes those of runs that were killed.
    ///
    /// # Errors
    ///
    /// When they can't be made, or the upper folder is another container's at the moment.
    pub fn make(&mut self, layers: &[PathBuf]) -> Result<()> {
        let all = self.folder.parent().unwrap_or(&self.folder);
        // What is in here can have any owner and any mode: it is for its container only.
        make_folder(all, 0o700)?;
        let path = all.join("lock");
        let lock = File::create(&path).tried(&texts::WRITABLE, format_args!("open({path:?})"))?;
        let lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| errno);
        let _alone = lock.tried(&texts::WRITABLE, format_args!("flock({path:?})"))?;
        sweep(all)?;
        make_folder(&self.folder, 0o700)?;
        let ours = hold(&self.folder)?.context(texts::taken(&self.folder))?;
        self.locks.push(ours);
        make_folder(&self.merged(), 0o755)?;
        if let Some(kept) = &self.kept {
            make_folder(kept, 0o755)?;
            let held = hold(kept)?.with_context(|| texts::upper_in_use(kept))?;
            self.locks.push(held);
            note_layers(kept, layers)?;
        } else {
            make_folder(&self.upper(), 0o755)?;
        }
        // It is the top of what the container sees: that is to look as in the topmost layer.
        let upper = self.upper();
        if let (Some(topmost), true) = (layers.last(), is_empty(&upper)) {
            make_like(topmost, &upper)?;
        }
        make_folder(&self.work(), 0o700)
    }

    /// Removes these paths from an upper folder that is kept, and the folders above them, where
    /// they are empty and no layer has them.
    pub(crate) fn forget(&self, paths: &[PathBuf], layers: &[PathBuf]) {
        let Some(kept) = &self.kept else { return };
        // The last one may be inside of the one before.
        for path in paths.iter().rev() {
            let path = path.strip_prefix("/").unwrap_or(path);
            for path in path.ancestors().filter(|path| path.file_name().is_some()) {
                let place = kept.join(path);
                // A link here is the container's, and where it leads is none of our business.
                let followed = place.ancestors().take_while(|place| *place != kept);
                if layers.iter().any(|layer| layer.join(path).symlink_metadata().is_ok())
                    || followed.into_iter().any(Path::is_symlink)
                {
                    break;
                }
                match fs::metadata(&place) {
                    Ok(found) if found.is_file() && found.len() == 0 => {
                        let _ = fs::remove_file(&place);
                    }
                    _ => drop(fs::remove_dir(&place)),
                }
            }
        }
    }

    /// Removes what is not to be kept.
    ///
    /// # Errors
    ///
    /// When something can't be removed.
    pub fn remove(&mut self) -> Result<()> {
        let removed = remove_tree(&self.folder);
        self.locks.clear();
        removed
    }
}

/// The folder beside an upper folder of the user's.
fn beside(upper: &Path) -> PathBuf {
    let mut name = upper.file_name().unwrap_or_default().to_os_string();
    name.push(".work");
    upper.with_file_name(name)
}

/// The path from the root on: a container is made in another working directory.
fn absolute(path: &Path) -> Result<PathBuf> {
    ensure!(path.file_name().is_some(), texts::no_upper_name(path));
    std::path::absolute(path).tried(&texts::WRITABLE, format_args!("realpath({path:?})"))
}

fn make_folder(path: &Path, mode: u32) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(mode).create(path);
    made.tried(&texts::WRITABLE, format_args!("mkdir({path:?}, {mode:o})"))
}

/// Gives a folder the owner and the mode of another one.
fn make_like(model: &Path, folder: &Path) -> Result<()> {
    let found = fs::metadata(model).tried(&texts::LAYER, format_args!("stat({model:?})"))?;
    // An ordinary user can't give it away; then it stays his.
    let _ = chown(folder, Some(found.uid()), Some(found.gid()));
    let changed = fs::set_permissions(folder, found.permissions());
    changed.tried(&texts::WRITABLE, format_args!("chmod({folder:?})"))
}

/// Locks a folder if it is there and nobody holds it.
///
/// This kind of lock (`flock(2)`) belongs to the open folder, which a new process inherits. So it
/// lasts as long as somebody prepares a container in there, even if the one who began that is
/// killed.
fn hold(folder: &Path) -> Result<Option<Flock<File>>> {
    let file = match File::open(folder) {
        // The run that it belongs to has just ended.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.tried(&texts::WRITABLE, format_args!("open({folder:?})"))?,
    };
    match Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno) {
        Err(Errno::EWOULDBLOCK) => Ok(None),
        locked => locked.map(Some).tried(&texts::WRITABLE, format_args!("flock({folder:?})")),
    }
}

/// Removes the folders that nobody holds. One that can't be removed is no reason not to run.
fn sweep(all: &Path) -> Result<()> {
    let entries = fs::read_dir(all).tried(&texts::WRITABLE, format_args!("opendir({all:?})"))?;
    for folder in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        if let Some(_dead) = hold(&folder)? {
            explain::note(texts::swept(&folder));
            if let Err(error) = remove_tree(&folder) {
                explain::say(texts::not_swept(&error));
            }
        }
    }
    Ok(())
}

/// The layers that an upper folder belongs to, each followed by a NUL byte, which no path contains.
fn note_layers(upper: &Path, layers: &[PathBuf]) -> Result<()> {
    let note = beside(upper).join("layers");
    let text: Vec<u8> =
        layers.iter().flat_map(|layer| [layer.as_os_str().as_bytes(), &[0]].concat()).collect();
    match fs::read(&note) {
        Ok(before) if before == text => return Ok(()),
        // Files of one image with the changes of another are neither.
        Ok(_) if !is_empty(upper) => bail!(texts::other_layers(upper)),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).tried(&texts::WRITABLE, format_args!("read({note:?})")),
    }
    make_folder(&beside(upper), 0o700)?;
    fs::write(&note, text).tried(&texts::WRITABLE, format_args!("write({note:?})"))
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// The layers that an upper folder belongs to, the bottom one first, if a run noted them.
#[must_use]
pub fn layers_of(upper: &Path) -> Option<Vec<PathBuf>> {
    let upper = absolute(upper).ok()?;
    let text = fs::read(beside(&upper).join("layers")).ok()?;
    let paths = text.split(|&byte| byte == 0).filter(|path| !path.is_empty());
    Some(paths.map(|path| OsString::from_vec(path.to_vec()).into()).collect())
}
