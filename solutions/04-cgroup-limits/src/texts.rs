//! What this chapter says to people. All words stand here, so that they can be translated in one
//! place.

use std::path::Path;

use nix::errno::Errno;
use process::{Step, cli};

use crate::hierarchy::{Controller, Hierarchy, Version};
use crate::size::Size;

const NO_FILE: &str = "this cgroup has no such file: the cgroup above does not hand out the file's controller, or this kernel is built without it";
const NOT_OURS: &str = "this cgroup is not yours to change";

pub(crate) const HIERARCHIES: Step = Step {
    section: "04#hierarchies",
    why: "where each controller is: in one of v1's hierarchies, or in v2's",
    causes: &[(Errno::ENOENT, "/proc has to be mounted")],
};

pub(crate) const MAKE: Step = Step {
    section: "04#cgroups",
    why: "a cgroup is a folder: one for all containers, and in it one for this container",
    causes: &[
        (Errno::EACCES, NOT_OURS),
        (Errno::EPERM, NOT_OURS),
        (Errno::EROFS, "cgroups are mounted read-only here, as in most containers"),
        (
            Errno::EAGAIN,
            "there are as many cgroups as cgroup.max.descendants or cgroup.max.depth allows",
        ),
        (Errno::ENOENT, "another container's end has just removed the folder above; try again"),
    ],
};

pub(crate) const HAND_OUT: Step = Step {
    section: "04#subtree-control",
    why: "a cgroup of v2 has the controllers that the one above hands out",
    causes: &[
        (
            Errno::EBUSY,
            "a cgroup that hands out controllers may have no processes of its own; move them into one below it",
        ),
        (
            Errno::ENOENT,
            "the cgroup does not have this controller itself: it was not delegated, or a hierarchy of v1 has it",
        ),
        (Errno::EACCES, NOT_OURS),
    ],
};

pub(crate) const TAKE_BACK: Step = Step {
    section: "04#delegation",
    why: "the last container has ended: the delegated cgroup hands out nothing any more, as before",
    causes: &[(Errno::EBUSY, "a cgroup below still hands it out")],
};

pub(crate) const OUTSIDE: Step = Step {
    section: "04#delegation",
    why: "no processes in a cgroup that hands out controllers: they move",
    causes: &[(Errno::EACCES, NOT_OURS)],
};

pub(crate) const CPUSET_INHERIT: Step = Step {
    section: "04#cpus",
    why: "on v1 a new cgroup may run nowhere: it gets what the one above has",
    causes: &[(Errno::EACCES, NOT_OURS)],
};

pub(crate) const JOIN: Step = Step {
    section: "04#join",
    why: "join the cgroup, before there is anything to count: 0 stands for this process itself",
    causes: &[
        (Errno::ENOENT, "the cgroup is gone, or has no file of this name"),
        (
            Errno::EACCES,
            "to move a process, you have to own the cgroup that holds both where it is and where it goes",
        ),
        (Errno::EBUSY, "this cgroup hands out controllers, so it may have no processes"),
        (
            Errno::ENOSPC,
            "on v1, a cgroup of cpuset needs cpuset.cpus and cpuset.mems before a process can join",
        ),
        (Errno::EAGAIN, "the limit on processes is reached"),
    ],
};

pub(crate) const NAMESPACE: Step = Step {
    section: "04#namespace",
    why: "the cgroup that we are in becomes the root of what we see; the host's tree above it is hidden",
    causes: &[
        (Errno::EPERM, "this needs root, or a user namespace that may be used"),
        (
            Errno::ENOSPC,
            "the limit on cgroup namespaces is reached; see /proc/sys/user/max_cgroup_namespaces",
        ),
    ],
};

pub(crate) const FREEZE: Step = Step {
    section: "04#freezer",
    why: "stop every process of the container, without its knowledge",
    causes: &[
        (Errno::ENOENT, "the container has ended"),
        (Errno::ENODEV, "the container has ended"),
    ],
};

pub(crate) const THAW: Step = Step {
    section: "04#freezer",
    why: "let every process of the container go on: a frozen one hears no signal",
    causes: &[
        (Errno::ENOENT, "the container has ended"),
        (Errno::ENODEV, "the container has ended"),
    ],
};

pub(crate) const KILL: Step = Step {
    section: "04#cleaning-up",
    why: "nothing of the container goes on without it",
    causes: &[],
};

pub(crate) const REMOVE: Step = Step {
    section: "04#cleaning-up",
    why: "cgroups don't go by themselves; rmdir removes one that has no process and no cgroup in it",
    causes: &[(Errno::EACCES, NOT_OURS)],
};

