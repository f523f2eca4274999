//! Who a process is, and what it may do: `/proc/PID/status` (`proc_pid_status(5)`), with what
//! `stat`, `uid_map`, `gid_map`, `setgroups` and `oom_score_adj` add.
//!
//! `status` is lines of `Key:\tvalue`. Its `Name` is the one value that anybody may choose; the
//! kernel writes a line end in it as `\n`. `stat` has the name in brackets, as it is, with whatever
//! brackets and blanks are in it: what follows begins behind the *last* closing one.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use anyhow::{Context, Result};
use nix::unistd::Pid;
use serde::Serialize;

use super::proc::Proc;
use super::sets::{CapabilitySet, Signals};
use super::{text, texts};

/// Who a process is, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The first 15 bytes of its program's name, unless it chose another one.
    #[serde(serialize_with = "text::name")]
    pub name: OsString,
    /// `R` runs, `S` and `D` wait, `T` is stopped, `t` is traced, `Z` has ended and waits for its
    /// parent (`ps(1)`, "process state codes").
    pub state: char,
    /// The process, where a thread was asked for.
    #[serde(serialize_with = "text::number")]
    pub tgid: Pid,
    /// Its parent; 0 for one that is outside of what we see.
    #[serde(serialize_with = "text::number")]
    pub parent: Pid,
    /// Its number in each PID namespace that it is in, from ours to its own.
    pub ns_pids: Vec<i32>,
    /// Its users, as we see them.
    pub uids: Ids,
    /// Its groups.
    pub gids: Ids,
    /// Its supplementary groups.
    pub groups: Vec<u32>,
    /// How many threads it has.
    pub threads: u32,
    /// Whether `execve` can't give it more rights any more.
    pub no_new_privs: bool,
    /// Which system calls it may make; `None` on a kernel without seccomp.
    pub seccomp: Option<Seccomp>,
    /// How many filters look at each call; `None` before Linux 5.9.
    pub seccomp_filters: Option<u32>,
    /// The signals that wait.
    pub blocked: Signals,
    /// The signals that are ignored.
    pub ignored: Signals,
    /// The signals that it handles itself.
    pub caught: Signals,
    /// What it may do.
    pub capabilities: Capabilities,
    /// Which users of its user namespace are which of ours.
    pub uid_map: Vec<IdRange>,
    /// The same for groups.
    pub gid_map: Vec<IdRange>,
    /// Whether its user namespace allows `setgroups(2)`.
    pub setgroups: Option<bool>,
    /// When it began, in ticks (of which there are 100 a second) since the machine did.
    pub start_time: u64,
    /// Its session: the number of the process that leads it.
    pub session: i32,
    /// The device number of its terminal; 0 for none.
    pub terminal: i32,
    /// How much the kernel prefers (1000) or avoids (-1000) it when memory is short.
    pub oom_score_adj: Option<i32>,
}

/// The four that the kernel keeps for each process (`credentials(7)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Ids {
    /// Who it is.
    pub real: u32,
    /// As whom it acts.
    pub effective: u32,
    /// Whom it may become again.
    pub saved: u32,
    /// As whom it opens files.
    pub file_system: u32,
}

/// How system calls are held back (`seccomp(2)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seccomp {
    /// Not at all.
    Off,
    /// `read`, `write`, `exit` and `sigreturn` are all there is.
    Strict,
    /// A program decides about each.
    Filter,
}

/// The five sets (`capabilities(7)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Capabilities {
    /// What a program that is executed may keep, if its file says so.
    pub inheritable: CapabilitySet,
    /// What it may switch on.
    pub permitted: CapabilitySet,
    /// What it may do now.
    pub effective: CapabilitySet,
    /// What neither it nor its children can ever exceed.
    pub bounding: CapabilitySet,
    /// What every program that is executed keeps.
    pub ambient: CapabilitySet,
}

