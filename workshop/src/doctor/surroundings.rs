//! Where we are: what explains a refusal, and decides between remedies. Nothing here decides whether
//! something works.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use cgroup_limits::hierarchy::{Hierarchy, Version};
use nix::sys::utsname::uname;
use nix::unistd::{User, gethostname, getuid};
use process::sys;

use super::distribution::Distribution;

/// What there is to know about this machine and who asks.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    pub(super) distribution: Distribution,
    pub(super) host: String,
    pub(super) kernel: String,
    pub(super) architecture: String,
    pub(super) uid: u32,
    pub(super) user: String,
    /// Whether namespaces can be had without a user namespace first.
    pub(super) administrator: bool,
    /// 1 or 2, inside the Windows Subsystem for Linux.
    pub(super) wsl: Option<u8>,
    /// The kind of container that we are in.
    pub(super) container: Option<String>,
    /// Whether a filter of system calls watches us (`seccomp(2)`).
    pub(super) filtered: bool,
    /// Whether even root can't have CAP_SYS_ADMIN here (`capabilities(7)`, "bounding set").
    pub(super) bounded: bool,
    /// Whether our root is not the top of a mounted file system (`chroot(2)`).
    pub(super) chroot: bool,
    /// Whether systemd runs this machine.
    pub(super) systemd: bool,
    /// The first of the user ids that nobody was granted yet (`subuid(5)`).
    pub(super) free_ids: u64,
    /// Where cargo puts programs.
    pub(super) target: PathBuf,
    /// The switches that forbid user namespaces, as they stand; those that this kernel has.
    pub(super) switches: BTreeMap<&'static str, String>,
}

/// Debian's and older Ubuntu's.
pub(super) const USERNS_CLONE: &str = "kernel.unprivileged_userns_clone";
/// Ubuntu's, from 23.10 on.
pub(super) const APPARMOR: &str = "kernel.apparmor_restrict_unprivileged_userns";
/// The kernel's own, of each user namespace.
pub(super) const MOST_USERNS: &str = "user.max_user_namespaces";

impl Surroundings {
    pub(super) fn look() -> Self {
        let uname = uname().ok();
        let text = |text: &OsStr| text.to_string_lossy().into_owned();
        let kernel = uname.as_ref().map(|it| text(it.release())).unwrap_or_default();
        let architecture = uname.as_ref().map(|it| text(it.machine())).unwrap_or_default();
        let user = User::from_uid(getuid()).ok().flatten().map(|user| user.name);
        let switches = [USERNS_CLONE, APPARMOR, MOST_USERNS];
        let value = |name: &str| {
            let file = Path::new("/proc/sys").join(name.replace('.', "/"));
            fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
        };
        Self {
            distribution: Distribution::here(),
            host: gethostname().unwrap_or_default().to_string_lossy().into(),
            wsl: wsl(&kernel),
            kernel,
            architecture,
            uid: getuid().as_raw(),
            user: user.unwrap_or_else(|| getuid().to_string()),
            administrator: sys::may_administer(),
            container: container(),
            filtered: status("Seccomp").is_some_and(|mode| mode != "0"),
            bounded: !may_be_administrator(),
            chroot: !mounted_at_root(),
            systemd: Path::new("/run/systemd/system").is_dir(),
            free_ids: ["/etc/subuid", "/etc/subgid"].map(free_ids).into_iter().fold(0, u64::max),
            target: target(),
            switches: switches.into_iter().filter_map(|it| Some((it, value(it)?))).collect(),
        }
    }

    pub(super) fn is_root(&self) -> bool {
        self.uid == 0
    }

    pub(super) fn is_switch(&self, name: &str, value: &str) -> bool {
        self.switches.get(name).is_some_and(|there| there == value)
    }

