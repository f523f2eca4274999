//! What observation says when the kernel refuses. All words stand here, so that they can be
//! translated in one place.

use nix::errno::Errno;
use process::Step;

const GONE: &str = "the process has ended";
const NOT_OURS: &str =
    "the process belongs to somebody else, or may do more than we may: look as root (sudo)";

pub(super) const PROCESS: Step = Step {
    section: "00#proc",
    why: "look at a process",
    causes: &[
        (Errno::ENOENT, "there is no process with this number, or none that we may see"),
        (Errno::EACCES, NOT_OURS),
    ],
};

pub(super) const READ: Step = Step {
    section: "00#proc",
    why: "read what the kernel tells about a process",
    causes: &[
        (Errno::EACCES, NOT_OURS),
        (Errno::EPERM, NOT_OURS),
        (Errno::ESRCH, GONE),
        (Errno::ENOENT, "the process has ended, or this kernel does not tell that"),
    ],
};

pub(super) const ENTER: Step = Step {
    section: "03#network-namespace",
    why: "enter a process's network namespace, for which alone the kernel tells its interfaces",
    causes: &[
        (Errno::EPERM, NOT_OURS),
        (Errno::EACCES, NOT_OURS),
        (Errno::ESRCH, GONE),
        (Errno::EINVAL, "a program with several threads can't enter a user namespace"),
        (Errno::EBUSY, "a program with several threads can't enter a user namespace"),
    ],
};

pub(super) const NETWORK: Step =
    Step { section: "03#netlink", why: "ask the network part of the kernel", causes: &[] };

pub(super) fn not_understood(path: &std::path::Path) -> String {
    format!("{} is not as proc(5) says it is", path.display())
}

pub(super) const NO_ANSWER: &str =
    "the process that looked into the network namespace ended without an answer";
