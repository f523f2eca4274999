//! What `coracle inspect` says. All words stand here, so that they can be translated in one place.

use std::net::IpAddr;
use std::path::Path;

use nix::unistd::Pid;

use crate::observe::{Cable, Difference, IdRange, Limit, Mount, Seccomp, shown};

/// The facts of one chapter.
pub(super) struct Topic {
    pub(super) chapter: &'static str,
    pub(super) title: &'static str,
}

pub(super) const TOPICS: [Topic; 9] = [
    Topic { chapter: "00", title: "a process" },
    Topic { chapter: "01", title: "a root folder" },
    Topic { chapter: "02", title: "process numbers and mounts" },
    Topic { chapter: "03", title: "a name and a network" },
    Topic { chapter: "04", title: "limits" },
    Topic { chapter: "05", title: "files in layers" },
    Topic { chapter: "07", title: "users" },
    Topic { chapter: "08", title: "rights" },
    Topic { chapter: "09", title: "what it has open" },
];

pub(super) const NUMBER: &str = "its number";
pub(super) const COMMAND: &str = "command";
pub(super) const PROGRAM: &str = "program";
pub(super) const STARTED_BY: &str = "started by";
pub(super) const ROOT: &str = "root";
pub(super) const INODE: &str = "its inode";
pub(super) const FOLDER: &str = "stands in";
pub(super) const STANDS: &str = "inside root";
pub(super) const NAMESPACE: &str = "namespace";
pub(super) const HOW_MANY: &str = "mounts";
pub(super) const ROOT_IS: &str = "/ is";
pub(super) const HOST_NAME: &str = "host name";
pub(super) const INTERFACES: &str = "interfaces";
pub(super) const GATEWAY: &str = "gateway";
pub(super) const PORTS: &str = "listens on";
pub(super) const GROUP: &str = "its cgroup";
pub(super) const MEMORY: &str = "memory";
pub(super) const PROCESSORS: &str = "processors";
pub(super) const TASKS: &str = "tasks";
pub(super) const FROZEN: &str = "frozen";
pub(super) const FILES: &str = "/ is from";
pub(super) const LAYERS: &str = "layers";
pub(super) const WRITES_TO: &str = "writes to";
pub(super) const USER: &str = "it is";
pub(super) const USER_MAP: &str = "users map";
pub(super) const GROUP_MAP: &str = "groups map";
pub(super) const MAY: &str = "may";
pub(super) const MIGHT: &str = "at most";
pub(super) const NEW_RIGHTS: &str = "new rights";
pub(super) const CALLS: &str = "calls";
pub(super) const OPEN: &str = "descriptors";

pub(super) const HOST: &str = "THE HOST (this program)";
pub(super) const UNKNOWN: &str = "?";
pub(super) const ALL: &str = "all";
pub(super) const NONE: &str = "nothing";
pub(super) const NOBODY: &str = "nobody";
pub(super) const MARKED: &str = "* other than the host's.";
pub(super) const OUTSIDE_ROOT: &str =
    "It stands outside of its root folder: the way out of a jail (chapter 01).";

pub(super) const JSON: &str = "can't write this as JSON";
pub(super) const START: &str = "can't start the command";
pub(super) const WAITED: &str = "no container came to be in a minute, so the command was ended; \
     a process that shares everything with the host is not one";

pub(super) fn process(pid: Pid) -> String {
    format!("PROCESS {pid}")
}

pub(super) fn no_process(pid: Pid) -> String {
    format!("can't look at process {pid}: it may have ended; `ps -e` lists those that run")
}

pub(super) fn not_ours(pid: Pid, reason: &str) -> String {
    format!(
        "process {pid} is not yours to look into ({reason}); \
         try `sudo coracle inspect {pid}`, or as the user who started it"
    )
}

pub(super) fn unread(reason: &str) -> String {
    format!("? could not be read: {reason}.")
}

pub(super) fn ended(status: u8) -> String {
    format!(
        "the command ended with status {status} before there was a container to look at; \
         let it run for a while, as `sleep 60` does"
    )
}

/// What it is, in one sentence.
pub(super) fn verdict(difference: &Difference) -> String {
    let own: Vec<_> = difference.own_namespaces.iter().map(|kind| kind.name()).collect();
    let root = match difference.own_root {
        Some(true) => "a root folder of its own",
        _ => "the host's root folder",
    };
    match own[..] {
        [] if difference.own_root != Some(true) => {
            "An ordinary process: it shares the root folder and all namespaces with the host."
                .into()
        }
        [] => format!("It has {root}, and shares all namespaces with the host."),
        _ => format!("It has {root}, and namespaces of its own: {}.", own.join(", ")),
    }
}

pub(super) fn numbers(ns_pids: &[i32]) -> String {
    match ns_pids {
        [] => UNKNOWN.into(),
        [here] => here.to_string(),
        [here, .., inside] => format!("{inside} (here {here})"),
    }
}

