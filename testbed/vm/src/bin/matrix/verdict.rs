//! What came of an examination.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};
use serde::Deserialize;

use crate::environment::Environment;
use crate::examine::{Extent, SAFETY_NET};

/// A row of the table: an environment, and how each chapter fares there.
pub(crate) struct Row {
    pub(crate) environment: Environment,
    pub(crate) cells: Vec<Cell>,
}

/// How a chapter fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// All of it works.
    Works,
    /// It works, but for what these sentences of the doctor's are about.
    Less(Vec<String>),
    /// It does not, for the reasons in these sentences of the doctor's.
    Cannot(Vec<String>),
    /// It was not run, and why.
    NotRun(String),
    /// It should be otherwise: where to look.
    Wrong(String),
}

/// The rows' names: the chapters', and the safety net's.
pub(crate) const ROWS: [&str; 8] = ["00", "01", "02", "03", "04", "05", "06", SAFETY_NET];

/// What the machines lack on purpose: they have no way outside, and chapter 06 pulls from the
/// workshop's own registry.
const ON_PURPOSE: [&str; 1] = ["registry-network"];

#[derive(Deserialize)]
struct Diagnosis {
    chapters: Vec<Chapter>,
}

#[derive(Deserialize)]
struct Chapter {
    chapter: String,
    state: String,
    lacks: Vec<Lack>,
}

#[derive(Deserialize)]
struct Lack {
    id: String,
    seen: String,
    #[serde(default)]
    also: Vec<String>,
    why: String,
}

impl Lack {
    /// All that was refused for this reason.
    fn all_seen(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.seen).chain(&self.also)
    }
}

impl Diagnosis {
    /// As the doctor's page has it: once for all chapters.
    fn sentence(&self, lack: &Lack) -> String {
        let all = self.chapters.iter().flat_map(|chapter| &chapter.lacks);
        let mut seen = Vec::new();
        for text in all.filter(|other| other.id == lack.id).flat_map(Lack::all_seen) {
            let text = without_numbers(text);
            if !seen.contains(&text) {
                seen.push(text);
            }
        }
        format!("{} ({})", lack.why, seen.join("; "))
    }
}

#[derive(Deserialize)]
struct Check {
    passed: bool,
}

impl Row {
    /// The row of an environment, from the results of its examination if there was one.
    pub(crate) fn new(
        environment: Environment,
        examined: Result<Option<PathBuf>>,
        extent: Extent,
    ) -> Self {
        let cells = match examined {
            Ok(Some(results)) => cells(&results, extent),
            Ok(None) => Ok(all(Cell::NotRun("this machine's root alone can run it".into()))),
            Err(error) => Err(error),
        };
        Self { environment, cells: cells.unwrap_or_else(|error| all(unexamined(&error))) }
    }

    /// Whether every cell is explained.
    pub(crate) fn is_right(&self) -> bool {
        !self.cells.iter().any(|cell| matches!(cell, Cell::Wrong(_)))
    }
}

fn all(cell: Cell) -> Vec<Cell> {
    vec![cell; ROWS.len()]
}

/// A cell where the examination itself went wrong: on one line, as a table's notes are.
fn unexamined(error: &Error) -> Cell {
    Cell::Wrong(format!("{error:#}").lines().collect::<Vec<_>>().join(" "))
}

fn cells(results: &Path, extent: Extent) -> Result<Vec<Cell>> {
    let text = fs::read(results.join("doctor.json")).context("no diagnosis")?;
    let diagnosis: Diagnosis =
        serde_json::from_slice(&text).with_context(|| results.display().to_string())?;
    Ok(ROWS.iter().map(|row| cell(row, &diagnosis, results, extent)).collect())
}

