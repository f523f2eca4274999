//! Amounts of memory, as Docker reads and shows them.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};

use crate::texts;

const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/// A number of bytes. Read from `67108864`, `64M`, `64mb`, `64MiB`, `1.5g`: a number and one of
/// b, k, m, g, t, p, each of which is 1024 times the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text).with_context(|| texts::bad_size(text))
    }
}

impl Size {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase();
        let power = match unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit) {
            "" if unit != "ib" => 0,
            unit => ["k", "m", "g", "t", "p"].iter().position(|name| *name == unit)? + 1,
        };
        let factor = 1u64 << (10 * power);
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(factor).map(Self);
        }
        // "1.5". An f64 holds every number of bytes below 8 PiB exactly.
        let bytes = number.parse::<f64>().ok()? * factor as f64;
        (bytes < u64::MAX as f64).then_some(Self(bytes as u64))
    }
}

impl fmt::Display for Size {
    /// `64 MiB`, `1.5 GiB`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut amount = self.0 as f64;
        let mut unit = 0;
        while amount >= 1024.0 && unit + 1 < UNITS.len() {
            amount /= 1024.0;
            unit += 1;
        }
        let amount = format!("{amount:.1}");
        f.pad(&format!("{} {}", amount.trim_end_matches(".0"), UNITS[unit]))
    }
}

/// What `--memory-swap` says: memory and swap together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// `-1`: as much swap as the host has.
    Unlimited,
    /// At most this many bytes of both.
    Total(Size),
}

impl FromStr for Swap {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "-1" => Ok(Self::Unlimited),
            size => Ok(Self::Total(size.parse()?)),
        }
    }
}

/// What `--cpus` says: how many processors' time, 0.5 for half of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cpus(pub f64);

impl FromStr for Cpus {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let cpus = text.parse().ok().filter(|cpus: &f64| cpus.is_finite() && *cpus >= 0.0);
        let cpus = cpus.with_context(|| texts::bad_number(text))?;
        let there = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
        ensure!(cpus == 0.0 || (0.01..=there).contains(&cpus), texts::no_such_cpus(cpus, there));
        Ok(Self(cpus))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Option<u64> {
        text.parse::<Size>().ok().map(|size| size.0)
    }

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        assert_eq!(bytes("100"), Some(100));
        assert_eq!(bytes("100b"), Some(100));
        for text in ["64M", "64m", "64mb", "64MB", "64MiB", "64 M", "65536k", "0.0625g"] {
            assert_eq!(bytes(text), Some(64 << 20), "{text}");
        }
        assert_eq!(bytes("1.5g"), Some(3 << 29));
        assert_eq!(bytes("0"), Some(0));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "M", "-1", "64X", "64Mi", "ib", "1e3", "1..5", "64  M", "99999999p", "∞"]
        {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_short() {
        let shown = |bytes| Size(bytes).to_string();
        assert_eq!(shown(64 << 20), "64 MiB");
        assert_eq!(shown(3 << 29), "1.5 GiB");
        assert_eq!(shown(1000), "1000 B");
    }
}
