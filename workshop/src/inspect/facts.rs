//! What is told of one process, in the order of the chapters.

use std::path::Path;

use cgroup_limits::hierarchy::{Controller, Version};
use cgroup_limits::size::Size;

use super::texts::{self, Topic};
use crate::observe::{
    CapabilitySet, Descriptor, DescriptorKind, IdRange, Kind, Limits, Membership, Mount, Network,
    View, shown,
};

/// One fact.
pub(super) struct Fact {
    /// What it is about.
    pub(super) question: &'static str,
    /// What it is.
    pub(super) value: String,
    /// What stands behind it, and changes from one look to the next.
    pub(super) aside: String,
    /// Whether it means something that the host's is another one.
    pub(super) telling: bool,
}

impl Fact {
    fn new(question: &'static str, value: impl Into<String>) -> Self {
        Self { question, value: value.into(), aside: String::new(), telling: true }
    }

    fn aside(self, used: Option<String>) -> Self {
        Self { aside: used.map_or_else(String::new, |used| texts::used(&used)), ..self }
    }

    /// What is another one for any two processes.
    fn of_any(self) -> Self {
        Self { telling: false, ..self }
    }
}

/// The facts of one chapter.
pub(super) fn facts(view: &View, topic: &Topic) -> Vec<Fact> {
    match topic.chapter {
        "00" => process(view),
        "01" => root(view),
        "02" => pid_namespace(view),
        "03" => network(view),
        "04" => limits(view),
        "05" => layers(view),
        "07" => users(view),
        "08" => rights(view),
        _ => open_files(view),
    }
}

fn process(view: &View) -> Vec<Fact> {
    let words: Vec<_> = view.command.iter().map(|word| shown(word)).collect();
    let parents: Vec<_> = view.ancestors.iter().map(|it| shown(&it.name)).collect();
    let number = Fact::new(texts::NUMBER, texts::numbers(&view.status.ns_pids));
    vec![
        Fact { telling: view.status.ns_pids.len() > 1, ..number },
        Fact::new(texts::COMMAND, words.join(" ")).of_any(),
        Fact::new(texts::PROGRAM, path(view.exe.path.as_deref())).of_any(),
        Fact::new(texts::STARTED_BY, parents.join(" < ")).of_any(),
    ]
}

fn root(view: &View) -> Vec<Fact> {
    let inode = view.root.place.map(|place| place.inode.to_string());
    vec![
        Fact::new(texts::ROOT, root_folder(view)),
        Fact::new(texts::INODE, inode.unwrap_or_else(unknown)),
        Fact::new(texts::FOLDER, path(view.cwd.path.as_deref())).of_any(),
        Fact::new(texts::STANDS, view.cwd.below_root.map_or_else(unknown, texts::stands)),
    ]
}

/// Where it has mounts of its own, its root is called `/` from here as well: then it is told which
/// folder is mounted there.
fn root_folder(view: &View) -> String {
    match (view.root.path.as_deref(), root_mount(view)) {
        (Some(root), Some(mount)) if root == Path::new("/") => path(Some(&mount.root)),
        (root, _) => path(root),
    }
}

fn pid_namespace(view: &View) -> Vec<Fact> {
    let under_root = root_mount(view);
    vec![
        namespace(view, Kind::Pid),
        namespace(view, Kind::Mnt),
        Fact::new(texts::HOW_MANY, view.mounts.len().to_string()),
        Fact::new(texts::ROOT_IS, under_root.map_or_else(unknown, texts::passes_on)),
    ]
}

fn network(view: &View) -> Vec<Fact> {
    let interfaces = view.network.as_ref().map_or_else(unknown, interfaces);
    let gateway = view.network.as_ref().map(Network::gateway);
    let gateway = gateway.map_or_else(unknown, texts::gateway);
    let ports = view.network.as_ref().map_or_else(unknown, ports);
    vec![
        namespace(view, Kind::Uts),
        Fact::new(texts::HOST_NAME, view.hostname.clone().unwrap_or_else(unknown)),
        namespace(view, Kind::Ipc),
        namespace(view, Kind::Net),
        Fact::new(texts::INTERFACES, interfaces),
        Fact::new(texts::GATEWAY, gateway),
        Fact::new(texts::PORTS, ports),
    ]
}

fn interfaces(network: &Network) -> String {
    let interface = |it: &crate::observe::Interface| {
        let addresses: Vec<_> = it.addresses.iter().map(ToString::to_string).collect();
        texts::interface(&it.name, it.up, &addresses)
    };
    let all: Vec<_> = network.interfaces.iter().map(interface).collect();
    all.join(", ")
}

