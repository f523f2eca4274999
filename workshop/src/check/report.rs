//! What a check has found. A stand-in until the engine is merged.

use serde::{Deserialize, Serialize};

/// The outcome of one chapter's checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The chapter's number, `02`.
    pub chapter: String,
    /// Whether all is right.
    pub passed: bool,
    /// What was looked at, in its order.
    pub checks: Vec<Verdict>,
    /// Why nothing could be looked at.
    pub problem: Option<Problem>,
}

/// One claim of the chapter's, held against the kernel's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Its stable id.
    pub id: String,
    /// The claim.
    pub title: String,
    /// Whether it holds.
    pub passed: bool,
    /// What should have been seen.
    pub expected: String,
    /// What the kernel shows.
    pub seen: String,
    /// Why that matters.
    pub why: String,
    /// The exercise that it points to.
    pub exercise: Option<String>,
    /// The command that gives the next hint.
    pub hint: String,
    /// The section of the book.
    pub book: String,
    /// The id of the verdict that caused this one.
    pub because: Option<String>,
}

/// Why a program could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Problem {
    /// It came to a `todo!`.
    OpenExercise {
        /// The exercise.
        name: String,
        /// What it is about.
        title: String,
        /// File and line.
        place: String,
    },
    /// It does not compile.
    DoesNotCompile {
        /// What cargo said.
        said: String,
    },
}
