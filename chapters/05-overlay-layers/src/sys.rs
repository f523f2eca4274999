//! The only `unsafe` code of this chapter: the mount API of Linux 5.2 (`fsopen(2)`), and extended
//! attributes of open files (`xattr(7)`), which `nix` does not offer.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use nix::errno::Errno;
use nix::libc;

const FSOPEN_CLOEXEC: libc::c_uint = 1;
const FSMOUNT_CLOEXEC: libc::c_uint = 1;
const FSCONFIG_SET_FLAG: libc::c_uint = 0;
const FSCONFIG_SET_STRING: libc::c_uint = 1;
const FSCONFIG_CMD_CREATE: libc::c_uint = 6;
const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;

/// Begins a new file system of the kind `name`: `fsopen(2)`.
///
/// # Errors
///
/// ENODEV when the kernel does not know the kind, ENOSYS before Linux 5.2.
pub fn fsopen(name: &CStr) -> nix::Result<OwnedFd> {
    // SAFETY: the name ends with its NUL byte and outlives the call.
    descriptor(unsafe { libc::syscall(libc::SYS_fsopen, name.as_ptr(), FSOPEN_CLOEXEC) })
}

/// Sets an option to a text of at most 255 bytes: `fsconfig(2)`.
///
/// # Errors
///
/// EINVAL for an option or a text that the file system does not take, or that is too long.
pub fn set(context: BorrowedFd, key: &CStr, value: &CStr) -> nix::Result<()> {
    configure(context, FSCONFIG_SET_STRING, Some(key), Some(value))
}

/// Sets an option that has no value.
///
/// # Errors
///
/// As [`set`].
pub fn set_flag(context: BorrowedFd, key: &CStr) -> nix::Result<()> {
    configure(context, FSCONFIG_SET_FLAG, Some(key), None)
}

/// Makes the file system of the options that were set.
///
/// # Errors
///
/// What the file system says to them; see [`message`].
pub fn create(context: BorrowedFd) -> nix::Result<()> {
    configure(context, FSCONFIG_CMD_CREATE, None, None)
}

fn configure(
    context: BorrowedFd,
    command: libc::c_uint,
    key: Option<&CStr>,
    value: Option<&CStr>,
) -> nix::Result<()> {
    let pointer = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: both texts end with their NUL byte and outlive the call, or are null where the
    // command takes none; the last argument is a number, and zero for these commands.
    let result = unsafe {
        let (key, value) = (pointer(key), pointer(value));
        libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), command, key, value, 0)
    };
    Errno::result(result).map(drop)
}

/// Why the file system refused something, in its own words: the last error among the messages that
/// it left in the context.
#[must_use]
pub fn message(context: BorrowedFd) -> Option<String> {
    let mut text = [0; 1024];
    let mut last = None;
    // One message each time: "e overlay: …", or w for a warning and i for information.
    while let Ok(count) = nix::unistd::read(context, &mut text) {
        let text = String::from_utf8_lossy(&text[..count]);
        last = text.strip_prefix("e ").map(|error| error.trim_end().to_owned()).or(last);
    }
    last
}

/// A mount of the new file system that has no place yet: `fsmount(2)`.
///
/// # Errors
///
/// What the kernel refuses.
pub fn fsmount(context: BorrowedFd) -> nix::Result<OwnedFd> {
    // SAFETY: takes numbers only.
    descriptor(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), FSMOUNT_CLOEXEC, 0) })
}

/// Gives a mount its place: `move_mount(2)`.
///
/// # Errors
///
/// What the kernel refuses.
pub fn move_mount(mount: BorrowedFd, place: &CStr) -> nix::Result<()> {
    // SAFETY: both paths end with their NUL byte and outlive the call; the rest are numbers.
    let result = unsafe {
        let (from, to) = (mount.as_raw_fd(), libc::AT_FDCWD);
        let (empty, flags) = (c"".as_ptr(), MOVE_MOUNT_F_EMPTY_PATH);
        libc::syscall(libc::SYS_move_mount, from, empty, to, place.as_ptr(), flags)
    };
    Errno::result(result).map(drop)
}

fn descriptor(result: libc::c_long) -> nix::Result<OwnedFd> {
    let fd = Errno::result(result)?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Sets an extended attribute: `fsetxattr(2)`.
///
/// # Errors
///
/// EOPNOTSUPP where the file system has none of this kind, EPERM for `trusted.` ones in a user
/// namespace.
pub fn set_attribute(file: BorrowedFd, name: &CStr, value: &[u8]) -> nix::Result<()> {
    // SAFETY: the name ends with its NUL byte, pointer and length describe one slice; the kernel
    // only reads both, and both outlive the call.
    let result = unsafe {
        let (value, size) = (value.as_ptr().cast(), value.len());
        libc::fsetxattr(file.as_raw_fd(), name.as_ptr(), value, size, 0)
    };
    Errno::result(result).map(drop)
}

/// An extended attribute: `fgetxattr(2)`.
///
/// # Errors
///
/// ENODATA when the file has no such attribute.
pub fn attribute(file: BorrowedFd, name: &CStr) -> nix::Result<Vec<u8>> {
    // The kernel's own limit on a value.
    let mut value = vec![0; 64 << 10];
    // SAFETY: the name ends with its NUL byte; the kernel writes at most `len` bytes to `value`.
    let result = unsafe {
        let (start, size) = (value.as_mut_ptr().cast(), value.len());
        libc::fgetxattr(file.as_raw_fd(), name.as_ptr(), start, size)
    };
    value.truncate(Errno::result(result)?.unsigned_abs());
    Ok(value)
}

/// The names of all extended attributes: `flistxattr(2)`.
///
/// # Errors
///
/// EOPNOTSUPP where the file system has none.
pub fn attributes(file: BorrowedFd) -> nix::Result<Vec<std::ffi::CString>> {
    let mut names = vec![0_u8; 64 << 10];
    // SAFETY: the kernel writes at most `len` bytes to `names`.
    let result =
        unsafe { libc::flistxattr(file.as_raw_fd(), names.as_mut_ptr().cast(), names.len()) };
    names.truncate(Errno::result(result)?.unsigned_abs());
    let each = names.split_inclusive(|&byte| byte == 0);
    Ok(each.filter_map(|name| CStr::from_bytes_with_nul(name).ok().map(Into::into)).collect())
}

/// Whether this process may do what only the host's root may, whatever user namespace it is in: set
/// `trusted.` attributes. The first user namespace is the only one that maps all numbers to
/// themselves.
#[must_use]
pub fn is_hosts_root() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let whole = map.split_whitespace().eq(["0", "0", "4294967295"]);
    whole && process::sys::may_administer()
}
