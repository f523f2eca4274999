//! A command that leads a session of processes (`setsid(2)`).

use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::setsid;

/// The command leads a session, with the terminal if it has one as standard input: Ctrl-C reaches it.
#[allow(unsafe_code)]
pub fn own_session(command: &mut Command, terminal: bool) {
    let lead = move || {
        setsid()?;
        if terminal {
            // SAFETY: descriptor 0 is the terminal, and the request takes a plain number.
            Errno::result(unsafe { libc::ioctl(0, libc::TIOCSCTTY as _, 0) })?;
        }
        Ok(())
    };
    // SAFETY: the closure makes two system calls, takes no lock and no memory.
    unsafe { command.pre_exec(lead) };
}
