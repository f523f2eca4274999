//! The only `unsafe` code of this chapter: `setdomainname(2)`, which `nix` does not offer.

#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::libc;

/// Sets the NIS domain name of this process's UTS namespace.
///
/// # Errors
///
/// EPERM without `CAP_SYS_ADMIN` over the namespace, EINVAL for more than 64 bytes.
pub fn set_domain_name(name: &str) -> nix::Result<()> {
    // SAFETY: the pointer and the length describe one slice, which the kernel only reads, and which
    // outlives the call. The name needs no NUL byte at its end.
    Errno::result(unsafe { libc::setdomainname(name.as_ptr().cast(), name.len()) }).map(drop)
}
