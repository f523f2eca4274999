//! Which control groups a process is in, and what they hold it to (`cgroups(7)`).
//!
//! `/proc/PID/cgroup` has a line for each hierarchy, `4:memory:/user/7`; v2's is `0::/user/7`. The
//! path counts from the top of *our* cgroup namespace, whoever the process is. The folder of that
//! path is where the hierarchy is mounted, which our own `mountinfo` knows: a mount may show a part
//! of the hierarchy only, and then the first names of the path lie above it.

use std::path::{Component, Path, PathBuf};
use std::slice;

use anyhow::Result;
use cgroup_limits::freezer;
use cgroup_limits::group::Group;
use cgroup_limits::hierarchy::{Controller, Version};
use serde::{Serialize, Serializer};

use super::mounts::Mount;
use super::namespaces::{Kind, Namespaces};
use super::proc::Proc;
use super::text;

/// A process's place in one hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Membership {
    /// Cgroup v1 or v2: 1 or 2.
    #[serde(serialize_with = "number")]
    pub version: Version,
    /// The controllers: on v1 the hierarchy's, `name=systemd` for one without; on v2 those of the
    /// folder.
    pub controllers: Vec<String>,
    /// The group, as the process's line says.
    #[serde(serialize_with = "text::path")]
    pub path: PathBuf,
    /// Its folder on this host; `None` when it is not to be seen here.
    #[serde(serialize_with = "text::some_path")]
    pub folder: Option<PathBuf>,
    /// Whether the process is in another cgroup namespace than we, which hides from it what is
    /// above. `None` where we may not know.
    pub hidden: Option<bool>,
    /// What it is held to.
    pub limits: Limits,
}

/// What is read from a group's files; `None` for what no controller says here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Limits {
    /// The most memory, in bytes.
    pub memory: Option<Limit>,
    /// The memory in use, in bytes.
    pub memory_used: Option<u64>,
    /// The most swap, in bytes.
    pub swap: Option<Limit>,
    /// How many processes were killed for want of memory.
    pub oom_kills: Option<u64>,
    /// How much of the processors' time it gets in each period, in microseconds.
    pub cpu_quota: Option<Limit>,
    /// How long a period is, in microseconds.
    pub cpu_period: Option<u64>,
    /// Its share where all want the processors: `cpu.shares` of v1 (1024 unless set) or
    /// `cpu.weight` of v2 (100 unless set).
    pub cpu_weight: Option<u64>,
    /// The most processes and threads.
    pub pids: Option<Limit>,
    /// How many there are.
    pub pids_used: Option<u64>,
    /// Whether they are stopped, or about to be.
    pub frozen: Option<bool>,
}

/// A limit that may have been lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// There is none.
    Unlimited,
    /// So much.
    At(u64),
}

impl Limit {
    /// The number, if there is a limit.
    #[must_use]
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::At(number) => Some(number),
        }
    }

    fn parse(word: &str) -> Option<Self> {
        match word {
            "max" | "-1" => Some(Self::Unlimited),
            // v1 writes the greatest number that there is, in whole pages.
            number => match number.parse().ok()? {
                number if number >= i64::MAX as u64 - 0xffff => Some(Self::Unlimited),
                number => Some(Self::At(number)),
            },
        }
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unlimited => to.serialize_str("max"),
            Self::At(number) => to.serialize_u64(*number),
        }
    }
}

fn number<S: Serializer>(version: &Version, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u8(match version {
        Version::One => 1,
        Version::Two => 2,
    })
}

impl Membership {
    pub(super) fn all(process: &Proc) -> Result<Vec<Self>> {
        let own = Proc::own()?;
        let mounts = Mount::all(&own)?;
        let namespaces =
            Namespaces::read(process).and_then(|its| Ok((its, Namespaces::read(&own)?)));
        let same = namespaces.ok().and_then(|(its, ours)| its.same(&ours, Kind::Cgroup));
        let text = process.text("cgroup")?;
        let found = text.lines().filter_map(|line| Self::parse(line, &mounts));
        Ok(found.map(|it| Self { hidden: same.map(|same| !same), ..it }).collect())
    }