pub(crate) const NOTE: Step = Step {
    section: "04#cleaning-up",
    why: "note down the cgroups, for `stats` and `pause`, and for whoever has to clear up",
    causes: &[],
};

pub(crate) const DISK: Step = Step {
    section: "04#io",
    why: "the kernel calls a disk by two numbers",
    causes: &[(Errno::ENOENT, "there is no such disk")],
};

macro_rules! limit_step {
    ($name:ident, $section:literal, $why:literal, $causes:expr) => {
        const $name: Step = Step { section: $section, why: $why, causes: $causes };
    };
}

limit_step!(
    MEMORY,
    "04#memory",
    "how much memory all processes of the container may use together; who asks for more is killed",
    &[
        (Errno::ENOENT, NO_FILE),
        (Errno::EACCES, NOT_OURS),
        (Errno::EBUSY, "more than that is in use already"),
        (Errno::EINVAL, "on v1, memory and swap together can't be less than memory"),
    ]
);
limit_step!(
    CPU,
    "04#cpus",
    "how long they may run in every tenth of a second, in microseconds; who has had it waits",
    &[
        (Errno::ENOENT, NO_FILE),
        (Errno::EACCES, NOT_OURS),
        (Errno::EINVAL, "it is more than a cgroup above allows, or less than a millisecond"),
    ]
);
limit_step!(
    CPU_SET,
    "04#cpus",
    "on which processors they may run",
    &[
        (Errno::ENOENT, NO_FILE),
        (Errno::EACCES, NOT_OURS),
        (
            Errno::EINVAL,
            "it is no list of processors, or one of them is not there; /sys/devices/system/cpu/online lists those that are",
        ),
        (
            Errno::ERANGE,
            "one of them is not there; /sys/devices/system/cpu/online lists those that are",
        ),
    ]
);
limit_step!(
    PIDS,
    "04#pids",
    "how many processes and threads there may be; a fork beyond that fails",
    &[
        (Errno::ENOENT, NO_FILE),
        (Errno::EACCES, NOT_OURS),
        (Errno::EINVAL, "the kernel's greatest number of processes is 4194304"),
    ]
);
limit_step!(
    IO,
    "04#io",
    "how many bytes a second they may read from or write to this disk",
    &[
        (Errno::ENOENT, NO_FILE),
        (Errno::EACCES, NOT_OURS),
        (Errno::ENODEV, "only a whole disk can be limited, not one of its partitions"),
    ]
);

/// Why a limit is set.
pub(crate) fn limit(controller: Controller) -> &'static Step {
    match controller {
        Controller::Memory => &MEMORY,
        Controller::Cpu | Controller::CpuTime => &CPU,
        Controller::CpuSet => &CPU_SET,
        Controller::Pids | Controller::Freezer => &PIDS,
        Controller::Io => &IO,
    }
}

pub(crate) const COLUMNS: &str =
    "CONTAINER ID   CPU %    MEM USAGE / LIMIT       MEM %    BLOCK READ / WRITTEN    PIDS";
pub(crate) const ALREADY_PAUSED: &str = "this container is paused already";
pub(crate) const NOT_PAUSED: &str = "this container is not paused";
pub(crate) const SWAP_ALONE: &str =
    "--memory-swap is memory and swap together, so it needs --memory";
pub(crate) const SWAP_BELOW_MEMORY: &str =
    "--memory-swap is memory and swap together, so it can't be less than --memory";
pub(crate) const NO_SWAP_ACCOUNTING: &str = "This kernel does not count swap, so only memory is limited (the kernel's option `swapaccount=1` changes that).";
pub(crate) const NO_FREEZER: &str = "this container is in no cgroup that can be frozen";
pub(crate) const NOT_FROZEN: &str =
    "a process did not stop within 2 seconds: it waits for a disk or the network; try again";

pub(crate) fn bad_size(text: &str) -> String {
    format!("{text:?} is no size; a size is a number of bytes, or one with k, m, g or t: 64M, 1g")
}

pub(crate) fn bad_number(text: &str) -> String {
    format!("{text:?} is no number of processors; 0.5 is half of one")
}

pub(crate) fn no_such_cpus(cpus: f64, there: f64) -> String {
    format!(
        "{cpus} is out of range: from 0.01 to {there}, since this machine has {there} processors"
    )
}

