//! The only `unsafe` code of this chapter: system calls that `nix` does not offer, one function
//! each, with no decisions of its own. Later chapters use these too.

#![allow(unsafe_code)]

use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sched::CloneFlags;
use nix::sys::signal::SigSet;
use nix::unistd::Pid;

use crate::kernel;

/// On which side of `clone(2)` we are.
pub enum Cloned {
    /// In the caller, with the child's number and a descriptor that stands for it.
    Parent {
        /// The child's number in the caller's PID namespace.
        pid: Pid,
        /// The child's pidfd, closed on exec.
        pidfd: OwnedFd,
    },
    /// In the new process.
    Child,
}

/// What `clone3(2)` reads, in its third version; zero is "not used" for every field.
#[repr(C)]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    /// The address at which the pidfd is left.
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    /// The signal that we get when the child ends.
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    /// Numbers to be chosen for the child.
    set_tid: u64,
    set_tid_size: u64,
    /// The descriptor of the cgroup to be born into.
    cgroup: u64,
}

/// `libc` has it as an `int`, in which this bit does not fit.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

/// Copies this process, as `fork(2)` does, into new namespaces: `clone3(2)`.
///
/// # Errors
///
/// What the kernel refuses; EBUSY from here when this process has more than one thread.
pub fn clone(namespaces: CloneFlags) -> nix::Result<Cloned> {
    clone_into(namespaces, None)
}

/// As [`clone`]; the child is born into `cgroup`, the folder of one of cgroup v2. If the kernel
/// refuses that (it does not know it, or the cgroup is not ours to put a process into), the
/// child is born beside this process, and has to be moved.
///
/// # Errors
///
/// As [`clone`].
pub fn clone_into(namespaces: CloneFlags, cgroup: Option<BorrowedFd>) -> nix::Result<Cloned> {
    if !is_alone() {
        return Err(Errno::EBUSY);
    }
    let mut pidfd: RawFd = -1;
    let flags = namespaces.bits() | libc::CLONE_PIDFD;
    let mut arguments = CloneArguments {
        flags: flags as u64,
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..Default::default()
    };
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = cgroup.as_raw_fd() as u64;
    }
    let mut pid = clone3(&arguments);
    if pid == -1 && cgroup.is_some() {
        if [Errno::ENOSYS, Errno::E2BIG, Errno::EINVAL].contains(&Errno::last()) {
            kernel::CLONE_INTO_CGROUP.tell_missing();
        }
        // The older versions of the struct end before `cgroup`. The kernel takes a longer one if
        // what it does not know is zero.
        arguments.flags &= !CLONE_INTO_CGROUP;
        arguments.cgroup = 0;
        pid = clone3(&arguments);
    }
    // Docker's default seccomp filter answers ENOSYS for clone3 (it can't look into the struct),
    // so inside a dev container only the older call works.
    if pid == -1 && Errno::last() == Errno::ENOSYS {
        // SAFETY: as in `clone3`: the child goes on on a copy of this stack, nobody else's lock can
        // be held, and the pidfd's place outlives the call. The first three arguments (flags,
        // stack, where the pidfd goes) have this order on every architecture but s390.
        pid = unsafe {
            let flags = flags | libc::SIGCHLD;
            libc::syscall(libc::SYS_clone, flags as libc::c_long, 0, &raw mut pidfd, 0, 0)
        };
    }
    match Errno::result(pid)? {
        0 => Ok(Cloned::Child),
        _ => {
            // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Cloned::Parent { pid: Pid::from_raw(pid as i32), pidfd })
        }
    }
}

/// Whether this process has one thread. A lock held by another one would stay locked in the copy,
/// where that thread is missing.
fn is_alone() -> bool {
    // One that was waited for (`pthread_join(3)`) can be seen for a moment longer.
    for _ in 0..100 {
        // A folder's link count is 2 plus its subfolders, and this one has a subfolder per thread.
        if !nix::sys::stat::stat("/proc/self/task").is_ok_and(|task| task.st_nlink > 3) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

fn clone3(arguments: &CloneArguments) -> libc::c_long {
    // SAFETY: without CLONE_VM the child gets a copy of the address space and, as `stack` is zero,
    // goes on on its copy of this stack, as after fork(2). There is one thread (checked by the
    // caller), so no lock can be left held. `arguments` and the pidfd that it points to are the
    // caller's, and outlive the call.
    unsafe {
        let arguments: *const CloneArguments = arguments;
        libc::syscall(libc::SYS_clone3, arguments, mem::size_of::<CloneArguments>())
    }
}

/// The flags as `strace` shows them, with the ones that [`clone_into`] adds.
#[must_use]
pub fn clone_flags(namespaces: CloneFlags, cgroup: Option<BorrowedFd>) -> String {
    let names = namespaces.iter_names().map(|(name, _)| name);
    let names = names.chain(cgroup.map(|_| "CLONE_INTO_CGROUP"));
    names.chain(["CLONE_PIDFD", "SIGCHLD"]).collect::<Vec<_>>().join("|")
}

/// What `waitid(2)` says of a child that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Waited {
    /// `CLD_EXITED`, `CLD_KILLED` or `CLD_DUMPED`.
    pub code: i32,
    /// The exit status, or the number of the signal.
    pub status: i32,
}

/// Waits for the child behind `pidfd` to end, and reaps it.
///
/// (`nix` has `waitid` as well, but can't name the real-time signals: a child that one of them
/// ended would be an error.)
///
/// # Errors
///
/// What the kernel refuses.
pub fn waitid(pidfd: BorrowedFd) -> nix::Result<Waited> {
    loop {
        match wait(libc::P_PIDFD, pidfd.as_raw_fd() as libc::id_t, libc::WEXITED) {
            Err(Errno::EINTR) => {}
            result => return result.map(|(_, waited)| waited),
        }
    }
}

/// Reaps any child that has ended, without waiting; `None` when there is none (left).
///
/// # Errors
///
/// What the kernel refuses.
pub fn reap_any() -> nix::Result<Option<(Pid, Waited)>> {
    match wait(libc::P_ALL, 0, libc::WEXITED | libc::WNOHANG) {
        // Number 0: there are children, but none has ended.
        Ok((pid, _)) if pid.as_raw() == 0 => Ok(None),
        Err(Errno::ECHILD) => Ok(None),
        result => result.map(Some),
    }
}

fn wait(kind: libc::idtype_t, id: libc::id_t, options: i32) -> nix::Result<(Pid, Waited)> {
    // SAFETY: siginfo_t is plain data, for which all zeroes is a value; zero is also the child's
    // number that waitid(2) leaves there when WNOHANG finds none.
    let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
    // SAFETY: `info` is valid for writing and outlives the call.
    Errno::result(unsafe { libc::waitid(kind, id, &raw mut info, options) })?;
    // SAFETY: waitid has filled in the fields for SIGCHLD, of which these two are some.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    Ok((Pid::from_raw(pid), Waited { code: info.si_code, status }))
}

/// Sends `signal` to the process behind `pidfd`, and to no other, whatever its number is by now.
///
/// # Errors
///
/// ESRCH when it has ended.
pub fn pidfd_send_signal(pidfd: BorrowedFd, signal: i32) -> nix::Result<()> {
    // SAFETY: takes numbers only; the null pointer asks for the siginfo that kill(2) would give.
    let result = unsafe {
        let no_info = std::ptr::null::<libc::siginfo_t>();
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, no_info, 0)
    };
    Errno::result(result).map(drop)
}

