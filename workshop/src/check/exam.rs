//! The examination of one program: claims are given their findings, and become a report.

use anyhow::Result;

use super::claim::{Claim, Finding, Wrong};
use super::report::{Problem, Report, Verdict};
use super::texts;
use super::world::{Trouble, World};

/// What a chapter claims, and how that is examined.
pub struct Lesson {
    /// The chapter's number, `02`.
    pub chapter: &'static str,
    /// The claims, causes before their consequences.
    pub claims: &'static [Claim],
    /// What a program says that was refused something, and the exercise that this belongs to.
    pub refusals: &'static [(&'static str, &'static str)],
    /// Examines the program and reports a finding for each claim.
    pub examine: fn(&mut Exam) -> Result<()>,
}

/// A program under examination.
pub struct Exam {
    /// Where it runs.
    pub world: World,
    lesson: &'static Lesson,
    findings: Vec<(&'static str, Finding)>,
    left_out: Vec<(&'static str, String)>,
}

impl Exam {
    /// Examines the program in `world`.
    ///
    /// An examination that breaks off (what it looked at was gone, say) has found that the first
    /// claim which is left can't be seen to hold.
    #[must_use]
    pub fn hold(lesson: &'static Lesson, world: World) -> Report {
        let mut exam = Self { world, lesson, findings: Vec::new(), left_out: Vec::new() };
        if let Err(error) = (lesson.examine)(&mut exam) {
            let open = lesson.claims.iter().find(|claim| exam.found_of(claim.id).is_none());
            let id = open.unwrap_or(&lesson.claims[0]).id;
            exam.finding(id, Err(Wrong::Seen(texts::broken_off(&error))));
        }
        exam.report()
    }

    /// What was found about a claim. The first thing that is wrong about it counts.
    ///
    /// # Panics
    ///
    /// For a claim that the lesson does not make: that is a mistake in the lesson.
    pub fn finding(&mut self, id: &str, finding: Finding) {
        let id = self.claim(id);
        match self.findings.iter_mut().find(|(other, _)| *other == id) {
            Some((_, known)) if known.is_ok() => *known = finding,
            Some(_) => {}
            None => self.findings.push((id, finding)),
        }
    }

    /// The same with something to go on with when the claim holds.
    pub fn found<T>(&mut self, id: &str, found: Result<T, impl Into<Wrong>>) -> Option<T> {
        match found {
            Ok(value) => {
                self.finding(id, Ok(()));
                Some(value)
            }
            Err(wrong) => {
                self.finding(id, Err(wrong.into()));
                None
            }
        }
    }

    /// A claim that can't be examined here, and why in one sentence. It does not count against the
    /// program.
    ///
    /// # Panics
    ///
    /// As [`Exam::finding`].
    pub fn leave_out(&mut self, id: &str, why: impl Into<String>) {
        let id = self.claim(id);
        self.left_out.push((id, why.into()));
    }

    fn claim(&self, id: &str) -> &'static str {
        let claim = self.lesson.claims.iter().find(|claim| claim.id == id);
        claim.unwrap_or_else(|| panic!("no claim {id}")).id
    }

    /// Whether a claim was found to hold.
    #[must_use]
    pub fn holds(&self, id: &str) -> bool {
        self.findings.iter().any(|(other, finding)| *other == id && finding.is_ok())
    }

    /// Whether a claim was found not to hold.
    #[must_use]
    pub fn fails(&self, id: &str) -> bool {
        matches!(self.found_of(id), Some(Err(_)))
    }

    /// Whether to go on: not while an exercise is open, and not after the program hung.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.problem().is_none()
    }

    fn problem(&self) -> Option<Problem> {
        self.findings.iter().find_map(|(_, finding)| match finding {
            Err(Wrong::Trouble(trouble)) => trouble.problem(),
            _ => None,
        })
    }

    fn report(&self) -> Report {
        let problem = self.problem();
        let claims = self.lesson.claims.iter();
        let checks: Vec<_> = claims.map(|claim| self.verdict(claim, problem.is_some())).collect();
        let passed = problem.is_none() && checks.iter().all(|check| check.passed);
        Report { chapter: self.lesson.chapter.into(), passed, problem, checks }
    }