pub(super) fn stands(inside: bool) -> String {
    if inside { "yes" } else { "no: it can leave" }.into()
}

pub(super) fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.into()
}

/// How mounts below `/` are passed on.
pub(super) fn passes_on(mount: &Mount) -> String {
    let propagation = mount.propagation;
    match (propagation.shared, propagation.master) {
        (Some(_), Some(_)) => "shared, and receives",
        (Some(_), None) => "shared",
        (None, Some(_)) => "receives (slave)",
        (None, None) if propagation.unbindable => "private, unbindable",
        (None, None) => "private",
    }
    .into()
}

pub(super) fn gateway(gateway: Option<IpAddr>) -> String {
    gateway.map_or_else(|| "none".into(), |gateway| gateway.to_string())
}

pub(super) fn interface(name: &str, up: bool, addresses: &[String]) -> String {
    let state = if up { "" } else { " (down)" };
    let addresses: String = addresses.iter().map(|address| format!(" {address}")).collect();
    format!("{name}{state}{addresses}")
}

pub(super) fn ports(ports: &[u16]) -> String {
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    if ports.is_empty() { "nothing".into() } else { format!("port {}", ports.join(" ")) }
}

pub(super) fn limit(limit: Option<Limit>, shown: impl Fn(u64) -> String) -> String {
    match limit {
        Some(Limit::At(number)) => shown(number),
        Some(Limit::Unlimited) | None => "no limit".into(),
    }
}

pub(super) fn used(used: &str) -> String {
    format!(" ({used} used)")
}

pub(super) fn file_system(kind: &str, read_only: bool) -> String {
    if read_only { format!("{kind}, read-only") } else { kind.into() }
}

pub(super) fn layers(count: usize) -> String {
    match count {
        0 => "none".into(),
        count => format!("{count} below"),
    }
}

pub(super) fn writes_to(read_only: bool) -> String {
    if read_only { "nowhere" } else { "the folder itself" }.into()
}

pub(super) fn ids(user: u32, group: u32, groups: &[u32]) -> String {
    let name = if user == 0 { " (root here)" } else { "" };
    let also = match groups.len() {
        0 => String::new(),
        1 => " and 1 more".into(),
        more => format!(" and {more} more"),
    };
    format!("user {user}{name}, group {group}{also}")
}

pub(super) fn range(range: &IdRange) -> String {
    match *range {
        IdRange { inside: 0, outside: 0, count: u32::MAX } => "all as they are".into(),
        IdRange { inside, outside, count: 1 } => format!("{inside} is {outside}"),
        IdRange { inside, outside, count } => {
            let last = |first: u32| first.saturating_add(count - 1);
            format!("{inside}-{} is {outside}-{}", last(inside), last(outside))
        }
    }
}

pub(super) fn all_but(names: &str) -> String {
    format!("all but {names}")
}

pub(super) fn some_of(count: u32, names: &str) -> String {
    format!("{count}: {names}")
}

pub(super) fn new_rights(none: bool) -> String {
    if none { "none (no_new_privs)" } else { "by set-user-ID programs" }.into()
}

pub(super) fn calls(seccomp: Option<Seccomp>, filters: Option<u32>) -> String {
    match (seccomp, filters) {
        (Some(Seccomp::Filter), Some(1)) => "filtered (seccomp)".into(),
        (Some(Seccomp::Filter), Some(count)) => format!("filtered (seccomp, {count} filters)"),
        (Some(Seccomp::Filter), None) => "filtered (seccomp)".into(),
        (Some(Seccomp::Strict), _) => "four only (seccomp, strict)".into(),
        (Some(Seccomp::Off) | None, _) => "all".into(),
    }
}

pub(super) fn descriptors(count: usize, outside: usize) -> String {
    match outside {
        0 => format!("{count}, none leads outside"),
        outside => format!("{count}, {outside} of them outside"),
    }
}

/// How many names are told.
const SOME: usize = 8;

pub(super) fn environment(shared: &[String], all: usize) -> String {
    let some = shared[..shared.len().min(SOME)].join(" ");
    let more = if shared.len() > SOME { " …" } else { "" };
    format!("Of its {all} variables it has {} from the host: {some}{more}", shared.len())
}

pub(super) fn leak(inside: &Path, outside: &Path) -> String {
    let (inside, outside) = (shown(inside.as_os_str()), shown(outside.as_os_str()));
    format!(
        "What is mounted below its {inside} is mounted below the host's {outside} as well, \
         and the other way round."
    )
}

pub(super) fn cable(cable: &Cable) -> String {
    let Cable { inside, outside, bridge } = cable;
    let plugged = bridge.as_ref().map_or_else(String::new, |bridge| format!(", in {bridge}"));
    format!("Its {inside} is one end of a cable; the host has the other: {outside}{plugged}.")
}

pub(super) fn descriptor_outside(number: i32, target: &str) -> String {
    format!("Descriptor {number} leads out of its root: {target}.")
}
