//! Who started whom: a process's parents and children (`proc_pid_task(5)`, `children`).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use nix::unistd::Pid;
use process::Attempt;
use serde::Serialize;

use super::proc::Proc;
use super::status::Status;
use super::{text, texts};

/// A process's parent, or the parent's parent, and so on up to PID 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ancestor {
    /// Its number.
    #[serde(serialize_with = "text::number")]
    pub pid: Pid,
    /// Its name.
    #[serde(serialize_with = "text::name")]
    pub name: OsString,
    /// Its program, where we may know it.
    #[serde(serialize_with = "text::some_path")]
    pub exe: Option<PathBuf>,
}

/// From the parent up; ends early where one can't be seen.
pub(super) fn ancestors(process: &Proc) -> Result<Vec<Ancestor>> {
    let mut found = Vec::<Ancestor>::new();
    let mut parent = Status::read(process)?.parent;
    // Numbers may be given away while we look: never round in circles.
    while parent.as_raw() > 0 && found.iter().all(|ancestor| ancestor.pid != parent) {
        let Ok(process) = Proc::open(parent) else { break };
        let Ok(status) = Status::read(&process) else { break };
        let exe = process.try_link("exe").ok().map(PathBuf::from);
        found.push(Ancestor { pid: parent, name: status.name, exe });
        parent = status.parent;
    }
    Ok(found)
}

/// The children of all of its threads, in order.
pub(super) fn children(process: &Proc) -> Result<Vec<Pid>> {
    let mut found = BTreeSet::<i32>::new();
    for thread in process.names("task")? {
        match process.text(&format!("task/{thread}/children")) {
            Ok(text) => {
                let numbers = text.split_whitespace().map(str::parse::<i32>);
                found.extend(numbers.filter_map(Result::ok));
            }
            // The thread has ended, or the kernel was built without this file.
            Err(_) => return by_parent(process.pid()),
        }
    }
    Ok(found.into_iter().map(Pid::from_raw).collect())
}

/// The same by asking every process for its parent.
fn by_parent(parent: Pid) -> Result<Vec<Pid>> {
    let is_child = |pid: &Pid| {
        Proc::open(*pid).and_then(|it| Status::read(&it)).is_ok_and(|it| it.parent == parent)
    };
    Ok(all()?.into_iter().filter(is_child).collect())
}

/// Every process that `/proc` shows, in order.
///
/// # Errors
///
/// Without `/proc`.
pub fn all() -> Result<Vec<Pid>> {
    let entries = fs::read_dir("/proc").tried(&texts::READ, "open(\"/proc\")")?;
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.collect::<BTreeSet<i32>>().into_iter().map(Pid::from_raw).collect())
}

/// Its children, their children, and so on: parents before children.
pub(super) fn descendants(process: &Proc) -> Result<Vec<Pid>> {
    let mut found = children(process)?;
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        next += 1;
        // One that has ended meanwhile has no children.
        let more = Proc::open(pid).and_then(|process| children(&process)).unwrap_or_default();
        for child in more {
            if !found.contains(&child) {
                found.push(child);
            }
        }
    }
    Ok(found)
}
