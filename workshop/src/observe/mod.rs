//! Stand-in until the observation library is merged.

#![allow(missing_docs)]

use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use nix::unistd::Pid;

pub struct Signals(u64);
impl Signals {
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }
}
impl fmt::Display for Signals {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
pub struct Status {
    pub ppid: Pid,
    pub blocked: Signals,
    pub ignored: Signals,
}
pub fn status(pid: Pid) -> Result<Status> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let get = |key: &str| {
        text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(":\t")).unwrap_or("").to_owned()
    };
    let hex = |key| Signals(u64::from_str_radix(&get(key), 16).unwrap_or(0));
    Ok(Status {
        ppid: Pid::from_raw(get("PPid").parse()?),
        blocked: hex("SigBlk"),
        ignored: hex("SigIgn"),
    })
}
pub struct Descriptor {
    pub number: i32,
    pub target: String,
}
pub fn descriptors(pid: Pid) -> Result<Vec<Descriptor>> {
    let mut v = Vec::new();
    for e in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let e = e?;
        v.push(Descriptor {
            number: e.file_name().to_string_lossy().parse()?,
            target: fs::read_link(e.path()).map(|t| t.display().to_string()).unwrap_or_default(),
        });
    }
    Ok(v)
}
pub struct Mount {
    pub target: PathBuf,
    read_only: bool,
}
impl Mount {
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }
}
pub fn mounts(pid: Pid) -> Result<Vec<Mount>> {
    let text = fs::read_to_string(format!("/proc/{pid}/mountinfo"))?;
    Ok(text
        .lines()
        .map(|l| {
            let w: Vec<_> = l.split(' ').collect();
            Mount { target: w[4].into(), read_only: w[5].split(',').any(|o| o == "ro") }
        })
        .collect())
}