fn ports(network: &Network) -> String {
    let mut ports: Vec<_> = network.listening.iter().map(|it| it.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    texts::ports(&ports)
}

fn limits(view: &View) -> Vec<Fact> {
    let limits = Limits::of(&view.cgroups);
    let said = |controller, limit, shown: &dyn Fn(u64) -> String| match limit {
        None if !is_seen(view, controller) => unknown(),
        limit => texts::limit(limit, shown),
    };
    let bytes = |bytes| Size(bytes).to_string();
    let cpus = |_| limits.cpus().map_or_else(unknown, |cpus| format!("{cpus:.2}"));
    let memory = said(Controller::Memory, limits.memory, &bytes);
    let pids = said(Controller::Pids, limits.pids, &|pids| pids.to_string());
    vec![
        namespace(view, Kind::Cgroup),
        Fact::new(texts::GROUP, group(view)),
        Fact::new(texts::MEMORY, memory).aside(limits.memory_used.map(bytes)),
        Fact::new(texts::PROCESSORS, said(Controller::Cpu, limits.cpu_quota, &cpus)),
        Fact::new(texts::TASKS, pids).aside(limits.pids_used.map(|it| it.to_string())),
        Fact::new(texts::FROZEN, limits.frozen.map_or_else(unknown, texts::yes_or_no)),
    ]
}

/// Whether the group that would have the limit is to be seen here. Where no hierarchy has the
/// controller, v2 has not switched it on for the group.
fn is_seen(view: &View, controller: Controller) -> bool {
    let groups = || view.cgroups.iter();
    let two = |it: &&Membership| it.version == Version::Two;
    let group = groups().find(|it| it.has(controller)).or(groups().find(two));
    group.is_some_and(|group| group.folder.is_some())
}

/// The group that says how much memory there is, or whichever there is.
fn group(view: &View) -> String {
    let memory = |it: &&Membership| it.has(Controller::Memory);
    let two = |it: &&Membership| it.version == Version::Two;
    let groups = || view.cgroups.iter();
    let group = groups().find(memory).or(groups().find(two)).or(groups().next());
    group.map_or_else(unknown, |group| shown(group.path.as_os_str()))
}

fn layers(view: &View) -> Vec<Fact> {
    let Some(mount) = root_mount(view) else { return vec![Fact::new(texts::FILES, unknown())] };
    let of = |name| mount.super_option(name);
    // Newer kernels name each layer by itself: `lowerdir+=`.
    let named =
        mount.super_options.iter().filter(|option| option.starts_with("lowerdir+=")).count();
    let joined = of("lowerdir").map_or(0, |all| shown(&all).split(':').count());
    let upper = of("upperdir").map(|upper| shown(&upper));
    let read_only = mount.has("ro");
    vec![
        Fact::new(texts::FILES, texts::file_system(&mount.fs_type, read_only)),
        Fact::new(texts::LAYERS, texts::layers(named + joined)),
        Fact::new(texts::WRITES_TO, upper.unwrap_or_else(|| texts::writes_to(read_only))),
    ]
}

fn users(view: &View) -> Vec<Fact> {
    let status = &view.status;
    vec![
        namespace(view, Kind::User),
        Fact::new(
            texts::USER,
            texts::ids(status.uids.effective, status.gids.effective, &status.groups),
        ),
        Fact::new(texts::USER_MAP, map(&status.uid_map)),
        Fact::new(texts::GROUP_MAP, map(&status.gid_map)),
    ]
}

fn map(ranges: &[IdRange]) -> String {
    let all: Vec<_> = ranges.iter().map(texts::range).collect();
    if all.is_empty() { texts::NOBODY.into() } else { all.join(", ") }
}

fn rights(view: &View) -> Vec<Fact> {
    let status = &view.status;
    vec![
        Fact::new(texts::MAY, capabilities(status.capabilities.effective)),
        Fact::new(texts::MIGHT, capabilities(status.capabilities.bounding)),
        Fact::new(texts::NEW_RIGHTS, texts::new_rights(status.no_new_privs)),
        Fact::new(texts::CALLS, texts::calls(status.seccomp, status.seccomp_filters)),
    ]
}

/// The short list: of those that it has, or of those that it has not.
fn capabilities(set: CapabilitySet) -> String {
    let missing = CapabilitySet::every().without(set);
    let names = |set: CapabilitySet| {
        let names = set.names().into_iter();
        let short = names.map(|name| name.trim_start_matches("CAP_").to_lowercase());
        short.collect::<Vec<_>>().join(" ")
    };
    match (set.len(), missing.len()) {
        (_, 0) => texts::ALL.into(),
        (0, _) => texts::NONE.into(),
        (_, few) if few <= 5 => texts::all_but(&names(missing)),
        (count, _) => texts::some_of(count, &names(set)),
    }
}

fn open_files(view: &View) -> Vec<Fact> {
    let outside = view.descriptors.iter().filter(|it| is_way_out(it)).count();
    vec![Fact::new(texts::OPEN, texts::descriptors(view.descriptors.len(), outside))]
}

/// Whether a descriptor leads out of its root; but for the three that whoever starts a program
/// chooses, when they are files: its output is to go somewhere.
pub(super) fn is_way_out(descriptor: &Descriptor) -> bool {
    let given = descriptor.number <= 2 && descriptor.kind == DescriptorKind::File;
    descriptor.outside && !given
}

/// The mount in which its root is.
fn root_mount(view: &View) -> Option<&Mount> {
    let mount = view.root.place.and_then(|place| place.mount);
    let by_number = view.mounts.iter().find(|it| Some(it.id) == mount);
    // Of several on top of each other the last one is to be seen.
    by_number.or_else(|| view.mounts.iter().rev().find(|it| it.target == Path::new("/")))
}

fn namespace(view: &View, kind: Kind) -> Fact {
    let namespace = view.namespaces.get(kind);
    let link = namespace.map(|namespace| format!("{kind}:[{}]", namespace.inode));
    Fact::new(texts::NAMESPACE, link.unwrap_or_else(unknown))
}

fn path(path: Option<&Path>) -> String {
    path.map_or_else(unknown, |path| shown(path.as_os_str()))
}

fn unknown() -> String {
    texts::UNKNOWN.into()
}