    fn parse(line: &str, mounts: &[Mount]) -> Option<Self> {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let version = if controllers.is_empty() { Version::Two } else { Version::One };
        let controllers: Vec<_> =
            controllers.split(',').filter(|name| !name.is_empty()).map(String::from).collect();
        let path = PathBuf::from(path);
        let folder = folder(version, &controllers, &path, mounts);
        let mut group = Group { version, controllers, path: folder.clone().unwrap_or_default() };
        if version == Version::Two && folder.is_some() {
            group.controllers = group.words("cgroup.controllers");
        }
        let limits = if folder.is_some() { Limits::read(&group) } else { Limits::default() };
        let controllers = group.controllers;
        Some(Self { version, controllers, path, folder, hidden: None, limits })
    }

    /// The folder as chapter 04 knows it, to read more from it.
    #[must_use]
    pub fn group(&self) -> Option<Group> {
        let (version, controllers) = (self.version, self.controllers.clone());
        self.folder.clone().map(|path| Group { version, controllers, path })
    }

    /// Whether this is where the controller is.
    #[must_use]
    pub fn has(&self, controller: Controller) -> bool {
        match controller.name(self.version) {
            Some(name) => self.controllers.iter().any(|other| other == name),
            None => true,
        }
    }
}

/// Where the group `path` is to be seen.
fn folder(
    version: Version,
    controllers: &[String],
    path: &Path,
    mounts: &[Mount],
) -> Option<PathBuf> {
    // A path that begins with `/..` leads out of our cgroup namespace.
    if path.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    let is_hierarchy = |mount: &&Mount| match version {
        Version::One => {
            mount.fs_type == "cgroup"
                && controllers.iter().all(|name| mount.super_options.contains(name))
        }
        Version::Two => mount.fs_type == "cgroup2",
    };
    // The last one mounted on a folder is the one to be seen there, and there may be several.
    let mut shown = mounts.iter().rev().filter(is_hierarchy).filter_map(|mount| {
        let below = path.strip_prefix(&mount.root).ok()?;
        // `join("")` would add a slash.
        Some(mount.target.join(below).components().collect::<PathBuf>())
    });
    shown.find(|folder| folder.is_dir())
}

impl Limits {
    fn read(group: &Group) -> Self {
        let has = |file: &str| {
            let controller = file.split('.').next().unwrap_or_default();
            group.controllers.iter().any(|other| other == controller)
        };
        // Files that can't be there are not asked for: on v1 that would be most of them.
        let limit =
            |file: &str| has(file).then(|| Limit::parse(group.read(file)?.trim())).flatten();
        let number = |file: &str| has(file).then(|| group.number(file)).flatten();
        let entry = |file: &str| has(file).then(|| group.entry(file, "oom_kill")).flatten();
        let frozen = || has_freezer(group) && freezer::is_frozen(slice::from_ref(group));
        let frozen = group.has(Controller::Freezer).then(frozen);
        let pids = limit("pids.max");
        let pids_used = number("pids.current");
        let common = Self { pids, pids_used, frozen, ..Self::default() };
        match group.version {
            Version::One => {
                let memory = limit("memory.limit_in_bytes");
                Self {
                    memory,
                    memory_used: number("memory.usage_in_bytes"),
                    swap: swap_of(memory, limit("memory.memsw.limit_in_bytes")),
                    oom_kills: entry("memory.oom_control"),
                    cpu_quota: limit("cpu.cfs_quota_us"),
                    cpu_period: number("cpu.cfs_period_us"),
                    cpu_weight: number("cpu.shares"),
                    ..common
                }
            }
            Version::Two => {
                let cpu = if has("cpu.max") { group.words("cpu.max") } else { Vec::new() };
                Self {
                    memory: limit("memory.max"),
                    memory_used: number("memory.current"),
                    swap: limit("memory.swap.max"),
                    oom_kills: entry("memory.events"),
                    cpu_quota: cpu.first().and_then(|quota| Limit::parse(quota)),
                    cpu_period: cpu.get(1).and_then(|period| period.parse().ok()),
                    cpu_weight: number("cpu.weight"),
                    ..common
                }
            }
        }
    }

