//! Which cgroup hierarchies this machine has, and where we are in each (`cgroups(7)`).
//!
//! A cgroup is a folder; a process is in it when its number stands in the folder's `cgroup.procs`.
//! What a cgroup can limit depends on *controllers*. Cgroup v1 has several trees of such folders
//! (hierarchies), each with its own controllers, so a process is in a different folder for memory
//! than for processors. Cgroup v2 has one tree for all of them. A kernel can have both at once,
//! a *hybrid*: each controller is then in one place or the other. So the question is never "v1 or
//! v2?", but "where is this controller?", and this file answers it from two files of the kernel's:
//!
//! ```text
//! /proc/self/cgroup       4:memory:/user/7            hierarchy, controllers, our folder
//!                         0::/user.slice              (v2 is number 0)
//! /proc/self/mountinfo    … / /sys/fs/cgroup/memory … - cgroup cgroup rw,memory
//!                         where that hierarchy's folders are to be seen
//! ```

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use process::Attempt;

use crate::texts;

/// The two kinds of hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// One of many, each with controllers of its own.
    One,
    /// The one for everything.
    Two,
}

/// What a cgroup can limit, count or stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    /// How much memory its processes use.
    Memory,
    /// How much of the processors' time they get.
    Cpu,
    /// How much of it they have had.
    CpuTime,
    /// On which processors they run.
    CpuSet,
    /// How many of them there are.
    Pids,
    /// How fast they read and write disks.
    Io,
    /// Whether they run at all.
    Freezer,
}

impl Controller {
    /// Its name in a hierarchy of this version; `None` for what every cgroup of v2 can do.
    #[must_use]
    pub fn name(self, version: Version) -> Option<&'static str> {
        match (self, version) {
            (Self::Memory, _) => Some("memory"),
            (Self::Cpu, _) => Some("cpu"),
            (Self::CpuSet, _) => Some("cpuset"),
            (Self::Pids, _) => Some("pids"),
            (Self::Io, Version::One) => Some("blkio"),
            (Self::Io, Version::Two) => Some("io"),
            (Self::CpuTime, Version::One) => Some("cpuacct"),
            (Self::Freezer, Version::One) => Some("freezer"),
            (Self::CpuTime | Self::Freezer, Version::Two) => None,
        }
    }
}

/// One tree of cgroups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Its kind.
    pub version: Version,
    /// The names of its controllers.
    pub controllers: Vec<String>,
    /// The topmost of its cgroups that is to be seen here: the root of all, or, inside a container,
    /// often the container's own.
    pub top: PathBuf,
    /// The cgroup that this process is in, if it is to be seen.
    pub own: Option<PathBuf>,
}

impl Hierarchy {
    /// All that are mounted. None on a kernel without cgroups.
    ///
    /// # Errors
    ///
    /// Without `/proc`.
    pub fn all() -> Result<Vec<Self>> {
        if !has_namespace()? {
            return Ok(Vec::new());
        }
        let mut found = parse(&read("/proc/self/cgroup")?, &read("/proc/self/mountinfo")?);
        for two in found.iter_mut().filter(|hierarchy| hierarchy.version == Version::Two) {
            let there = fs::read_to_string(two.top.join("cgroup.controllers")).unwrap_or_default();
            two.controllers = there.split_whitespace().map(String::from).collect();
        }
        Ok(found)
    }

    /// Whether it has this controller.
    #[must_use]
    pub fn has(&self, controller: Controller) -> bool {
        match controller.name(self.version) {
            Some(name) => self.controllers.iter().any(|other| other == name),
            None => true,
        }
    }
}

/// Whether this kernel has cgroups, and so the namespace for them.
///
/// # Errors
///
/// What `stat(2)` refuses.
pub fn has_namespace() -> Result<bool> {
    let link = Path::new("/proc/self/ns/cgroup");
    link.try_exists().tried(&texts::HIERARCHIES, format_args!("stat({link:?})"))
}