    fn found_of(&self, id: &str) -> Option<&Finding> {
        self.findings.iter().find(|(other, _)| *other == id).map(|(_, finding)| finding)
    }

    /// The first cause of a claim's failure: a claim whose own failure was seen, and none of those
    /// that it rests on.
    fn cause(&self, id: &str) -> Option<&'static str> {
        let claim = self.lesson.claims.iter().find(|claim| claim.id == id)?;
        let finding = self.found_of(id);
        if matches!(finding, Some(Ok(()))) {
            return None;
        }
        let below = claim.after.iter().find_map(|id| self.cause(id));
        below.or_else(|| finding.map(|_| claim.id))
    }

    /// The exercise to look at: the claim's, unless what was found points to another one.
    fn exercise(&self, claim: &Claim, finding: Option<&Finding>) -> &'static str {
        let other = match finding {
            Some(Err(Wrong::SeenOf(exercise, _))) => Some(*exercise),
            Some(Err(Wrong::Trouble(Trouble::Refused { said, .. }))) => {
                let mut refusals = self.lesson.refusals.iter();
                refusals.find(|(words, _)| said.contains(words)).map(|(_, exercise)| *exercise)
            }
            _ => None,
        };
        other.unwrap_or(claim.exercise)
    }

    fn verdict(&self, claim: &Claim, problem: bool) -> Verdict {
        let finding = self.found_of(claim.id);
        let cause = claim.after.iter().find_map(|id| self.cause(id));
        let left_out = self.left_out.iter().find(|(id, _)| *id == claim.id);
        let left_out = left_out.filter(|_| finding.is_none()).map(|(_, why)| why.clone());
        let (passed, seen) = match finding {
            None if left_out.is_some() => (true, String::new()),
            Some(Ok(())) => (true, String::new()),
            Some(Err(Wrong::Seen(seen) | Wrong::SeenOf(_, seen))) => (false, seen.clone()),
            Some(Err(Wrong::Trouble(trouble))) => (false, trouble.to_string()),
            None if problem => (false, texts::NOT_YET.into()),
            None => (false, texts::NOT_EXAMINED.into()),
        };
        let failed = |other: &&Claim| matches!(self.found_of(other.id), Some(Err(_)));
        let first = self.lesson.claims.iter().find(failed).map(|other| other.id);
        let first = first.filter(|id| *id != claim.id);
        let because = match finding {
            _ if passed => None,
            // An exercise that is open, and what else is the program's state, is told by itself.
            Some(Err(Wrong::Trouble(trouble))) if trouble.problem().is_some() => cause.or(first),
            Some(_) => cause,
            None => cause.or(first),
        };
        let exercise = self.exercise(claim, finding);
        let refused = matches!(finding, Some(Err(Wrong::Trouble(Trouble::Refused { .. }))));
        let why = if refused { texts::WHY_REFUSED } else { claim.why };
        Verdict {
            id: claim.id.into(),
            title: claim.title.into(),
            passed,
            expected: claim.expected.into(),
            seen,
            why: why.into(),
            exercise: exercise.into(),
            hint: texts::hint(self.lesson.chapter, exercise),
            book: claim.book.into(),
            left_out,
            because: because.map(String::from),
        }
    }
}

impl Trouble {
    /// What is wrong with the program as a whole, if this is such a thing.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        Some(match self {
            Self::Open { name, title, place } => Problem::OpenExercise {
                name: name.clone(),
                title: title.clone(),
                place: place.clone(),
            },
            Self::Panicked { place, message } => {
                Problem::Panicked { place: place.clone(), message: message.clone() }
            }
            Self::Hung { command, seen } => {
                Problem::Hung { command: command.clone(), seen: seen.clone() }
            }
            Self::Crashed { command, signal } => {
                Problem::Crashed { command: command.clone(), signal: *signal }
            }
            Self::Refused { .. } | Self::NoArguments { .. } | Self::NeverRan { .. } => return None,
        })
    }
}