/// One line of `/proc/PID/uid_map` (`user_namespaces(7)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IdRange {
    /// The first one, as the process sees it.
    pub inside: u32,
    /// The same one, as we see it.
    pub outside: u32,
    /// How many follow each other, this one included.
    pub count: u32,
}

impl Status {
    pub(super) fn read(process: &Proc) -> Result<Self> {
        let mut status = parse(&process.text("status")?)
            .with_context(|| texts::not_understood(&process.path("status")))?;
        let stat = Stat::parse(&process.read("stat")?)
            .with_context(|| texts::not_understood(&process.path("stat")))?;
        let optional = |file| process.text(file).unwrap_or_default();
        status.uid_map = ranges(&optional("uid_map"));
        status.gid_map = ranges(&optional("gid_map"));
        status.setgroups = match optional("setgroups").trim() {
            "allow" => Some(true),
            "deny" => Some(false),
            _ => None,
        };
        status.oom_score_adj = optional("oom_score_adj").trim().parse().ok();
        Ok(Self {
            session: stat.session,
            terminal: stat.terminal,
            start_time: stat.start,
            ..status
        })
    }
}

fn parse(text: &str) -> Option<Status> {
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| *found == key).map(|(_, value)| value.trim())
    };
    let numbers = |key: &str| {
        let words = value(key).unwrap_or_default().split_whitespace();
        words.filter_map(|word| word.parse().ok()).collect::<Vec<u32>>()
    };
    let ids = |key: &str| match numbers(key)[..] {
        [real, effective, saved, file_system] => Some(Ids { real, effective, saved, file_system }),
        _ => None,
    };
    let bits = |key| value(key).and_then(|value| u64::from_str_radix(value, 16).ok());
    let signals = |key| bits(key).map(Signals);
    // The ambient set came with Linux 4.3.
    let capabilities = |key| CapabilitySet(bits(key).unwrap_or_default());
    let pid = |key| value(key).and_then(|value| value.parse().ok()).map(Pid::from_raw);
    Some(Status {
        name: unescape(text.lines().next()?.strip_prefix("Name:\t")?),
        state: value("State")?.chars().next()?,
        tgid: pid("Tgid")?,
        parent: pid("PPid")?,
        ns_pids: numbers("NSpid").into_iter().filter_map(|pid| pid.try_into().ok()).collect(),
        uids: ids("Uid")?,
        gids: ids("Gid")?,
        groups: numbers("Groups"),
        threads: numbers("Threads").first().copied()?,
        no_new_privs: value("NoNewPrivs") == Some("1"),
        seccomp: match value("Seccomp") {
            Some("0") => Some(Seccomp::Off),
            Some("1") => Some(Seccomp::Strict),
            Some("2") => Some(Seccomp::Filter),
            _ => None,
        },
        seccomp_filters: numbers("Seccomp_filters").first().copied(),
        // A process that has ended and waits for its parent has no lines for signals.
        blocked: signals("SigBlk").unwrap_or_default(),
        ignored: signals("SigIgn").unwrap_or_default(),
        caught: signals("SigCgt").unwrap_or_default(),
        capabilities: Capabilities {
            inheritable: capabilities("CapInh"),
            permitted: capabilities("CapPrm"),
            effective: capabilities("CapEff"),
            bounding: capabilities("CapBnd"),
            ambient: capabilities("CapAmb"),
        },
        uid_map: Vec::new(),
        gid_map: Vec::new(),
        setgroups: None,
        start_time: 0,
        session: 0,
        terminal: 0,
        oom_score_adj: None,
    })
}

/// `Name:` has a line end as `\n`, a backslash as `\\`, and nothing else escaped.
fn unescape(name: &str) -> OsString {
    let mut bytes = Vec::new();
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        match (byte, rest.clone().next()) {
            (b'\\', Some(next @ (b'n' | b'\\'))) => {
                rest.next();
                bytes.push(if next == b'n' { b'\n' } else { next });
            }
            _ => bytes.push(byte),
        }
    }
    OsString::from_vec(bytes)
}

