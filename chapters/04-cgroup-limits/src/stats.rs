//! `stats`: what running containers use, from the counters of their cgroups.
//!
//! The kernel counts for each group what its processes use together, also of those that have ended.
//! The processors' time is a sum, so a percentage takes two looks and the time between them. Memory
//! is what Docker shows: without the cached files that the kernel would give up first.

use std::fmt;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use uts_net::state::State;

use crate::group::{self, Group};
use crate::hierarchy::{Controller, Version};
use crate::runs::{self, Run};
use crate::size::Size;
use crate::texts;

/// Between the two looks that a percentage takes.
const GLANCE: Duration = Duration::from_millis(500);
/// Between two looks of those who stay.
const REFRESH: Duration = Duration::from_secs(1);

/// `stats [--no-stream] [--json] [ID…]`
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Stats {
    /// Show it once; on a terminal it is refreshed each second otherwise
    #[arg(long)]
    no_stream: bool,
    /// Show it once, as a JSON object a line, with bytes as numbers
    #[arg(long)]
    json: bool,
    /// The containers, by number or its beginning [default: all that run]
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

impl Stats {
    /// Shows them.
    ///
    /// # Errors
    ///
    /// When there is no such container, or nobody to show it to.
    pub fn show(&self) -> Result<()> {
        let state = State::find()?;
        let mut before = self.look(&state)?;
        sleep(if before.is_empty() { Duration::ZERO } else { GLANCE });
        let live = io::stdout().is_terminal() && !self.no_stream && !self.json;
        if !live {
            let text = self.text(&before, &self.look(&state)?);
            return print(&text);
        }
        // Clear the screen once; from then on write over what stands there.
        print("\x1b[2J")?;
        loop {
            let now = self.look(&state).unwrap_or_default();
            let text = self.text(&before, &now).replace('\n', "\x1b[K\n");
            print(&format!("\x1b[H{text}\x1b[J"))?;
            before = now;
            sleep(REFRESH);
        }
    }

    fn look(&self, state: &State) -> Result<Vec<Sample>> {
        let runs = match &self.ids[..] {
            [] => runs::running(state)?,
            ids => ids.iter().map(|id| runs::find(state, id)).collect::<Result<_>>()?,
        };
        Ok(runs.into_iter().map(Sample::of).collect())
    }

    fn text(&self, before: &[Sample], now: &[Sample]) -> String {
        let rows = now.iter().map(|now| {
            let before = before.iter().find(|before| before.id == now.id);
            Row { sample: now, cpu: before.and_then(|before| now.cpu_since(before)) }
        });
        match self.json {
            true => rows.map(|row| row.json()).collect(),
            false => {
                format!("{}\n", texts::COLUMNS)
                    + &rows.map(|row| format!("{row}\n")).collect::<String>()
            }
        }
    }
}

fn print(text: &str) -> Result<()> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context(process::texts::STANDARD_OUTPUT)
}

/// The counters of one container at one moment; `None` for what no controller counts here.
#[derive(Debug)]
struct Sample {
    id: String,
    at: Instant,
    /// Of all processors together.
    cpu: Option<Duration>,
    memory: Option<Size>,
    /// The limit, or all the memory there is.
    limit: Size,
    read: Option<Size>,
    written: Option<Size>,
    /// Processes and threads.
    pids: Option<u64>,
}

impl Sample {
    fn of(Run { id, groups }: Run) -> Self {
        let of = |controller| group::of(&groups, controller);
        let disks = of(Controller::Io);
        Self {
            id,
            at: Instant::now(),
            cpu: of(Controller::CpuTime).and_then(cpu_time),
            memory: of(Controller::Memory).and_then(memory),
            limit: memory_limit(of(Controller::Memory)),
            read: disks.and_then(|group| bytes(group, "rbytes", "Read")),
            written: disks.and_then(|group| bytes(group, "wbytes", "Write")),
            pids: of(Controller::Pids).and_then(|group| group.number("pids.current")),
        }
    }

    /// In percent of one processor.
    fn cpu_since(&self, before: &Self) -> Option<f64> {
        let used = self.cpu?.checked_sub(before.cpu?)?;
        Some(100.0 * used.as_secs_f64() / self.at.duration_since(before.at).as_secs_f64())
    }
}

fn cpu_time(group: &Group) -> Option<Duration> {
    match group.version {
        Version::One => group.number("cpuacct.usage").map(Duration::from_nanos),
        Version::Two => group.entry("cpu.stat", "usage_usec").map(Duration::from_micros),
    }
}

fn memory(group: &Group) -> Option<Size> {
    let (usage, files) = match group.version {
        Version::One => ("memory.usage_in_bytes", "total_inactive_file"),
        Version::Two => ("memory.current", "inactive_file"),
    };
    let files = group.entry("memory.stat", files).unwrap_or(0);
    Some(Size(group.number(usage)?.saturating_sub(files)))
}

fn memory_limit(group: Option<&Group>) -> Size {
    let limit = group.and_then(|group| match group.version {
        Version::One => group.number("memory.limit_in_bytes"),
        Version::Two => group.number("memory.max"),
    });
    // Without a limit v1 shows a number that is greater than any memory.
    let all = machine_memory();
    Size(limit.map_or(all, |limit| limit.min(all)))
}

