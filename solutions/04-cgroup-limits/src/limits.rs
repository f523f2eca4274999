//! The limits, and what is written into which file to set them.
//!
//! A limit is a number in a file of the cgroup's folder. Which file, and what number, differs between
//! the two versions; the kernel's `Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/` list
//! them. The kernel holds the *group* to it: all processes in it together.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};
use nix::sys::stat::{SFlag, major, minor, stat};
use process::Attempt;

use crate::hierarchy::{Controller, Version};
use crate::size::{Cpus, Size, Swap};
use crate::texts;

/// Docker's least: below it a container does not even start.
const LEAST_MEMORY: Size = Size(6 << 20);

/// The stretch of time within which a group may use up its share: 100 ms, in microseconds. The
/// kernel's own default.
const PERIOD: u32 = 100_000;

/// What a container may use. `None` is no limit.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Memory.
    pub memory: Option<Size>,
    /// Memory and swap together. With a limit on memory and none here it is twice that: Docker's
    /// default.
    pub swap: Option<Swap>,
    /// How many processors' time.
    pub cpus: Option<Cpus>,
    /// The share of the time when others want it too; 1024 is everybody's.
    pub shares: Option<u64>,
    /// The processors to run on, as a list: `0-3,8`.
    pub cpuset: Option<String>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// Bytes a second read from a disk.
    pub read: Vec<Throttle>,
    /// Bytes a second written to a disk.
    pub write: Vec<Throttle>,
}

/// A limit on one disk.
#[derive(Debug, Clone)]
pub struct Throttle {
    device: PathBuf,
    /// Bytes a second.
    rate: Size,
}

impl FromStr for Throttle {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (device, rate) = text.rsplit_once(':').with_context(|| texts::bad_throttle(text))?;
        ensure!(device.starts_with("/dev/"), texts::bad_throttle(text));
        Ok(Self { device: device.into(), rate: rate.parse()? })
    }
}

/// One file, and what is to be written into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The file's name.
    pub file: &'static str,
    /// The text.
    pub value: String,
}

impl Setting {
    fn new(file: &'static str, value: impl ToString) -> Self {
        Self { file, value: value.to_string() }
    }

    /// Whether it is about swap, which a kernel may be unable to count.
    #[must_use]
    pub fn is_swap(&self) -> bool {
        ["memory.swap.max", "memory.memsw.limit_in_bytes"].contains(&self.file)
    }
}

impl Limits {
    /// Looks for contradictions.
    ///
    /// # Errors
    ///
    /// The first that is found.
    pub fn check(&self) -> Result<()> {
        if let Some(memory) = self.memory {
            ensure!(memory >= LEAST_MEMORY, texts::too_little_memory(LEAST_MEMORY));
        }
        if let Some(swap) = self.swap {
            let memory = self.memory.context(texts::SWAP_ALONE)?;
            let enough = match swap {
                Swap::Unlimited => true,
                Swap::Total(total) => total >= memory,
            };
            ensure!(enough, texts::SWAP_BELOW_MEMORY);
        }
        if let Some(list) = &self.cpuset {
            let plain = |c: char| c.is_ascii_digit() || c == ',' || c == '-';
            ensure!(list.chars().all(plain), texts::bad_list(list));
        }
        let throttles = self.read.iter().chain(&self.write);
        throttles.map(Throttle::device_number).collect::<Result<Vec<_>>>().map(drop)
    }

