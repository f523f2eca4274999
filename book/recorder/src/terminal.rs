//! A terminal with a shell in it, and somebody who types.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::{Winsize, openpty};
use nix::unistd::fchown;
use vm_init::leader;

use crate::cgroup;
use crate::event::Piece;
use crate::prompt::{PS1, PS2};
use crate::session::User;
use crate::stage::{PATH, home, uid};

/// The width of a terminal.
pub const COLUMNS: u16 = 100;
/// And its height.
pub const ROWS: u16 = 24;

/// A pause that a person would see.
const PAUSE: Duration = Duration::from_millis(300);

/// A terminal. Its shell ends with the session.
#[derive(Debug)]
pub struct Terminal {
    master: File,
    /// Printed, and not yet taken.
    printed: Vec<u8>,
    /// Where in `printed` something came after a pause.
    pauses: Vec<(usize, Duration)>,
    last: Instant,
    /// Turns without anything since.
    silent: u32,
    /// Nobody is there any more who could print.
    ended: bool,
}

impl Terminal {
    /// A new terminal with a shell, which joins `cgroup`.
    ///
    /// # Errors
    ///
    /// When there is no further terminal, or no shell.
    pub fn open(user: User, cgroup: &Path) -> Result<Self> {
        Ok(Self {
            master: shell(user, cgroup)?,
            printed: Vec::new(),
            pauses: Vec::new(),
            last: Instant::now(),
            silent: 0,
            ended: false,
        })
    }

    /// Sends keystrokes.
    ///
    /// # Errors
    ///
    /// When nobody is there to read them.
    pub fn send(&mut self, keys: &[u8]) -> Result<()> {
        self.last = Instant::now();
        self.silent = 0;
        self.master.write_all(keys).context("the terminal takes no more input")
    }

    /// Takes in what was printed since. Does not wait.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn read(&mut self) -> Result<()> {
        let mut bytes = [0; 1 << 14];
        loop {
            match self.master.read(&mut bytes) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    let pause = self.last.elapsed();
                    self.last = Instant::now();
                    self.silent = 0;
                    if pause >= PAUSE {
                        self.pauses.push((self.printed.len(), pause));
                    }
                    self.printed.extend_from_slice(&bytes[..count]);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // EIO: the last process that had the terminal open has closed it.
                Err(error) if error.raw_os_error() == Some(nix::libc::EIO) => self.ended = true,
                Err(error) => return Err(error).context("the terminal can't be read"),
            }
            return Ok(());
        }
    }

    /// Whether nobody is there any more who could print.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// What was printed and not yet taken.
    #[must_use]
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&self.printed).into_owned()
    }

    /// Begins to wait for silence.
    pub fn listen(&mut self) {
        self.silent = 0;
    }

    /// Nothing was printed for a turn.
    pub fn heard_nothing(&mut self) {
        self.silent += 1;
    }

    /// Whether nothing was printed or typed for so many turns.
    #[must_use]
    pub fn quiet(&self, turns: u32) -> bool {
        self.silent >= turns
    }

    /// Drops what was printed up to the end of the first line; false where there is none yet.
    pub fn discard_line(&mut self) -> bool {
        let Some(end) = self.printed.iter().position(|byte| *byte == b'\n') else { return false };
        self.printed.drain(..=end);
        self.pauses.clear();
        true
    }

    /// Takes all of it but the last `rest` bytes.
    pub fn take(&mut self, rest: usize) -> Vec<Piece> {
        let end = self.printed.len().saturating_sub(rest);
        let rest = self.printed.split_off(end);
        let printed = std::mem::replace(&mut self.printed, rest);
        let mut pieces = Vec::new();
        let mut begin = (0, Duration::ZERO);
        for next in self.pauses.drain(..).chain([(end, Duration::ZERO)]) {
            // A pause inside of a character or of an escape sequence is none.
            let whole = next.0 >= end || printed[..next.0].ends_with(b"\n");
            if whole && next.0 > begin.0 {
                let text = String::from_utf8_lossy(&printed[begin.0..next.0.min(end)]).into_owned();
                pieces.push(Piece { pause: begin.1, text });
                begin = next;
            }
        }
        pieces
    }
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }
}

/// A new terminal, seen from the side of the keys, with a shell that leads a session on it and joins
/// `cgroup`. Reading from it does not wait.
///
/// # Errors
///
/// When there is no further terminal, or no shell.
pub fn shell(user: User, cgroup: &Path) -> Result<File> {
    let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
    let pair = openpty(&size, None).context("openpty(): no terminal can be made")?;
    // As login(1) does it: who sits at a terminal owns it.
    fchown(&pair.slave, Some(uid(user).into()), None).context("fchown() of the terminal")?;
    let flags = FcntlArg::F_SETFL(OFlag::O_NONBLOCK);
    fcntl(&pair.master, flags).context("fcntl(F_SETFL) of the terminal")?;
    let slave = pair.slave;
    let copy = || slave.try_clone().context("dup() of the terminal");
    let mut command = Command::new("bash");
    command.uid(uid(user)).gid(uid(user)).current_dir(home(user)).env_clear();
    command.envs([("PATH", PATH), ("HOME", home(user)), ("USER", user.name())]);
    command.envs([("LOGNAME", user.name()), ("SHELL", "/bin/bash")]);
    command.envs([("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("PS1", PS1), ("PS2", PS2)]);
    if user == User::Student {
        command.env("XDG_RUNTIME_DIR", crate::stage::RUNTIME);
    }
    command.stdin(Stdio::from(copy()?)).stdout(Stdio::from(copy()?)).stderr(Stdio::from(slave));
    leader::own_session(&mut command, true);
    // PID 1 waits for all that end, this one as well.
    cgroup::born_in(cgroup, || command.spawn().context("bash(1) could not be started"))?;
    Ok(File::from(pair.master))
}
