//! Where a chapter may have to work.

use vm::{Architecture, Kernel, Machine, User};

/// One of them.
pub(crate) struct Environment {
    /// What it is called on the command line.
    pub(crate) name: String,
    /// What it is called in the table.
    pub(crate) title: String,
    pub(crate) place: Place,
    /// Whether it is part of the quick run.
    pub(crate) quick: bool,
}

/// Where the programs run.
pub(crate) enum Place {
    /// On this very machine.
    Here(User),
    /// In a machine of its own.
    Machine(Machine),
    /// In a container in such a machine.
    Container(Machine),
}

impl Environment {
    /// What the programs are to be built for.
    pub(crate) fn architecture(&self) -> Architecture {
        match &self.place {
            Place::Here(_) => Architecture::X86_64,
            Place::Machine(machine) | Place::Container(machine) => machine.architecture(),
        }
    }
}

/// All environments, as the table has them.
pub(crate) fn all() -> Vec<Environment> {
    let here = here();
    let mut all = vec![
        Environment {
            name: "host-root".into(),
            title: format!("{here}, root"),
            place: Place::Here(User::Root),
            quick: false,
        },
        Environment {
            name: "host-user".into(),
            title: format!("{here}, ordinary user"),
            place: Place::Here(User::Student),
            quick: false,
        },
    ];
    for kernel in Kernel::ALL {
        // Containers' root folders are copied into memory by several tests at a time.
        let machine = Machine::new(kernel).memory(3072);
        let student = machine.clone().user(User::Student);
        let (name, title) = (kernel.name(), kernel.title());
        let newest = kernel == Kernel::V6_12;
        let mut add = |what: &str, who: &str, machine: Machine, quick: bool| {
            let title = format!("Linux {title}, {who}");
            let place = Place::Machine(machine);
            all.push(Environment { name: format!("{name}-{what}"), title, place, quick });
        };
        add("root", "root", machine, newest);
        add("user", "ordinary user", student.clone(), newest);
        add("delegated", "ordinary user with a delegated cgroup", student.delegate(), false);
    }
    let newest = Machine::new(Kernel::V6_12).memory(3072);
    let closed = newest.clone().user(User::Student).sysctl("user.max_user_namespaces=0");
    for (name, title, place) in [
        ("no-userns", "ordinary user without user namespaces", Place::Machine(closed)),
        (
            "no-nft",
            "root without nftables",
            Place::Machine(newest.clone().without("/usr/sbin/nft")),
        ),
        ("container", "root in a podman container", Place::Container(newest)),
    ] {
        let title = format!("Linux 6.12, {title}");
        all.push(Environment { name: name.into(), title, place, quick: false });
    }
    all
}

/// Their names.
pub(crate) fn names() -> String {
    all().into_iter().map(|it| it.name).collect::<Vec<_>>().join(", ")
}

/// This machine: its kernel, and its cgroups where they are not the usual ones.
fn here() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let release = read("/proc/sys/kernel/osrelease");
    let release: Vec<_> = release.split('.').take(2).collect();
    let one = read("/proc/self/mountinfo").contains(" - cgroup cgroup");
    format!("Linux {}{}", release.join("."), if one { " with cgroups v1" } else { "" })
}
