//! Chapter 04: which limits can be set, and by this user?
//!
//! Where a cgroup may be made, and with which controllers, is the chapter's own decision
//! ([`cgroup_limits::place`]). Then one is made there, and removed at once. What the chapter does
//! besides (it hands out controllers, and moves processes out of the way) changes the cgroups of
//! others, and is left out. `cgroups(7)`.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::Result;
use cgroup_limits::hierarchy::{Controller, Hierarchy, Version};
use cgroup_limits::place::Place;
use nix::sched::{CloneFlags, CpuSet, sched_getaffinity};
use nix::unistd::{Pid, getpid};
use process::{Attempt, Process, sys};

use super::child::{Report, as_in_a_chapter};
use super::probe::{Probe, Refusal};
use super::texts;

const LIMITS: [(Controller, Probe); 3] = [
    (Controller::Memory, Probe::CgroupMemory),
    (Controller::Cpu, Probe::CgroupCpu),
    (Controller::Pids, Probe::CgroupPids),
];

const NAME: &str = "coracle-doctor-";

/// The controllers that the chapter limits by, and what v2 has besides.
pub(super) fn limits(report: &Report) {
    // Chosen as in a run: before there is a user namespace.
    let hierarchies = Hierarchy::all().unwrap_or_default();
    let chosen = LIMITS.map(|(controller, _)| Place::choose("doctor", &[controller]).map(drop));
    let places = Place::choose("doctor", &[]).unwrap_or_default();
    let is_root = process::rootless::caller().is_root();
    if as_in_a_chapter().is_err() {
        return;
    }
    let made: Vec<_> = places.iter().filter_map(|place| make(report, place)).collect();
    let there = LIMITS.map(|(it, _)| hierarchies.iter().find(|hierarchy| hierarchy.has(it)));
    // This machine can limit everything, and this user nothing.
    if let ([Err(error), Err(_), Err(_)], [Some(_), ..], false) = (&chosen, there, is_root) {
        return report.tell(Probe::CgroupDelegation, Some(Refusal::from(error)));
    }
    for (((_, probe), chosen), hierarchy) in LIMITS.into_iter().zip(chosen).zip(there) {
        let top = hierarchy.map(|hierarchy| hierarchy.top.as_path());
        let place = made.iter().find(|(base, _)| top.is_some_and(|top| base.starts_with(top)));
        match (chosen, place) {
            (Ok(()), Some((_, refusal))) => report.tell(probe, refusal.clone()),
            (chosen, _) => drop(report.tried(probe, chosen)),
        }
    }
}

/// Makes a cgroup where the chapter would, for a moment. Returns where, and how that went.
fn make(report: &Report, place: &Place) -> Option<(PathBuf, Option<Refusal>)> {
    // BASE/coracle/ID
    let base = place.group().path.parent()?.parent()?;
    sweep(base);
    let made = Cgroup::new(base);
    if let (Ok(cgroup), Version::Two) = (&made, place.group().version) {
        report.tried(Probe::CgroupKill, cgroup.has_kill());
        if let Some(born) = cgroup.is_birthplace() {
            report
                .tell(Probe::CloneIntoCgroup, (!born).then(|| Refusal::new(texts::BORN_ELSEWHERE)));
        }
        if let Some(kept) = cgroup.gives_processor() {
            report.tell(
                Probe::ProcessorsAtBirth,
                (!kept).then(|| Refusal::new(texts::OTHER_PROCESSORS)),
            );
        }
    }
    Some((base.into(), made.err().map(|error| Refusal::from(&error))))
}

/// A cgroup for this moment.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(base: &Path) -> Result<Self> {
        let folder = base.join(format!("{NAME}{}", getpid()));
        let made = fs::create_dir(&folder).map(|()| Self(folder.clone()));
        made.tried(&texts::TRIAL_CGROUP, format_args!("mkdir({folder:?})"))
    }

    fn has_kill(&self) -> Result<()> {
        let file = self.0.join("cgroup.kill");
        fs::metadata(&file).map(drop).tried(&texts::TRIAL, format_args!("stat({file:?})"))
    }

    /// Whether a process can be born into it; `None` where it may not be moved there either.
    fn is_birthplace(&self) -> Option<bool> {
        let is_inside = || {
            let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
            let name = self.0.file_name().unwrap_or_default().to_string_lossy();
            own.lines().any(|line| line.starts_with("0::") && line.ends_with(&*name))
        };
        let join = || fs::write(self.0.join("cgroup.procs"), "0");
        match self.child(|| if is_inside() { 0 } else { 1 + u8::from(join().is_err()) })? {
            0 => Some(true),
            1 => Some(false),
            _ => None,
        }
    }

    /// Whether who is born into it keeps to the one processor that it is given; `None` where there is no
    /// such choice.
    fn gives_processor(&self) -> Option<bool> {
        // What it may give, `0-1,4` (cgroups(7)).
        let all = fs::read_to_string(self.0.join("cpuset.cpus.effective")).ok()?;
        let (_, last) = all.trim().rsplit_once([',', '-'])?;
        fs::write(self.0.join("cpuset.cpus"), last).ok()?;
        let mut expected = CpuSet::new();
        expected.set(last.parse().ok()?).ok()?;
        let kept = self.child(|| u8::from(sched_getaffinity(Pid::this()) == Ok(expected)))?;
        Some(kept == 1)
    }

    /// What a process says that is born into it.
    fn child(&self, says: impl FnOnce() -> u8) -> Option<u8> {
        let folder = File::open(&self.0).ok()?;
        let child = Process::spawn(CloneFlags::empty(), Some(folder.as_fd()), says).ok()?;
        sys::waitid(child.as_fd()).ok()?.status.try_into().ok()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The kernel may hold on to a process that has just ended in it.
        for _ in 0..100 {
            match fs::remove_dir(&self.0) {
                Err(error) if error.kind() == ErrorKind::ResourceBusy => {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                _ => return,
            }
        }
    }
}

/// Removes what a doctor left that was killed.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(NAME));
        if number.is_some_and(|number| !Path::new("/proc").join(number).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}
