//! `ns`: which namespaces a process is in.
//!
//! Every process is in one namespace of each kind, always; a child starts in its parent's. The
//! kernel shows them as links in `/proc/PID/ns` (`namespaces(7)`). A link's number is the
//! namespace's inode: two processes with the same number share the namespace.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

use anyhow::Result;
use nix::errno::Errno;

use crate::failure::Attempt;
use crate::texts;

/// The eight kinds, in the order of `/proc/PID/ns`.
pub const KINDS: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// The namespaces of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespaces {
    /// The process's number.
    pub pid: u32,
    /// The namespaces' inode numbers, in the order of [`KINDS`]; `None` for a kind that this
    /// kernel does not have (`time` came with Linux 5.6).
    pub inodes: [Option<u64>; 8],
}

impl Namespaces {
    /// Reads `/proc/PID/ns`.
    ///
    /// # Errors
    ///
    /// ENOENT when there is no such process, EACCES when it is not ours to look into.
    pub fn of(pid: u32) -> Result<Self> {
        let mut inodes = [None; 8];
        for (inode, kind) in inodes.iter_mut().zip(KINDS) {
            let link = PathBuf::from(format!("/proc/{pid}/ns/{kind}"));
            // Where this is not ours to look into, Linux 5.10 answers with nothing instead of EACCES.
            let read = fs::read_link(&link).and_then(|text| match text.as_os_str().is_empty() {
                true => Err(Errno::EACCES.into()),
                false => Ok(text),
            });
            *inode = match read {
                // "pid:[4026531836]"
                Ok(text) => text
                    .to_string_lossy()
                    .split_once('[')
                    .and_then(|(_, number)| number.strip_suffix(']')?.parse().ok()),
                // The folder is there, this kind is not.
                Err(error) if error.kind() == io::ErrorKind::NotFound && pid_exists(pid) => None,
                Err(error) => {
                    Err(error).tried(&texts::NAMESPACE_LINKS, format_args!("readlink({link:?})"))?
                }
            };
        }
        Ok(Self { pid, inodes })
    }
}

fn pid_exists(pid: u32) -> bool {
    PathBuf::from(format!("/proc/{pid}/ns")).exists()
}

/// A process's namespaces beside another's, as a table.
pub struct Compared<'a> {
    /// The process in question.
    pub process: &'a Namespaces,
    /// The one to compare with, if there is one that we may look into.
    pub with: Option<&'a Namespaces>,
}

impl fmt::Display for Compared<'_> {
    /// Each namespace as its link reads: `pid -> pid:[4026531836]`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { process, with } = self;
        let (namespace, compared) = ("NAMESPACE", texts::as_process(with.map(|with| with.pid)));
        writeln!(f, "{namespace:<29} {compared:<13} {}", texts::WHAT_IT_HOLDS)?;
        for (place, (kind, holds)) in KINDS.iter().zip(texts::NAMESPACES).enumerate() {
            let (id, same) = match process.inodes[place] {
                Some(inode) => (
                    format!("{kind}:[{inode}]"),
                    with.map_or("?", |with| texts::same(with.inodes[place] == Some(inode))),
                ),
                None => (texts::NO_SUCH_KIND.into(), ""),
            };
            writeln!(f, "{kind:<6} -> {id:<19} {same:<13} {holds}")?;
        }
        Ok(())
    }
}
