//! Where the student is: what is done, what is open, what fails, what comes next.
//!
//! It is worked out anew each time from the files and from what the last checks found. So it is right
//! also after a `git checkout`, or when somebody has removed `.coracle`.

use anyhow::Result;

use super::exercise::{Desk, Exercise};
use super::files;
use super::progress::{self, ChapterProgress, Progress};
use crate::project::Project;

/// How far an exercise is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its `todo!` is still there.
    Open,
    /// Written, and the last check points to it.
    Failing,
    /// Written; no check has come so far.
    Written,
    /// Written, and the last check had nothing to say against it.
    Done,
}

/// How far a chapter is.
#[derive(Debug, Clone)]
pub struct Standing {
    /// `02-pid-namespace`.
    pub chapter: String,
    /// Its exercises, in the order in which they are best written.
    pub exercises: Vec<(Exercise, State)>,
    /// The checks passed with the files as they are; or these are the finished ones.
    pub passed: bool,
    /// They passed, but the files are others now.
    pub changed: bool,
    /// The last check found something wrong.
    pub failing: bool,
    /// The exercise that the last check named.
    named: Option<String>,
}

impl Standing {
    /// Reads a chapter and what is remembered of it.
    ///
    /// # Errors
    ///
    /// When the chapter can't be read.
    pub fn of(project: &Project, chapter: &str) -> Result<Self> {
        Ok(Self::at(Desk::read(project, chapter)?, &progress::load(project)))
    }

    fn at(desk: Desk, progress: &Progress) -> Self {
        let remembered = progress.chapters.get(&desk.chapter).cloned().unwrap_or_default();
        let passed_once = remembered.passed.is_some();
        let passed = desk.is_finished()
            || passed_once && remembered.passed == Some(files::digest(&desk.files));
        let state = |exercise: Exercise| {
            let state = if passed { State::Done } else { state(&exercise, &remembered) };
            (exercise, state)
        };
        let exercises = desk.exercises.into_iter().map(state).collect();
        let last = remembered.last.unwrap_or_default();
        Self {
            chapter: desk.chapter,
            exercises,
            passed,
            changed: passed_once && !passed,
            failing: !passed && !last.failed.is_empty(),
            named: last.named,
        }
    }

    /// What is to be done next: what the last check named; else what fails, since it was begun; else
    /// the first one that is open.
    #[must_use]
    pub fn next(&self) -> Option<&Exercise> {
        let is_left = |state| matches!(state, State::Failing | State::Open);
        let is_named = |exercise: &Exercise| self.named.as_deref() == Some(&*exercise.name);
        let first = |wanted| self.exercises.iter().find(|(_, state)| *state == wanted);
        let mut exercises = self.exercises.iter();
        let named = exercises.find(|(exercise, state)| is_left(*state) && is_named(exercise));
        let next = named.or_else(|| first(State::Failing)).or_else(|| first(State::Open));
        next.map(|(exercise, _)| exercise)
    }

    /// How many exercises are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.exercises.iter().filter(|(_, state)| *state == State::Done).count()
    }

    /// How many minutes the rest takes.
    #[must_use]
    pub fn minutes_left(&self) -> u32 {
        let left = self.exercises.iter().filter(|(_, state)| *state != State::Done);
        left.filter_map(|(exercise, _)| exercise.hints.as_ref()).map(|hints| hints.minutes).sum()
    }
}

fn state(exercise: &Exercise, remembered: &ChapterProgress) -> State {
    let last = remembered.last.as_ref();
    let fails = |name: &str| {
        last.is_some_and(|last| last.failed.iter().any(|f| f.exercise.as_deref() == Some(name)))
    };
    if exercise.open {
        State::Open
    } else if fails(&exercise.name) {
        State::Failing
    } else if last.is_some_and(|last| last.complete) {
        State::Done
    } else {
        State::Written
    }
}

/// How far all chapters are.
///
/// # Errors
///
/// When a chapter can't be read.
pub fn all(project: &Project) -> Result<Vec<Standing>> {
    let progress = progress::load(project);
    let chapters = project.chapters()?;
    let desks = chapters.iter().map(|chapter| Desk::read(project, chapter));
    desks.map(|desk| Ok(Standing::at(desk?, &progress))).collect()
}

/// The chapter that the student is at: the first one that does not pass yet.
#[must_use]
pub fn current(all: &[Standing]) -> Option<&Standing> {
    all.iter().find(|standing| !standing.passed)
}

/// The chapter that `name` means, or else the one that the student is at; the last one when all are
/// done.
///
/// # Errors
///
/// When there is no such chapter, or one can't be read.
pub fn chapter_or_current(project: &Project, name: Option<&str>) -> Result<String> {
    if let Some(name) = name {
        return project.chapter(name);
    }
    let all = all(project)?;
    let current = current(&all).or(all.last());
    current.map_or_else(|| project.chapter("00"), |standing| Ok(standing.chapter.clone()))
}
