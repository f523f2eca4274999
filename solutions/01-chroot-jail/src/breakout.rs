//! The way out of a jail.
//!
//! The kernel stops `..` at one place only: at the process's root folder (`path_resolution(7)`).
//! Whoever stands *outside* of his root never comes past it, and `..` leads him up to the real top.
//! To get outside, root needs no trick, only `chroot(2)` again: it moves the root further down and
//! leaves the feet where they are. The man page shows it: "the superuser can escape from a chroot
//! jail".
//!
//! After `pivot_root(2)` (chapter 02) the same calls lead nowhere. The real top of the mount
//! namespace is then the container's own root: there is nothing above it.

use std::cell::Cell;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Result;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{Pid, chdir, chroot, mkdtemp, pipe2, read, write};
use process::{Attempt, Container, Mechanism, explain};

use crate::texts;

/// A folder by what can't be faked: its device and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The device, as `stat(2)` gives it.
    pub device: u64,
    /// The inode's number.
    pub inode: u64,
}

impl Identity {
    /// Of the folder at `path`.
    ///
    /// # Errors
    ///
    /// What `statx(2)` refuses.
    pub fn of(path: &str) -> Result<Self> {
        let folder = fs::metadata(path).tried(&texts::BREAKOUT, format_args!("statx({path:?})"))?;
        Ok(Self { device: folder.dev(), inode: folder.ino() })
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escape {
    /// The root folder before.
    pub before: Identity,
    /// The root folder after.
    pub after: Identity,
}

impl Escape {
    /// Whether this process sees another file tree now.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.before != self.after
    }
}

/// Breaks out of the jail that this process is in, if it can be done, and tells each step.
///
/// For the container's process: it changes the root folder for good.
///
/// # Errors
///
/// What the kernel refuses; EPERM for whoever is not root, not even in a user namespace.
pub fn escape() -> Result<Escape> {
    let before = Identity::of("/")?;
    explain::say(texts::where_we_are(before, &entries()));

    let folder = some_folder()?;
    explain::say(texts::told(1, &format!("mkdir({folder:?})"), texts::TOLD_MKDIR));
    let below = chroot(&folder).tried(&texts::BREAKOUT, format_args!("chroot({folder:?})"));
    // It was our root for a moment, and still is; but it needs no name for that. We stand in `/` of
    // the jail, so this is the way to it.
    fs::remove_dir(folder.strip_prefix("/").unwrap_or(&folder))
        .tried(&texts::BREAKOUT, format_args!("rmdir({folder:?})"))?;
    below?;
    explain::say(texts::told(2, &format!("chroot({folder:?})"), texts::TOLD_CHROOT));

    let steps = climb()?;
    let meaning = if steps == 0 { texts::TOLD_NO_WAY_UP } else { texts::TOLD_CLIMB };
    explain::say(texts::told(3, &texts::climbed(steps), meaning));
    chroot(".").tried(&texts::BREAKOUT, "chroot(\".\")")?;
    explain::say(texts::told(4, "chroot(\".\")", texts::TOLD_TOP));

    let escape = Escape { before, after: Identity::of("/")? };
    explain::say(texts::verdict(&escape, &entries()));
    Ok(escape)
}

/// A new folder somewhere in the jail, and we in `/`.
fn some_folder() -> Result<PathBuf> {
    chdir("/").tried(&texts::BREAKOUT, "chdir(\"/\")")?;
    // Where `/` can't be written to, `/tmp` perhaps can.
    let template = Path::new("/.way-out-XXXXXX");
    match mkdtemp(template) {
        Err(Errno::EACCES | Errno::EROFS | Errno::EPERM) => mkdtemp("/tmp/.way-out-XXXXXX"),
        made => made,
    }
    .tried(&texts::BREAKOUT, format_args!("mkdir({template:?})"))
}

/// Goes up until `..` leads no further; how many steps that took.
fn climb() -> Result<usize> {
    let mut steps = 0;
    loop {
        let here = Identity::of(".")?;
        chdir("..").tried(&texts::BREAKOUT, "chdir(\"..\")")?;
        if Identity::of(".")? == here {
            return Ok(steps);
        }
        steps += 1;
    }
}

/// The names in `/`, sorted.
fn entries() -> Vec<String> {
    let entries = fs::read_dir("/").into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The breakout as the last mechanism of a container: the command then runs wherever it led to.
#[derive(Debug)]
pub struct Breakout {
    /// The news from the new process come through a pipe: reading end, writing end.
    news: Option<OwnedFd>,
    teller: Option<OwnedFd>,
    outcome: Rc<Cell<Option<bool>>>,
}

impl Breakout {
    /// The mechanism, and where to look, once the container has ended, whether it got out; `None`
    /// when it never came to that.
    #[must_use]
    pub fn new() -> (Self, Rc<Cell<Option<bool>>>) {
        let outcome = Rc::new(Cell::new(None));
        (Self { news: None, teller: None, outcome: outcome.clone() }, outcome)
    }
}

impl Mechanism for Breakout {
    fn prepare(&mut self) -> Result<()> {
        let (news, teller) = pipe2(OFlag::O_CLOEXEC).tried(&texts::BREAKOUT, "pipe2(O_CLOEXEC)")?;
        (self.news, self.teller) = (Some(news), Some(teller));
        Ok(())
    }

    fn attach(&mut self, _process: Pid) -> Result<()> {
        // The new process has its own copy; as long as we had ours we would never read the end.
        self.teller = None;
        Ok(())
    }

    fn enter(&mut self) -> Result<()> {
        let escape = escape()?;
        if let Some(teller) = self.teller.take() {
            write(&teller, &[escape.is_out().into()]).tried(&texts::BREAKOUT, "write(the pipe)")?;
        }
        Ok(())
    }

    fn release(&mut self) -> Result<()> {
        self.teller = None;
        let mut news = [0];
        if let Some(pipe) = self.news.take() {
            let length = read(&pipe, &mut news).tried(&texts::BREAKOUT, "read(the pipe)")?;
            self.outcome.set((length == 1).then_some(news[0] == 1));
        }
        Ok(())
    }
}

/// Runs a container with a breakout in it. The exit status: 0 when it got out, 1 when it did not.
///
/// # Errors
///
/// When the container can't be made, or its command not be executed where it got out to.
pub fn attempt(container: Container) -> Result<u8> {
    let (breakout, outcome) = Breakout::new();
    let ended = container.with(breakout).run();
    match outcome.get() {
        // Whether the command is to be found in the jail is not the question.
        Some(false) => Ok(1),
        _ => ended.map(|_| 0),
    }
}
