//! One process's kernel state, as a typed view; and two of them compared.
//!
//! A container is a process, and all that makes it one can be read from outside: in
//! `/proc/PID` (`proc(5)`), in the files of its cgroups, and from the network part of the kernel.
//! `inspect`, `check` and `tour` see through this module. It knows nothing of lessons, and prints
//! nothing.
//!
//! A process can end while it is looked at, and may be none of our business. So a [`View`] holds what
//! could be read, and says of each other part why it could not: [`View::unread`].
//!
//! # Layout
//!
//! - [`View`]: all of one process; `compare`: two of them.
//! - `proc`: `/proc/PID` held open, so that all that is read is about one process.
//! - `namespaces`, `status` (with the `sets` in it), `link` (root, working folder, program),
//!   `mounts`, `cgroups`, `network` (with `listening`), `descriptors`, `family`: a part each, which
//!   can be had alone.
//! - `enter`: what only those inside of a namespace can ask for.
//! - `text`: bytes as JSON; `texts`: the words; `sys`: the only `unsafe` code.

mod cgroups;
mod compare;
mod descriptors;
mod enter;
mod family;
mod link;
mod listening;
pub mod mounts;
mod namespaces;
mod network;
mod proc;
mod sets;
mod status;
mod sys;
mod text;
mod texts;
mod view;

use std::ffi::OsString;

use anyhow::Result;
use nix::unistd::Pid;

pub use cgroups::{Limit, Limits, Membership};
pub use compare::{Cable, Difference, Leak, compare};
pub use descriptors::{Access, Descriptor, DescriptorKind};
pub use family::{Ancestor, all};
pub use link::{Link, Place};
pub use mounts::{Device, Mount, Propagation};
pub use namespaces::{Kind, Namespace, Namespaces};
pub use network::{Address, Interface, Network, Route};
pub use proc::Proc;
pub use sets::{CAPABILITIES, CapabilitySet, Signals};
pub use status::{Capabilities, IdRange, Ids, Seccomp, Status};
pub use text::shown;
pub use view::{Part, Unread, View};

/// The namespaces that it is in.
///
/// # Errors
///
/// ENOENT when there is no such process, EACCES when it is not ours to look into, ESRCH when it
/// ends meanwhile. This holds for all of these functions.
pub fn namespaces(pid: Pid) -> Result<Namespaces> {
    Namespaces::read(&Proc::open(pid)?)
}

/// Who it is, and what it may do.
///
/// # Errors
///
/// As [`namespaces`].
pub fn status(pid: Pid) -> Result<Status> {
    Status::read(&Proc::open(pid)?)
}

/// Its root folder.
///
/// # Errors
///
/// As [`namespaces`].
pub fn root(pid: Pid) -> Result<Link> {
    Link::to_folder(&Proc::open(pid)?, "root")
}

/// Its working folder.
///
/// # Errors
///
/// As [`namespaces`].
pub fn cwd(pid: Pid) -> Result<Link> {
    Link::to_folder(&Proc::open(pid)?, "cwd")
}

/// Its program.
///
/// # Errors
///
/// As [`namespaces`].
pub fn exe(pid: Pid) -> Result<Link> {
    Link::read(&Proc::open(pid)?, "exe")
}

/// Its command line; of no words for one that has ended and for the kernel's own.
///
/// # Errors
///
/// As [`namespaces`].
pub fn command(pid: Pid) -> Result<Vec<OsString>> {
    view::words(&Proc::open(pid)?, "cmdline")
}

/// The environment that it was started with: `NAME=value`.
///
/// # Errors
///
/// As [`namespaces`].
pub fn environment(pid: Pid) -> Result<Vec<OsString>> {
    view::words(&Proc::open(pid)?, "environ")
}

/// What is mounted below its root.
///
/// # Errors
///
/// As [`namespaces`].
pub fn mounts(pid: Pid) -> Result<Vec<Mount>> {
    Mount::all(&Proc::open(pid)?)
}

/// The same for this process, also where `/proc` is not of its PID namespace and its number there is
/// another one's.
///
/// # Errors
///
/// Without `/proc`.
pub fn own_mounts() -> Result<Vec<Mount>> {
    Mount::all(&Proc::own()?)
}

/// Its place in each hierarchy of cgroups, and its limits.
///
/// # Errors
///
/// As [`namespaces`].
pub fn cgroups(pid: Pid) -> Result<Vec<Membership>> {
    Membership::all(&Proc::open(pid)?)
}

/// The network that it sees.
///
/// # Errors
///
/// As [`namespaces`]; EBUSY when its user namespace has to be entered, and this program has several
/// threads.
pub fn network(pid: Pid) -> Result<Network> {
    Network::read(&Proc::open(pid)?)
}

/// Its host name.
///
/// # Errors
///
/// As [`network`].
pub fn hostname(pid: Pid) -> Result<String> {
    view::hostname(&Proc::open(pid)?)
}

/// What it has open.
///
/// # Errors
///
/// As [`namespaces`].
pub fn descriptors(pid: Pid) -> Result<Vec<Descriptor>> {
    descriptors::all(&Proc::open(pid)?)
}

/// Its parent, the parent's parent, and so on up to PID 1.
///
/// # Errors
///
/// As [`namespaces`].
pub fn ancestors(pid: Pid) -> Result<Vec<Ancestor>> {
    family::ancestors(&Proc::open(pid)?)
}

/// Its children, in order.
///
/// # Errors
///
/// As [`namespaces`].
pub fn children(pid: Pid) -> Result<Vec<Pid>> {
    family::children(&Proc::open(pid)?)
}

/// Its children, their children, and so on: parents before children.
///
/// # Errors
///
/// As [`namespaces`].
pub fn descendants(pid: Pid) -> Result<Vec<Pid>> {
    family::descendants(&Proc::open(pid)?)
}
