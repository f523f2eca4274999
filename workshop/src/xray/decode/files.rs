//! What is no system call of its own: cgroups (`cgroups(7)`) and the maps of user ids
//! (`user_namespaces(7)`) are files, and are made and changed as files are.
//!
//! That a file is one of these its file system tells (`statfs(2)`), wherever it is mounted. Nothing
//! has to be remembered from `open(2)` on: what a descriptor stands for can be asked when it is
//! used, through its link in `/proc/PID/fd`.

use std::path::Path;

use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, PROC_SUPER_MAGIC, statfs};

use super::{Entry, Told, quoted};
use crate::xray::texts;

fn is_cgroup(path: &Path) -> bool {
    let kind = statfs(path).map(|found| found.filesystem_type());
    kind.is_ok_and(|kind| [CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC].contains(&kind))
}

pub(in crate::xray) fn write(entry: &Entry) -> Option<Told> {
    let descriptor = entry.int(0);
    let kind = statfs(entry.link_path(descriptor).as_str()).ok()?.filesystem_type();
    if ![CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, PROC_SUPER_MAGIC].contains(&kind) {
        return None;
    }
    let link = entry.link(descriptor)?;
    let name = link.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let (topic, meaning) = match (kind == PROC_SUPER_MAGIC, name) {
        (true, b"uid_map" | b"gid_map") => (&texts::MAPS, texts::WRITE_MAP),
        (true, b"setgroups") => (&texts::MAPS, texts::WRITE_SETGROUPS),
        (true, _) => return None,
        (false, b"cgroup.procs" | b"tasks" | b"cgroup.threads") => {
            (&texts::CGROUP, texts::CGROUP_JOIN)
        }
        (false, b"cgroup.subtree_control") => (&texts::CGROUP, texts::CGROUP_CONTROLLERS),
        (false, b"cgroup.freeze" | b"freezer.state") => (&texts::CGROUP, texts::CGROUP_FREEZE),
        (false, b"cgroup.kill") => (&texts::CGROUP, texts::CGROUP_KILL),
        (false, b"devices.allow" | b"devices.deny") => (&texts::CGROUP, texts::CGROUP_DEVICES),
        (false, _) => (&texts::CGROUP, texts::CGROUP_LIMIT),
    };
    let text = entry.memory.bytes(entry.args[1], entry.args[2] as usize);
    let text = text.map_or_else(|| "?".into(), |text| quoted(&text));
    let mut told = entry.told(&[entry.descriptor(0), text], &[topic], meaning)?;
    told.folds = meaning == texts::CGROUP_DEVICES;
    Some(told)
}

pub(in crate::xray) fn mkdir(entry: &Entry) -> Option<Told> {
    made(entry, None, 0)
}

pub(in crate::xray) fn mkdirat(entry: &Entry) -> Option<Told> {
    made(entry, Some(0), 1)
}

/// A folder that is made in a cgroup is a new cgroup.
fn made(entry: &Entry, folder: Option<usize>, place: usize) -> Option<Told> {
    let path = entry.memory.string(entry.args[place])?;
    let path = entry.path_from_here(folder, &path);
    if !is_cgroup(path.parent()?) {
        return None;
    }
    let mode = format!("{:04o}", entry.args[place + 1] & 0o7777);
    let arguments = [entry.string(place), mode];
    let arguments = folder.map(|folder| entry.folder(folder)).into_iter().chain(arguments);
    entry.told(&arguments.collect::<Vec<_>>(), &[&texts::CGROUP], texts::CGROUP_MADE)
}

pub(in crate::xray) fn rmdir(entry: &Entry) -> Option<Told> {
    let path = entry.memory.string(entry.args[0])?;
    if !is_cgroup(&entry.path_from_here(None, &path)) {
        return None;
    }
    entry.told(&[entry.string(0)], &[&texts::CGROUP], texts::CGROUP_REMOVED)
}

pub(in crate::xray) fn unlinkat(entry: &Entry) -> Option<Told> {
    let path = entry.memory.string(entry.args[1])?;
    if !is_cgroup(&entry.path_from_here(Some(0), &path)) {
        return None;
    }
    let arguments = [entry.folder(0), entry.string(1), "AT_REMOVEDIR".into()];
    entry.told(&arguments, &[&texts::CGROUP], texts::CGROUP_REMOVED)
}
