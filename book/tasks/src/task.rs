//! What a task is.

use anyhow::{Result, anyhow};
use coracle::check::claim::Claim;
use coracle::lessons;

use crate::look::Look;
use crate::values::Values;
use crate::{tasks, texts};

/// Something to bring about.
pub struct Task {
    /// Its name, the chapter's number first: `02-pid-one`.
    pub name: &'static str,
    /// Makes up its names and numbers.
    pub values: fn() -> Result<Values>,
    /// What has to be so, causes before their consequences.
    pub promises: &'static [Promise],
    /// Looks whether it is so.
    pub look: fn(&mut Look) -> Result<()>,
}

/// A claim about what the reader has brought about.
#[derive(Debug, Clone, Copy)]
pub enum Promise {
    /// One that the chapter with this number makes of every right program.
    Lesson(&'static str, &'static str),
    /// One of the task alone: its name, and the claim. `{name}` stands for a value.
    Own(&'static str, &'static str),
}

impl Promise {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::Lesson(_, id) | Self::Own(id, _) => id,
        }
    }

    /// The claim, in one short sentence.
    #[must_use]
    pub fn title(&self, values: &Values) -> String {
        match self {
            Self::Lesson(..) => self.claim().map_or_else(String::new, |claim| claim.title.into()),
            Self::Own(_, title) => values.iter().fold((*title).to_owned(), |text, (key, value)| {
                text.replace(&format!("{{{key}}}"), value)
            }),
        }
    }

    /// The lesson's claim, if it is one.
    #[must_use]
    pub fn claim(&self) -> Option<&'static Claim> {
        let Self::Lesson(chapter, id) = self else { return None };
        lessons::of(chapter)?.claims.iter().find(|claim| claim.id == *id)
    }
}

/// All of them, in the order of the chapters.
pub fn all() -> impl Iterator<Item = &'static Task> {
    tasks::ALL.into_iter().flatten()
}

impl Task {
    /// The task of this name.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn named(name: &str) -> Result<&'static Self> {
        all().find(|task| task.name == name).ok_or_else(|| anyhow!(texts::no_task(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_promise_is_a_claim_with_words() {
        for task in all() {
            let values = (task.values)().expect("/dev/urandom");
            for promise in task.promises {
                let title = promise.title(&values);
                let shown = format!("{}: {} {title:?}", task.name, promise.id());
                assert!(!title.is_empty() && !title.contains('{'), "{shown}");
                assert_eq!(
                    task.promises.iter().filter(|other| other.id() == promise.id()).count(),
                    1,
                    "{shown}"
                );
            }
        }
    }
}
