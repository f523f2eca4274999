//! Stand-in until the observation library is merged.

#![allow(missing_docs)]

use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use nix::unistd::Pid;

pub struct Signals(u64);
impl Signals {
    pub fn contains(&self, signal: i32) -> bool {
        self.0 & 1 << (signal - 1) != 0
    }
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
    pub caught: Signals,
    pub nspid: Vec<i32>,
    pub state: char,
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
        caught: hex("SigCgt"),
        nspid: get("NSpid").split_whitespace().filter_map(|n| n.parse().ok()).collect(),
        state: get("State").chars().next().unwrap_or('?'),
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
#[derive(Default)]
pub struct Propagation {
    pub shared: Option<u64>,
}
pub struct Mount {
    pub device: String,
    pub root: PathBuf,
    pub propagation: Propagation,
    pub target: PathBuf,
    read_only: bool,
}
impl Mount {
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }
}
pub fn mounts(pid: Pid) -> Result<Vec<Mount>> {
    Ok(parse_mounts(&fs::read_to_string(format!("/proc/{pid}/mountinfo"))?))
}
pub fn parse_mounts(text: &str) -> Vec<Mount> {
    text.lines()
        .map(|l| {
            let w: Vec<_> = l.split(' ').collect();
            let shared = w.iter().find_map(|o| o.strip_prefix("shared:")?.parse().ok());
            Mount {
                device: w[2].into(),
                root: w[3].into(),
                propagation: Propagation { shared },
                target: w[4].into(),
                read_only: w[5].split(',').any(|o| o == "ro"),
            }
        })
        .collect()
}