fn read(file: &str) -> Result<String> {
    let bytes = fs::read(file).tried(&texts::HIERARCHIES, format_args!("read({file:?})"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn parse(cgroup: &str, mountinfo: &str) -> Vec<Hierarchy> {
    let mut found = Vec::new();
    for line in cgroup.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(own)) = (fields.next(), fields.next()) else { continue };
        // Without a controller: systemd's own bookkeeping on v1.
        if controllers.starts_with("name=") {
            continue;
        }
        let version = if controllers.is_empty() { Version::Two } else { Version::One };
        let controllers: Vec<_> = controllers.split(',').filter(|name| !name.is_empty()).collect();
        let mount = mountinfo.lines().filter_map(Mounted::parse).find(|mount| {
            mount.version == version && controllers.iter().all(|name| mount.has(name))
        });
        if let Some(mount) = mount {
            // A path that begins with `/..` leads out of our cgroup namespace.
            let inside = Some(Path::new(own)).filter(|own| !own.starts_with("/.."));
            let own = inside.and_then(|own| own.strip_prefix(&mount.root).ok());
            found.push(Hierarchy {
                version,
                controllers: controllers.into_iter().map(String::from).collect(),
                // `join("")` would add a slash.
                own: own.map(|own| mount.top.join(own).components().collect()),
                top: mount.top,
            });
        }
    }
    found
}

/// One line of `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`).
struct Mounted<'a> {
    version: Version,
    /// Which of the hierarchy's folders is mounted.
    root: PathBuf,
    /// Where.
    top: PathBuf,
    options: &'a str,
}

impl<'a> Mounted<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (place, kind) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let mut kind = kind.split(' ');
        let version = match kind.next()? {
            "cgroup" => Version::One,
            "cgroup2" => Version::Two,
            _ => return None,
        };
        let (root, top) = (unescape(place.next()?), unescape(place.next()?));
        Some(Self { version, root, top, options: kind.nth(1)? })
    }

    fn has(&self, controller: &str) -> bool {
        self.options.split(',').any(|option| option == controller)
    }
}

/// The kernel writes blanks, line ends and backslashes in paths as `\040`.
fn unescape(path: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, others @ ..] = rest {
        let code = others.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (first, code) {
            (b'\\', Some(code)) => {
                bytes.push(code);
                rest = &others[3..];
            }
            _ => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(cgroup: &str, mountinfo: &str) -> Vec<(String, String, String)> {
        let shown = |path: PathBuf| path.to_string_lossy().into_owned();
        let found = parse(cgroup, mountinfo).into_iter();
        let place = |it: Hierarchy| {
            (it.controllers.join(","), shown(it.top), it.own.map(shown).unwrap_or_default())
        };
        found.map(place).collect()
    }

    fn place(controllers: &str, top: &str, own: &str) -> (String, String, String) {
        (controllers.into(), top.into(), own.into())
    }

    #[test]
    fn a_host_with_v2_has_one() {
        let mounts = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n\
                      31 24 0:27 / /sys/fs/bpf rw - bpf bpf rw\n";
        let found = places("0::/user.slice/user-1000.slice/session-3.scope\n", mounts);
        let own = "/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope";
        assert_eq!(found, [place("", "/sys/fs/cgroup", own)]);
    }

    #[test]
    fn a_hybrid_host_has_many() {
        let mounts = "33 24 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n\
                      34 24 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                      35 24 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      36 24 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let cgroup = "9:memory:/a\n5:cpu,cpuacct:/\n4:pids:/\n1:name=systemd:/\n0::/b c\n";
        let expected = [
            place("memory", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/a"),
            place("cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"),
            // pids is not mounted.
            place("", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified/b c"),
        ];
        assert_eq!(places(cgroup, mounts), expected);
    }

    #[test]
    fn in_a_container_the_top_is_the_containers_own() {
        // Docker on v1, without a cgroup namespace.
        let mounts =
            "35 24 0:31 /docker/7f /sys/fs/cgroup/mem\\040ory ro - cgroup cgroup rw,memory\n";
        let found = places("9:memory:/docker/7f/x\n", mounts);
        assert_eq!(found, [place("memory", "/sys/fs/cgroup/mem ory", "/sys/fs/cgroup/mem ory/x")]);
        // A process that is outside of what is mounted.
        let found = places("9:memory:/docker/80\n", mounts);
        assert_eq!(found, [place("memory", "/sys/fs/cgroup/mem ory", "")]);
    }
}
