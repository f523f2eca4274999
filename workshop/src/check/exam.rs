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
    /// # Errors
    ///
    /// When the examination itself fails. A program that is wrong is no error.
    pub fn hold(lesson: &'static Lesson, world: World) -> Result<Report> {
        let mut exam = Self { world, lesson, findings: Vec::new(), left_out: Vec::new() };
        (lesson.examine)(&mut exam)?;
        Ok(exam.report())
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
        self.findings.iter().any(|(other, finding)| *other == id && finding.is_err())
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
        let mut checks: Vec<Verdict> = Vec::new();
        for claim in self.lesson.claims {
            let verdict = self.verdict(claim, &checks, problem.is_some());
            checks.push(verdict);
        }
        let passed = problem.is_none() && checks.iter().all(|check| check.passed);
        Report { chapter: self.lesson.chapter.into(), passed, problem, checks }
    }

    /// The first claim that was found not to hold.
    fn first_wrong(&self) -> Option<&'static str> {
        self.lesson.claims.iter().map(|claim| claim.id).find(|id| self.fails(id))
    }

    fn verdict(&self, claim: &Claim, before: &[Verdict], problem: bool) -> Verdict {
        let finding = self.findings.iter().find(|(id, _)| *id == claim.id).map(|(_, it)| it);
        // The cause of a cause is the one to name.
        let cause = claim.after.iter().find_map(|id| {
            let cause = before.iter().find(|other| other.id == *id && !other.passed)?;
            Some(cause.because.clone().unwrap_or_else(|| cause.id.clone()))
        });
        // One that could not be examined because of this one is not behind it.
        let cause = cause.filter(|cause| cause != claim.id);
        let left_out = self.left_out.iter().find(|(id, _)| *id == claim.id);
        let left_out = left_out.filter(|_| finding.is_none()).map(|(_, why)| why.clone());
        let (passed, seen) = match finding {
            None if left_out.is_some() => (true, String::new()),
            Some(Ok(())) => (true, String::new()),
            Some(Err(Wrong::Seen(seen))) => (false, seen.clone()),
            Some(Err(Wrong::Trouble(trouble))) => (false, trouble.to_string()),
            None if problem => (false, texts::NOT_YET.into()),
            None => (false, texts::NOT_EXAMINED.into()),
        };
        let first = before.iter().find(|other| !other.passed).map(|other| other.id.clone());
        let because = match finding {
            _ if passed => None,
            // An exercise that is open, and what else is the program's state, is told by itself.
            Some(Err(Wrong::Trouble(trouble))) if trouble.problem().is_some() => cause.or(first),
            Some(_) => cause,
            // What was not examined is no cause, also where what is wrong comes later in the list.
            None => cause.or(first).or_else(|| self.first_wrong().map(String::from)),
        };
        Verdict {
            id: claim.id.into(),
            title: claim.title.into(),
            passed,
            expected: claim.expected.into(),
            seen,
            why: claim.why.into(),
            exercise: claim.exercise.into(),
            hint: texts::hint(self.lesson.chapter, claim.exercise),
            book: claim.book.into(),
            left_out,
            because,
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
            Self::Refused { .. } | Self::NeverRan { .. } => return None,
        })
    }
}
