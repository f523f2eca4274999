//! What only those inside of a namespace can ask for: an errand into it (`setns(2)`).
//!
//! One *thread* can change its network or UTS namespace and leave the others where they are. So the
//! errand is a thread's, which ends with it. Where the namespace belongs to a user namespace that is
//! not ours, only those in that one may enter, unless we are root above it. A user namespace can be
//! entered only by a process that has one thread: a copy of ours (`clone(2)`), which hands over what
//! it found through a pipe.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::thread;

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, setns};
use nix::unistd::pipe2;
use process::{Attempt, Process, failure};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::namespaces::Kind;
use super::proc::Proc;
use super::texts;

/// Runs `errand` in the process's namespace of this kind: `Net` or `Uts`.
pub(super) fn within<T>(process: &Proc, kind: Kind, errand: fn() -> Result<T>) -> Result<T>
where
    T: Serialize + DeserializeOwned + Send,
{
    let call = format!("setns({:?})", process.path(&format!("ns/{kind}")));
    match by_thread(process, kind, errand) {
        Ok(found) => found,
        Err(Errno::EPERM) => by_child(process, kind, errand, &call),
        Err(errno) => Err(errno).tried(&texts::ENTER, call),
    }
}

fn open(process: &Proc, kind: Kind) -> nix::Result<OwnedFd> {
    process.try_open(&format!("ns/{kind}"), OFlag::O_RDONLY)
}

fn flag(kind: Kind) -> CloneFlags {
    match kind {
        Kind::Net => CloneFlags::CLONE_NEWNET,
        Kind::Uts => CloneFlags::CLONE_NEWUTS,
        Kind::User => CloneFlags::CLONE_NEWUSER,
        // Of no use to a thread, or not allowed to one: setns(2) takes 0 for "any" and says so.
        _ => CloneFlags::empty(),
    }
}

/// The outer error is that of entering.
fn by_thread<T: Send>(
    process: &Proc,
    kind: Kind,
    errand: fn() -> Result<T>,
) -> nix::Result<Result<T>> {
    let namespace = open(process, kind)?;
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, || {
            setns(&namespace, flag(kind))?;
            Ok(errand())
        });
        let thread = thread.map_err(|_| Errno::EAGAIN)?;
        thread.join().unwrap_or_else(|_| Ok(Err(anyhow!(texts::NO_ANSWER))))
    })
}

fn by_child<T: Serialize + DeserializeOwned>(
    process: &Proc,
    kind: Kind,
    errand: fn() -> Result<T>,
    call: &str,
) -> Result<T> {
    let tried = |call: &str| call.to_owned();
    let user = open(process, Kind::User).tried(&texts::ENTER, tried(call))?;
    let namespace = open(process, kind).tried(&texts::ENTER, tried(call))?;
    let (output, input) = pipe2(OFlag::O_CLOEXEC).tried(&texts::ENTER, "pipe2(O_CLOEXEC)")?;
    let mut input = File::from(input);
    let child = Process::spawn(CloneFlags::empty(), None, || {
        let entered = setns(&user, flag(Kind::User)).and_then(|()| setns(&namespace, flag(kind)));
        let found = entered.tried(&texts::ENTER, call).and_then(|()| errand());
        let found = found.map_err(|why| format!("{why:#}"));
        match serde_json::to_writer(&mut input, &found).is_ok() && input.flush().is_ok() {
            true => 0,
            false => failure::NOT_MADE,
        }
    })?;
    drop(input);
    let mut answer = Vec::new();
    let read = File::from(output).read_to_end(&mut answer);
    child.wait()?;
    read.context(texts::NO_ANSWER)?;
    let found: Result<T, String> = serde_json::from_slice(&answer).context(texts::NO_ANSWER)?;
    found.map_err(|why| anyhow!(why))
}
