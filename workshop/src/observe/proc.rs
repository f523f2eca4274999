//! One process's folder in `/proc` (`proc(5)`), held open.
//!
//! A number can go to another process as soon as this one is reaped. An open folder stays with the
//! process that it was opened for: once that is gone, everything in it is "No such process" (ESRCH).
//! So all that is read through one value of this type is about one process.

use std::ffi::OsString;
use std::fs::{self, DirEntry, File};
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use anyhow::Result;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, fstatat};
use nix::unistd::Pid;
use process::Attempt;

use super::texts;

/// A process that was there when this value was made.
#[derive(Debug)]
pub struct Proc {
    pid: Pid,
    folder: OwnedFd,
}

impl Proc {
    /// Opens `/proc/PID`.
    ///
    /// # Errors
    ///
    /// ENOENT when there is no such process.
    pub fn open(pid: Pid) -> Result<Self> {
        let path = format!("/proc/{pid}");
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder = nix::fcntl::open(path.as_str(), flags, Mode::empty())
            .tried(&texts::PROCESS, format_args!("open({path:?})"))?;
        Ok(Self { pid, folder })
    }

    /// Opens `/proc/self`: our own.
    ///
    /// # Errors
    ///
    /// Without `/proc`.
    pub fn own() -> Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder = nix::fcntl::open("/proc/self", flags, Mode::empty())
            .tried(&texts::PROCESS, "open(\"/proc/self\")")?;
        Ok(Self { pid: Pid::this(), folder })
    }

    /// The process's number, as we see it.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The path of one of its files, for people.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.pid))
    }

    /// What one of its files says.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>> {
        let call = |call: &str| format!("{call}({:?})", self.path(name));
        let file = self.try_open(name, OFlag::O_RDONLY).tried(&texts::READ, call("open"))?;
        let mut bytes = Vec::new();
        File::from(file).read_to_end(&mut bytes).tried(&texts::READ, call("read"))?;
        Ok(bytes)
    }

    /// The same as text. (What is not UTF-8 becomes a mark.)
    pub(super) fn text(&self, name: &str) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.read(name)?).into_owned())
    }

    /// What one of its links reads as.
    pub(super) fn link(&self, name: &str) -> Result<OsString> {
        self.try_link(name).tried(&texts::READ, format_args!("readlink({:?})", self.path(name)))
    }

    pub(super) fn try_link(&self, name: &str) -> nix::Result<OsString> {
        readlinkat(&self.folder, name)
    }

    /// What is at the other end of one of its links, wherever that may be: they are magic links,
    /// which lead there without a path (`proc_pid_fd(5)`).
    pub(super) fn try_stat(&self, name: &str) -> nix::Result<FileStat> {
        fstatat(&self.folder, name, AtFlags::empty())
    }

    pub(super) fn try_open(&self, name: &str, flags: OFlag) -> nix::Result<OwnedFd> {
        openat(&self.folder, name, flags | OFlag::O_CLOEXEC, Mode::empty())
    }

    /// The names in one of its folders.
    pub(super) fn names(&self, name: &str) -> Result<Vec<String>> {
        let open = format!("/proc/self/fd/{}/{name}", self.folder.as_raw_fd());
        let entries = fs::read_dir(open);
        let entries = entries.tried(&texts::READ, format_args!("open({:?})", self.path(name)))?;
        let name = |entry: DirEntry| entry.file_name().to_string_lossy().into_owned();
        Ok(entries.filter_map(Result::ok).map(name).collect())
    }
}
