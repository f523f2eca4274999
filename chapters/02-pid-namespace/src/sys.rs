//! The only `unsafe` code of this chapter: `mount_setattr(2)`, which `nix` does not offer.

#![allow(unsafe_code)]

use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::fstatvfs;
use process::kernel;

/// What `mount_setattr(2)` reads: four numbers of 64 bits.
#[repr(C)]
#[derive(Default)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

const MOUNT_ATTR_RDONLY: u64 = 1;
const AT_RECURSIVE: libc::c_int = 0x8000;

/// Makes a mount, and all below it, read-only. `mounted` is the mount's top folder or file. Where the
/// kernel lacks `mount_setattr(2)`, what is mounted below stays as it is: the older call can't do more.
///
/// # Errors
///
/// EPERM in a user namespace, for flags that belong to somebody else.
pub fn make_read_only(mounted: BorrowedFd) -> nix::Result<()> {
    match set_read_only(mounted) {
        Err(Errno::ENOSYS) => {
            kernel::MOUNT_SETATTR.tell_missing();
            remount_read_only(mounted)
        }
        result => result,
    }
}

/// The same by `mount_setattr(2)` alone.
///
/// # Errors
///
/// ENOSYS where the kernel does not have it; EINVAL when `mounted` is not a mount's top.
pub fn set_read_only(mounted: BorrowedFd) -> nix::Result<()> {
    let attributes = MountAttributes { set: MOUNT_ATTR_RDONLY, ..Default::default() };
    // SAFETY: the empty path ends with its NUL byte, `attributes` is laid out as mount_setattr(2)
    // says and its size is given; the kernel only reads both, and both outlive the call.
    let result = unsafe {
        let (place, flags) = (mounted.as_raw_fd(), libc::AT_EMPTY_PATH | AT_RECURSIVE);
        let (attributes, size) = (&raw const attributes, mem::size_of::<MountAttributes>());
        libc::syscall(libc::SYS_mount_setattr, place, c"".as_ptr(), flags, attributes, size)
    };
    Errno::result(result).map(drop)
}

/// In a user namespace every restriction that the mount has must be named again, or the kernel
/// takes it for an attempt to lift it.
fn remount_read_only(mounted: BorrowedFd) -> nix::Result<()> {
    let kept = MsFlags::from_bits_truncate(fstatvfs(mounted)?.flags().bits());
    let flags = kept | MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    let place = format!("/proc/self/fd/{}", mounted.as_raw_fd());
    mount(None::<&str>, place.as_str(), None::<&str>, flags, None::<&str>)
}
