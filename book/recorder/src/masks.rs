//! What differs from run to run and says nothing: it is masked before two transcripts are compared.
//!
//! The recordings themselves show it, as a reader's own terminal does.

use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

/// Patterns and what stands for them. A pattern's first group, if it has one, is kept.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        // A namespace's inode number, as links in /proc/PID/ns show it, and by itself.
        (r"\b((?:cgroup|ipc|mnt|net|pid|pid_for_children|time|time_for_children|user|uts):\[)\d+\]", "<ns>]"),
        (r"\b40265\d{5}\b", "<ns>"),
        // Dates and times of day.
        (r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)?", "<time>"),
        (r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d\d?(?: +\d\d:\d\d(?::\d\d)?)?(?: +(?:UTC|GMT))?(?: +\d{4})?\b", "<time>"),
        (r"\b(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?\b", "<time>"),
        // How long something took.
        (r"\b\d+m\d+[.,]\d+s\b", "<duration>"),
        (r"\b\d+(?:\.\d+)? ?(?:ms|µs|us)\b", "<duration>"),
        (r"\b\d+\.\d+ ?(?:s|seconds)\b", "<duration>"),
        // Digests and what a container is called by.
        (r"\b[0-9a-f]{64}\b", "<id>"),
        (r"\b[0-9a-f]{12}\b", "<id>"),
        // Addresses that are drawn: of network cards, and in memory.
        (r"\bfe80::[0-9a-f:]+", "<address>"),
        (r"\b0x[0-9a-f]{8,}\b", "<address>"),
        // Processes outside of the places that have a column for them.
        (r"(?i)(\b(?:pid|process)(?: |=|: ?| = ))\d{3,}\b", "<pid>"),
        (r"(\[pid +)\d{3,}\]", "<pid>]"),
        (r"(/proc/)\d{3,}\b", "<pid>"),
        (r"^(\[\d+\][+-]? )\d{3,}\b", "<pid>"),
        (r"(\btmp\.)[A-Za-z0-9]{6,}\b", "<random>"),
    ]
    .map(|(pattern, stands_for)| (Regex::new(pattern).expect("a regex"), stands_for))
    .into()
});

static HARDWARE_ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b").expect("a regex"));

/// When bash tells that a job has ended depends on when it looks, and sometimes it has no time to.
static JOB_ENDED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\[\d+\][+-]? +(?:Done|Exit \d+|Killed|Terminated)\b").expect("a regex")
});

/// Columns of `ps`, `lsns` and their like that hold numbers of processes, and times.
const VOLATILE: [&str; 17] = [
    "PID", "PPID", "PGID", "PGRP", "SID", "SESS", "TPGID", "TID", "SPID", "LWP", "START", "STIME",
    "STARTED", "TIME", "ELAPSED", "VSZ", "RSS",
];

/// A transcript with everything masked that differs from run to run, and what a session says itself.
#[must_use]
pub fn mask(transcript: &str, own: &[Regex]) -> String {
    let mut table = None;
    let mut masked = String::new();
    for line in transcript.lines().filter(|line| !JOB_ENDED.is_match(line)) {
        if line.starts_with("$ ") || line.starts_with("# ") {
            // What was typed is the same each time.
            table = None;
            masked.push_str(line);
        } else if let Some(header) = Header::of(line) {
            table = Some(header);
            masked.push_str(&patterns(line, own));
        } else {
            let row = table.as_ref().map_or_else(|| line.to_owned(), |header| header.row(line));
            masked.push_str(&patterns(&row, own));
        }
        masked.push('\n');
    }
    masked
}

fn patterns(line: &str, own: &[Regex]) -> String {
    let mut masked = line.to_owned();
    for pattern in own {
        masked = pattern.replace_all(&masked, "<masked>").into_owned();
    }
    // First of all: parts of them look like times of day.
    let drawn = |found: &Captures<'_>| match &found[0] {
        "00:00:00:00:00:00" => "<zeros>",
        "ff:ff:ff:ff:ff:ff" => "<ones>",
        _ => "<address>",
    };
    masked = HARDWARE_ADDRESS.replace_all(&masked, drawn).into_owned();
    for (pattern, stands_for) in PATTERNS.iter() {
        let kept = |found: &Captures<'_>| {
            format!("{}{stands_for}", found.get(1).map_or("", |kept| kept.as_str()))
        };
        masked = pattern.replace_all(&masked, kept).into_owned();
    }
    // A number's digits move what stands beside it.
    if masked == line { masked } else { squeeze(&masked) }
}

