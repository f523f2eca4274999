//! The options that this chapter's `run` adds, for itself and every later one.

use anyhow::Result;
use uts_net::RunFolder;

use crate::Cgroup;
use crate::limits::{Limits, Throttle};
use crate::size::{Cpus, Size, Swap};

/// `--memory`, `--cpus`, `--pids-limit` and the like: Docker's names, meanings and defaults.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub struct LimitOptions {
    /// The most memory that the container may use: 67108864, 64M, 1g
    #[arg(short, long, value_name = "SIZE")]
    memory: Option<Size>,
    /// The most memory and swap together; -1 for as much swap as there is [default: twice --memory]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    memory_swap: Option<Swap>,
    /// How many processors' time the container may use: 0.5 is half of one
    #[arg(long, value_name = "NUMBER")]
    cpus: Option<Cpus>,
    /// Its share of the time when others want it, too, beside the usual 1024
    #[arg(short, long, value_name = "SHARES")]
    cpu_shares: Option<u64>,
    /// The processors that it may run on: 0-3, 0,1
    #[arg(long, value_name = "LIST")]
    cpuset_cpus: Option<String>,
    /// The most processes and threads; -1 for no limit
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pids_limit: Option<i64>,
    /// The most bytes a second that it may read from a disk: /dev/sda:1mb
    #[arg(long, value_name = "DEVICE:SIZE")]
    device_read_bps: Vec<Throttle>,
    /// The most bytes a second that it may write to a disk
    #[arg(long, value_name = "DEVICE:SIZE")]
    device_write_bps: Vec<Throttle>,
}

impl LimitOptions {
    /// The cgroup with these limits, for the run that `folder` belongs to.
    ///
    /// # Errors
    ///
    /// When the limits contradict each other, or can't be set here: no controller, no right to.
    pub fn mechanism(&self, folder: &RunFolder) -> Result<Cgroup> {
        Cgroup::new(folder, self.limits()?)
    }

    /// What is asked for. As Docker has it, 0 stands for no limit.
    fn limits(&self) -> Result<Limits> {
        let limits = Limits {
            memory: self.memory.filter(|memory| memory.0 > 0),
            swap: self.memory_swap.filter(|swap| *swap != Swap::Total(Size(0))),
            cpus: self.cpus.filter(|cpus| cpus.0 > 0.0),
            shares: self.cpu_shares.filter(|shares| *shares > 0),
            cpuset: self.cpuset_cpus.clone().filter(|list| !list.is_empty()),
            pids: self.pids_limit.and_then(|most| u64::try_from(most).ok()).filter(|n| *n > 0),
            read: self.device_read_bps.clone(),
            write: self.device_write_bps.clone(),
        };
        limits.check()?;
        Ok(limits)
    }
}