    /// The controllers that are needed for what is asked.
    #[must_use]
    pub fn controllers(&self) -> Vec<Controller> {
        let wanted = [
            (Controller::Memory, self.memory.is_some()),
            (Controller::Cpu, self.cpus.is_some() || self.shares.is_some()),
            (Controller::CpuSet, self.cpuset.is_some()),
            (Controller::Pids, self.pids.is_some()),
            (Controller::Io, !self.read.is_empty() || !self.write.is_empty()),
        ];
        wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(controller, _)| controller).collect()
    }

    /// What has to be written to set the limits that this controller is for, in this order.
    ///
    /// # Errors
    ///
    /// When a disk that is named is gone.
    pub fn settings(&self, controller: Controller, version: Version) -> Result<Vec<Setting>> {
        match controller {
            Controller::Memory => Ok(self.memory.map_or(Vec::new(), |memory| {
                vec![Self::memory_limit(memory, version), self.swap_limit(memory, version)]
            })),
            Controller::Cpu => {
                let limit = self.cpus.map_or(Vec::new(), |cpus| Self::cpu_limit(cpus, version));
                Ok(limit.into_iter().chain(self.shares.map(|n| shares(n, version))).collect())
            }
            Controller::CpuSet => {
                Ok(self.cpuset.iter().map(|list| Setting::new("cpuset.cpus", list)).collect())
            }
            Controller::Pids => Ok(self.pids.map(Self::pids_limit).into_iter().collect()),
            Controller::Io => self.throttles(version),
            Controller::CpuTime | Controller::Freezer => Ok(Vec::new()),
        }
    }

    fn memory_limit(memory: Size, version: Version) -> Setting {
        // ANCHOR: memory_limit
        // EXERCISE memory_limit: limit the memory
        //   A `Setting` is a file's name and what is written into it: `Setting::new(name, number)`.
        //   The limit is a number of bytes: `memory.0`. On `Version::Two` the file is called
        //   `memory.max`, on `Version::One` `memory.limit_in_bytes`.
        match version {
            Version::One => Setting::new("memory.limit_in_bytes", memory.0),
            Version::Two => Setting::new("memory.max", memory.0),
        }
        // ANCHOR_END: memory_limit
    }

    /// v1 counts memory and swap together, and refuses less than the limit on memory, which must
    /// therefore be set before. v2 counts swap alone.
    fn swap_limit(&self, memory: Size, version: Version) -> Setting {
        let twice = Swap::Total(Size(memory.0.saturating_mul(2)));
        match (version, self.swap.unwrap_or(twice)) {
            (Version::One, Swap::Unlimited) => Setting::new("memory.memsw.limit_in_bytes", -1),
            (Version::One, Swap::Total(total)) => {
                Setting::new("memory.memsw.limit_in_bytes", total.0)
            }
            (Version::Two, Swap::Unlimited) => Setting::new("memory.swap.max", "max"),
            (Version::Two, Swap::Total(total)) => {
                Setting::new("memory.swap.max", total.0.saturating_sub(memory.0))
            }
        }
    }

    fn cpu_limit(cpus: Cpus, version: Version) -> Vec<Setting> {
        // ANCHOR: cpu_limit
        // EXERCISE cpu_limit: limit the processors' time
        //   The kernel knows no "half a processor", but a quota in every period, both in
        //   microseconds: in each `PERIOD` the group may run for `cpus.0` times as long, rounded to
        //   a whole number. (With 2 processors' time that is more than the period.) On v2 both
        //   stand in one file: "QUOTA PERIOD" in `cpu.max`. On v1 these are two files,
        //   `cpu.cfs_period_us` and `cpu.cfs_quota_us`.
        let quota = (cpus.0 * f64::from(PERIOD)).round();
        match version {
            Version::One => vec![
                Setting::new("cpu.cfs_period_us", PERIOD),
                Setting::new("cpu.cfs_quota_us", quota),
            ],
            Version::Two => vec![Setting::new("cpu.max", format!("{quota} {PERIOD}"))],
        }
        // ANCHOR_END: cpu_limit
    }

    fn pids_limit(most: u64) -> Setting {
        // ANCHOR: pids_limit
        // EXERCISE pids_limit: stop the fork bomb
        //   One file in both versions, `pids.max`: how many processes and threads there may be.
        Setting::new("pids.max", most)
        // ANCHOR_END: pids_limit
    }

    /// A file that is written once for each disk: "MAJOR:MINOR rbps=1048576" on v2, and without
    /// the name on v1, where each kind has a file of its own.
    fn throttles(&self, version: Version) -> Result<Vec<Setting>> {
        let kinds = [
            (&self.read, "blkio.throttle.read_bps_device", "rbps="),
            (&self.write, "blkio.throttle.write_bps_device", "wbps="),
        ];
        let mut settings = Vec::new();
        for (throttles, file, key) in kinds {
            for throttle in throttles {
                let (device, rate) = (throttle.device_number()?, throttle.rate.0);
                settings.push(match version {
                    Version::One => Setting::new(file, format!("{device} {rate}")),
                    Version::Two => Setting::new("io.max", format!("{device} {key}{rate}")),
                });
            }
        }
        Ok(settings)
    }
}