    /// What all of a process's groups say together: on v1 each hierarchy says a part.
    #[must_use]
    pub fn of(memberships: &[Membership]) -> Self {
        let all = || memberships.iter().map(|membership| membership.limits);
        Self {
            memory: all().find_map(|it| it.memory),
            memory_used: all().find_map(|it| it.memory_used),
            swap: all().find_map(|it| it.swap),
            oom_kills: all().find_map(|it| it.oom_kills),
            cpu_quota: all().find_map(|it| it.cpu_quota),
            cpu_period: all().find_map(|it| it.cpu_period),
            cpu_weight: all().find_map(|it| it.cpu_weight),
            pids: all().find_map(|it| it.pids),
            pids_used: all().find_map(|it| it.pids_used),
            // In a hybrid both may say: v1's freezer, and v2 itself.
            frozen: all().filter_map(|it| it.frozen).reduce(|a, b| a || b),
        }
    }

    /// How many processors it may keep busy: `--cpus`.
    #[must_use]
    pub fn cpus(&self) -> Option<f64> {
        let (quota, period) = (self.cpu_quota?.number()?, self.cpu_period?);
        (period > 0).then(|| quota as f64 / period as f64)
    }
}

/// The topmost group can't be frozen, and has no file for it.
fn has_freezer(group: &Group) -> bool {
    let file = match group.version {
        Version::One => "freezer.state",
        Version::Two => "cgroup.freeze",
    };
    group.has_file(file).unwrap_or(false)
}

/// v1 limits the sum of memory and swap.
fn swap_of(memory: Option<Limit>, both: Option<Limit>) -> Option<Limit> {
    match (memory?, both?) {
        (Limit::At(memory), Limit::At(both)) => Some(Limit::At(both.saturating_sub(memory))),
        _ => Some(Limit::Unlimited),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::mounts;

    #[test]
    fn limits_are_numbers_or_none() {
        assert_eq!(Limit::parse("max"), Some(Limit::Unlimited));
        assert_eq!(Limit::parse("-1"), Some(Limit::Unlimited));
        assert_eq!(Limit::parse("9223372036854771712"), Some(Limit::Unlimited));
        assert_eq!(Limit::parse("67108864"), Some(Limit::At(67_108_864)));
        assert_eq!(Limit::parse(""), None);
        assert_eq!(Limit::parse("99999999999999999999"), None);
    }

    #[test]
    fn the_folder_is_where_the_hierarchy_is_mounted() {
        // Two mounts of one hierarchy: what a container with a part of it has, and the whole.
        let mounts = mounts::parse(
            b"1 0 0:31 / /proc rw - proc proc rw\n\
              2 0 0:31 / /proc/self rw - cgroup cgroup rw,memory\n\
              3 0 0:31 /x /dev rw - cgroup cgroup rw,memory\n",
        );
        let memory = ["memory".to_owned()];
        let folder = |path: &str| folder(Version::One, &memory, Path::new(path), &mounts);
        assert_eq!(folder("/x/shm"), Some("/dev/shm".into()));
        assert_eq!(folder("/fd"), Some("/proc/self/fd".into()));
        assert_eq!(folder("/../fd"), None);
        assert_eq!(folder("/nowhere"), None);
    }

    #[test]
    fn a_line_that_makes_no_sense_is_left_out() {
        for line in ["", ":", "0", "0:", "4:memory"] {
            assert_eq!(Membership::parse(line, &[]), None, "{line:?}");
        }
        let odd = Membership::parse("4:a,b:/x:y z", &[]).expect("understood");
        assert_eq!((odd.path, odd.folder), ("/x:y z".into(), None));
    }
}
