//! In what kernels differ: what the workshop uses where it is there, and does without elsewhere.
//!
//! No version is compared anywhere: distributions carry changes back to old kernels, and filters of
//! system calls take some away from new ones. Each addition is tried at the place that wants it; where
//! the kernel refuses it, that place goes the other way, and with `--explain` says so
//! ([`Addition::is_missing`]). The versions here only explain. `coracle doctor` tries all of them.
//!
//! What the chapters can't do without is not listed. Linux 5.10 has all of it.

use crate::{explain, texts};

/// Something that came to the kernel, and that not every kernel has.
#[derive(Debug, PartialEq, Eq)]
pub struct Addition {
    /// What it is, in the man pages' words.
    pub name: &'static str,
    /// The first Linux that has it.
    pub since: &'static str,
    /// What is done without it.
    pub instead: &'static str,
}

impl Addition {
    /// Tells that this kernel does not have it, and what is done instead.
    pub fn is_missing(&self) {
        explain::note(texts::missing(self));
    }
}

/// All of them, the oldest first.
pub const ALL: [&Addition; 8] = [
    &MOUNT_API,
    &CLONE_INTO_CGROUP,
    &OVERLAY_BY_USER,
    &MOUNT_SETATTR,
    &CGROUP_KILL,
    &PROCESSES_BY_NAMESPACE,
    &PROCESSORS_AT_BIRTH,
    &LAYER_BY_LAYER,
];

/// `fsopen(2)` and what belongs to it (chapter 05). A filter may refuse it.
pub const MOUNT_API: Addition = Addition {
    name: "a file system that is described step by step (fsopen)",
    since: "5.2",
    instead: "mount(2) gets all options in one text",
};

/// `clone3(2)` with `CLONE_INTO_CGROUP` (chapter 04). A filter may refuse it.
pub const CLONE_INTO_CGROUP: Addition = Addition {
    name: "a process that is born into a cgroup (CLONE_INTO_CGROUP)",
    since: "5.7",
    instead: "the process moves itself there",
};

/// Overlayfs in a user namespace, with the attributes `user.overlay.*` (chapter 05).
pub const OVERLAY_BY_USER: Addition = Addition {
    name: "overlayfs for an ordinary user",
    since: "5.11",
    instead: "the layers are copied",
};

/// `mount_setattr(2)` with `AT_RECURSIVE` (chapter 02).
pub const MOUNT_SETATTR: Addition = Addition {
    name: "a mount that is made read-only with all below it (mount_setattr)",
    since: "5.12",
    instead: "what is mounted below stays as it is",
};

/// The file `cgroup.kill` of cgroup v2 (chapter 04).
pub const CGROUP_KILL: Addition = Addition {
    name: "a cgroup that is killed by one write (cgroup.kill)",
    since: "5.14",
    instead: "each of its processes is killed",
};

/// `RLIMIT_NPROC` counts the processes of a user namespace apart (the safety net).
pub const PROCESSES_BY_NAMESPACE: Addition = Addition {
    name: "processes that are counted apart in a user namespace (RLIMIT_NPROC)",
    since: "5.14",
    instead: "a limit of processes counts all of the user's",
};

/// `cpuset.cpus` also for who is born into the cgroup (chapter 04). The kernels that distributions
/// care for got it as well, but not all.
pub const PROCESSORS_AT_BIRTH: Addition = Addition {
    name: "the cgroup's processors for who is born into it (cpuset.cpus)",
    since: "6.4",
    instead: "with --cpuset-cpus the process moves itself there",
};

/// Overlayfs' option `lowerdir+` (chapter 05).
pub const LAYER_BY_LAYER: Addition = Addition {
    name: "overlayfs with an option for each layer (lowerdir+)",
    since: "6.8",
    instead: "all layers are named in one text",
};
