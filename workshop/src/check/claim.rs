//! A claim, and what was found.

use super::world::Trouble;

/// Something that is true of every right program of a chapter, whoever wrote it.
#[derive(Debug)]
pub struct Claim {
    /// Its name, which stays what it is: others refer to it.
    pub id: &'static str,
    /// The claim, in one short sentence.
    pub title: &'static str,
    /// What a right program shows.
    pub expected: &'static str,
    /// Why it matters, in one sentence.
    pub why: &'static str,
    /// The exercise to look at when it fails.
    pub exercise: &'static str,
    /// The book's section.
    pub book: &'static str,
    /// The claims that have to hold before this one can.
    pub after: &'static [&'static str],
}

/// What was found about a claim: nothing, or what is wrong.
pub type Finding = Result<(), Wrong>;

/// What is wrong.
#[derive(Debug, Clone)]
pub enum Wrong {
    /// The kernel shows something else than the claim says: what, and where.
    Seen(String),
    /// The same, and it points to this exercise.
    SeenOf(&'static str, String),
    /// The program did not get so far.
    Trouble(Trouble),
}

impl From<Trouble> for Wrong {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// [`Wrong::Seen`] unless `right`.
///
/// # Errors
///
/// What was seen.
pub fn expect(right: bool, seen: impl FnOnce() -> String) -> Finding {
    if right { Ok(()) } else { Err(Wrong::Seen(seen())) }
}
