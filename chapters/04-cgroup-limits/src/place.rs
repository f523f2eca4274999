//! Where a run's cgroups are: in each hierarchy a folder `coracle`, and in it one for each run.
//!
//! As root that is at the top of the hierarchy, beside `system.slice`, `docker` and their like. An
//! ordinary user may make cgroups only below one that was *delegated* to him: given to him, folder
//! and all. Then it is in the cgroup that we are in ourselves.
//!
//! On v2 a cgroup has only those controllers that the one above hands out, by writing their names
//! into its `cgroup.subtree_control`. And whoever hands out any may have no processes of its own
//! ("no internal processes"; the root of all is exempt). So before a delegated cgroup can hand out
//! controllers, we and whoever else is in it have to move into a leaf, and back in the end:
//!
//! ```text
//!     delegated/                      delegated/             subtree_control: memory pids
//!        1234 (shell)                   └─ coracle/          subtree_control: memory pids
//!        1235 (we)        ───▶              ├─ outside/      1234 (shell)  1235 (we)
//!                                           └─ 4f1a…/        the container
//! ```
//!
//! A controller that the root of all does not hand out yet is switched on there when a limit asks
//! for it, and stays on: others may have come to count on it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use nix::unistd::{AccessFlags, access};
use process::{Attempt, explain, rootless};

use crate::group::{Group, is_busy};
use crate::hierarchy::{Controller, Hierarchy, Version};
use crate::texts;

/// The folder above the runs' own. It is in nobody's way, and goes with the last run.
const PARENT: &str = "coracle";

/// The leaf for those who were in a delegated cgroup before.
const OUTSIDE: &str = "outside";

/// Where one of a run's cgroups is to be.
#[derive(Debug)]
pub struct Place {
    /// The topmost cgroup of its hierarchy that is to be seen here.
    pub top: PathBuf,
    /// The cgroup that we may make others in.
    base: PathBuf,
    group: Group,
}

impl Place {
    /// One place in each hierarchy that a container needs, v2 first; none where cgroups can't be
    /// made, and nothing is `needed`.
    ///
    /// # Errors
    ///
    /// When a controller is needed that is not to be had.
    pub fn choose(id: &str, needed: &[Controller]) -> Result<Vec<Self>> {
        let mut hierarchies = Hierarchy::all()?;
        hierarchies.sort_by_key(|hierarchy| hierarchy.version == Version::One);
        for &controller in needed {
            if !hierarchies.iter().any(|hierarchy| hierarchy.has(controller)) {
                bail!(texts::no_controller(controller));
            }
        }
        let mut places = Vec::<Self>::new();
        for hierarchy in hierarchies {
            let two = places.first().is_some_and(|place| place.group.version == Version::Two);
            let wanted = wanted(two).iter().chain(needed).any(|it| hierarchy.has(*it));
            if hierarchy.version == Version::One && !wanted {
                continue;
            }
            match base(&hierarchy) {
                Some(base) => {
                    check_delegation(&hierarchy, &base, needed)?;
                    places.push(Self::new(hierarchy, base, id));
                }
                None if needed.iter().any(|it| hierarchy.has(*it)) => {
                    bail!(texts::no_place(&hierarchy, rootless::caller().is_root()))
                }
                None => explain::note(texts::without(&hierarchy.top)),
            }
        }
        Ok(places)
    }

    fn new(hierarchy: Hierarchy, base: PathBuf, id: &str) -> Self {
        let Hierarchy { version, controllers, top, .. } = hierarchy;
        let path = base.join(PARENT).join(id);
        Self { top, base, group: Group { version, controllers, path } }
    }

    /// The name of its hierarchy, as the folder that it is mounted on has it.
    #[must_use]
    pub fn name(&self) -> &Path {
        Path::new(self.top.file_name().unwrap_or_default())
    }

    /// The cgroup, made or not.
    #[must_use]
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Makes it, with the controllers that are `needed`.
    ///
    /// # Errors
    ///
    /// What the kernel refuses.
    pub fn make(&self, needed: &[Controller]) -> Result<()> {
        let (base, parent) = (self.at(&self.base), self.at(&self.base.join(PARENT)));
        mkdir(&parent.path)?;
        match self.group.version {
            Version::One => {
                mkdir(&self.group.path)?;
                if self.group.has(Controller::CpuSet) {
                    inherit_cpuset(&base, &parent)?;
                    inherit_cpuset(&parent, &self.group)?;
                }
                Ok(())
            }
            Version::Two => {
                let names = needed.iter().filter_map(|it| it.name(Version::Two));
                // Those that have a hierarchy of v1 to themselves are not v2's affair.
                let there = base.words("cgroup.controllers");
                hand_out_or_make_room(
                    &base,
                    names.filter(|name| there.iter().any(|it| it == name)),
                )?;
                let all = parent.words("cgroup.controllers");
                hand_out(&parent, all.iter().map(String::as_str))?;
                mkdir(&self.group.path)
            }
        }
    }

    fn at(&self, path: &Path) -> Group {
        Group { path: path.into(), ..self.group.clone() }
    }
}

/// What every container is to have, if it can be had on v1: for `stats` and `pause`. Two of them
/// come with v2 in any case.
fn wanted(with_v2: bool) -> &'static [Controller] {
    use Controller::{Cpu, CpuTime, Freezer, Io, Memory, Pids};
    let all = &[Memory, Cpu, Pids, Io, CpuTime, Freezer];
    if with_v2 { &all[..4] } else { all }
}

