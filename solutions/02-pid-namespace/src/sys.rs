//! The only `unsafe` code of this chapter: `mount_setattr(2)`, which `nix` does not offer.

#![allow(unsafe_code)]

use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::statvfs;

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

/// Makes the mount at `place`, and all below it, read-only. Before Linux 5.12 only the one at
/// `place`: the older call can't do more.
///
/// # Errors
///
/// EPERM in a user namespace, for flags that belong to somebody else.
pub fn make_read_only(place: &Path) -> nix::Result<()> {
    let attributes = MountAttributes { set: MOUNT_ATTR_RDONLY, ..Default::default() };
    let path = [place.as_os_str().as_bytes(), b"\0"].concat();
    // SAFETY: `path` ends with a NUL byte, `attributes` is laid out as mount_setattr(2) says and its
    // size is given; the kernel only reads both, and both outlive the call.
    let result = unsafe {
        let (here, size) = (libc::AT_FDCWD, mem::size_of_val(&attributes));
        let attributes = &raw const attributes;
        libc::syscall(libc::SYS_mount_setattr, here, path.as_ptr(), AT_RECURSIVE, attributes, size)
    };
    match Errno::result(result) {
        Err(Errno::ENOSYS) => remount_read_only(place),
        result => result.map(drop),
    }
}

/// In a user namespace every restriction that the mount has must be named again, or the kernel
/// takes it for an attempt to lift it.
fn remount_read_only(place: &Path) -> nix::Result<()> {
    let kept = MsFlags::from_bits_truncate(statvfs(place)?.flags().bits());
    let flags = kept | MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    mount(None::<&str>, place, None::<&str>, flags, None::<&str>)
}
