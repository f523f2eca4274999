//! Signals and capabilities: sets of up to 64 things, which `/proc/PID/status` writes as one number
//! in hexadecimal digits, a bit for each.

use std::fmt;
use std::fs;

use nix::sys::signal::Signal;
use serde::{Serialize, Serializer};

/// A set of signals (`signal(7)`). Bit 0 is signal 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signals(pub u64);

impl Signals {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the signal with this number is in it: `contains(libc::SIGTERM)`.
    #[must_use]
    pub fn contains(self, signal: i32) -> bool {
        (1..=64).contains(&signal) && self.0 >> (signal - 1) & 1 == 1
    }

    /// The numbers in it.
    pub fn iter(self) -> impl Iterator<Item = i32> {
        (1..=64).filter(move |signal| self.contains(*signal))
    }
}

impl fmt::Display for Signals {
    /// `SIGINT SIGTERM 34`: those without a name of their own by their number.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = |number| match Signal::try_from(number) {
            Ok(signal) => signal.as_str().to_owned(),
            Err(_) => format!("{number}"),
        };
        f.write_str(&self.iter().map(name).collect::<Vec<_>>().join(" "))
    }
}

impl Serialize for Signals {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

/// A set of capabilities (`capabilities(7)`). Bit 0 is `CAP_CHOWN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CapabilitySet(pub u64);

/// The names, by number, up to Linux 6.18.
pub const CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

impl CapabilitySet {
    /// All that this kernel has: `cap_last_cap` in `/proc/sys/kernel`.
    #[must_use]
    pub fn every() -> Self {
        let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap_or_default();
        let last = last.trim().parse().unwrap_or(CAPABILITIES.len() as u32 - 1);
        Self(u64::MAX >> (63 - last.min(63)))
    }

    /// Whether the capability with this name is in it: `contains("CAP_SYS_ADMIN")`.
    #[must_use]
    pub fn contains(self, name: &str) -> bool {
        let number = CAPABILITIES.iter().position(|other| *other == name);
        number.is_some_and(|number| self.0 >> number & 1 == 1)
    }

    /// How many there are in it.
    #[must_use]
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Their names; one that is newer than this program by its number, `CAP_41`.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        let name = |number: usize| match CAPABILITIES.get(number) {
            Some(name) => (*name).to_owned(),
            None => format!("CAP_{number}"),
        };
        (0..64).filter(|number| self.0 >> number & 1 == 1).map(name).collect()
    }
}

impl fmt::Display for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}

impl Serialize for CapabilitySet {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.names())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_knows_its_members() {
        let set = Signals(0x4002);
        assert!(set.contains(2) && set.contains(15) && !set.contains(1));
        assert!(![0, -1, 65, i32::MAX].iter().any(|signal| set.contains(*signal)));
        assert_eq!(set.to_string(), "SIGINT SIGTERM");
        assert!(Signals(u64::MAX).contains(64));
        assert_eq!(Signals(1 << 63).to_string(), "64");
    }

    #[test]
    fn capabilities_have_names() {
        let set = CapabilitySet(1 << 21 | 1);
        assert_eq!(set.names(), ["CAP_CHOWN", "CAP_SYS_ADMIN"]);
        assert!(set.contains("CAP_SYS_ADMIN") && !set.contains("CAP_KILL"));
        assert!(!set.contains("CAP_UNHEARD_OF"));
        assert_eq!(CapabilitySet(1 << 63).names(), ["CAP_63"]);
    }
}
