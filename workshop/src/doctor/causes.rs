//! From what was refused to what is missing: the first cause, and its remedy.
//!
//! Ten refusals may have one cause. Inside a container that keeps its filter and its capabilities,
//! or under Ubuntu's restriction of user namespaces, one call is refused here and another there, and
//! the remedy is one and the same. So those are told once.

use nix::errno::Errno;
use serde::Serialize;

use super::probe::{Findings, Probe, Refusal};
use super::surroundings::{APPARMOR, MOST_USERNS, Surroundings, USERNS_CLONE};
use super::texts;

/// Something that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lack {
    /// What was asked.
    pub id: Probe,
    /// What was tried, and what the kernel said.
    pub seen: String,
    /// What else was refused for the same reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// What that means.
    pub why: String,
    /// What to do. A line that begins with blanks is a command.
    pub remedy: String,
}

/// Why a user namespace can't be had, or not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoUserNamespace {
    /// `user.max_user_namespaces` is 0, or as many are there.
    Limit,
    /// `kernel.unprivileged_userns_clone` is 0.
    Debian,
    /// AppArmor lets it be made, and not used.
    AppArmor,
    /// None can be made in a chroot.
    Chroot,
    /// The kernel is built without.
    Kernel,
    /// A security module or a filter that we don't know.
    Other,
}

/// The lack behind what was refused of `probe`.
pub(super) fn lack(probe: Probe, findings: &Findings, here: &Surroundings) -> Lack {
    let causes = Causes { findings, here };
    let id = causes.of(probe);
    let refusal = findings.get(&probe).cloned().flatten().unwrap_or_else(|| Refusal::new(""));
    let (why, remedy) = (texts::why(id, &refusal, here), texts::remedy(id, &refusal, here));
    Lack { id, seen: refusal.seen, also: Vec::new(), why, remedy }
}

impl Lack {
    /// Puts together those that have one cause. What comes first stays so.
    pub(super) fn joined(all: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut lacks = Vec::<Self>::new();
        for lack in all {
            let Some(known) = lacks.iter_mut().find(|known| known.id == lack.id) else {
                lacks.push(lack);
                continue;
            };
            for seen in std::iter::once(lack.seen).chain(lack.also) {
                if known.seen != seen && !known.also.contains(&seen) {
                    known.also.push(seen);
                }
            }
        }
        lacks.sort_by_key(|lack| lack.id);
        lacks
    }
}

/// Leaves out what can't be told apart from its cause: who gets no user namespace gets nothing that
/// is made in one.
pub(super) fn without_consequences(findings: &Findings, here: &Surroundings) -> Findings {
    let mut left = findings.clone();
    if here.administrator {
        // None of these chapters makes one then.
        left.remove(&Probe::UserNamespace);
    }
    if matches!(left.get(&Probe::UserNamespace), Some(Some(_))) {
        left.retain(|probe, _| !(Probe::Chroot..=Probe::CgroupKill).contains(probe));
    }
    if matches!(left.get(&Probe::StateFolder), Some(Some(_))) {
        left.retain(|probe, _| ![Probe::Overlay, Probe::OverlayUser].contains(probe));
    }
    left
}

struct Causes<'a> {
    findings: &'a Findings,
    here: &'a Surroundings,
}

impl Causes<'_> {
    /// What is behind a refusal: often itself.
    fn of(&self, probe: Probe) -> Probe {
        let here = self.here;
        let for_rights = self.refusal(probe).is_some_and(Refusal::is_for_rights);
        let of_kernel = (Probe::Pidfd..=Probe::Forwarding).contains(&probe);
        let of_cgroups = (Probe::CgroupMemory..=Probe::CgroupPids).contains(&probe);
        let inside = (Probe::Chroot..=Probe::Forwarding).contains(&probe);
        if here.wsl == Some(1) && (of_kernel || of_cgroups) {
            Probe::Wsl
        } else if self.container_forbids() && of_kernel && for_rights
            || here.container.is_some() && here.is_root() && of_cgroups
        {
            Probe::InsideContainer
        } else if inside && for_rights && self.user_namespace_is_of_no_use() {
            Probe::UserNamespace
        } else {
            probe
        }
    }

    fn refusal(&self, probe: Probe) -> Option<&Refusal> {
        self.findings.get(&probe)?.as_ref()
    }

    /// That we are in one is not yet a reason: it may have been given all rights.
    fn container_forbids(&self) -> bool {
        let Surroundings { container, filtered, bounded, .. } = self.here;
        container.is_some() && (*filtered || *bounded || self.here.is_root())
    }

    /// What Ubuntu's restriction looks like, if the user namespace's maps could be written.
    fn user_namespace_is_of_no_use(&self) -> bool {
        let here = self.here;
        let refused = self.refusal(Probe::MountInside);
        let eacces = refused.is_some_and(|refusal| refusal.errno == Some(Errno::EACCES as i32));
        let for_rights = refused.is_some_and(Refusal::is_for_rights);
        !here.administrator && (eacces || for_rights && here.is_switch(APPARMOR, "1"))
    }
}

