//! What newer kernels have, and this one has not.
//!
//! In what kernels differ is listed in one place, with what the chapters do instead
//! ([`process::kernel`]). Here each of it is tried. No chapter is worse for it, but for
//! `OVERLAY_BY_USER`, which is told as a lack of chapters 05 and 06.

use process::kernel::{self, Addition};
use serde::Serialize;

use super::probe::{Findings, Probe};
use super::texts;

/// One of them.
#[derive(Debug, Clone, Serialize)]
pub struct Missing {
    /// The question that told.
    pub id: Probe,
    /// What it is.
    pub name: &'static str,
    /// The first Linux that has it.
    pub since: &'static str,
    /// What the chapters do instead.
    pub instead: &'static str,
    /// What was seen.
    pub seen: String,
}

/// What was added to the kernel, and the question that tells whether it is there.
const ADDITIONS: [(&Addition, Probe); 7] = [
    (&kernel::MOUNT_API, Probe::MountApi),
    (&kernel::CLONE_INTO_CGROUP, Probe::CloneIntoCgroup),
    (&kernel::MOUNT_SETATTR, Probe::MountSetattr),
    (&kernel::CGROUP_KILL, Probe::CgroupKill),
    (&kernel::PROCESSES_BY_NAMESPACE, Probe::ProcessesByNamespace),
    (&kernel::PROCESSORS_AT_BIRTH, Probe::ProcessorsAtBirth),
    (&kernel::LAYER_BY_LAYER, Probe::LayerByLayer),
];

/// Those that were refused, of what is left when consequences are left out. (A trial that came to no end
/// says nothing of the kernel.)
pub(super) fn lacks(findings: &Findings) -> Vec<Missing> {
    let missing = |(addition, id): (&Addition, Probe)| {
        let refusal = findings.get(&id)?.as_ref()?;
        if [texts::TOO_LONG, texts::DIED].contains(&&*refusal.seen) {
            return None;
        }
        let Addition { name, since, instead } = *addition;
        Some(Missing { id, name, since, instead, seen: refusal.seen.clone() })
    };
    ADDITIONS.into_iter().filter_map(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_addition_is_tried() {
        let tried = ADDITIONS.map(|(addition, _)| addition);
        for addition in kernel::ALL {
            assert!(tried.contains(&addition) || *addition == kernel::OVERLAY_BY_USER);
        }
    }

    #[test]
    fn the_book_has_the_same_list() {
        let page = include_str!("../../../book/en/src/environments.md");
        for Addition { name, since, .. } in kernel::ALL {
            // `fsopen`, of "… (fsopen)".
            let term = name.split(['(', ')']).nth(1).unwrap_or("layers for an ordinary user");
            let place = page.find(term).unwrap_or_else(|| panic!("{term} is not in the book"));
            let near: String = page[place..].chars().take(100).collect();
            assert!(near.contains(&format!("Linux {since}")), "{term}, since Linux {since}");
        }
    }
}
