//! Roots, working folders and mounts. The old call `mount(2)` does five different things, by its
//! flags; the newer ones (`fsopen(2)`, `open_tree(2)`, …) take one step each.

use super::{Entry, Told};
use crate::xray::flags;
use crate::xray::texts::{self, Topic};

const READ_ONLY: u64 = 0x1;
const REMOUNT: u64 = 0x20;
const BIND: u64 = 0x1000;
const MOVE: u64 = 0x2000;
const UNBINDABLE: u64 = 0x2_0000;
const PRIVATE: u64 = 0x4_0000;
const SLAVE: u64 = 0x8_0000;
const SHARED: u64 = 0x10_0000;

pub(in crate::xray) fn chroot(entry: &Entry) -> Option<Told> {
    entry.told(&[entry.path(0)], &[&texts::CHROOT], texts::CHROOTED)
}

pub(in crate::xray) fn chdir(entry: &Entry) -> Option<Told> {
    entry.told(&[entry.path(0)], &[&texts::WORKING_FOLDER], texts::CHDIR)
}

pub(in crate::xray) fn fchdir(entry: &Entry) -> Option<Told> {
    entry.told(&[entry.descriptor(0)], &[&texts::WORKING_FOLDER], texts::CHDIR)
}

pub(in crate::xray) fn pivot_root(entry: &Entry) -> Option<Told> {
    entry.told(&[entry.path(0), entry.path(1)], &[&texts::PIVOT_ROOT], texts::PIVOTED)
}

pub(in crate::xray) fn mount(entry: &Entry) -> Option<Told> {
    let mut flags = entry.args[3] & 0xffff_ffff;
    // A number that had to be there before Linux 2.4 (`mount(2)`).
    if flags & 0xffff_0000 == 0xc0ed_0000 {
        flags &= 0xffff;
    }
    // The arguments that don't count for these are often left as they happen to be.
    let changes_only = flags & (REMOUNT | MOVE | BIND | PRIVATE | SLAVE | SHARED | UNBINDABLE) != 0;
    let kind = match entry.args[2] {
        0 => None,
        address => entry.memory.string(address),
    };
    let mut arguments =
        vec![entry.path(0), entry.path(1), entry.string(2), flags::names(flags, flags::MOUNT)];
    if entry.args[4] != 0 && (!changes_only || flags & REMOUNT != 0) {
        arguments.push(entry.string(4));
    }
    let (topic, meaning): (&Topic, _) = match kind {
        _ if flags & REMOUNT != 0 && flags & READ_ONLY != 0 => (&texts::MOUNTS, texts::READ_ONLY),
        _ if flags & REMOUNT != 0 => (&texts::MOUNTS, texts::REMOUNT),
        _ if flags & BIND != 0 && covers(entry) => (&texts::COVERED_PATHS, texts::COVERED),
        _ if flags & BIND != 0 => (&texts::MOUNTS, texts::BIND),
        _ if flags & MOVE != 0 => (&texts::MOUNTS, texts::MOVE),
        _ if flags & (PRIVATE | UNBINDABLE) != 0 => (&texts::PROPAGATION, texts::PRIVATE),
        _ if flags & SLAVE != 0 => (&texts::PROPAGATION, texts::SLAVE),
        _ if flags & SHARED != 0 => (&texts::PROPAGATION, texts::SHARED),
        kind => file_system(&kind.unwrap_or_default()),
    };
    entry.told(&arguments, &[topic], meaning)
}

/// Whether `/dev/null` is put over another file, as runtimes do with what a container is not to read.
fn covers(entry: &Entry) -> bool {
    let path = |place: usize| entry.memory.string(entry.args[place]).unwrap_or_default();
    path(0) == b"/dev/null" && path(1).starts_with(b"/proc/") && !path(1).starts_with(b"/proc/self")
}

/// A new mount of a file system of this type.
fn file_system(kind: &[u8]) -> (&'static Topic, &'static str) {
    match kind {
        b"proc" => (&texts::MOUNTS, texts::PROC),
        b"sysfs" => (&texts::MOUNTS, texts::SYSFS),
        b"tmpfs" => (&texts::MOUNTS, texts::TMPFS),
        b"devpts" => (&texts::MOUNTS, texts::DEVPTS),
        b"mqueue" => (&texts::MOUNTS, texts::MQUEUE),
        b"cgroup" | b"cgroup2" => (&texts::CGROUP, texts::CGROUP_MOUNT),
        b"overlay" => (&texts::OVERLAY, texts::OVERLAY_MOUNT),
        _ => (&texts::MOUNTS, texts::FILE_SYSTEM),
    }
}

