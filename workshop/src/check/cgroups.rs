//! The sandbox's cgroup looks like the top of a machine's hierarchy.
//!
//! The sandbox sees of all cgroups only its own, in the place of the topmost one. On v2 that makes a
//! difference: a cgroup that hands out controllers may have no processes ("no internal processes",
//! `cgroups(7)`), and only the root of all is exempt. The examiner, PID 1 of the sandbox, is in the
//! sandbox's. So it moves into a leaf, and hands out all controllers, as systemd does on a host; what
//! it starts is in that leaf, as a shell on a host is in one.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::Result;
use cgroup_limits::hierarchy::{Hierarchy, Version};
use nix::unistd::{AccessFlags, access};
use process::Attempt;

use super::texts;

/// The examiner's leaf.
const LEAF: &str = "outside";

/// Moves this process out of the way, where that is needed: v2 with controllers, and ours to change.
///
/// # Errors
///
/// When the kernel refuses.
pub(super) fn make_room() -> Result<()> {
    for hierarchy in Hierarchy::all()?.iter().filter(|it| it.version == Version::Two) {
        let top = &hierarchy.top;
        let names: Vec<_> = hierarchy.controllers.iter().filter(|it| *it != "hugetlb").collect();
        // The root of all has no type.
        let ours = access(top, AccessFlags::W_OK).is_ok() && top.join("cgroup.type").exists();
        if names.is_empty() || !ours {
            continue;
        }
        let leaf = top.join(LEAF);
        match fs::create_dir(&leaf) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => made.tried(&texts::WORLD, format_args!("mkdir({leaf:?})"))?,
        }
        write(&leaf.join("cgroup.procs"), "0")?;
        for name in names {
            write(&top.join("cgroup.subtree_control"), &format!("+{name}"))?;
        }
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    let opened = OpenOptions::new().write(true).open(file);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.tried(&texts::WORLD, format_args!("write({file:?}, {text:?})"))
}
