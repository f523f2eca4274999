//! How much of the machine the sandbox may use.
//!
//! A cgroup counts memory and processes of all that is in it, whoever they belong to (chapter 04).
//! Where we can't have one, as an ordinary user without delegated cgroups, `setrlimit(2)` has to do:
//! it counts the processes of the user, and the memory of each process for itself. On most kernels each
//! user namespace has a count of its own, with nobody in it but the sandbox
//! ([`PROCESSES_BY_NAMESPACE`](process::kernel::PROCESSES_BY_NAMESPACE)).

use std::fs;

use anyhow::Result;
use cgroup_limits::Cgroup;
use cgroup_limits::limits::Limits;
use cgroup_limits::size::{Size, Swap};
use nix::sched::CloneFlags;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use process::{Attempt, Mechanism, Process};
use uts_net::RunFolder;

use super::texts;

/// Bytes.
const MEMORY: u64 = 2 << 30;
/// Processes and threads.
const PROCESSES: u64 = 1000;
/// The same where what the user has outside of the sandbox counts as well.
const WITH_OTHERS: u64 = 10 * PROCESSES;
/// A sandbox begins with fewer, and whoever works at a desktop has more.
const FEW: u64 = 100;

/// The sandbox's cgroup: with limits if we may set them.
///
/// # Errors
///
/// When the cgroups that there are can't be read.
pub fn cgroup(run: &RunFolder) -> Result<Cgroup> {
    // Everybody's share and all processors are no limits, but so those controllers are at hand, too.
    let shares = Limits { shares: Some(1024), ..limits() };
    let all = Limits { cpuset: processors(), ..shares.clone() };
    let mut choices = [all, shares, limits()].into_iter();
    let cgroup = choices.find_map(|limits| Cgroup::new(run, limits).ok());
    let cgroup = cgroup.map_or_else(|| Cgroup::new(run, Limits::default()), Ok)?;
    // What was killed in there, and why, the program in it says itself.
    Ok(cgroup.quiet())
}

/// The limits that need one.
#[must_use]
pub fn limits() -> Limits {
    Limits {
        memory: Some(Size(MEMORY)),
        swap: Some(Swap::Total(Size(MEMORY))),
        pids: Some(PROCESSES),
        ..Limits::default()
    }
}

/// Those that we may run on ourselves.
fn processors() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    Some(list.trim().to_owned())
}

/// The limits that need no cgroup.
#[derive(Debug)]
pub struct Bounds;

impl Mechanism for Bounds {
    fn enter(&mut self) -> Result<()> {
        // If the machine has no memory left, the kernel is to begin here (proc_pid_oom_score_adj(5)).
        let _ = fs::write("/proc/self/oom_score_adj", "500");
        // A core file of each crash would fill the disk.
        lower(Resource::RLIMIT_CORE, 0)?;
        lower(Resource::RLIMIT_FSIZE, 4 << 30)?;
        lower(Resource::RLIMIT_DATA, MEMORY)?;
        // It does not hold for root, who has a cgroup.
        let processes = if counts_few()? { PROCESSES } else { WITH_OTHERS };
        lower(Resource::RLIMIT_NPROC, processes)
    }
}

/// Whether the kernel counts few processes as the user's: under a limit of so many there is room for
/// one more.
fn counts_few() -> Result<bool> {
    const ALL: Resource = Resource::RLIMIT_NPROC;
    let (soft, hard) = getrlimit(ALL).tried(&texts::LIMIT, "getrlimit(RLIMIT_NPROC)")?;
    let set = |soft| setrlimit(ALL, soft, hard).tried(&texts::LIMIT, "setrlimit(RLIMIT_NPROC)");
    set(soft.min(FEW as rlim_t))?;
    let one_more = Process::spawn(CloneFlags::empty(), None, || 0);
    set(soft)?;
    // No room is an answer, too.
    one_more.map_or(Ok(false), |process| process.wait().map(|_| true))
}

fn lower(resource: Resource, to: u64) -> Result<()> {
    let call = |name: &str| format!("{name}({resource:?}, {to})");
    let (soft, hard) = getrlimit(resource).tried(&texts::LIMIT, call("getrlimit"))?;
    // On a 32-bit machine there is no more than that to be had anyway.
    let to = rlim_t::try_from(to).unwrap_or(rlim_t::MAX);
    setrlimit(resource, soft.min(to), hard.min(to)).tried(&texts::LIMIT, call("setrlimit"))
}