pub(crate) fn bad_throttle(text: &str) -> String {
    format!(
        "{text:?} is not DEVICE:SIZE, with a disk in /dev and bytes a second, as in /dev/sda:1mb"
    )
}

pub(crate) fn bad_list(text: &str) -> String {
    format!("{text:?} is no list of processors; one is 0-3 or 0,1")
}

pub(crate) fn no_disk(device: &Path) -> String {
    format!("{device:?} is no disk")
}

pub(crate) fn too_little_memory(least: Size) -> String {
    format!("a container needs {least} of memory at the least; raise --memory")
}

/// The option that asks for the controller.
fn option(controller: Controller) -> &'static str {
    match controller {
        Controller::Memory => "--memory",
        Controller::Cpu | Controller::CpuTime => "--cpus and --cpu-shares",
        Controller::CpuSet => "--cpuset-cpus",
        Controller::Pids | Controller::Freezer => "--pids-limit",
        Controller::Io => "--device-read-bps and --device-write-bps",
    }
}

pub(crate) fn no_controller(controller: Controller) -> String {
    let name = controller.name(Version::Two).unwrap_or_default();
    let more = match controller {
        Controller::Memory => {
            "; on a Raspberry Pi, the kernel's options `cgroup_enable=memory cgroup_memory=1` bring it"
        }
        _ => "",
    };
    format!(
        "{} needs the cgroup controller `{name}`, which this machine does not have, or no hierarchy with it is mounted (see /proc/cgroups){more}",
        option(controller)
    )
}

pub(crate) fn no_place(hierarchy: &Hierarchy, root: bool) -> String {
    let top = &hierarchy.top;
    let program = cli::program_name();
    match (root, hierarchy.version) {
        (true, _) => format!(
            "limits need a cgroup, and {top:?} can't be written to, as in most containers; `docker run --privileged --cgroupns=host` would allow it"
        ),
        (false, Version::Two) => format!(
            "limits need a cgroup that is delegated to you, and this one is not; `systemd-run --user --scope -p Delegate=yes {program} run …` gives you one, and root needs none"
        ),
        (false, Version::One) => format!(
            "limits need a cgroup that is yours, and {top:?} is cgroup v1, which is root's; run it as root"
        ),
    }
}

pub(crate) fn not_delegated(controller: Controller, base: &Path) -> String {
    let name = controller.name(Version::Two).unwrap_or_default();
    format!(
        "{} needs the cgroup controller `{name}`, and {base:?} does not have it: it was not delegated to you; as root it works, or after `systemctl edit user@.service` with `[Service] Delegate=cpu cpuset io memory pids`",
        option(controller)
    )
}

pub(crate) fn invisible_process(cgroup: &Path) -> String {
    format!(
        "{cgroup:?} can't hand out controllers as long as processes are in it, and one of them, in another PID namespace, is not to be seen from here"
    )
}

pub(crate) fn without(top: &Path) -> String {
    format!("{top:?} is not ours to write to, and no limit needs it: no cgroup there")
}

pub(crate) fn still_busy(call: &str) -> String {
    format!("{call} failed: Device or resource busy (EBUSY); a process in it does not end")
}

pub(crate) fn out_of_memory(killed: u64, limit: Option<Size>) -> String {
    let processes = match killed {
        1 => "Killed".into(),
        killed => format!("{killed} processes killed"),
    };
    match limit {
        Some(limit) => format!("{processes}: out of memory ({limit} limit)"),
        None => format!(
            "{processes}: out of memory (not by a limit of this container's: the host has no more, or a cgroup above)"
        ),
    }
}

pub(crate) fn too_many_processes(refused: u64, limit: u64) -> String {
    let times = if refused == 1 { "once".into() } else { format!("{refused} times") };
    format!("Refused {times}: a new process or thread (--pids-limit {limit})")
}

pub(crate) fn swept(id: &str) -> String {
    format!("container {id} was killed: removes its cgroups")
}

pub(crate) fn no_lock(path: &Path) -> String {
    format!("{path:?} is locked by another run")
}

pub(crate) fn no_such_container(beginning: &str) -> String {
    format!(
        "no running container has a number that begins with {beginning:?}; `{} stats` lists them",
        cli::program_name()
    )
}

pub(crate) fn several(beginning: &str) -> String {
    format!("more than one container has a number that begins with {beginning:?}; write more of it")
}

pub(crate) fn not_joined(joined: usize, groups: usize) -> String {
    format!(
        "the process is in {joined} of its {groups} cgroups (/proc/self/cgroup): without them nothing would limit it, so it is not let loose"
    )
}
