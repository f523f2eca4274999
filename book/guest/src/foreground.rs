//! Who is in the foreground of a terminal.

use std::fs;

use anyhow::{Context, Result};
use nix::unistd::Pid;
use serde::Serialize;

/// A process, as the page shows it.
#[derive(Serialize)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    command: String,
}

/// The newest process of a group: of a shell that waits the shell itself, of a command the command,
/// and of a program that has made a container the container's process.
pub(crate) fn newest(group: Pid) -> Result<Process> {
    let entries = fs::read_dir("/proc").context("/proc can't be read")?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let newest = pids
        .filter_map(|pid: i32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // What follows the name, which is in brackets and may be anything (proc_pid_stat(5)).
            let fields: Vec<_> = stat.rsplit_once(") ")?.1.split(' ').collect();
            let (state, of, start) = (fields[0], fields[2].parse().ok()?, fields[19].parse().ok()?);
            (state != "Z" && group == Pid::from_raw(of)).then_some((start, pid))
        })
        .max_by_key(|(start, pid): &(u64, i32)| (*start, *pid));
    let (_, pid) = newest.context("the terminal's processes have ended")?;
    let words = fs::read(format!("/proc/{pid}/cmdline")).context("the process has ended")?;
    let words = String::from_utf8_lossy(&words);
    Ok(Process { pid, command: words.trim_end_matches('\0').replace('\0', " ") })
}
