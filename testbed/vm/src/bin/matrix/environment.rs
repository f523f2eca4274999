//! Where a chapter may have to work.

use vm::{Architecture, Kernel, Machine, User};

/// One of them.
pub(crate) struct Environment {
    /// What it is called on the command line.
    pub(crate) name: String,
    /// What it is called in the table.
    pub(crate) title: String,
    pub(crate) place: Place,
    /// As whom.
    pub(crate) user: User,
    /// Whether it is part of the quick run.
    pub(crate) quick: bool,
}

/// Where the programs run.
pub(crate) enum Place {
    /// On this very machine.
    Here,
    /// In a machine of its own.
    Machine(Machine),
    /// In a container in such a machine, with these options of podman's.
    Container(Machine, &'static [&'static str]),
}

impl Environment {
    /// What the programs are to be built for.
    pub(crate) fn architecture(&self) -> Architecture {
        match &self.place {
            Place::Here => Architecture::X86_64,
            Place::Machine(machine) | Place::Container(machine, _) => machine.architecture(),
        }
    }
}

/// What `.devcontainer/devcontainer.json` asks for; and that the editor says so.
const AS_DEV_CONTAINER: &[&str] = &[
    "--privileged",
    "--cgroupns=private",
    "--volume=/tmp/data:/var/lib/coracle-data",
    "--env=XDG_DATA_HOME=/var/lib/coracle-data",
    "--env=REMOTE_CONTAINERS=true",
];

/// All environments, as the table has them.
pub(crate) fn all() -> Vec<Environment> {
    let here = here();
    let mut all = vec![
        Environment {
            name: "host-root".into(),
            title: format!("{here}, root"),
            place: Place::Here,
            user: User::Root,
            quick: true,
        },
        Environment {
            name: "host-user".into(),
            title: format!("{here}, ordinary user"),
            place: Place::Here,
            user: User::Student,
            quick: true,
        },
    ];
    for kernel in Kernel::ALL {
        // Containers' root folders are copied into memory by several tests at a time.
        let machine = Machine::new(kernel).memory(3072);
        let (name, title) = (kernel.name(), kernel.title());
        let newest = kernel == Kernel::V6_12;
        let mut add = |what: &str, who: &str, user: User, machine: Machine, quick: bool| {
            let (name, title) = (format!("{name}-{what}"), format!("Linux {title}, {who}"));
            let place = Place::Machine(machine);
            all.push(Environment { name, title, place, user, quick });
        };
        let delegated = machine.clone().delegate();
        add("root", "root", User::Root, machine.clone(), newest);
        add("user", "ordinary user", User::Student, machine, newest);
        let who = "ordinary user with a delegated cgroup";
        add("delegated", who, User::Student, delegated, false);
    }
    let newest = Machine::new(Kernel::V6_12).memory(3072);
    let closed = newest.clone().sysctl("user.max_user_namespaces=0");
    let bare = newest.clone().without("/usr/sbin/nft");
    for (name, title, place, user) in [
        (
            "no-userns",
            "ordinary user without user namespaces",
            Place::Machine(closed),
            User::Student,
        ),
        ("no-nft", "root without nftables", Place::Machine(bare), User::Root),
        (
            "container",
            "root in a podman container",
            Place::Container(newest.clone(), &[]),
            User::Root,
        ),
        (
            "devcontainer-root",
            "root in our dev container",
            Place::Container(newest.clone(), AS_DEV_CONTAINER),
            User::Root,
        ),
        (
            "devcontainer-user",
            "ordinary user in our dev container",
            Place::Container(newest, AS_DEV_CONTAINER),
            User::Student,
        ),
    ] {
        let title = format!("Linux 6.12, {title}");
        all.push(Environment { name: name.into(), title, place, user, quick: false });
    }
    all
}

/// Their names.
pub(crate) fn names() -> String {
    all().into_iter().map(|it| it.name).collect::<Vec<_>>().join(", ")
}

/// A name on the command line, if it is one of them.
pub(crate) fn known(name: &str) -> Result<String, String> {
    let known = all().iter().any(|it| it.name == name);
    known.then(|| name.into()).ok_or_else(|| format!("there are {}", names()))
}

/// This machine: its kernel, and its cgroups where they are not the usual ones.
fn here() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let release = read("/proc/sys/kernel/osrelease");
    let release: Vec<_> = release.split('.').take(2).collect();
    let one = read("/proc/self/mountinfo").contains(" - cgroup cgroup");
    format!("Linux {}{}", release.join("."), if one { " with cgroups v1" } else { "" })
}