/// What only `/proc/PID/stat` says (`proc_pid_stat(5)`).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    session: i32,
    terminal: i32,
    start: u64,
}

impl Stat {
    fn parse(line: &[u8]) -> Option<Self> {
        let name_ends = line.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(&line[name_ends + 1..]).ok()?;
        // The man page counts from 1, and the first word here is its third: the state.
        let words: Vec<_> = rest.split_whitespace().collect();
        let field = |number: usize| words.get(number - 3);
        Some(Self {
            session: field(6)?.parse().ok()?,
            terminal: field(7)?.parse().ok()?,
            start: field(22)?.parse().ok()?,
        })
    }
}

fn ranges(text: &str) -> Vec<IdRange> {
    let range = |line: &str| {
        let mut words = line.split_whitespace().map(|word| word.parse().ok());
        let mut next = || words.next().flatten();
        Some(IdRange { inside: next()?, outside: next()?, count: next()? })
    };
    text.lines().filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\ta) R: \\n\\\\\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t7\n\
        Pid:\t7\nPPid:\t1\nUid:\t0\t1\t2\t3\nGid:\t4\t5\t6\t7\nGroups:\t10 4294967295 \n\
        NSpid:\t7\t1\nThreads:\t2\nSigBlk:\t0000000000004002\nSigIgn:\t0\nSigCgt:\tffffffffffffffff\n\
        CapBnd:\t0000000000200001\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n";

    #[test]
    fn status_is_read_as_it_is_written() {
        let status = parse(STATUS).expect("understood");
        assert_eq!(status.name, "a) R: \n\\");
        assert_eq!((status.state, status.threads), ('S', 2));
        assert_eq!((status.uids.effective, status.gids.file_system), (1, 7));
        assert_eq!(status.groups, [10, u32::MAX]);
        assert_eq!(status.ns_pids, [7, 1]);
        assert!(status.blocked.contains(15) && !status.ignored.contains(15));
        assert!(status.capabilities.bounding.contains("CAP_SYS_ADMIN"));
        assert_eq!(status.seccomp, Some(Seccomp::Filter));
        assert!(status.no_new_privs);
    }

    #[test]
    fn a_name_is_never_taken_for_a_line() {
        // What a process called "\nPid:\t1" looks like.
        let text = STATUS.replacen("a) R: \\n\\\\", "\\nThreads:\\t9", 1);
        let status = parse(&text).expect("understood");
        assert_eq!(status.name, "\nThreads:\\t9");
        assert_eq!(status.threads, 2);
    }

    #[test]
    fn any_beginning_of_it_is_harmless() {
        for end in 0..STATUS.len() {
            let _ = parse(&STATUS[..end]);
        }
    }

    #[test]
    fn stat_begins_behind_the_last_bracket() {
        let rest = "S 1 7 6 34816 7 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 1 1";
        let expected = Stat { session: 6, terminal: 34816, start: 4711 };
        for name in ["sh", "a) S 9 9 9", "))", "(", "", "\n) \n", "é"] {
            let line = format!("7 ({name}) {rest}\n");
            assert_eq!(Stat::parse(line.as_bytes()).as_ref(), Some(&expected), "{name:?}");
        }
        let whole = format!("7 (sh) {rest}");
        for end in 0..whole.len() {
            let _ = Stat::parse(&whole.as_bytes()[..end]);
        }
        assert_eq!(Stat::parse(b"7 (\xff\xfe) "), None);
    }

    #[test]
    fn maps_are_lines_of_three() {
        let map = "         0     100000      65536\n     65536 4294901760      65535\nx\n1 2\n";
        let ranges = ranges(map);
        assert_eq!(ranges.len(), 2);
        assert_eq!(ranges[0], IdRange { inside: 0, outside: 100_000, count: 65_536 });
    }
}
