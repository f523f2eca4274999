//! What the kernel did to hold the container to its limits, told from the kernel's own counters.
//!
//! A process that asks for more memory than the group may have is killed with SIGKILL (the "OOM
//! killer"); one that forks beyond the limit on processes gets EAGAIN. Neither is told why, and the
//! exit status, 137, says no more than "SIGKILL". But the group counts.

use process::explain;

use crate::group::{self, Group};
use crate::hierarchy::{Controller, Version};
use crate::limits::Limits;
use crate::texts;

/// Says what happened, if anything did. While the groups are still there.
pub fn tell(groups: &[Group], limits: &Limits) {
    if let (Some(group), Some(_)) = (group::of(groups, Controller::Memory), limits.memory) {
        let killed = oom_kills(group);
        if killed > 0 {
            let limit = limits.memory.filter(|_| was_full(group));
            explain::say(texts::out_of_memory(killed, limit));
        }
    }
    if let Some(group) = group::of(groups, Controller::Pids) {
        let refused = group.entry("pids.events", "max").unwrap_or(0);
        if let (Some(limit), true) = (limits.pids, refused > 0) {
            explain::say(texts::too_many_processes(refused, limit));
        }
    }
}

/// How many processes of the group the kernel has killed for want of memory.
fn oom_kills(group: &Group) -> u64 {
    // ANCHOR: oom_kills
    // EXERCISE oom_kills: read the kill
    //   The kernel counts them in a line `oom_kill N`: on `Version::Two` in the file
    //   `memory.events`, on `Version::One` in `memory.oom_control`. `group.entry(file, name)` gives
    //   the number behind a name; `None` is 0 (the counter came with Linux 4.13).
    let file = match group.version {
        Version::One => "memory.oom_control",
        Version::Two => "memory.events",
    };
    group.entry(file, "oom_kill").unwrap_or(0)
    // ANCHOR_END: oom_kills
}

/// Whether it was the group's own limit that was reached: the host may have run out as well, or a
/// group above.
fn was_full(group: &Group) -> bool {
    let reached = match group.version {
        Version::One => ["memory.failcnt", "memory.memsw.failcnt"].map(|file| group.number(file)),
        Version::Two => ["max", "oom"].map(|name| group.entry("memory.events", name)),
    };
    reached.into_iter().flatten().any(|times| times > 0)
}
