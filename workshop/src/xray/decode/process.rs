//! Programs, processes and namespaces: `execve(2)`, `clone(2)`, `unshare(2)`, `setns(2)`.

use std::fs;
use std::io::ErrorKind::{NotADirectory, NotFound};

use nix::libc;

use super::{Entry, Told};
use crate::xray::flags;
use crate::xray::texts::{self, Topic};

/// How many of a program's words are shown.
const WORDS: usize = 12;

pub(in crate::xray) fn execve(entry: &Entry) -> Option<Told> {
    // A program is looked for in each folder of PATH: a dozen calls, of which one counts.
    let path = entry.memory.string(entry.args[0]).unwrap_or_default();
    let found = fs::metadata(entry.path_from_here(None, &path));
    if found.is_err_and(|error| [NotFound, NotADirectory].contains(&error.kind())) {
        return None;
    }
    let arguments = [entry.string(0), words(entry, entry.args[1])];
    entry.told(&arguments, &[&texts::PROGRAM], texts::EXECVE)
}

pub(in crate::xray) fn execveat(entry: &Entry) -> Option<Told> {
    let flags = entry.flags(4, flags::AT);
    let arguments = [entry.folder(0), entry.string(1), words(entry, entry.args[2]), flags];
    entry.told(&arguments, &[&texts::PROGRAM], texts::EXECVE)
}

/// The array of strings at `array`.
fn words(entry: &Entry, array: u64) -> String {
    let mut words = Vec::new();
    for place in 0..=WORDS {
        match entry.memory.pointer(array, place) {
            None | Some(0) => break,
            Some(_) if place == WORDS => words.push("…".into()),
            Some(word) => words.push(entry.string_at(word)),
        }
    }
    format!("[{}]", words.join(", "))
}

pub(in crate::xray) fn fork(entry: &Entry) -> Option<Told> {
    entry.told(&[], &[&texts::PROCESS], texts::FORK)
}

pub(in crate::xray) fn clone(entry: &Entry) -> Option<Told> {
    // The lowest byte is the signal at the child's end.
    cloned(entry, entry.args[0] & 0xffff_ff00, entry.args[0] & 0xff)
}

pub(in crate::xray) fn clone3(entry: &Entry) -> Option<Told> {
    let flags = entry.memory.u64(entry.args[0])?;
    let signal = entry.memory.u64(entry.args[0].wrapping_add(32)).unwrap_or_default();
    if flags & libc::CLONE_THREAD as u64 != 0 {
        return None;
    }
    cloned(entry, flags, signal)
}

/// What only says how the two sides share the memory of one program is left out.
const HOUSEKEEPING: u64 = (libc::CLONE_SETTLS
    | libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_SETTID
    | libc::CLONE_CHILD_CLEARTID) as u64;

fn cloned(entry: &Entry, flags: u64, signal: u64) -> Option<Told> {
    let mut names = flags::names(flags & !HOUSEKEEPING, flags::CLONE);
    if signal == libc::SIGCHLD as u64 {
        names = if names == "0" { "SIGCHLD".into() } else { names + "|SIGCHLD" };
    }
    let (mut topics, meaning) = match namespaces(flags) {
        topics if topics.is_empty() => (vec![&texts::PROCESS], texts::FORK),
        topics => (topics, texts::CLONE_NAMESPACES),
    };
    if flags & INTO_CGROUP != 0 {
        topics.push(&texts::CGROUP);
    }
    entry.told(&[names], &topics, meaning)
}

/// `libc` has it as an `int`, in which this bit does not fit.
const INTO_CGROUP: u64 = 1 << 33;

/// The namespaces that are among the flags.
fn namespaces(flags: u64) -> Vec<&'static Topic> {
    let kinds: [(libc::c_int, &'static Topic); 7] = [
        (libc::CLONE_NEWNS, &texts::MOUNT_NAMESPACE),
        (libc::CLONE_NEWPID, &texts::PID_NAMESPACE),
        (libc::CLONE_NEWUTS, &texts::UTS_NAMESPACE),
        (libc::CLONE_NEWIPC, &texts::IPC_NAMESPACE),
        (libc::CLONE_NEWNET, &texts::NET_NAMESPACE),
        (libc::CLONE_NEWCGROUP, &texts::CGROUP_NAMESPACE),
        (libc::CLONE_NEWUSER, &texts::USER_NAMESPACE),
    ];
    let among = kinds.into_iter().filter(|(bit, _)| flags & *bit as u64 != 0);
    among.map(|(_, topic)| topic).collect()
}

pub(in crate::xray) fn unshare(entry: &Entry) -> Option<Told> {
    let flags = entry.args[0] & 0xffff_ffff;
    let topics = namespaces(flags);
    let meaning = match flags as libc::c_int {
        libc::CLONE_NEWPID => texts::UNSHARE_PID,
        // What its threads share is no matter of containers: Go's runtime does it.
        _ if topics.is_empty() => return None,
        libc::CLONE_NEWNS => texts::UNSHARE_MOUNTS,
        libc::CLONE_NEWUSER => texts::UNSHARE_USER,
        libc::CLONE_NEWCGROUP => texts::UNSHARE_CGROUP,
        libc::CLONE_NEWNET => texts::UNSHARE_NET,
        _ => texts::UNSHARE,
    };
    entry.told(&[flags::names(flags, flags::CLONE)], &topics, meaning)
}

pub(in crate::xray) fn setns(entry: &Entry) -> Option<Told> {
    let mut flags = entry.args[1] & 0xffff_ffff;
    let arguments = [entry.descriptor(0), entry.flags(1, flags::CLONE)];
    if flags == 0 {
        // Any kind: the descriptor tells which.
        let link = entry.link(entry.int(0)).unwrap_or_default();
        let kinds: [(&[u8], libc::c_int); 7] = [
            (b"mnt:", libc::CLONE_NEWNS),
            (b"pid:", libc::CLONE_NEWPID),
            (b"uts:", libc::CLONE_NEWUTS),
            (b"ipc:", libc::CLONE_NEWIPC),
            (b"net:", libc::CLONE_NEWNET),
            (b"cgroup:", libc::CLONE_NEWCGROUP),
            (b"user:", libc::CLONE_NEWUSER),
        ];
        let kind = kinds.iter().find(|(name, _)| link.starts_with(name));
        flags = kind.map_or(0, |(_, flag)| *flag as u64);
    }
    let mut topics = namespaces(flags);
    topics.push(&texts::JOINED);
    entry.told(&arguments, &topics, texts::SETNS)
}

pub(in crate::xray) fn pidfd_open(entry: &Entry) -> Option<Told> {
    let arguments = [entry.int(0).to_string(), entry.args[1].to_string()];
    entry.told(&arguments, &[&texts::PIDFD], texts::PIDFD_OPEN)
}
