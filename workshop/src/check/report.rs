//! What a check says: for each claim whether it holds, and what the kernel shows.
//!
//! The names of the fields are a contract: `coracle check --json` is read by other programs.

use serde::{Deserialize, Serialize};

/// The verdict on one chapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The chapter's number, `02`.
    pub chapter: String,
    /// Whether every claim holds.
    pub passed: bool,
    /// What kept the claims from being examined, or the program from working at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The claims, causes before their consequences.
    pub checks: Vec<Verdict>,
}

/// The verdict on one claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The claim's name. It stays what it is.
    pub id: String,
    /// The claim.
    pub title: String,
    /// Whether it holds.
    pub passed: bool,
    /// What a right program would show.
    pub expected: String,
    /// What the kernel shows, and where; empty for a claim that holds or that was not examined.
    pub seen: String,
    /// Why it matters.
    pub why: String,
    /// The exercise to look at.
    pub exercise: String,
    /// The command that gives the next hint.
    pub hint: String,
    /// The book's section.
    pub book: String,
    /// Why this claim could not be examined on this machine, or as this user. It counts as passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// The claim that failed before, and because of which this one failed or was not examined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// Why a program could not be examined, or not to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Problem {
    /// An exercise is still a `todo!`.
    OpenExercise {
        /// Its name.
        name: String,
        /// What it asks for.
        title: String,
        /// File and line.
        place: String,
    },
    /// Cargo has said why on standard error.
    DoesNotCompile,
    /// It panicked.
    Panicked {
        /// File and line.
        place: String,
        /// The panic's message.
        message: String,
    },
    /// It ended neither by itself nor when it should have.
    Hung {
        /// The command line, for the student to try.
        command: String,
        /// What the kernel says that it waits for.
        seen: String,
    },
    /// A signal ended it that nobody had sent.
    Crashed {
        /// The command line, for the student to try.
        command: String,
        /// The signal's number.
        signal: i32,
    },
}

impl Report {
    /// The failures that are no other failure's consequence, first cause first.
    pub fn causes(&self) -> impl Iterator<Item = &Verdict> {
        self.checks.iter().filter(|check| !check.passed && check.because.is_none())
    }

    /// How many claims failed, or could not be examined, because of this one.
    #[must_use]
    pub fn consequences(&self, id: &str) -> usize {
        let because = |check: &&Verdict| check.because.as_deref() == Some(id);
        self.checks.iter().filter(because).count()
    }
}
