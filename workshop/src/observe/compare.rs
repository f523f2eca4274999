//! Two views compared: what of the one process is its own, and what it shares with the other.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Serialize;

use super::cgroups::Membership;
use super::descriptors::Descriptor;
use super::namespaces::Kind;
use super::sets::CapabilitySet;
use super::status::{IdRange, Seccomp};
use super::text;
use super::view::View;

/// What of a process is other than of the host's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The kinds of namespaces that are its own.
    pub own_namespaces: Vec<Kind>,
    /// The kinds that it shares with the host.
    pub shared_namespaces: Vec<Kind>,
    /// Whether its `/` is another folder; `None` where we may not know.
    pub own_root: Option<bool>,
    /// Whether it stands outside of its root.
    pub outside_root: Option<bool>,
    /// The mounts through which what it mounts reaches the host, and the other way round.
    pub leaks: Vec<Leak>,
    /// Where its user namespace gives it other numbers than the host knows; empty if it does not.
    pub uids_mapped: Vec<IdRange>,
    /// The same for groups.
    pub gids_mapped: Vec<IdRange>,
    /// What the host's process may ever do, and this one never (the bounding set).
    pub capabilities_lost: CapabilitySet,
    /// What it may do now that the host's may not. (In a user namespace of its own: over that.)
    pub capabilities_gained: CapabilitySet,
    /// Whether it can't gain rights by `execve` any more, and the host can.
    pub no_new_privs: bool,
    /// Whether a filter holds back its system calls, and not the host's.
    pub seccomp: bool,
    /// The hierarchies in which it is in another group.
    pub cgroups: Vec<PathBuf>,
    /// The cables between its network and the host's.
    pub cables: Vec<Cable>,
    /// Its descriptors that lead to files or folders outside of its root.
    pub descriptors_outside: Vec<i32>,
    /// The variables that it has from the host's environment, with the same value.
    #[serde(serialize_with = "text::names")]
    pub environment_shared: Vec<OsString>,
}

/// A mount of the process that is a peer of one of the host's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// Where the process has it.
    #[serde(serialize_with = "text::path")]
    pub inside: PathBuf,
    /// Where the host has it.
    #[serde(serialize_with = "text::path")]
    pub outside: PathBuf,
    /// The number of the peer group.
    pub peer_group: u64,
}

/// A veth pair with an end on each side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cable {
    /// The process's end.
    pub inside: String,
    /// The host's end.
    pub outside: String,
    /// The bridge into which the host's end is plugged.
    pub bridge: Option<String>,
}

/// What of `process` is other than of `host`.
#[must_use]
pub fn compare(process: &View, host: &View) -> Difference {
    let same = |kind| process.namespaces.same(&host.namespaces, kind);
    let of = |wanted| Kind::ALL.into_iter().filter(|kind| same(*kind) == Some(wanted)).collect();
    let own_user = same(Kind::User) == Some(false);
    let mapped = |ranges: &[IdRange]| if own_user { ranges.to_vec() } else { Vec::new() };
    let (its, hosts) = (&process.status, &host.status);
    let filtered = |seccomp| seccomp == Some(Seccomp::Filter) || seccomp == Some(Seccomp::Strict);
    Difference {
        own_namespaces: of(false),
        shared_namespaces: of(true),
        own_root: match (process.root.place, host.root.place) {
            (Some(its), Some(hosts)) => {
                Some((its.device, its.inode) != (hosts.device, hosts.inode))
            }
            _ => None,
        },
        outside_root: process.cwd.below_root.map(|below| !below),
        leaks: leaks(process, host),
        uids_mapped: mapped(&its.uid_map),
        gids_mapped: mapped(&its.gid_map),
        capabilities_lost: hosts.capabilities.bounding.without(its.capabilities.bounding),
        capabilities_gained: its.capabilities.effective.without(hosts.capabilities.effective),
        no_new_privs: its.no_new_privs && !hosts.no_new_privs,
        seccomp: filtered(its.seccomp) && !filtered(hosts.seccomp),
        cgroups: own_groups(process, host),
        cables: cables(process, host),
        descriptors_outside: outside(&process.descriptors),
        environment_shared: environment_shared(process, host),
    }
}

fn leaks(process: &View, host: &View) -> Vec<Leak> {
    // In one and the same mount namespace there is nothing to reach: it is there.
    if process.namespaces.same(&host.namespaces, Kind::Mnt) != Some(false) {
        return Vec::new();
    }
    let leak = |mount: &super::Mount| {
        let peer_group = mount.propagation.shared?;
        let peer = host.mounts.iter().find(|it| it.propagation.shared == Some(peer_group))?;
        let (inside, outside) = (mount.target.clone(), peer.target.clone());
        Some(Leak { inside, outside, peer_group })
    };
    process.mounts.iter().filter_map(leak).collect()
}

fn own_groups(process: &View, host: &View) -> Vec<PathBuf> {
    let shared = |its: &&Membership| {
        let same = |other: &Membership| {
            other.version == its.version
                && other.path == its.path
                && other.controllers == its.controllers
        };
        host.cgroups.iter().any(same)
    };
    let own = process.cgroups.iter().filter(|its| !shared(its));
    own.map(|its| its.path.clone()).collect()
}

fn cables(process: &View, host: &View) -> Vec<Cable> {
    let (Some(its), Some(hosts)) = (&process.network, &host.network) else { return Vec::new() };
    if process.namespaces.same(&host.namespaces, Kind::Net) != Some(false) {
        return Vec::new();
    }
    let is_cable =
        |it: &super::Interface| it.kind.as_deref() == Some("veth") && it.peer_namespace.is_some();
    let cable = |inside: &super::Interface| {
        let fits = |outside: &&super::Interface| {
            is_cable(outside)
                && outside.peer == Some(inside.index)
                && inside.peer == Some(outside.index)
        };
        let outside = hosts.interfaces.iter().find(fits)?;
        let master = |other: &&super::Interface| Some(other.index) == outside.master;
        Some(Cable {
            inside: inside.name.clone(),
            outside: outside.name.clone(),
            bridge: hosts.interfaces.iter().find(master).map(|bridge| bridge.name.clone()),
        })
    };
    its.interfaces.iter().filter(|it| is_cable(it)).filter_map(cable).collect()
}

fn outside(descriptors: &[Descriptor]) -> Vec<i32> {
    descriptors.iter().filter(|it| it.outside).map(|it| it.number).collect()
}

fn environment_shared(process: &View, host: &View) -> Vec<OsString> {
    let (Some(its), Some(hosts)) = (&process.environment, &host.environment) else {
        return Vec::new();
    };
    its.iter().filter(|variable| hosts.contains(variable)).cloned().collect()
}
