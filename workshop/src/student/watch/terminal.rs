//! The terminal: single keys without Enter, and as it was on every way out (`termios(3)`).
//!
//! Only two things are switched off: that input comes in lines (ICANON), and that it is shown (ECHO).
//! Ctrl-C and Ctrl-Z stay signals (ISIG), and a line break stays one (OPOST), so that whatever else
//! writes to the terminal looks as ever.

use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::termios::{
    LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};
use nix::unistd::{getpgrp, read, tcgetpgrp};

/// Standard input and output, where both are a terminal.
pub(super) struct Terminal {
    original: Termios,
    /// Whether keys come one by one.
    single: bool,
}

impl Terminal {
    /// `None` where there is nobody to press a key, or to see what a key does.
    pub(super) fn new() -> Option<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return None;
        }
        let original = tcgetattr(io::stdin()).ok()?;
        let mut terminal = Self { original, single: false };
        terminal.take();
        Some(terminal)
    }

    /// Lets keys come one by one, if the terminal is ours: not while we are in the background. Says
    /// whether that is new.
    pub(super) fn take(&mut self) -> bool {
        if self.single || tcgetpgrp(io::stdin()) != Ok(getpgrp()) {
            return false;
        }
        let mut single = self.original.clone();
        single.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
        // To read never waits: `poll` does that.
        single.control_chars[SpecialCharacterIndices::VMIN as usize] = 0;
        single.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        self.single = tcsetattr(io::stdin(), SetArg::TCSANOW, &single).is_ok();
        self.single
    }

    /// Whether keys come to us.
    pub(super) fn is_ours(&self) -> bool {
        self.single
    }

    /// Leaves the terminal as it was found, in a new line.
    pub(super) fn give_back(&mut self) {
        if self.single && tcgetpgrp(io::stdin()) == Ok(getpgrp()) {
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.original);
            let _ = io::stdout().write_all(b"\n");
        }
        self.single = false;
    }

    /// What becomes readable when a key is pressed; `None` while the terminal is somebody else's.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'static>> {
        self.single.then(stdin)
    }

    /// The keys that were pressed; `None` when the terminal has gone.
    pub(super) fn keys(&self) -> Option<Vec<char>> {
        let mut bytes = [0; 64];
        let length = read(io::stdin(), &mut bytes).ok()?;
        // Nothing to read is no end: Ctrl-Z has thrown away what was typed before it. But it is one
        // if there is no terminal any more.
        if length == 0 {
            tcgetpgrp(io::stdin()).ok()?;
        }
        Some(plain(&bytes[..length]))
    }
}

/// Of what was pressed what is one letter: an arrow is several, of which the last ones mean something
/// else here (`console_codes(4)`: ESC [ or ESC O, then up to a letter).
fn plain(bytes: &[u8]) -> Vec<char> {
    let mut keys = Vec::new();
    let mut bytes = bytes.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != ESCAPE {
            keys.push(byte.to_ascii_lowercase().into());
        } else if matches!(bytes.next(), Some(b'[' | b'O')) {
            let _ = bytes.find(|byte| (b'@'..=b'~').contains(byte));
        }
    }
    keys
}

const ESCAPE: u8 = 0x1b;

fn stdin() -> BorrowedFd<'static> {
    static STDIN: std::sync::OnceLock<io::Stdin> = std::sync::OnceLock::new();
    STDIN.get_or_init(io::stdin).as_fd()
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Rows and columns, as they are now.
pub(super) fn size() -> (usize, usize) {
    let (rows, columns) = console::Term::stdout().size_checked().unwrap_or((24, 80));
    (rows.into(), columns.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_is_no_letter() {
        assert_eq!(plain(b"hQ \x1b[Bn\x1b[1;5Cl\x1bOcs\x1b"), ['h', 'q', ' ', 'n', 'l', 's']);
        assert_eq!(plain(b"\x1b[12"), []);
    }
}