fn squeeze(line: &str) -> String {
    line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The first line of a table with processes in it.
struct Header(Vec<String>);

impl Header {
    fn of(line: &str) -> Option<Self> {
        let names: Vec<String> = line.split_whitespace().map(Into::into).collect();
        let is_name =
            |it: &String| it.chars().all(|it| it.is_ascii_uppercase() || "%_-:/+".contains(it));
        let volatile = names.iter().any(|name| VOLATILE.contains(&name.as_str()));
        (volatile && names.iter().all(is_name)).then_some(Self(names))
    }

    /// Masks what is volatile. The last column takes the rest of the line.
    fn row(&self, line: &str) -> String {
        let mut words: Vec<String> = line.split_whitespace().map(Into::into).collect();
        for (name, word) in self.0.iter().zip(&mut words) {
            if VOLATILE.contains(&name.as_str()) && is_volatile(word) {
                *word = "<number>".into();
            }
        }
        words.join(" ")
    }
}

/// Small numbers are those of a PID namespace, which is what the page is about: they must not change.
fn is_volatile(word: &str) -> bool {
    let plain = word.chars().all(|it| it.is_ascii_digit() || ":-.".contains(it));
    let small = word.parse::<u32>().is_ok_and(|number| number < 100);
    plain && word.contains(|it: char| it.is_ascii_digit()) && !small
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) {
        assert_eq!(mask(one, &[]), mask(other, &[]));
    }

    fn differ(one: &str, other: &str) {
        assert_ne!(mask(one, &[]), mask(other, &[]));
    }

    #[test]
    fn what_always_differs_is_the_same() {
        same("lrwx net -> net:[4026532281]", "lrwx net -> net:[4026533001]");
        same("-rw-r--r-- 1 root root 5 Nov 21 14:07 x", "-rw-r--r-- 1 root root 5 Jan  1 00:00 x");
        same("Sat Nov 21 14:07:27 UTC 2026", "Sun Nov  1 04:07:07 UTC 2026");
        same("at 2026-11-21T14:07:27.123Z", "at 2025-01-02T00:00:00Z");
        same("real\t0m0.012s", "real\t1m2.123s");
        same("rtt 0.034 ms", "rtt 12.1 ms");
        same("started 0f3c9a5b7d21", "started aaaabbbbcccc");
        same("link/ether 06:2a:8b:00:11:22 brd", "link/ether 5e:2a:8b:00:11:22 brd");
        same("[1] 1234", "[1] 998");
        same("[1]+  Killed                  sleep 1000\nx", "x");
        same("/proc/1234/ns", "/proc/12345/ns");
        same("[pid  1234] clone", "[pid 99812] clone");
    }

    #[test]
    fn what_says_something_differs() {
        differ("mnt:[4026532281]", "net:[4026532281]");
        differ("/proc/1/ns", "/proc/2/ns");
        differ("exit 1", "exit 2");
        differ("10.0.0.1", "10.0.0.2");
        differ("link/loopback 00:00:00:00:00:00", "link/loopback 02:00:00:00:00:00");
    }

    #[test]
    fn columns_of_processes_are_masked_but_for_small_numbers() {
        let table = |pid: &str, time: &str| {
            format!("$ ps -ef\n    PID TTY          TIME CMD\n{pid} pts/0    {time} sleep 100\n")
        };
        same(&table("   1203", "00:00:00"), &table("  98123", "00:00:01"));
        differ(&table("      1", "00:00:00"), &table("      2", "00:00:00"));
        differ(&table("   1203", "00:00:00"), &table("   1203", "00:00:00").replace("100", "200"));
        same(
            "        NS TYPE   NPROCS   PID USER COMMAND\n4026531836 pid         1  1234 root bash",
            "        NS TYPE   NPROCS   PID USER COMMAND\n4026532281 pid         1   989 root bash",
        );
    }

    #[test]
    fn a_table_ends_with_the_next_command() {
        differ("PID CMD\n$ echo 1000\n1000\n", "PID CMD\n$ echo 1000\n1001\n");
    }

    #[test]
    fn a_session_has_masks_of_its_own() {
        let own = [Regex::new(r"took \d+ turns").unwrap()];
        assert_eq!(mask("it took 17 turns\n", &own), "it <masked>\n");
    }
}
