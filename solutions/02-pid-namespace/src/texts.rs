//! What this chapter says to people. All words stand here, so that they can be translated in one
//! place.

use std::path::Path;

use nix::errno::Errno;
use process::Step;

use crate::inside::Make;

const NOT_ALLOWED: &str = "mounting needs root, or a user namespace that may be used: on Ubuntu 24.04 AppArmor forbids it until a profile with `userns,` is loaded for this program";

pub(crate) const PRIVATE: Step = Step {
    section: "02#private-mounts",
    why: "a new mount namespace is a copy that stays linked to the host's; cut the link, so that no mount leaks out",
    causes: &[
        (Errno::EPERM, NOT_ALLOWED),
        (Errno::EACCES, NOT_ALLOWED),
        (Errno::EINVAL, "\"/\" is not a mount point here: in a chroot, bind it onto itself first"),
    ],
};

pub(crate) const MOUNT_POINT: Step = Step {
    section: "02#mount-point",
    why: "only a mount can become the root, so the folder is bound onto itself",
    causes: &[
        (Errno::EPERM, NOT_ALLOWED),
        (Errno::EACCES, "the folder, or one above it, may not be entered by you"),
        (Errno::ENOENT, "the folder has gone since it was looked at"),
        (Errno::EINVAL, "something below this folder is mounted in a way that may not be copied"),
    ],
};

pub(crate) const PIVOT: Step = Step {
    section: "02#pivot-root",
    why: "our folder becomes the root of the whole mount namespace; the old root lies on top of it for a moment",
    causes: &[
        (
            Errno::EINVAL,
            "we don't stand in a mount of its own, a mount around it is still shared, or the present root is the initramfs, which can't be pivoted: `switch_root` to a tmpfs first",
        ),
        (Errno::EBUSY, "the new root is the present root, or no mount of its own"),
        (Errno::EPERM, NOT_ALLOWED),
    ],
};

pub(crate) const DETACH: Step = Step {
    section: "02#pivot-root",
    why: "take the old root away; it is busy, since we stand in it, so it is detached and goes when nobody uses it",
    causes: &[(Errno::EBUSY, "MNT_DETACH is missing"), (Errno::EPERM, NOT_ALLOWED)],
};

pub(crate) const CHDIR: Step = Step {
    section: "02#pivot-root",
    why: "stand in the new root, not in what was taken away",
    causes: &[],
};

pub(crate) const INSIDE: Step = Step {
    section: "02#hostile-paths",
    why: "look the path up as somebody would whose root this folder is",
    causes: &[
        (
            Errno::EROFS,
            "the root can't be written to, and this place is missing in it; make it beforehand",
        ),
        (
            Errno::EACCES,
            "this place is missing in the root, and you may not write to it; make it beforehand",
        ),
        (Errno::ENOTDIR, "a file stands where a folder is needed"),
        (Errno::ELOOP, "links in the root lead in a circle"),
        (Errno::ENOSYS, "this needs Linux 5.6 or newer"),
    ],
};

macro_rules! mount_step {
    ($name:ident, $section:literal, $why:literal) => {
        pub(crate) const $name: Step = Step {
            section: $section,
            why: $why,
            causes: &[
                (Errno::EPERM, MOUNT_REFUSED),
                (Errno::EACCES, NOT_ALLOWED),
                (
                    Errno::ENOENT,
                    "it needs the host's /proc, mounted, and what is to be bound has to be there",
                ),
                (Errno::ENOTDIR, "a file can be mounted on a file only, a folder on a folder"),
                (Errno::ENODEV, "this kernel is built without this file system"),
                (Errno::ENOSPC, "the limit on mounts is reached; see /proc/sys/fs/mount-max"),
            ],
        };
    };
}

const MOUNT_REFUSED: &str = "in a user namespace the kernel makes a fresh /proc or /sys only for those who see a whole one already: inside another container parts of them are hidden";

mount_step!(FRESH, "02#mounts", "a fresh file system");
mount_step!(BIND, "02#mounts", "a file or folder of the host's, seen in the container as well");
mount_step!(READ_ONLY, "02#mounts", "to be read in the container, not written");
mount_step!(PROC, "02#proc", "/proc shows the PID namespace of whoever mounts it: ours");
mount_step!(DEV, "02#dev", "an empty /dev, in memory; the host's devices stay outside");
mount_step!(DEVPTS, "02#dev", "terminals of our own");
mount_step!(SHM, "02#dev", "shared memory of our own");
mount_step!(SYSFS, "02#sys", "/sys shows the kernel and its devices: to be read, not written");
mount_step!(TMP, "02#mounts", "an empty /tmp that goes with the container");

pub(crate) const DEVICES: Step =
    Step { section: "02#dev", why: "the six devices that every program may count on", causes: &[] };

pub(crate) const INIT: Step = Step {
    section: "02#pid-1",
    why: "this process stays behind as PID 1, to reap orphans and pass signals on; its child becomes the command",
    causes: &[],
};

pub(crate) const PRESENT_ROOT: &str = "the host's own root can't be the container's, since nothing would be left to take away; choose a folder below it";

pub(crate) fn too_many_links(path: &Path) -> String {
    format!("in the root, {path:?} can't be made: its links lead nowhere, or in a circle")
}

pub(crate) fn over_proc(target: &Path) -> String {
    format!(
        "in the root, {target:?} leads to the container's /proc, and nothing is mounted over that: what is read there has to be the kernel's own word"
    )
}

pub(crate) fn making(make: Make, path: &Path) -> String {
    match make {
        Make::Folder => format!("mkdir({path:?}, in the root)"),
        Make::File => format!("mknod({path:?}, S_IFREG, in the root)"),
    }
}

pub(crate) fn instead(refused: &str, errno: Errno, instead: &str) -> String {
    format!("{refused} is refused ({errno:?}); instead: {instead}")
}
