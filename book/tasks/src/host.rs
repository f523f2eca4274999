//! The reader's machine, seen from inside.
//!
//! What a reader takes for his machine is a set of namespaces. To see numbers and paths as he does,
//! a process joins them all and looks around. It has a list of mounts of its own (a copy) with a
//! fresh `/proc` in it: whatever the reader has mounted over his own, the look is not spoilt.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use coracle::lessons::look::link;
use coracle::observe::mounts::{self, Mount};
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{Pid, chdir, pipe2};
use process::{Attempt, Process};
use serde_json::Value;

use crate::texts;

/// The kinds that are joined. (A user namespace of its own the reader's machine does not have.)
const KINDS: [(&str, CloneFlags); 6] = [
    ("pid", CloneFlags::CLONE_NEWPID),
    ("cgroup", CloneFlags::CLONE_NEWCGROUP),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("net", CloneFlags::CLONE_NEWNET),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("mnt", CloneFlags::CLONE_NEWNS),
];

/// The reader's machine.
#[derive(Debug)]
pub struct Host {
    /// The links of its namespaces: `mnt`, `mnt:[4026531841]`.
    links: Vec<(&'static str, String)>,
    /// What is mounted on it.
    pub mounts: Vec<Mount>,
    /// Whether its `/proc` shows its own processes, and not those of another PID namespace.
    pub proc_is_its_own: bool,
}

impl Host {
    /// Lets `body` look around on the machine of which `host` is a process, in a process of its own.
    ///
    /// # Errors
    ///
    /// When the namespaces can't be joined, and what `body` fails with.
    pub fn visit(host: Pid, body: impl FnOnce(&Self) -> Result<Value>) -> Result<Value> {
        let (news, tell) = pipe2(OFlag::O_CLOEXEC).tried(&texts::LOOK, "pipe2(O_CLOEXEC)")?;
        let (mut news, mut tell) = (File::from(news), File::from(tell));
        // Only a child is born into another PID namespace. So there are two of them.
        let process = Process::spawn(CloneFlags::empty(), None, || {
            let told = Self::join(host).and_then(|mut seen| {
                let inside = Process::spawn(CloneFlags::empty(), None, || {
                    seen.proc_is_its_own &= knows_us();
                    let answer = fresh_proc().and_then(|()| body(&seen));
                    let _ = tell.write_all(line(&answer).as_bytes());
                    0
                })?;
                inside.wait().map(|_| ())
            });
            if let Err(error) = told {
                let _ = tell.write_all(line(&Err(error)).as_bytes());
            }
            0
        })?;
        drop(tell);
        let mut text = String::new();
        let read = news.read_to_string(&mut text);
        process.wait()?;
        read.context(texts::NO_ANSWER)?;
        let answer: Result<Value, String> =
            serde_json::from_str(&text).context(texts::NO_ANSWER)?;
        answer.map_err(|error| anyhow!(error))
    }

    /// Moves this process, and the children that it will have, onto the machine.
    fn join(host: Pid) -> Result<Self> {
        // Perhaps we are on it already, and the reader has mounted another's /proc over its own.
        let proc_is_its_own = knows_us();
        if !proc_is_its_own {
            fresh_proc()?;
        }
        let path = format!("/proc/{host}/mountinfo");
        let text = fs::read(&path).tried(&texts::LOOK, format_args!("read({path:?})"))?;
        let links = KINDS.map(|(kind, _)| (kind, link(host, &format!("ns/{kind}"))));
        // All are opened first: after the first ones `/proc` may be another.
        let open = |(kind, flag)| {
            let path = format!("/proc/{host}/ns/{kind}");
            let file = File::open(&path).tried(&texts::LOOK, format_args!("open({path:?})"))?;
            Ok((file, flag))
        };
        let all = KINDS.into_iter().map(open).collect::<Result<Vec<_>>>()?;
        for (namespace, flag) in all {
            setns(namespace, flag).tried(&texts::LOOK, format_args!("setns({flag:?})"))?;
        }
        Ok(Self { links: links.into(), mounts: mounts::parse(&text), proc_is_its_own })
    }

    /// Where the link of its own namespace of this kind leads to.
    #[must_use]
    pub fn link(&self, kind: &str) -> &str {
        let link = self.links.iter().find(|(its, _)| *its == kind);
        link.map_or("", |(_, link)| link)
    }

    /// What is mounted on this folder: the last one is to be seen.
    pub fn mounted(&self, folder: &Path) -> impl DoubleEndedIterator<Item = &Mount> {
        self.mounts.iter().filter(move |mount| mount.target == folder)
    }
}

fn line(answer: &Result<Value>) -> String {
    let answer = answer.as_ref().map_err(|error| format!("{error:#}"));
    serde_json::to_string(&answer).unwrap_or_default()
}

/// Where the `/proc` of another PID namespace is mounted, nobody finds himself in it.
fn knows_us() -> bool {
    Path::new("/proc/self/stat").exists()
}

/// A list of mounts of our own, with a `/proc` that shows our own processes.
fn fresh_proc() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).tried(&texts::LOOK, "unshare(CLONE_NEWNS)")?;
    let none = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(none, "/", none, private, none).tried(&texts::LOOK, "mount(\"/\", MS_PRIVATE)")?;
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), none)
        .tried(&texts::LOOK, "mount(\"/proc\")")?;
    chdir("/").tried(&texts::LOOK, "chdir(\"/\")")
}