    /// For people who help others: what stands beside the answers in `--json`.
    pub(super) fn facts(&self) -> BTreeMap<String, String> {
        let yes_or_no = |it: bool| if it { "yes" } else { "no" }.to_owned();
        let mut facts: BTreeMap<_, _> = [
            ("administrator", yes_or_no(self.administrator)),
            ("cgroups", cgroups().into()),
            ("chroot", yes_or_no(self.chroot)),
            ("container", self.container.clone().unwrap_or_else(|| "no".into())),
            ("seccomp", yes_or_no(self.filtered)),
            ("systemd", yes_or_no(self.systemd)),
            ("wsl", self.wsl.map_or_else(|| "no".into(), |version| version.to_string())),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        facts.extend(self.switches.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        facts
    }
}

/// Which kinds of cgroup hierarchies are mounted.
fn cgroups() -> &'static str {
    let all = Hierarchy::all().unwrap_or_default();
    let has = |version| all.iter().any(|hierarchy| hierarchy.version == version);
    match (has(Version::One), has(Version::Two)) {
        (true, true) => "hybrid",
        (true, false) => "v1",
        (false, true) => "v2",
        (false, false) => "none",
    }
}

/// WSL 1 is no Linux, but answers like one: `4.4.0-19041-Microsoft`. WSL 2 is a virtual machine:
/// `5.15.167.4-microsoft-standard-WSL2`, or a kernel of the user's own.
fn wsl(kernel: &str) -> Option<u8> {
    if kernel.ends_with("-Microsoft") {
        Some(1)
    } else if kernel.contains("microsoft") || env::var_os("WSL_DISTRO_NAME").is_some() {
        Some(2)
    } else {
        None
    }
}

/// Each engine leaves a mark of its own.
fn container() -> Option<String> {
    let there = |path: &str| Path::new(path).exists();
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if ["REMOTE_CONTAINERS", "DEVCONTAINER", "CODESPACES"].into_iter().any(set) {
        return Some("devcontainer".into());
    }
    if there("/.dockerenv") {
        return Some("docker".into());
    }
    if there("/run/.containerenv") {
        return Some("podman".into());
    }
    // systemd's convention (systemd.io/CONTAINER_INTERFACE); PID 1's environment is not ours to read.
    let said = fs::read_to_string("/run/systemd/container").ok();
    let said = said.or_else(|| env::var("container").ok()).map(|kind| kind.trim().to_owned());
    said.filter(|kind| !kind.is_empty() && kind != "wsl")
}

/// A line of `/proc/self/status` (`proc_pid_status(5)`).
fn status(name: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned())
}

fn may_be_administrator() -> bool {
    const CAP_SYS_ADMIN: u32 = 21;
    let bounding = status("CapBnd").and_then(|set| u64::from_str_radix(&set, 16).ok());
    bounding.is_none_or(|set| set & (1 << CAP_SYS_ADMIN) != 0)
}

/// Behind the last range of `USER:FIRST:COUNT`; 100000 is where they usually begin.
fn free_ids(file: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let ends = text.lines().filter_map(|line| {
        let mut numbers = line.split(':').skip(1).map(|number| number.trim().parse::<u64>());
        numbers.next()?.ok()?.checked_add(numbers.next()?.ok()?)
    });
    ends.max().unwrap_or_default().max(100_000)
}

/// In a chroot no mount has `/` for its place (`proc_pid_mountinfo(5)`).
fn mounted_at_root() -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounts.is_empty() || mounts.lines().any(|line| line.split(' ').nth(4) == Some("/"))
}

/// Cargo's target folder: this program is in `target/PROFILE`.
fn target() -> PathBuf {
    let named = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let ours = || Some(env::current_exe().ok()?.parent()?.parent()?.to_path_buf());
    named.filter(|path| path.is_absolute()).or_else(ours).unwrap_or_else(|| "/".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_of_windows_are_told_apart() {
        assert_eq!(wsl("4.4.0-19041-Microsoft"), Some(1));
        assert_eq!(wsl("5.15.167.4-microsoft-standard-WSL2"), Some(2));
        if env::var_os("WSL_DISTRO_NAME").is_none() {
            assert_eq!(wsl("6.1.0-28-amd64"), None);
        }
    }
}
