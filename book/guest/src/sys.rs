//! The one system call that `nix` lacks.

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;

/// Tells a terminal its size; the kernel tells who uses it.
#[allow(unsafe_code)]
pub(crate) fn resize(terminal: BorrowedFd<'_>, columns: u16, rows: u16) -> nix::Result<()> {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open as long as it is borrowed, and TIOCSWINSZ reads a `winsize`.
    let answer = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ as _, &size) };
    Errno::result(answer).map(drop)
}
