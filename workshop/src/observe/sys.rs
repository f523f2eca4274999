//! What `nix` does not offer: whose a namespace is (the only `unsafe` code of the workshop's command),
//! and inode numbers that are whole on every machine.

#![allow(unsafe_code)]

use std::fs::{File, Metadata};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

/// `NS_GET_USERNS` of `ioctl_nsfs(2)`: `_IO(0xb7, 1)`. Powers, MIPS and SPARC machines number it
/// otherwise, and answer ENOTTY.
const NS_GET_USERNS: u32 = 0xb701;

/// The user namespace that owns the namespace behind `namespace`.
///
/// # Errors
///
/// EPERM when it is neither ours nor below ours.
pub(super) fn owner(namespace: BorrowedFd) -> nix::Result<OwnedFd> {
    // SAFETY: the request takes no argument and reads no memory of ours. (Its type is `c_ulong` in
    // one C library and `c_int` in another.)
    let owner = unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_USERNS as _) };
    let owner = Errno::result(owner)?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(owner) })
}

/// What `fstat(2)` says of a file. By the standard library, since nix's numbers have 32 bits on a
/// 32-bit machine, where a larger inode is EOVERFLOW.
pub(super) fn metadata(file: BorrowedFd) -> nix::Result<Metadata> {
    let found = file.try_clone_to_owned().and_then(|file| File::from(file).metadata());
    found.map_err(|error| Errno::try_from(error).unwrap_or(Errno::UnknownErrno))
}
