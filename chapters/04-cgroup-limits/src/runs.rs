//! Which containers run, and where their cgroups are.
//!
//! Each run keeps a file with the names of its cgroups, locked for as long as it lives. So `stats`
//! and `pause` find running containers, and a run finds what one that was killed has left. It
//! removes that, and never kills: what still has a process in it stays.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use anyhow::{Result, bail};
use process::{Attempt, explain};
use uts_net::state::{Lock, State};

use crate::group::Group;
use crate::hierarchy::Version;
use crate::{freezer, place, texts};

/// A running container.
#[derive(Debug)]
pub struct Run {
    /// Its number.
    pub id: String,
    /// Its cgroups.
    pub groups: Vec<Group>,
}

/// All that run, in the order of their numbers.
///
/// # Errors
///
/// When a file can't be read.
pub fn running(state: &State) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for (id, path) in notes(state) {
        if let Some(text) = Lock::read_held(&path)? {
            runs.push(Run { id, groups: parse(&text) });
        }
    }
    runs.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(runs)
}

/// The one whose number begins so.
///
/// # Errors
///
/// When there is none, or more than one.
pub fn find(state: &State, beginning: &str) -> Result<Run> {
    let mut found = running(state)?;
    found.retain(|run| run.id.starts_with(beginning));
    match (found.pop(), found.is_empty()) {
        (Some(run), true) => Ok(run),
        (Some(_), false) => bail!(texts::several(beginning)),
        (None, _) => bail!(texts::no_such_container(beginning)),
    }
}

/// This run's file.
#[derive(Debug)]
pub struct Note {
    path: PathBuf,
    _lock: Lock,
}

impl Note {
    /// Notes down the run's cgroups.
    ///
    /// # Errors
    ///
    /// When the file can't be written.
    pub fn take(state: &State, _all: &Lock, id: &str, groups: &[Group]) -> Result<Self> {
        let path = folder(state).join(id);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder(state))
            .tried(&texts::NOTE, format_args!("mkdir({:?})", folder(state)))?;
        // Nobody else has this number.
        let Some(mut lock) = Lock::try_take(&path)? else { bail!(texts::no_lock(&path)) };
        lock.write(&groups.iter().map(line).collect::<String>())?;
        Ok(Self { path, _lock: lock })
    }

    /// Removes the file, now that the cgroups are gone.
    ///
    /// # Errors
    ///
    /// When that is refused.
    pub fn remove(self, state: &State, _all: &Lock) -> Result<()> {
        fs::remove_file(&self.path).tried(&texts::NOTE, format_args!("unlink({:?})", self.path))?;
        let _ = fs::remove_dir(folder(state));
        Ok(())
    }
}

/// Removes the cgroups of runs that were killed.
///
/// # Errors
///
/// When a file can't be read or removed.
pub fn sweep(state: &State, _all: &Lock) -> Result<()> {
    for (id, path) in notes(state) {
        let Some(mut dead) = Lock::try_take(&path)? else { continue };
        explain::note(texts::swept(&id));
        let groups = parse(&dead.read()?);
        // Its processes were killed with it, and end as soon as nothing holds them.
        let removed =
            freezer::thaw(&groups).and_then(|()| groups.iter().try_for_each(place::remove));
        match removed {
            Ok(()) => {
                fs::remove_file(&path).tried(&texts::NOTE, format_args!("unlink({path:?})"))?
            }
            Err(error) => explain::note(format_args!("{error:#}")),
        }
    }
    let _ = fs::remove_dir(folder(state));
    Ok(())
}

fn folder(state: &State) -> PathBuf {
    state.path().join("cgroups")
}

/// The files, with the numbers of their runs.
fn notes(state: &State) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder(state)).into_iter().flatten().flatten();
    entries.map(|it| (it.file_name().to_string_lossy().into_owned(), it.path())).collect()
}

/// `1 cpu,cpuacct /sys/fs/cgroup/cpu,cpuacct/coracle/ID`, `2  /sys/fs/cgroup/coracle/ID`.
fn line(group: &Group) -> String {
    let version = match group.version {
        Version::One => 1,
        Version::Two => 2,
    };
    format!("{version} {} {}\n", group.controllers.join(","), group.path.display())
}

fn parse(text: &str) -> Vec<Group> {
    let group = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let version = if words.next()? == "1" { Version::One } else { Version::Two };
        let controllers = words.next()?.split(',').map(String::from).collect();
        Some(Group { version, controllers, path: words.next()?.into() })
    };
    text.lines().filter_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_found_again() {
        let group = |version, controllers: &[&str], path: &str| Group {
            version,
            controllers: controllers.iter().map(ToString::to_string).collect(),
            path: path.into(),
        };
        let groups = [
            group(Version::Two, &["io", "memory"], "/sys/fs/cgroup/unified/a b/coracle/1"),
            group(Version::One, &["cpu", "cpuacct"], "/sys/fs/cgroup/cpu,cpuacct/coracle/1"),
        ];
        assert_eq!(parse(&groups.iter().map(line).collect::<String>()), groups);
        assert!(parse("").is_empty());
    }
}
