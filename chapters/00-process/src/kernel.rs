//! In what kernels differ: what the workshop uses where it is there, and does without elsewhere.
//!
//! No version is compared anywhere: distributions carry changes back to old kernels, and filters of
//! system calls take some away from new ones. An addition is tried at the place that wants it; where it
//! is refused, that place goes the other way, and says so if the story is told
//! ([`Addition::tell_missing`]). The versions here only explain. `coracle doctor` tries what it can.
//!
//! What the chapters can't do without is not listed. Linux 5.10 has all of it.

use crate::{explain, texts};

/// Something that came to the kernel, and that not every kernel has.
#[derive(Debug, PartialEq, Eq)]
pub struct Addition {
    /// What it is, with the man pages' word for it.
    pub name: &'static str,
    /// The first Linux that has it.
    pub since: &'static str,
    /// What is done without it.
    pub instead: &'static str,
}

impl Addition {
    /// Tells that it is not to be had here, and what is done instead.
    pub fn tell_missing(&self) {
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
    name: "describing a file system step by step (fsopen)",
    since: "5.2",
    instead: "mount(2) gets all options as one text",
};

/// `clone3(2)` with `CLONE_INTO_CGROUP` (chapter 04). A filter may refuse it.
pub const CLONE_INTO_CGROUP: Addition = Addition {
    name: "birth into a cgroup (CLONE_INTO_CGROUP)",
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
    name: "making a mount read-only with all below it (mount_setattr)",
    since: "5.12",
    instead: "what is mounted below stays as it is",
};

/// The file `cgroup.kill` of cgroup v2 (chapter 04).
pub const CGROUP_KILL: Addition = Addition {
    name: "killing a cgroup by one write (cgroup.kill)",
    since: "5.14",
    instead: "each of its processes is killed",
};

/// `RLIMIT_NPROC` counts the processes of a user namespace apart (the safety net).
pub const PROCESSES_BY_NAMESPACE: Addition = Addition {
    name: "a count of processes for each user namespace (RLIMIT_NPROC)",
    since: "5.14",
    instead: "a limit of processes counts all of the user's",
};

/// `cpuset.cpus` also for who is born into the cgroup. Some older kernels got it as well. Chapter 04
/// does not rely on it.
pub const PROCESSORS_AT_BIRTH: Addition = Addition {
    name: "a cgroup's processors from birth on (cpuset.cpus)",
    since: "6.3",
    instead: "the process moves itself there, as with --cpuset-cpus everywhere",
};

/// Overlayfs' option `lowerdir+` (chapter 05).
pub const LAYER_BY_LAYER: Addition = Addition {
    name: "an option of overlayfs for each layer (lowerdir+)",
    since: "6.7",
    instead: "all layers are named in one text",
};