/// Why there is no user namespace, or one that is of no use.
pub(super) fn no_user_namespace(refusal: &Refusal, here: &Surroundings) -> NoUserNamespace {
    let made = !refusal.seen.contains("unshare(CLONE_NEWUSER)");
    match refusal.errno.map(Errno::from_raw) {
        Some(Errno::ENOSPC) => NoUserNamespace::Limit,
        Some(Errno::EINVAL | Errno::ENOSYS) => NoUserNamespace::Kernel,
        _ if made || here.is_switch(APPARMOR, "1") => NoUserNamespace::AppArmor,
        _ if here.is_switch(USERNS_CLONE, "0") => NoUserNamespace::Debian,
        _ if here.is_switch(MOST_USERNS, "0") => NoUserNamespace::Limit,
        _ if here.chroot => NoUserNamespace::Chroot,
        _ => NoUserNamespace::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::doctor::distribution::{Distribution, Family};

    /// An ordinary user of a machine without any mark.
    fn user() -> Surroundings {
        Surroundings {
            distribution: Distribution { name: "Debian".into(), family: Family::Debian },
            host: "laptop".into(),
            kernel: "6.1.0".into(),
            architecture: "x86_64".into(),
            uid: 1000,
            user: "ada".into(),
            administrator: false,
            wsl: None,
            container: None,
            filtered: false,
            bounded: false,
            chroot: false,
            systemd: true,
            free_ids: 165_536,
            target: "/home/ada/coracle/target".into(),
            switches: BTreeMap::new(),
        }
    }

    fn root() -> Surroundings {
        Surroundings { uid: 0, user: "root".into(), administrator: true, ..user() }
    }

    fn refusal(seen: &str, errno: Errno) -> Refusal {
        Refusal { errno: Some(errno as i32), ..Refusal::new(seen) }
    }

    /// The id and the remedy of the lack when this alone is refused.
    fn told(probe: Probe, refusal: Refusal, here: &Surroundings) -> (Probe, String) {
        let Lack { id, remedy, .. } = lack(probe, &Findings::from([(probe, Some(refusal))]), here);
        (id, remedy)
    }

    #[test]
    fn each_reason_against_user_namespaces_has_its_remedy() {
        let made = "unshare(CLONE_NEWUSER) failed";
        let maps = "write(\"/proc/self/uid_map\", \"0 1000 1\") failed";
        let with = |switch, value: &str| Surroundings {
            switches: BTreeMap::from([(switch, value.into())]),
            ..user()
        };
        let in_chroot = Surroundings { chroot: true, ..user() };
        for (seen, errno, here, remedy) in [
            (made, Errno::ENOSPC, user(), "sudo sysctl user.max_user_namespaces=10000"),
            (
                made,
                Errno::EPERM,
                with(USERNS_CLONE, "0"),
                "sudo sysctl kernel.unprivileged_userns_clone=1",
            ),
            (made, Errno::EPERM, with(USERNS_CLONE, "1"), "Work as root"),
            (
                made,
                Errno::EPERM,
                with(APPARMOR, "1"),
                "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
            ),
            (maps, Errno::EPERM, user(), "sudo apparmor_parser -r /etc/apparmor.d/coracle"),
            (maps, Errno::EACCES, user(), "\"/home/ada/coracle/target/**\""),
            (made, Errno::EPERM, in_chroot, "outside of the chroot"),
            (made, Errno::EINVAL, user(), "Work as root"),
        ] {
            let (id, told) = told(Probe::UserNamespace, refusal(seen, errno), &here);
            assert_eq!(id, Probe::UserNamespace);
            assert!(told.contains(remedy), "{seen} {errno}: {told}");
        }
    }

    #[test]
    fn a_container_is_to_blame_only_where_it_forbids_something() {
        let eperm = || refusal("unshare(CLONE_NEWUSER) failed", Errno::EPERM);
        let here = Surroundings { container: Some("docker".into()), ..user() };
        assert_eq!(told(Probe::UserNamespace, eperm(), &here).0, Probe::UserNamespace);
        for here in [
            Surroundings { filtered: true, ..here.clone() },
            Surroundings { bounded: true, ..here.clone() },
            Surroundings { uid: 0, ..here },
        ] {
            let (id, remedy) = told(Probe::UserNamespace, eperm(), &here);
            assert_eq!(id, Probe::InsideContainer);
            assert!(remedy.contains("--privileged") && remedy.contains("--cap-add SYS_ADMIN"));
            assert!(remedy.contains("seccomp=unconfined"), "{remedy}");
        }
        // That a program is missing is no container's doing.
        let here = Surroundings { container: Some("podman".into()), ..root() };
        let missing = Refusal::new(texts::NO_NFT);
        assert_eq!(
            told(Probe::Nftables, missing, &here),
            (Probe::Nftables, "  apt install nftables".into())
        );
    }

    #[test]
    fn what_has_one_cause_is_told_once_and_all_of_it() {
        let here = Surroundings { container: Some("podman".into()), filtered: true, ..root() };
        let findings = Findings::from([
            (Probe::FreshProc, Some(refusal("mount failed", Errno::EPERM))),
            (Probe::HostName, Some(refusal("sethostname failed", Errno::EPERM))),
            (Probe::Disk, Some(Refusal::new("full"))),
        ]);
        let met = [Probe::HostName, Probe::FreshProc, Probe::Disk, Probe::FreshProc];
        let lacks = Lack::joined(met.map(|probe| lack(probe, &findings, &here)));
        let told = |lack: &Lack| (lack.id, lack.seen.clone(), lack.also.concat());
        assert_eq!(
            lacks.iter().map(told).collect::<Vec<_>>(),
            [
                (Probe::Disk, "full".into(), String::new()),
                (Probe::InsideContainer, "sethostname failed".into(), "mount failed".into()),
            ]
        );
    }

    #[test]
    fn on_wsl_1_nothing_else_is_to_blame() {
        let here = Surroundings { wsl: Some(1), ..user() };
        let (id, remedy) = told(Probe::MountInside, refusal("unshare", Errno::EINVAL), &here);
        assert_eq!(id, Probe::Wsl);
        assert!(remedy.contains("wsl --set-version"), "{remedy}");
    }

    #[test]
    fn a_cgroup_is_got_in_each_ones_own_way() {
        let seen = |text: &str| Refusal::new(text);
        let two = "limits need a cgroup that is delegated to you, and this one is not";
        let one = "limits need a cgroup that is yours, and \"/sys/fs/cgroup\" is cgroup v1";
        let remedy = |text, here| told(Probe::CgroupDelegation, seen(text), &here).1;
        assert!(remedy(two, user()).contains("systemd-run --user --scope -p Delegate=yes"));
        assert!(remedy(two, Surroundings { systemd: false, ..user() }).contains("as root"));
        assert!(remedy(one, user()).contains("as root"));
        let wsl = remedy(one, Surroundings { wsl: Some(2), ..user() });
        assert!(wsl.contains("cgroup_no_v1=all") && wsl.contains("systemd=true"), "{wsl}");
        let refused = "--cpus needs the cgroup controller `cpu`: it was not delegated to you";
        let (id, remedy) = told(Probe::CgroupCpu, seen(refused), &user());
        assert!(id == Probe::CgroupCpu && remedy.contains("systemctl edit user@.service"));
        let alpine = Distribution { name: "Alpine".into(), family: Family::Alpine };
        let alpine = Surroundings { distribution: alpine, ..root() };
        assert!(
            told(Probe::CgroupMemory, seen("none"), &alpine).1.contains("rc-service cgroups start")
        );
        assert!(
            told(Probe::CgroupMemory, seen("none"), &root()).1.contains("cgroup_enable=memory")
        );
    }

    #[test]
    fn no_remedy_has_a_line_that_is_too_long() {
        let here = |switch, value: &str| Surroundings {
            switches: BTreeMap::from([(switch, value.into())]),
            ..user()
        };
        let eperm = refusal("unshare(CLONE_NEWUSER) failed", Errno::EPERM);
        for here in [here(APPARMOR, "1"), here(USERNS_CLONE, "0"), here(MOST_USERNS, "0")] {
            for probe in [Probe::UserNamespace, Probe::SubordinateIds, Probe::Compiler] {
                let (_, remedy) = told(probe, eperm.clone(), &here);
                let mut commands = remedy.lines().filter(|line| line.starts_with(' '));
                // Three blanks more stand before it.
                assert!(commands.all(|line| line.len() <= 77), "{remedy}");
            }
        }
        assert!(told(Probe::SubordinateIds, eperm, &user()).1.contains("165536-231071"));
    }
}