pub(in crate::xray) fn umount2(entry: &Entry) -> Option<Told> {
    let arguments = [entry.path(0), entry.flags(1, flags::UMOUNT)];
    entry.told(&arguments, &[&texts::MOUNTS], texts::UMOUNT)
}

pub(in crate::xray) fn open_tree(entry: &Entry) -> Option<Told> {
    let arguments = [entry.folder(0), entry.string(1), entry.flags(2, flags::AT)];
    entry.told(&arguments, &[&texts::MOUNTS], texts::OPEN_TREE)
}

pub(in crate::xray) fn move_mount(entry: &Entry) -> Option<Told> {
    let (from, to) = ([entry.folder(0), entry.string(1)], [entry.folder(2), entry.string(3)]);
    let arguments = [&from[..], &to, &[entry.flags(4, flags::MOVE_MOUNT)]].concat();
    entry.told(&arguments, &[&texts::MOUNTS], texts::MOVE_MOUNT)
}

pub(in crate::xray) fn fsopen(entry: &Entry) -> Option<Told> {
    let kind = entry.memory.string(entry.args[0]).unwrap_or_default();
    let arguments = [entry.string(0), entry.flags(1, flags::FSOPEN)];
    entry.told(&arguments, &[file_system(&kind).0], texts::FSOPEN)
}

pub(in crate::xray) fn fsconfig(entry: &Entry) -> Option<Told> {
    let command = entry.args[1] as usize;
    let name = flags::FSCONFIG.get(command).map_or_else(|| command.to_string(), |&n| n.into());
    let mut arguments = vec![entry.int(0).to_string(), name];
    // A flag has a name, a string and a path have a value too; a command has neither.
    if command <= 5 {
        arguments.push(entry.string(2));
    }
    match command {
        1 | 3 | 4 => arguments.push(entry.string(3)),
        5 => arguments.push(entry.descriptor(4)),
        _ => {}
    }
    let meaning = match command {
        6 | 8 => texts::FSCONFIG_CREATE,
        7 => texts::REMOUNT,
        _ => texts::FSCONFIG,
    };
    let name = entry.memory.string(entry.args[2]).unwrap_or_default();
    let overlay = command <= 5 && OVERLAY_OPTIONS.contains(&name.as_slice());
    let topic = if overlay { &texts::OVERLAY } else { &texts::MOUNTS };
    entry.told(&arguments, &[topic], meaning)
}

/// Options that only overlay has: a descriptor of `fsopen(2)` does not tell what it is for.
const OVERLAY_OPTIONS: [&[u8]; 9] = [
    b"lowerdir",
    b"lowerdir+",
    b"datadir+",
    b"upperdir",
    b"workdir",
    b"redirect_dir",
    b"metacopy",
    b"index",
    b"userxattr",
];

pub(in crate::xray) fn fsmount(entry: &Entry) -> Option<Told> {
    let flags = [entry.flags(1, flags::FSMOUNT), entry.flags(2, flags::MOUNT_ATTR)];
    let arguments = [&[entry.int(0).to_string()][..], &flags].concat();
    entry.told(&arguments, &[&texts::MOUNTS], texts::FSMOUNT)
}

pub(in crate::xray) fn fspick(entry: &Entry) -> Option<Told> {
    let arguments = [entry.folder(0), entry.string(1), entry.flags(2, flags::FSPICK)];
    entry.told(&arguments, &[&texts::MOUNTS], texts::FSPICK)
}

pub(in crate::xray) fn mount_setattr(entry: &Entry) -> Option<Told> {
    let number = |place: u64| entry.memory.u64(entry.args[3].wrapping_add(8 * place));
    let [set, clear, propagation] = [0, 1, 2].map(|place| number(place).unwrap_or_default());
    let mut changes = Vec::new();
    for (sign, flags, names) in [
        ("+", set, flags::MOUNT_ATTR),
        ("-", clear, flags::MOUNT_ATTR),
        ("", propagation, flags::MOUNT),
    ] {
        if flags != 0 {
            changes.push(format!("{sign}{}", flags::names(flags, names)));
        }
    }
    let (topic, meaning) = match (set, propagation) {
        (0, 1..) => (&texts::PROPAGATION, texts::PRIVATE),
        _ if set & READ_ONLY != 0 => (&texts::MOUNTS, texts::READ_ONLY),
        _ => (&texts::MOUNTS, texts::REMOUNT),
    };
    let changes = format!("{{{}}}", changes.join(" "));
    let arguments = [entry.folder(0), entry.string(1), entry.flags(2, flags::AT), changes];
    entry.told(&arguments, &[topic], meaning)
}