impl Throttle {
    /// The kernel's name for the disk: `8:0`.
    fn device_number(&self) -> Result<String> {
        let Self { device, rate } = self;
        ensure!(rate.0 > 0, texts::bad_throttle(&format!("{}:0", device.display())));
        let found = stat(device).tried(&texts::DISK, format_args!("stat({device:?})"))?;
        let is_disk = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFBLK;
        ensure!(is_disk, texts::no_disk(device));
        Ok(format!("{}:{}", major(found.st_rdev), minor(found.st_rdev)))
    }
}

/// Docker speaks v1's language: 2 to 262144, usually 1024. v2 has weights, 1 to 10000, usually 100.
/// A straight line from the ends of one range to the ends of the other, as Kubernetes and crun have
/// drawn it; newer runcs draw a curve, on which 1024 becomes 100.
fn shares(shares: u64, version: Version) -> Setting {
    let shares = shares.clamp(2, 262_144);
    match version {
        Version::One => Setting::new("cpu.shares", shares),
        Version::Two => Setting::new("cpu.weight", 1 + (shares - 2) * 9_999 / 262_142),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(limits: &Limits, version: Version) -> Vec<String> {
        let settings = limits
            .controllers()
            .into_iter()
            .map(|controller| limits.settings(controller, version).expect("settings").into_iter());
        settings.flatten().map(|Setting { file, value }| format!("{file} = {value}")).collect()
    }

    fn all() -> Limits {
        Limits {
            memory: Some(Size(64 << 20)),
            swap: None,
            cpus: Some(Cpus(0.5)),
            shares: Some(1024),
            cpuset: Some("0-1".into()),
            pids: Some(32),
            read: Vec::new(),
            write: Vec::new(),
        }
    }

    #[test]
    fn on_v2() {
        let expected = [
            "memory.max = 67108864",
            "memory.swap.max = 67108864",
            "cpu.max = 50000 100000",
            "cpu.weight = 39",
            "cpuset.cpus = 0-1",
            "pids.max = 32",
        ];
        assert_eq!(written(&all(), Version::Two), expected);
    }

    #[test]
    fn on_v1() {
        let expected = [
            "memory.limit_in_bytes = 67108864",
            "memory.memsw.limit_in_bytes = 134217728",
            "cpu.cfs_period_us = 100000",
            "cpu.cfs_quota_us = 50000",
            "cpu.shares = 1024",
            "cpuset.cpus = 0-1",
            "pids.max = 32",
        ];
        assert_eq!(written(&all(), Version::One), expected);
    }

    #[test]
    fn swap_is_the_total_less_the_memory() {
        let limits = |swap| Limits { memory: Some(Size(64 << 20)), swap, ..Limits::default() };
        let last = |swap, version| written(&limits(Some(swap)), version).pop();
        let same = Swap::Total(Size(64 << 20));
        assert_eq!(last(same, Version::Two).as_deref(), Some("memory.swap.max = 0"));
        assert_eq!(
            last(same, Version::One).as_deref(),
            Some("memory.memsw.limit_in_bytes = 67108864")
        );
        assert_eq!(last(Swap::Unlimited, Version::Two).as_deref(), Some("memory.swap.max = max"));
        assert!(limits(Some(same)).check().is_ok());
        assert!(limits(Some(Swap::Total(Size(63 << 20)))).check().is_err());
        assert!(Limits { swap: Some(same), ..Limits::default() }.check().is_err());
    }

    #[test]
    fn the_ends_of_the_shares_are_the_ends_of_the_weights() {
        let weight = |n| shares(n, Version::Two).value;
        assert_eq!(
            [weight(2), weight(1), weight(262_144), weight(u64::MAX)].join(" "),
            "1 1 10000 10000"
        );
    }

    #[test]
    fn nothing_asked_is_nothing_written() {
        assert!(Limits::default().controllers().is_empty());
        assert!(written(&Limits::default(), Version::Two).is_empty());
    }
}