fn cell(row: &str, diagnosis: &Diagnosis, results: &Path, extent: Extent) -> Cell {
    let log = fs::read_to_string(results.join(format!("tests-{row}.log"))).unwrap_or_default();
    let failed = fs::read_to_string(results.join(format!("failed-{row}"))).unwrap_or_default();
    let failed = failed.split_whitespace().collect::<Vec<_>>().join(", ");
    // The first chapter needs the least: what it lacks, the net around it lacks.
    let asked = if row == SAFETY_NET { ROWS[0] } else { row };
    let Some(chapter) = diagnosis.chapters.iter().find(|chapter| chapter.chapter == asked) else {
        return Cell::Wrong("the doctor does not know it".into());
    };
    let lacks = chapter.lacks.iter().filter(|lack| !ON_PURPOSE.contains(&lack.id.as_str()));
    let lacks: Vec<_> = lacks.collect();
    let sentences = lacks.iter().map(|lack| diagnosis.sentence(lack)).collect();
    let read = |name: String| fs::read_to_string(results.join(name)).unwrap_or_default();
    let verdict = read(format!("check-{asked}.json"));
    let passed = serde_json::from_str(&verdict).is_ok_and(|check: Check| check.passed);
    // What refuses says what the doctor has seen.
    let same = |said: &str| lacks.iter().any(|lack| lack.all_seen().any(|seen| says(said, seen)));
    let told = same(&verdict) || same(&read(format!("check-{asked}.log")));
    let run = read(format!("run-{row}.log"));
    if row == SAFETY_NET {
        return match (skipped(&log), failed.is_empty()) {
            (_, true) if log.is_empty() => match extent {
                Extent::Quick => Cell::NotRun("left out of the quick run".into()),
                _ => Cell::Wrong("its tests did not run".into()),
            },
            (None, true) => Cell::Works,
            _ if !lacks.is_empty() && told => Cell::Cannot(sentences),
            (Some(why), true) => Cell::NotRun(why),
            _ => Cell::Wrong(format!("{failed} failed")),
        };
    }
    match (chapter.state.as_str(), passed, failed.is_empty()) {
        ("cannot", true, _) => Cell::Wrong("the doctor calls it impossible, and it works".into()),
        ("cannot", ..) if !told => {
            Cell::Wrong("the check does not say what the doctor says".into())
        }
        // (Chapter 06 would ask for an image first.)
        ("cannot", ..) if row != "06" && !same(&run) => {
            Cell::Wrong("the program does not say what the doctor says".into())
        }
        ("cannot", ..) => Cell::Cannot(sentences),
        (_, false, _) if !told => Cell::Wrong("the check fails".into()),
        (_, true, false) => Cell::Wrong(format!("{failed} failed")),
        _ if lacks.is_empty() => Cell::Works,
        _ => Cell::Less(sentences),
    }
}

/// Whether somebody says what the doctor has seen: the same words, or the same call with the same
/// answer. (Two who mount a `/proc` may do it with different flags.)
fn says(said: &str, seen: &str) -> bool {
    let call = seen.find('(').map(|end| &seen[..=end]);
    let answer = seen.rfind('(').map(|begin| &seen[begin..]).filter(|it| it.starts_with("(E"));
    said.contains(seen)
        || call
            .zip(answer)
            .is_some_and(|(call, answer)| said.contains(call) && said.contains(answer))
}

/// The same without what is another in each run: containers' names, and descriptors' numbers in the
/// options of overlayfs.
fn without_numbers(text: &str) -> String {
    let is_name = |part: &str| part.len() == 12 && part.chars().all(|c| c.is_ascii_hexdigit());
    let parts = text.split('/').map(|part| if is_name(part) { "…" } else { part });
    let mut text = parts.collect::<Vec<_>>().join("/");
    for option in ["lowerdir=", "upperdir=", "workdir="] {
        let Some((before, value)) = text.split_once(option) else { continue };
        let rest = value.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
        if rest.len() < value.len() {
            text = format!("{before}{option}…{rest}");
        }
    }
    text
}

