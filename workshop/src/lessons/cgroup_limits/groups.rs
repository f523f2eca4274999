//! The cgroups that a process is in, as the kernel shows them.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use cgroup_limits::hierarchy::{Controller, Hierarchy, Version};
use nix::unistd::Pid;

use crate::check::world::World;

/// The hierarchies of this machine, and what can be limited in them here.
#[derive(Debug)]
pub(super) struct Machine {
    hierarchies: Vec<Hierarchy>,
    possible: Vec<Controller>,
}

/// The controllers that a claim is about, each with a file that a group with it has.
const FILES: [(Controller, &str, &str); 4] = [
    (Controller::Memory, "memory.limit_in_bytes", "memory.max"),
    (Controller::Cpu, "cpu.shares", "cpu.max"),
    (Controller::CpuSet, "cpuset.cpus", "cpuset.cpus"),
    (Controller::Pids, "pids.max", "pids.max"),
];

impl Machine {
    /// Looks for the hierarchies, and tries to make a cgroup in each.
    pub(super) fn look(world: &World) -> Result<Self> {
        let hierarchies = Hierarchy::all()?;
        let mut possible = Vec::new();
        for (controller, one, two) in FILES {
            let Some(hierarchy) = hierarchies.iter().find(|it| it.has(controller)) else {
                continue;
            };
            let folder = hierarchy.top.join(world.word());
            let file = if hierarchy.version == Version::One { one } else { two };
            if fs::create_dir(&folder).is_ok() {
                if folder.join(file).exists() {
                    possible.push(controller);
                }
                let _ = fs::remove_dir(&folder);
            }
        }
        Ok(Self { hierarchies, possible })
    }

    /// Whether a cgroup can be made here that limits this.
    pub(super) fn can(&self, controller: Controller) -> bool {
        self.possible.contains(&controller)
    }

    /// The cgroup of the hierarchy with this controller that a process is in.
    pub(super) fn group(&self, pid: Pid, controller: Controller) -> Option<Group> {
        let hierarchy = self.hierarchies.iter().find(|it| it.has(controller))?;
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let path = text.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (names, path) = (fields.next()?, fields.next()?);
            let right = match hierarchy.version {
                Version::One => {
                    names.split(',').any(|it| Some(it) == controller.name(Version::One))
                }
                Version::Two => names.is_empty(),
            };
            right.then(|| path.to_owned())
        })?;
        let (top, version) = (hierarchy.top.clone(), hierarchy.version);
        Some(Group { folder: top.join(path.trim_start_matches('/')), path, top, version })
    }

    /// Where the files of the hierarchy with this controller are to be looked for in a container.
    pub(super) fn top(&self, controller: Controller) -> Option<&PathBuf> {
        self.hierarchies.iter().find(|it| it.has(controller)).map(|it| &it.top)
    }
}

/// One cgroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// As `/proc/PID/cgroup` has it.
    pub(super) path: String,
    /// Its files.
    pub(super) folder: PathBuf,
    top: PathBuf,
    version: Version,
}

impl Group {
    pub(super) fn is_two(&self) -> bool {
        self.version == Version::Two
    }

    /// The one of two names that its version has.
    pub(super) fn file(&self, one: &'static str, two: &'static str) -> &'static str {
        if self.is_two() { two } else { one }
    }

    /// What one of its files says.
    pub(super) fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(file)).ok().map(|text| text.trim().to_owned())
    }

    /// What counts of a limit: the least that it and the groups above it have. Some runtimes make a
    /// group in a group.
    pub(super) fn limit(&self, file: &str) -> Option<u64> {
        let mut folders = self.folder.ancestors().take_while(|folder| **folder != self.top);
        let number = |text: String| text.trim().parse::<i64>().ok()?.try_into().ok();
        let read = |folder: &std::path::Path| number(fs::read_to_string(folder.join(file)).ok()?);
        let mut least = None;
        folders.by_ref().filter_map(read).for_each(|its: u64| {
            least = Some(least.map_or(its, |known: u64| known.min(its)));
        });
        least
    }

    /// The first of it and the groups above it with something else than `plain` in this file.
    pub(super) fn set(&self, file: &str, plain: impl Fn(&str) -> bool) -> Option<String> {
        let folders = self.folder.ancestors().take_while(|folder| **folder != self.top);
        let texts = folders.filter_map(|folder| fs::read_to_string(folder.join(file)).ok());
        texts.map(|text| text.trim().to_owned()).find(|text| !plain(text))
    }

    /// The number behind a name in one of its files, or of one of the groups above it.
    pub(super) fn entry(&self, file: &str, name: &str) -> u64 {
        let folders = self.folder.ancestors().take_while(|folder| **folder != self.top);
        let texts = folders.filter_map(|folder| fs::read_to_string(folder.join(file)).ok());
        let numbers = texts.filter_map(|text| {
            let mut lines = text.lines().filter_map(|line| line.split_once(' '));
            lines.find(|(key, _)| *key == name)?.1.trim().parse().ok()
        });
        numbers.max().unwrap_or(0)
    }
}
