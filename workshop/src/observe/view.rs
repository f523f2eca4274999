//! All of one process.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use anyhow::Result;
use nix::unistd::{Pid, gethostname};
use process::Attempt;
use serde::Serialize;

use super::cgroups::Membership;
use super::descriptors::{self, Descriptor};
use super::family::{self, Ancestor};
use super::link::Link;
use super::mounts::Mount;
use super::namespaces::{Kind, Namespaces};
use super::network::Network;
use super::proc::Proc;
use super::status::Status;
use super::{enter, text, texts};

/// One process's kernel state.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    /// Its number, as we see it.
    #[serde(serialize_with = "text::number")]
    pub pid: Pid,
    /// The namespaces that it is in.
    pub namespaces: Namespaces,
    /// Who it is, and what it may do.
    pub status: Status,
    /// Its root folder.
    pub root: Link,
    /// Its working folder.
    pub cwd: Link,
    /// Its program.
    pub exe: Link,
    /// Its command line.
    #[serde(serialize_with = "text::names")]
    pub command: Vec<OsString>,
    /// The environment that it was started with: `NAME=value`.
    #[serde(serialize_with = "text::some_names")]
    pub environment: Option<Vec<OsString>>,
    /// What is mounted below its root.
    pub mounts: Vec<Mount>,
    /// Its place in each hierarchy of cgroups.
    pub cgroups: Vec<Membership>,
    /// The host name that it sees.
    pub hostname: Option<String>,
    /// The network that it sees.
    pub network: Option<Network>,
    /// What it has open.
    pub descriptors: Vec<Descriptor>,
    /// Its parents, up to PID 1.
    pub ancestors: Vec<Ancestor>,
    /// What could not be read, and why.
    pub unread: Vec<Unread>,
}

/// A part of a view that is empty because it could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Which.
    pub part: Part,
    /// What was tried, what the kernel said, and what usually causes that.
    pub reason: String,
}

/// The parts of a view that may be empty. (The status is for everybody to read.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Part {
    Namespaces,
    Root,
    Cwd,
    Exe,
    Command,
    Environment,
    Mounts,
    Cgroups,
    Hostname,
    Network,
    Descriptors,
    Ancestors,
}

impl View {
    /// Looks at a process.
    ///
    /// # Errors
    ///
    /// Only when there is no such process (any more).
    pub fn of(pid: Pid) -> Result<Self> {
        Self::read(&Proc::open(pid)?)
    }

    /// Looks at ourselves, as the host's process.
    ///
    /// # Errors
    ///
    /// Without `/proc`.
    pub fn of_host() -> Result<Self> {
        Self::read(&Proc::own()?)
    }

    fn read(process: &Proc) -> Result<Self> {
        let mut unread = Unreads::default();
        let status = Status::read(process)?;
        Ok(Self {
            pid: process.pid(),
            namespaces: unread.or_none(Part::Namespaces, Namespaces::read(process)),
            root: unread.or_none(Part::Root, Link::to_folder(process, "root")),
            cwd: unread.or_none(Part::Cwd, Link::to_folder(process, "cwd")),
            exe: unread.or_none(Part::Exe, Link::read(process, "exe")),
            command: unread.or_none(Part::Command, words(process, "cmdline")),
            environment: unread.or_none(Part::Environment, words(process, "environ").map(Some)),
            mounts: unread.or_none(Part::Mounts, Mount::all(process)),
            cgroups: unread.or_none(Part::Cgroups, Membership::all(process)),
            hostname: unread.or_none(Part::Hostname, hostname(process).map(Some)),
            network: unread.or_none(Part::Network, Network::read(process).map(Some)),
            descriptors: unread.or_none(Part::Descriptors, descriptors::all(process)),
            ancestors: unread.or_none(Part::Ancestors, family::ancestors(process)),
            status,
            unread: unread.0,
        })
    }
}

#[derive(Default)]
struct Unreads(Vec<Unread>);

impl Unreads {
    fn or_none<T: Default>(&mut self, part: Part, read: Result<T>) -> T {
        read.unwrap_or_else(|why| {
            self.0.push(Unread { part, reason: format!("{why:#}") });
            T::default()
        })
    }
}

/// A file of words that end with a NUL byte each: `cmdline`, `environ`.
pub(super) fn words(process: &Proc, file: &str) -> Result<Vec<OsString>> {
    let bytes = process.read(file)?;
    let whole = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(whole.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect())
}

pub(super) fn hostname(process: &Proc) -> Result<String> {
    let ours = Namespaces::read(&Proc::own()?)?;
    match Namespaces::read(process)?.same(&ours, Kind::Uts) {
        Some(true) => own_hostname(),
        _ => enter::within(process, Kind::Uts, own_hostname),
    }
}

fn own_hostname() -> Result<String> {
    let name = gethostname().tried(&texts::READ, "gethostname()")?;
    Ok(text::shown(&name))
}