/// Closes every descriptor from 3 on but `keep`: `close_range(2)`.
///
/// For a process that goes on to `execve` or to [`exit`]: whoever owns one of them here will not
/// get to use or to drop it any more.
///
/// # Errors
///
/// What the kernel refuses; ENOSYS before Linux 5.9.
pub fn close_all_but(keep: BorrowedFd) -> nix::Result<()> {
    let keep = keep.as_raw_fd() as u32;
    for (first, last) in [(3, keep - 1), (keep + 1, u32::MAX)] {
        if first <= last {
            // SAFETY: takes numbers only. Values that own a descriptor still believe that they do,
            // but are never dropped: see above.
            Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })?;
        }
    }
    Ok(())
}

/// Gives every signal its default action back, as `execve(2)` does not do for ignored ones.
///
/// # Errors
///
/// What `sigaction(2)` refuses.
pub fn default_signals() -> nix::Result<()> {
    // The kernel's sigaction: handler SIG_DFL (0), no flags, no restorer, an empty mask. (The C
    // library's own function refuses to touch 32 and 33, which callers may well have ignored.)
    let default_action = [0u64; 8];
    for signal in (1..=64).filter(|signal| ![libc::SIGKILL, libc::SIGSTOP].contains(signal)) {
        // SAFETY: the kernel reads a sigaction, at most 32 bytes, from `default_action`, and writes
        // nothing. SIG_DFL installs no handler, so no code of ours runs in a signal's context.
        let result = unsafe {
            let (new, old) = (default_action.as_ptr(), std::ptr::null_mut::<u64>());
            libc::syscall(libc::SYS_rt_sigaction, signal, new, old, 8)
        };
        Errno::result(result)?;
    }
    Ok(())
}

/// The same set with the real-time signals, for which `nix` has no names (`signal(7)`).
#[must_use]
pub(crate) fn with_real_time(signals: SigSet) -> SigSet {
    let mut set: libc::sigset_t = *signals.as_ref();
    for signal in libc::SIGRTMIN()..=libc::SIGRTMAX() {
        // SAFETY: `set` is a set that was filled in, valid for writing, and outlives the call.
        unsafe { libc::sigaddset(&raw mut set, signal) };
    }
    // SAFETY: a set that was filled in, to which only sigaddset(3) has added signals.
    unsafe { SigSet::from_sigset_t_unchecked(set) }
}

/// Asks the kernel to send us SIGKILL when the thread that made us ends: `prctl(2)`.
///
/// # Errors
///
/// What the kernel refuses.
pub fn die_with_parent() -> nix::Result<()> {
    // SAFETY: takes numbers only.
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    Errno::result(result).map(drop)
}

/// Ends this process at once: `_exit(2)`. Nothing is dropped and no buffer is written, since both
/// are copies of what belongs to the host's side.
pub fn exit(status: u8) -> ! {
    // SAFETY: takes a number only, and does not return.
    unsafe { libc::_exit(status.into()) }
}

/// Whether this process has `CAP_SYS_ADMIN`, which namespaces and mounts need: `capget(2)`. Root
/// inside somebody else's container may well not have it.
#[must_use]
pub fn may_administer() -> bool {
    const VERSION_3: u32 = 0x2008_0522;
    const CAP_SYS_ADMIN: u32 = 21;
    let header = [VERSION_3, 0];
    // Effective, permitted, inheritable; the lower 32 capabilities, then the upper.
    let mut sets = [[0u32; 3]; 2];
    // SAFETY: version 3 of the call reads two numbers (version, and 0 for this process) and writes
    // two times three; both outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw const header, &raw mut sets) };
    result == 0 && sets[0][0] & (1 << CAP_SYS_ADMIN) != 0
}
