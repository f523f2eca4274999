//! The only `unsafe` code of this module: `ptrace(2)`, `seccomp(2)` and what else `nix` does not
//! offer in the form that a tracer of any program needs. One function each, with no decisions.
//!
//! (`nix` has a `ptrace` of its own, and a `waitpid` that can't name the real-time signals: the C
//! library sends those between the threads of a program that changes its user.)

#![allow(unsafe_code)]

use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

const PTRACE_SYSCALL: libc::c_long = 24;
const PTRACE_CONT: libc::c_long = 7;
const PTRACE_GETEVENTMSG: libc::c_long = 0x4201;
const PTRACE_SEIZE: libc::c_long = 0x4206;
const PTRACE_LISTEN: libc::c_long = 0x4208;
const PTRACE_GET_SYSCALL_INFO: libc::c_long = 0x420e;

/// What `PTRACE_GET_SYSCALL_INFO` fills in, for all of its four kinds: `struct ptrace_syscall_info`
/// of `linux/ptrace.h`.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct SyscallInfo {
    /// [`AT_EXIT`], [`AT_SECCOMP`], or something else.
    pub(super) op: u8,
    pad: [u8; 3],
    /// The calling convention: `AUDIT_ARCH_…` of `linux/audit.h`.
    pub(super) arch: u32,
    instruction_pointer: u64,
    stack_pointer: u64,
    /// The call's number; at its exit, what it returned.
    pub(super) number_or_result: u64,
    /// The arguments; at the exit, the first byte says whether the result is an error.
    pub(super) args: [u64; 6],
    /// What the filter said.
    pub(super) filter_data: u32,
    end: u32,
}

/// A stop at the exit of a system call.
pub(super) const AT_EXIT: u8 = 2;
/// A stop that the filter asked for.
pub(super) const AT_SECCOMP: u8 = 3;

fn ptrace(request: libc::c_long, tid: Pid, address: usize, data: usize) -> nix::Result<usize> {
    // SAFETY: the requests of this file either take numbers in `address` and `data`, or write to
    // `data`, which their functions below give as a pointer to a value of theirs that is as large
    // as `ptrace(2)` says (or as `address` says). None of them changes a tracee's memory.
    let result = unsafe { libc::syscall(libc::SYS_ptrace, request, tid.as_raw(), address, data) };
    Errno::result(result).map(|result| result as usize)
}

/// Begins to trace a process, without stopping it.
pub(super) fn seize(pid: Pid, options: i32) -> nix::Result<()> {
    ptrace(PTRACE_SEIZE, pid, 0, options as usize).map(drop)
}

/// Lets a stopped thread go on, and delivers it a signal if that is not 0.
pub(super) fn resume(tid: Pid, signal: i32) -> nix::Result<()> {
    ptrace(PTRACE_CONT, tid, 0, signal as usize).map(drop)
}

/// Lets a stopped thread go on, up to the end of the system call that it is in.
pub(super) fn resume_to_exit(tid: Pid) -> nix::Result<()> {
    ptrace(PTRACE_SYSCALL, tid, 0, 0).map(drop)
}

/// Leaves a thread stopped as its group is, until SIGCONT.
pub(super) fn listen(tid: Pid) -> nix::Result<()> {
    ptrace(PTRACE_LISTEN, tid, 0, 0).map(drop)
}

/// What belongs to the event that a thread stopped for: a process's number.
pub(super) fn event_message(tid: Pid) -> nix::Result<Pid> {
    let mut message: libc::c_ulong = 0;
    ptrace(PTRACE_GETEVENTMSG, tid, 0, (&raw mut message) as usize)?;
    Ok(Pid::from_raw(message as i32))
}

/// The system call that a stopped thread is in.
pub(super) fn syscall_info(tid: Pid) -> nix::Result<SyscallInfo> {
    let mut info = SyscallInfo::default();
    let size = mem::size_of::<SyscallInfo>();
    ptrace(PTRACE_GET_SYSCALL_INFO, tid, size, (&raw mut info) as usize)?;
    Ok(info)
}

