//! How a layer says that something is gone.
//!
//! A layer can only add. So overlayfs gives two things a meaning of their own (kernel documentation,
//! `filesystems/overlayfs.rst`, "whiteouts and opaque directories"):
//!
//! - A *whiteout* is a character device with the numbers 0, 0. Where the upper layer has one, the
//!   name is not there, whatever the layers below have.
//! - An *opaque folder* has the extended attribute `trusted.overlay.opaque` with the value `y`. What
//!   the layers below have in a folder of that name is not there.
//!
//! Attributes that begin with `trusted.` are for the host's root alone (`xattr(7)`). Who is root only
//! in a user namespace mounts with the option `userxattr`, and then the attribute is called
//! `user.overlay.opaque`.

use std::ffi::{CStr, OsStr};
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::libc::{S_IFCHR, S_IFMT};
use nix::sys::stat::{FileStat, Mode, SFlag, mknodat};

use crate::sys;

const TRUSTED: &CStr = c"trusted.overlay.opaque";
const USER: &CStr = c"user.overlay.opaque";

/// Whether overlayfs is to be told by `user.` attributes: this process may not set `trusted.` ones.
#[must_use]
pub fn by_user_attributes() -> bool {
    !sys::is_hosts_root()
}

fn opaque_name() -> &'static CStr {
    if by_user_attributes() { USER } else { TRUSTED }
}

/// Makes a whiteout for `name` in the folder `parent`. This takes no right: a device 0, 0 does
/// nothing.
///
/// # Errors
///
/// EEXIST when something of that name is there.
pub fn make(parent: BorrowedFd, name: &OsStr) -> nix::Result<()> {
    mknodat(parent, name, SFlag::S_IFCHR, Mode::empty(), 0)
}

/// Whether this is a whiteout.
#[must_use]
pub fn is_whiteout(stat: &FileStat) -> bool {
    stat.st_mode & S_IFMT == S_IFCHR && stat.st_rdev == 0
}

/// Makes a folder opaque. It has to be open for reading.
///
/// # Errors
///
/// EOPNOTSUPP where the file system has no such attributes.
pub fn make_opaque(folder: BorrowedFd) -> nix::Result<()> {
    sys::set_attribute(folder, opaque_name(), b"y")
}

/// Whether a folder is opaque. It has to be open for reading.
///
/// # Errors
///
/// What `fgetxattr(2)` refuses.
pub fn is_opaque(folder: BorrowedFd) -> nix::Result<bool> {
    match sys::attribute(folder, opaque_name()) {
        Ok(value) => Ok(value == b"y"),
        Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(false),
        Err(errno) => Err(errno),
    }
}
