//! The system calls that make a container, as data: name, numbers, when they are worth a stop, and
//! who puts them into words.
//!
//! What is not here passes at full speed and unseen. Left out on purpose: `open` (a file of a
//! cgroup, or a map of user ids, matters when it is *written*, and a descriptor tells its own path
//! then), `kill`, `mknod`, `io_uring`.

use nix::libc;

use super::decode::{Decode, files, identity, mounts, network, process};

/// One system call.
pub(super) struct Call {
    pub(super) name: &'static str,
    /// Its number on x86-64, on i386, and on the machines that came later (`asm-generic/unistd.h`:
    /// aarch64, riscv64). Since number 424 all have the same.
    pub(super) numbers: [Option<u32>; 3],
    pub(super) when: When,
    pub(super) decode: Decode,
}

/// What the filter asks about the arguments, which it sees as numbers.
pub(super) enum When {
    Always,
    /// One of these bits is set in the argument (counted from 0).
    With(u32, u32),
    /// None of them is.
    Without(u32, u32),
    /// The argument is one of these.
    OneOf(u32, &'static [u32]),
    /// The argument is not larger.
    AtMost(u32, u32),
}

use When::{Always, AtMost, OneOf, With, Without};

/// The longest `write` that is looked at, in bytes. What sets a limit or maps a user is shorter,
/// and programs that move data write more at once.
const SHORT: u32 = 512;
/// The longest message that is looked at.
const MESSAGE: u32 = 4096;

/// All of them.
pub(super) const CALLS: &[Call] = &[
    call("execve", [59, 11, 221], Always, process::execve),
    call("execveat", [322, 358, 281], Always, process::execveat),
    call("fork", [57, 2, NONE], Always, process::fork),
    call("vfork", [58, 190, NONE], Always, process::fork),
    // A thread is no process: Go's runtime makes many.
    call("clone", [56, 120, 220], Without(0, libc::CLONE_THREAD as u32), process::clone),
    call("clone3", [435; 3], Always, process::clone3),
    call("unshare", [272, 310, 97], Always, process::unshare),
    call("setns", [308, 346, 268], Always, process::setns),
    call("pidfd_open", [434; 3], Always, process::pidfd_open),
    call("chroot", [161, 61, 51], Always, mounts::chroot),
    call("chdir", [80, 12, 49], Always, mounts::chdir),
    call("fchdir", [81, 133, 50], Always, mounts::fchdir),
    call("mount", [165, 21, 40], Always, mounts::mount),
    call("umount2", [166, 52, 39], Always, mounts::umount2),
    call("pivot_root", [155, 217, 41], Always, mounts::pivot_root),
    call("open_tree", [428; 3], Always, mounts::open_tree),
    call("move_mount", [429; 3], Always, mounts::move_mount),
    call("fsopen", [430; 3], Always, mounts::fsopen),
    call("fsconfig", [431; 3], Always, mounts::fsconfig),
    call("fsmount", [432; 3], Always, mounts::fsmount),
    call("fspick", [433; 3], Always, mounts::fspick),
    call("mount_setattr", [442; 3], Always, mounts::mount_setattr),
    call("sethostname", [170, 74, 161], Always, network::sethostname),
    call("setdomainname", [171, 121, 162], Always, network::setdomainname),
    call("sendto", [44, 369, 206], AtMost(2, MESSAGE), network::sendto),
    call("sendmsg", [46, 370, 211], Always, network::sendmsg),
    // What old programs of 32 bits call instead: the first argument says which call is meant.
    call("socketcall", [NONE, 102, NONE], OneOf(0, &[9, 11, 16]), network::socketcall),
    call("mkdir", [83, 39, NONE], Always, files::mkdir),
    call("mkdirat", [258, 296, 34], Always, files::mkdirat),
    call("rmdir", [84, 40, NONE], Always, files::rmdir),
    call("unlinkat", [263, 301, 35], With(2, libc::AT_REMOVEDIR as u32), files::unlinkat),
    call("write", [1, 4, 64], AtMost(2, SHORT), files::write),
    call("capset", [126, 185, 91], Always, identity::capset),
    call("prctl", [157, 172, 167], OneOf(0, identity::PRCTL), identity::prctl),
    call("seccomp", [317, 354, 277], OneOf(0, &[0, 1]), identity::seccomp),
    call("setuid", [105, 213, 146], Always, identity::ids),
    call("setgid", [106, 214, 144], Always, identity::ids),
    call("setreuid", [113, 203, 145], Always, identity::ids_2),
    call("setregid", [114, 204, 143], Always, identity::ids_2),
    call("setresuid", [117, 208, 147], Always, identity::ids_3),
    call("setresgid", [119, 210, 149], Always, identity::ids_3),
    call("setgroups", [116, 206, 159], Always, identity::setgroups),
];

/// Not every machine has every call.
const NONE: u32 = u32::MAX;

const fn call(name: &'static str, numbers: [u32; 3], when: When, decode: Decode) -> Call {
    const fn number(number: u32) -> Option<u32> {
        if number == NONE { None } else { Some(number) }
    }
    let numbers = [number(numbers[0]), number(numbers[1]), number(numbers[2])];
    Call { name, numbers, when, decode }
}
