//! A session's terminals, all on one serial line.
//!
//! Text has no byte 0xFF (UTF-8 has none). So that byte and a number say for which terminal the bytes
//! are that follow, and twice the byte is the byte itself. Whoever begins to listen in the middle
//! knows at the next such pair where he is.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use anyhow::{Context, Result};
use nix::poll::PollFlags;
use nix::unistd::{Pid, tcgetpgrp};
use recorder::session::User;
use recorder::terminal;

use crate::sys;

const MARK: u8 = 0xff;

/// All of them, and the line to the page.
pub(crate) struct Terminals {
    line: File,
    /// Whose bytes the page is sending.
    current: usize,
    /// Whether the byte before was a mark.
    marked: bool,
    user: User,
    cgroup: PathBuf,
    all: Vec<Terminal>,
}

struct Terminal {
    master: File,
    /// Typed, and not yet taken by the terminal.
    typed: VecDeque<u8>,
    /// What it was told.
    size: Option<(u16, u16)>,
}

impl Terminals {
    pub(crate) fn new(line: File, user: User, cgroup: PathBuf) -> Self {
        Self { line, current: 0, marked: false, user, cgroup, all: Vec::new() }
    }

    /// Opens terminals, each with a shell, until there are so many.
    pub(crate) fn open(&mut self, count: usize) -> Result<()> {
        while self.all.len() < count {
            let terminal = self.shell()?;
            self.all.push(terminal);
        }
        Ok(())
    }

    fn shell(&self) -> Result<Terminal> {
        let master = terminal::shell(self.user, &self.cgroup)?;
        Ok(Terminal { master, typed: VecDeque::new(), size: None })
    }

    /// Whom to listen to, in the order of [`Terminals::ready`]: the line, then the terminals.
    pub(crate) fn watched(&self) -> Vec<(BorrowedFd<'_>, PollFlags)> {
        let mut watched = vec![(self.line.as_fd(), PollFlags::POLLIN)];
        for terminal in &self.all {
            let mut what = PollFlags::POLLIN;
            if !terminal.typed.is_empty() {
                what |= PollFlags::POLLOUT;
            }
            watched.push((terminal.master.as_fd(), what));
        }
        watched
    }

    /// Carries what there is to carry.
    pub(crate) fn ready(&mut self, ready: &[bool]) -> Result<()> {
        if ready[0] {
            self.take_in()?;
        }
        for number in 0..self.all.len() {
            self.all[number].type_in();
            if ready[number + 1] {
                self.pass_on(number)?;
            }
        }
        Ok(())
    }

    fn take_in(&mut self) -> Result<()> {
        let mut bytes = [0; 4096];
        let count = match self.line.read(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            other => other.context("the terminals' line can't be read")?,
        };
        for &byte in &bytes[..count] {
            match (std::mem::take(&mut self.marked), byte) {
                (false, MARK) => self.marked = true,
                (true, number) if number != MARK => self.current = number.into(),
                _ => {
                    if let Some(terminal) = self.all.get_mut(self.current) {
                        terminal.typed.push_back(byte);
                    }
                }
            }
        }
        Ok(())
    }

    fn pass_on(&mut self, number: usize) -> Result<()> {
        let mut bytes = [0; 4096];
        let count = match self.all[number].master.read(&mut bytes) {
            Err(error)
                if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&error.kind()) =>
            {
                return Ok(());
            }
            // The last one who had it open has closed it: the shell has ended. As at a login, the
            // next one begins.
            Ok(0) | Err(_) => {
                let size = self.all[number].size;
                self.all[number] = self.shell()?;
                return size.map_or(Ok(()), |(columns, rows)| self.resize(number, columns, rows));
            }
            Ok(count) => count,
        };
        let mut out = vec![MARK, u8::try_from(number)?];
        for &byte in &bytes[..count] {
            out.push(byte);
            if byte == MARK {
                out.push(MARK);
            }
        }
        self.line.write_all(&out).context("the terminals' line can't be written to")
    }

    /// Tells a terminal its size.
    pub(crate) fn resize(&mut self, number: usize, columns: u16, rows: u16) -> Result<()> {
        let terminal = self.all.get_mut(number).context("there is no such terminal")?;
        terminal.size = Some((columns, rows));
        sys::resize(terminal.master.as_fd(), columns, rows)
            .context("the terminal's size can't be set")
    }

    /// The group of processes that has the terminal.
    pub(crate) fn foreground(&self, number: usize) -> Result<Pid> {
        let terminal = self.all.get(number).context("there is no such terminal")?;
        tcgetpgrp(&terminal.master).context("nobody has this terminal")
    }
}

impl Terminal {
    /// Passes on what was typed, as far as the terminal takes it.
    fn type_in(&mut self) {
        while !self.typed.is_empty() {
            match self.master.write(self.typed.make_contiguous()) {
                Ok(count) => drop(self.typed.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // Nobody is there who could read it.
                Err(_) => self.typed.clear(),
            }
        }
    }
}
