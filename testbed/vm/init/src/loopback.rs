//! The network interface `lo`, which every kernel has and none switches on.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// Switches it on (`netdevice(7)`).
///
/// # Errors
///
/// What the kernel refuses.
pub fn up() -> io::Result<()> {
    let any = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let flags =
        libc::c_short::try_from(libc::IFF_UP | libc::IFF_RUNNING).map_err(io::Error::other)?;
    Ok(set_flags(&any, b"lo", flags)?)
}

#[allow(unsafe_code)]
fn set_flags(socket: &OwnedFd, name: &[u8], flags: libc::c_short) -> nix::Result<()> {
    // SAFETY: `ifreq` is plain old data, for which all zeroes are a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_flags = flags;
    // SAFETY: the descriptor is open; SIOCSIFFLAGS reads an `ifreq` whose name ends with a zero,
    // which the last byte is as long as the name is shorter than the field, and writes nothing.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request) };
    Errno::result(answer).map(drop)
}