/// Why every test was skipped, if so.
fn skipped(log: &str) -> Option<String> {
    let skipped = log.matches("SKIPPED: ").count();
    let run: usize = log
        .lines()
        .filter_map(|line| line.strip_prefix("running "))
        .filter_map(|line| line.split(' ').next()?.parse::<usize>().ok())
        .sum();
    let (_, why) = log.split_once("SKIPPED: ")?;
    (skipped >= run).then(|| why.lines().next().unwrap_or_default().to_string())
}

#[cfg(test)]
mod tests {
    use std::env;

    use nix::unistd::mkdtemp;

    use super::*;

    #[test]
    fn the_same_call_with_the_same_answer_is_the_same_sentence() {
        let seen = "mount(\"proc\", MS_NOSUID) failed: Operation not permitted (EPERM)";
        assert!(says(
            "us: mount(\"proc\", \"\") failed: Operation not permitted (EPERM); so",
            seen
        ));
        assert!(!says("us: mount(\"proc\", \"\") failed: Invalid argument (EINVAL)", seen));
        assert!(!says("us: unshare(CLONE_NEWNS) failed: Operation not permitted (EPERM)", seen));
        assert!(says("so limits need a cgroup, here", "limits need a cgroup"));
        assert!(!says("nothing", "limits need a cgroup"));
    }

    #[test]
    fn two_runs_have_the_same_words() {
        let seen = "mount(\"overlay\", \"/data/containers/8fdef29ba0b1/merged\") failed";
        let told = "mount(\"overlay\", \"/data/containers/…/merged\") failed";
        assert_eq!(without_numbers(seen), told);
        assert_eq!(without_numbers("no/such/name"), "no/such/name");
        let seen = "mount(0, \"lowerdir=27:28,upperdir=29,workdir=30,redirect_dir=off\")";
        let told = "mount(0, \"lowerdir=…,upperdir=…,workdir=…,redirect_dir=off\")";
        assert_eq!(without_numbers(seen), told);
        assert_eq!(without_numbers("\"upperdir\", upperdir=/up"), "\"upperdir\", upperdir=/up");
    }

    /// A chapter 00 that lacks nothing, and no results but those that a test writes.
    fn net(results: &Path, extent: Extent) -> Cell {
        let chapter = Chapter { chapter: ROWS[0].into(), state: "works".into(), lacks: Vec::new() };
        cell(SAFETY_NET, &Diagnosis { chapters: vec![chapter] }, results, extent)
    }

    #[test]
    fn a_net_whose_tests_said_nothing_was_left_out_of_the_quick_run_alone() {
        let results = mkdtemp(&env::temp_dir().join("coracle-matrix-XXXXXX")).unwrap();
        let quick = net(&results, Extent::Quick);
        let usual = net(&results, Extent::Usual);
        fs::write(results.join("failed-net"), "harm-1234\n").unwrap();
        let failed = net(&results, Extent::Quick);
        fs::remove_dir_all(&results).unwrap();
        assert_eq!(quick, Cell::NotRun("left out of the quick run".into()));
        assert_eq!(usual, Cell::Wrong("its tests did not run".into()));
        assert_eq!(failed, Cell::Wrong("harm-1234 failed".into()));
    }

    #[test]
    fn an_error_is_a_sentence_of_one_line() {
        let error = Error::msg("it died. It said:\nfirst\nsecond").context("a machine");
        let cell = unexamined(&error);
        assert_eq!(cell, Cell::Wrong("a machine: it died. It said: first second".into()));
    }

    #[test]
    fn a_test_program_counts_as_skipped_only_if_all_of_it_is() {
        let one = "running 1 test\nSKIPPED: needs root\ntest a ... ok\n";
        assert_eq!(skipped(one).as_deref(), Some("needs root"));
        assert_eq!(skipped("running 2 tests\nSKIPPED: needs root\n"), None);
        assert_eq!(skipped("running 1 test\ntest a ... ok\n"), None);
    }
}