/// Waits for any child or traced thread: its number, and the status of `waitpid(2)`.
pub(super) fn wait_any() -> nix::Result<(Pid, i32)> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is valid for writing and outlives the call.
        let result = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL) };
        match Errno::result(result) {
            Err(Errno::EINTR) => {}
            result => return result.map(|tid| (Pid::from_raw(tid), status)),
        }
    }
}

/// Reads another process's memory, and says how many bytes there were: `process_vm_readv(2)`. It
/// stops at the first page that is not there.
pub(super) fn read_memory(tid: Pid, address: u64, buffer: &mut [u8]) -> nix::Result<usize> {
    const PAGE: u64 = 4096;
    let mut read = 0;
    while read < buffer.len() {
        let at = address.wrapping_add(read as u64);
        // The call gives a whole piece or nothing of it.
        let length = (buffer.len() - read).min((PAGE - at % PAGE) as usize);
        let piece = &mut buffer[read..read + length];
        let here = libc::iovec { iov_base: piece.as_mut_ptr().cast(), iov_len: length };
        let there = libc::iovec { iov_base: at as usize as *mut libc::c_void, iov_len: length };
        // SAFETY: `here` is `piece`, which is ours to be written to; `there` is only looked up in
        // the other process, where any address is allowed (EFAULT).
        let result = unsafe { libc::process_vm_readv(tid.as_raw(), &here, 1, &there, 1, 0) };
        match Errno::result(result) {
            Ok(count) if count > 0 => read += count as usize,
            Err(errno) if read == 0 => return Err(errno),
            _ => break,
        }
    }
    Ok(read)
}

/// From now on this process, and whatever it becomes or makes, gains no rights by `execve`.
pub(super) fn set_no_new_privs() -> nix::Result<()> {
    // SAFETY: takes numbers only.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    Errno::result(result).map(drop)
}

/// Sends this process's system calls through a filter, for ever: `seccomp(2)`.
///
/// # Errors
///
/// EACCES for who has no CAP_SYS_ADMIN and could still gain rights; EINVAL when it is no filter.
pub fn set_filter(program: &[libc::sock_filter]) -> nix::Result<()> {
    let program = libc::sock_fprog {
        len: program.len() as libc::c_ushort,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies `len` instructions from the slice, and changes none of them.
    let result = unsafe {
        let filter = libc::SECCOMP_SET_MODE_FILTER;
        libc::syscall(libc::SYS_seccomp, filter, 0, &raw const program)
    };
    Errno::result(result).map(drop)
}

/// Lets any process of this user trace this one (`true`), or only its ancestors, where the Yama
/// security module is (elsewhere EINVAL).
pub(super) fn allow_tracers(any: bool) -> nix::Result<()> {
    let who = if any { libc::c_ulong::MAX } else { 0 };
    // SAFETY: takes numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_PTRACER, who, 0, 0, 0) }).map(drop)
}

/// Asks no more for a signal at the end of the process that made this one.
pub(super) fn outlive_parent() -> nix::Result<()> {
    // SAFETY: takes numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, 0) }).map(drop)
}

/// How many columns a terminal has.
pub(super) fn columns(terminal: BorrowedFd) -> Option<usize> {
    // SAFETY: winsize is plain data, for which all zeroes is a value.
    let mut size: libc::winsize = unsafe { mem::zeroed() };
    // SAFETY: the request writes a winsize; `size` is one, and outlives the call.
    let result = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_col > 0).then_some(size.ws_col.into())
}

/// Makes `descriptor` stand for what `file` stands for: `dup2(2)`. For the three standard ones,
/// which no value owns.
pub(super) fn duplicate_to(file: BorrowedFd, descriptor: i32) -> nix::Result<()> {
    // SAFETY: takes numbers only. What `descriptor` stood for before is closed; it is one of
    // standard input, output and error, which the standard library only borrows.
    Errno::result(unsafe { libc::dup2(file.as_raw_fd(), descriptor) }).map(drop)
}

/// Gives SIGPIPE its default action back, which Rust's runtime takes from every program.
pub(super) fn default_sigpipe() -> nix::Result<()> {
    // SAFETY: SIG_DFL installs no handler, so no code of ours runs in a signal's context.
    let before = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    if before == libc::SIG_ERR { Err(Errno::last()) } else { Ok(()) }
}
