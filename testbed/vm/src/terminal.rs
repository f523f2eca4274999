//! This process's terminal, lent to a command in the machine.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;

use anyhow::{Result, bail};
use console::Term;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use vm_init::Kind;

use crate::machine::Watcher;

/// Rows and columns.
pub(crate) fn size() -> Result<(u16, u16)> {
    let Some(size) = Term::stdout().size_checked() else {
        bail!("standard output is no terminal: `run` needs none");
    };
    Ok(size)
}

/// The terminal while the command runs: every key goes to the machine, and there its terminal
/// decides what Ctrl-C means.
#[derive(Default)]
pub(crate) struct Terminal {
    before: Option<Termios>,
}

impl Watcher for Terminal {
    fn heard(&mut self, _: Kind, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(bytes)?;
        out.flush()
    }

    fn started(&mut self, port: UnixStream) -> io::Result<()> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(io::stdin(), SetArg::TCSANOW, &raw)?;
        self.before = Some(before);
        // Blocked in this thread and those that it starts, and told to whoever asks.
        let mut resized = SigSet::empty();
        resized.add(Signal::SIGWINCH);
        resized.thread_block()?;
        let signals = SignalFd::with_flags(&resized, SfdFlags::SFD_CLOEXEC)?;
        // It ends with this process, at the latest: nothing interrupts a wait for a key.
        thread::spawn(move || pass_on(port, &signals));
        Ok(())
    }
}

/// Sends keys and sizes.
fn pass_on(mut port: UnixStream, signals: &SignalFd) -> io::Result<()> {
    let input = io::stdin();
    let mut bytes = vec![0; 4096];
    loop {
        let mut ready = [
            PollFd::new(input.as_fd(), PollFlags::POLLIN),
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        ];
        poll(&mut ready, PollTimeout::NONE)?;
        let [key, resized] = ready.map(|end| end.any().unwrap_or(true));
        if resized {
            signals.read_signal()?;
            if let Some((rows, columns)) = Term::stdout().size_checked() {
                let size = [rows.to_le_bytes(), columns.to_le_bytes()].concat();
                vm_init::write(&mut port, Kind::Size, &size)?;
            }
        }
        if key {
            // Past the standard library's buffer, which would hide keys from the poll.
            let count = nix::unistd::read(input.as_fd(), &mut bytes)?;
            vm_init::write(&mut port, Kind::Input, &bytes[..count])?;
            if count == 0 {
                return Ok(());
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, before);
        }
    }
}
