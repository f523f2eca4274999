//! The command: a program, its arguments, its environment. And `execve(2)`, which turns this
//! process into it: same number, same open files, new memory.
//!
//! `execve` takes a path. That `ls` means `/bin/ls` is a convention of shells and libc: try each
//! folder of `PATH` in turn (`execvp(3)`). We do it ourselves, because the `PATH` that counts is
//! the container's, not ours, and because libc would quietly run a broken file as a shell script.

use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::unistd::execve;

use crate::{explain, program, texts};

/// What Docker gives a container that brings no `PATH` of its own.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program to be, with its arguments and its environment.
#[derive(Debug, Clone)]
pub struct Command {
    argv: Vec<CString>,
    env: Vec<(OsString, OsString)>,
}

impl Command {
    /// A command from its words, `argv[0]` first, with this process's own environment.
    ///
    /// # Errors
    ///
    /// When there is no word, or one of them contains a NUL byte.
    pub fn new<S: AsRef<OsStr>>(words: &[S]) -> Result<Self> {
        if words.first().is_none_or(|word| word.as_ref().is_empty()) {
            bail!(texts::NO_COMMAND);
        }
        let argv =
            words.iter().map(|word| c_string(word.as_ref().as_bytes())).collect::<Result<_>>()?;
        Ok(Self { argv, env: std::env::vars_os().collect() })
    }

    /// Leaves the host's environment behind and takes what Docker gives every container: `PATH`,
    /// `HOME`, and `TERM` where there is a terminal.
    #[must_use]
    pub fn clean_environment(mut self) -> Self {
        let terminal = io::stdin().is_terminal();
        self.env.retain(|(name, _)| name == "TERM" && terminal);
        self.env("PATH", DEFAULT_PATH).env("HOME", "/root")
    }

    /// Sets one variable of the command's environment.
    #[must_use]
    pub fn env(self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        let name = name.into();
        let mut command = self.without_env(&name);
        command.env.push((name, value.into()));
        command
    }

    /// Takes one variable out of the command's environment.
    #[must_use]
    pub fn without_env(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.retain(|(other, _)| other != name.as_ref());
        self
    }

    /// Whether the command's environment has a variable of this name.
    #[must_use]
    pub fn has_env(&self, name: &str) -> bool {
        self.env.iter().any(|(other, _)| other == name)
    }

    /// Becomes the command. Returns only when that failed.
    ///
    /// The error carries the exit status that says so: 127 not found, 126 not executable, 125 when
    /// the kernel could not (no memory, for example).
    pub fn exec(&self) -> anyhow::Error {
        match self.try_exec() {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    fn try_exec(&self) -> Result<std::convert::Infallible> {
        let env = self
            .env
            .iter()
            .map(|(name, value)| c_string(&[name.as_bytes(), b"=", value.as_bytes()].concat()))
            .collect::<Result<Vec<_>>>()?;

        // Where the program may be: where it says, or in each folder of PATH.
        let name = self.argv[0].as_bytes();
        let candidates = if name.contains(&b'/') {
            vec![self.argv[0].clone()]
        } else {
            let path = self.env.iter().find(|(name, _)| name == "PATH");
            let path = path.map_or(OsStr::new(DEFAULT_PATH), |(_, value)| value.as_os_str());
            std::env::split_paths(path)
                .map(|folder| c_string(folder.join(OsStr::from_bytes(name)).as_os_str().as_bytes()))
                .collect::<Result<_>>()?
        };

        // ANCHOR: exec
        // EXERCISE exec: become the program
        //   Try `execve(path, &self.argv, &env)` on each of `candidates`. It returns only when it
        //   failed. ENOENT, ENOTDIR and EACCES mean "not this one": try the next. Any other errno
        //   is the answer: return `program::refused(path, errno)`. When it was none of them, return
        //   `program::none_of(&self.argv[0], &candidates)`, which looks for the reason.
        todo!("exec: become the program")
        // ANCHOR_END: exec
    }
}

impl fmt::Display for Command {
    /// As it would be typed: words with anything unusual in them in quotes.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (place, word) in self.argv.iter().enumerate() {
            let word = word.to_string_lossy();
            let plain = |c: char| c.is_alphanumeric() || "/.,:=+-_@%".contains(c);
            let gap = if place == 0 { "" } else { " " };
            if !word.is_empty() && word.chars().all(plain) {
                write!(f, "{gap}{word}")?;
            } else {
                write!(f, "{gap}{word:?}")?;
            }
        }
        Ok(())
    }
}

fn c_string(word: &[u8]) -> Result<CString> {
    CString::new(word).context(texts::NUL_BYTE)
}
