//! Folders that are not the image's: volumes.
//!
//! What a container writes goes with it. A *volume* is a folder that is mounted over a part of its
//! file tree, and has its own life: one of the host's (`-v SOURCE:TARGET`), or a fresh one, for which
//! the image itself may ask. (Databases do, so that their files are not on an overlay.) A fresh one
//! begins with what the image has at that place, and goes with the container. Volumes with names,
//! which stay, come in chapter 09.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, Permissions};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use anyhow::{Error, Result, bail, ensure};
use nix::errno::Errno;
use overlay_layers::{Writable, flatten};
use pid_namespace::{Mount, Tree, inside};
use process::{Attempt, Mechanism, explain};
use serde_json::Value;

use crate::texts::run as texts;

/// A volume that the user wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The host's folder or file; none for a fresh one.
    source: Option<PathBuf>,
    target: PathBuf,
    read_only: bool,
}

impl FromStr for Volume {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, options) = match parts[..] {
            [target] => (None, target, ""),
            [source, target] => (Some(source), target, ""),
            [source, target, options] => (Some(source), target, options),
            _ => bail!(texts::bad_volume(text)),
        };
        let mut read_only = false;
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option {
                "ro" => read_only = true,
                "rw" => read_only = false,
                _ => bail!(texts::unknown_volume_option(option)),
            }
        }
        let source = match source {
            // Docker takes a word without a slash for a volume's name.
            Some(name) if !name.contains('/') && name != "." && name != ".." => {
                bail!(texts::named_volume(name))
            }
            Some(path) => Some(std::path::absolute(path)?),
            None => None,
        };
        Ok(Self { source, target: target_of(target)?, read_only })
    }
}

/// A place in the container, without detours.
fn target_of(text: &str) -> Result<PathBuf> {
    let path = Path::new(text);
    let plain =
        path.components().all(|part| matches!(part, Component::Normal(_) | Component::RootDir));
    ensure!(path.is_absolute() && plain && path != Path::new("/"), texts::bad_target(text));
    // What is there belongs to the kernel, and what is read there has to be its own word.
    ensure!(!path.starts_with("/proc"), texts::bad_target(text));
    Ok(path.components().collect())
}

/// The volumes of a container. After the overlay in the list, beside whose folders the fresh ones
/// lie.
#[derive(Debug)]
pub struct Volumes {
    volumes: Vec<Volume>,
    /// Where fresh ones are made.
    folder: PathBuf,
}

impl Volumes {
    /// Those that the image asks for and those that the user wants; where both want one, the user's.
    ///
    /// # Errors
    ///
    /// When the user wants two at one place, or the image one at a place that is none.
    pub fn new(
        writable: &Writable,
        of_image: &BTreeMap<String, Value>,
        of_user: &[Volume],
    ) -> Result<Self> {
        let mut volumes: BTreeMap<PathBuf, Volume> = BTreeMap::new();
        for target in of_image.keys() {
            let target = target_of(target)?;
            volumes.insert(target.clone(), Volume { source: None, target, read_only: false });
        }
        let mut seen = BTreeSet::new();
        for volume in of_user {
            ensure!(seen.insert(&volume.target), texts::same_target(&volume.target));
            volumes.insert(volume.target.clone(), volume.clone());
        }
        // In the order of their paths: what lies inside of another is mounted later.
        let volumes = volumes.into_values().collect();
        Ok(Self { volumes, folder: writable.folder().join("volumes") })
    }

    fn source(&self, place: usize, volume: &Volume) -> PathBuf {
        volume.source.clone().unwrap_or_else(|| self.folder.join(place.to_string()))
    }

    /// What is to be mounted in the container.
    #[must_use]
    pub fn mounts(&self) -> Vec<Mount> {
        let each = self.volumes.iter().enumerate();
        each.map(|(place, volume)| {
            let mount = Mount::bind(self.source(place, volume), &volume.target);
            if volume.read_only { mount.read_only() } else { mount }
        })
        .collect()
    }

    /// Whether one of them is to be seen at exactly this place.
    #[must_use]
    pub fn cover(&self, target: &Path) -> bool {
        self.volumes.iter().any(|volume| volume.target == target)
    }

    /// The same tree, from which the fresh ones get what they begin with.
    #[must_use]
    pub fn fill_from<T: Tree>(&self, tree: T) -> impl Tree + use<T> {
        let each = self.volumes.iter().enumerate();
        let fresh = each.filter(|(_, volume)| volume.source.is_none());
        let fresh = fresh.map(|(place, it)| (it.target.clone(), self.source(place, it)));
        Filling { tree, fresh: fresh.collect() }
    }
}

impl Mechanism for Volumes {
    fn prepare(&mut self) -> Result<()> {
        for (place, volume) in self.volumes.iter().enumerate() {
            let source = self.source(place, volume);
            if fs::symlink_metadata(&source).is_ok() {
                continue;
            }
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(&source)
                .step(&texts::VOLUME, format_args!("mkdir({source:?})"))?;
            if volume.source.is_none() {
                // Whatever the caller's umask is: the container's users are to find their way in.
                fs::set_permissions(&source, Permissions::from_mode(0o755))
                    .tried(&texts::VOLUME, format_args!("chmod({source:?}, 0755)"))?;
            } else {
                // Docker's habit, which many command lines count on.
                explain::say(texts::made_source(&source));
            }
        }
        Ok(())
    }
}

/// A tree that fills volumes when it is mounted: only then can be told what is at a place, whatever
/// links lead there.
#[derive(Debug)]
struct Filling<T> {
    tree: T,
    /// The place in the tree, and the volume's folder.
    fresh: Vec<(PathBuf, PathBuf)>,
}

impl<T: Tree> Tree for Filling<T> {
    fn mount(&self) -> Result<OwnedFd> {
        let root = self.tree.mount()?;
        for (target, folder) in &self.fresh {
            let call = format!("openat2({target:?}, O_PATH, RESOLVE_IN_ROOT)");
            let found = match inside::open(root.as_fd(), target) {
                Err(Errno::ENOENT) => continue,
                found => found.tried(&texts::VOLUME, call)?,
            };
            // With a dot behind it the path is the folder's, not that of the link to it.
            let place = PathBuf::from(format!("/proc/self/fd/{}/.", found.as_raw_fd()));
            if place.is_dir() {
                explain::call(&texts::FILL, format_args!("copy({target:?}, {folder:?})"));
                flatten(&[place], folder)?;
            }
        }
        Ok(root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_read() {
        let volume = |source: Option<&str>, target: &str, read_only| Volume {
            source: source.map(Into::into),
            target: target.into(),
            read_only,
        };
        for (text, expected) in [
            ("/a:/b", volume(Some("/a"), "/b", false)),
            ("/a:/b:ro", volume(Some("/a"), "/b", true)),
            ("/a:/b/:rw", volume(Some("/a"), "/b", false)),
            ("/data", volume(None, "/data", false)),
        ] {
            assert_eq!(text.parse::<Volume>().unwrap(), expected, "{text}");
        }
        assert!("./x:/y".parse::<Volume>().unwrap().source.unwrap().is_absolute());
        for wrong in [
            "",
            "a",
            "name:/x",
            "/a:b",
            "/a:/",
            "/a:/b:xx",
            "/a:/b:ro:x",
            "/a:/x/../y",
            "/a:",
            "/a:/proc/x",
        ] {
            assert!(wrong.parse::<Volume>().is_err(), "{wrong}");
        }
    }
}