/// All the memory of the machine, in bytes. The kernel says it in "kB" and means KiB.
fn machine_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let number = total.and_then(|total| total.split_whitespace().next()?.parse::<u64>().ok());
    number.map_or(u64::MAX, |kibibytes| kibibytes << 10)
}

/// Read from or written to all disks: a line for each disk on v2, `8:0 rbytes=… wbytes=…`, and one
/// for each disk and kind on v1, `8:0 Read …`.
fn bytes(group: &Group, key: &str, kind: &str) -> Option<Size> {
    let numbers: Vec<u64> = match group.version {
        Version::One => {
            let text = group.read("blkio.throttle.io_service_bytes_recursive")?;
            let of_kind = text.lines().filter_map(|line| line.split_once(kind));
            of_kind.filter_map(|(_, number)| number.trim().parse().ok()).collect()
        }
        Version::Two => {
            let words = group.words("io.stat");
            let of_key = words.iter().filter_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            of_key.filter_map(|number| number.parse().ok()).collect()
        }
    };
    Some(Size(numbers.into_iter().sum()))
}

/// One line of the table.
struct Row<'a> {
    sample: &'a Sample,
    cpu: Option<f64>,
}

impl Row<'_> {
    fn memory_percent(&self) -> Option<f64> {
        self.sample.memory.map(|memory| 100.0 * memory.0 as f64 / self.sample.limit.0 as f64)
    }

    fn json(&self) -> String {
        fn number(value: Option<impl ToString>) -> String {
            value.map_or("null".into(), |value| value.to_string())
        }
        let percent = |value: Option<f64>| number(value.map(|value| format!("{value:.2}")));
        let size = |size: Option<Size>| number(size.map(|size| size.0));
        let Sample { id, memory, limit, read, written, pids, .. } = self.sample;
        format!(
            "{{\"id\":\"{id}\",\"cpu_percent\":{},\"memory_bytes\":{},\"memory_limit_bytes\":{},\
             \"memory_percent\":{},\"block_read_bytes\":{},\"block_written_bytes\":{},\"pids\":{}}}\n",
            percent(self.cpu),
            size(*memory),
            limit.0,
            percent(self.memory_percent()),
            size(*read),
            size(*written),
            number(*pids),
        )
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fn shown(value: Option<impl ToString>) -> String {
            value.map_or("-".into(), |value| value.to_string())
        }
        let percent = |value: Option<f64>| shown(value.map(|value| format!("{value:.2}%")));
        let Sample { id, memory, limit, read, written, pids, .. } = self.sample;
        write!(
            f,
            "{id:<15}{:<9}{:<24}{:<9}{:<24}{}",
            percent(self.cpu),
            format!("{} / {limit}", shown(*memory)),
            percent(self.memory_percent()),
            format!("{} / {}", shown(*read), shown(*written)),
            shown(*pids),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the files of a cgroup of v2, as the kernel writes them.
    fn sample(folder: &str, files: &[(&str, &str)]) -> Sample {
        let path = std::env::temp_dir().join(format!("coracle-{folder}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        for (name, text) in files {
            fs::write(path.join(name), text).expect("a file");
        }
        let group = Group { version: Version::Two, controllers: Vec::new(), path: path.clone() };
        let sample = Sample::of(Run { id: "4f1a".into(), groups: vec![group] });
        fs::remove_dir_all(path).expect("removed");
        sample
    }

    #[test]
    fn v2_counts_everything_in_one_folder() {
        let before = sample("before", &[("cpu.stat", "usage_usec 1000000\nuser_usec 0\n")]);
        let mut now = sample(
            "now",
            &[
                ("cgroup.controllers", "cpu io memory pids\n"),
                ("cpu.stat", "usage_usec 1500000\nuser_usec 1\n"),
                ("memory.current", "20971520\n"),
                ("memory.stat", "anon 1\ninactive_file 4194304\n"),
                ("memory.max", "67108864\n"),
                ("io.stat", "8:0 rbytes=1024 wbytes=2048 rios=1\n8:16 rbytes=1024 wbytes=0\n"),
                ("pids.current", "3\n"),
            ],
        );
        now.at = before.at + Duration::from_secs(1);
        let row = Row { sample: &now, cpu: now.cpu_since(&before) };
        assert_eq!(
            row.to_string(),
            "4f1a           50.00%   16 MiB / 64 MiB         25.00%   2 KiB / 2 KiB           3"
        );
        assert_eq!(
            row.json(),
            "{\"id\":\"4f1a\",\"cpu_percent\":50.00,\"memory_bytes\":16777216,\
             \"memory_limit_bytes\":67108864,\"memory_percent\":25.00,\"block_read_bytes\":2048,\
             \"block_written_bytes\":2048,\"pids\":3}\n"
        );
    }

    #[test]
    fn what_nobody_counts_is_a_dash() {
        let sample = sample("none", &[("cgroup.controllers", "")]);
        let row = Row { sample: &sample, cpu: None };
        let words = row.to_string();
        assert_eq!(words.split_whitespace().filter(|word| *word == "-").count(), 6, "{words}");
        assert!(row.json().contains("\"memory_bytes\":null"));
    }
}