/// The cgroup in which we may make others: the topmost, or our own.
fn base(hierarchy: &Hierarchy) -> Option<PathBuf> {
    let own = hierarchy.own.as_deref().map(|own| match own.parent() {
        // Another run has moved us into the leaf.
        Some(parent) if own.ends_with(Path::new(PARENT).join(OUTSIDE)) => {
            parent.parent().unwrap_or(parent)
        }
        _ => own,
    });
    let ours = |folder: &&Path| access(*folder, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    [Some(&*hierarchy.top), own].into_iter().flatten().find(ours).map(PathBuf::from)
}

/// On v2 a cgroup that was delegated to us may lack what the root of all has.
fn check_delegation(hierarchy: &Hierarchy, base: &Path, needed: &[Controller]) -> Result<()> {
    let two = Group { version: Version::Two, controllers: Vec::new(), path: base.into() };
    let missing = needed.iter().find(|it| hierarchy.has(**it) && !two.has(**it));
    match missing.filter(|_| hierarchy.version == Version::Two) {
        Some(missing) => bail!(texts::not_delegated(*missing, base)),
        None => Ok(()),
    }
}

/// Writes the names of those controllers that `group` does not hand out yet.
fn hand_out<'a>(group: &Group, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let missing = missing(group, names);
    if missing.is_empty() {
        return Ok(());
    }
    group.write(&texts::HAND_OUT, "cgroup.subtree_control", &missing)
}

fn missing<'a>(group: &Group, names: impl Iterator<Item = &'a str>) -> String {
    let handed_out = group.words("cgroup.subtree_control");
    let missing = names.filter(|name| !handed_out.iter().any(|other| other == name));
    missing.map(|name| format!("+{name}")).collect::<Vec<_>>().join(" ")
}

/// The same, for a cgroup that processes may be in.
fn hand_out_or_make_room<'a>(
    base: &Group,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Result<()> {
    if !missing(base, names.clone()).is_empty() && has_internal_processes(base) {
        let outside = base.path.join(PARENT).join(OUTSIDE);
        mkdir(&outside)?;
        move_all(base, &Group { path: outside, ..base.clone() })?;
    }
    hand_out(base, names)
}

/// Whether the rule is broken. Only the root of all has no `cgroup.type`.
fn has_internal_processes(base: &Group) -> bool {
    base.read("cgroup.type").is_some() && !base.processes().is_empty()
}

/// Moves every process, one in each write. While we do, more may be born.
fn move_all(from: &Group, to: &Group) -> Result<()> {
    loop {
        let processes = from.processes();
        if processes.is_empty() {
            return Ok(());
        }
        for process in processes {
            // Written, a 0 would mean ourselves.
            ensure!(process.as_raw() > 0, texts::invisible_process(&from.path));
            match to.write(&texts::OUTSIDE, "cgroup.procs", &process.to_string()) {
                // It has ended.
                Err(_) if !from.processes().contains(&process) => {}
                moved => moved?,
            }
        }
    }
}

/// A new cgroup of v1's `cpuset` allows no processor and no memory, and nothing can be put into it.
fn inherit_cpuset(above: &Group, group: &Group) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if group.words(file).is_empty() {
            let all = above.read(file).unwrap_or_default();
            group.write(&texts::CPUSET_INHERIT, file, all.trim())?;
        }
    }
    Ok(())
}

fn mkdir(folder: &Path) -> Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.step(&texts::MAKE, format_args!("mkdir({folder:?})")),
    }
}

/// Removes a run's cgroup, and what is above it when that was the last one.
///
/// # Errors
///
/// When a process stays in it.
pub fn remove(group: &Group) -> Result<()> {
    group.remove()?;
    let Some(parent) = group.path.parent().filter(|parent| parent.ends_with(PARENT)) else {
        return Ok(());
    };
    let parent = Group { path: parent.into(), ..group.clone() };
    let outside = Group { path: parent.path.join(OUTSIDE), ..group.clone() };
    if outside.path.exists() && is_alone(&outside.path) {
        move_back(&parent, &outside)?;
    }
    match fs::remove_dir(&parent.path) {
        // Other runs are there still, or it was another one that took it away.
        Err(error) if is_busy(&error) || error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.tried(&texts::REMOVE, format_args!("rmdir({:?})", parent.path)),
    }
}

/// Whether no other cgroup is beside this one.
fn is_alone(group: &Path) -> bool {
    let beside = group.parent().map(fs::read_dir).and_then(Result::ok).into_iter().flatten();
    beside.flatten().filter(|entry| entry.path().is_dir()).count() == 1
}

/// Undoes what [`hand_out_or_make_room`] did: the delegated cgroup handed out nothing before.
fn move_back(parent: &Group, outside: &Group) -> Result<()> {
    let Some(base) = parent.path.parent() else { return Ok(()) };
    let base = Group { path: base.into(), ..parent.clone() };
    for group in [parent, &base] {
        let handed_out = group.words("cgroup.subtree_control");
        let none = handed_out.iter().map(|name| format!("-{name}")).collect::<Vec<_>>().join(" ");
        if !none.is_empty() {
            group.write(&texts::TAKE_BACK, "cgroup.subtree_control", &none)?;
        }
    }
    move_all(outside, &base)?;
    outside.remove()
}
