//! A look at what the reader did: claims, and what was found about each.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use coracle::check::claim::{Finding, Wrong};
use coracle::observe::{self, shown};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::host::Host;
use crate::task::Task;
use crate::texts;
use crate::values::Values;

/// What was found about a claim: what shows that it holds, or what is wrong.
pub type Found = Result<String, String>;

/// A look at one task.
#[derive(Clone)]
pub struct Look<'a> {
    task: &'static Task,
    values: &'a Values,
    /// The reader's machine.
    pub host: &'a Host,
    found: Vec<(&'static str, Found)>,
}

impl<'a> Look<'a> {
    /// Nothing found so far.
    #[must_use]
    pub fn new(task: &'static Task, values: &'a Values, host: &'a Host) -> Self {
        Self { task, values, host, found: Vec::new() }
    }

    /// Looks.
    pub fn take(&mut self) {
        let taken = (self.task.look)(self);
        self.break_off(taken);
    }

    /// What broke off a look (a process ended meanwhile, say) is told of the first claim that is open.
    fn break_off(&mut self, taken: Result<()>) {
        let Err(error) = taken else { return };
        let open = self.task.promises.iter().find(|it| self.found_of(it.id()).is_none());
        if let Some(promise) = open {
            self.finding(promise.id(), Err(texts::broken_off(&error)));
        }
    }

    /// One of the task's values.
    ///
    /// # Errors
    ///
    /// When it was not given.
    pub fn value(&self, key: &str) -> Result<&'a str> {
        let value = self.values.get(key).map(String::as_str);
        value.ok_or_else(|| anyhow!(texts::no_value(key)))
    }

    /// The same as a number.
    ///
    /// # Errors
    ///
    /// When it was not given, or is none.
    pub fn number(&self, key: &str) -> Result<u64> {
        self.value(key)?.parse().map_err(|_| anyhow!(texts::no_value(key)))
    }

    /// The folder that most tasks are about: `/tmp/{name}`.
    ///
    /// # Errors
    ///
    /// Without a name.
    pub fn folder(&self) -> Result<PathBuf> {
        Ok(Path::new("/tmp").join(self.value("name")?))
    }

    /// What was found about a claim. The first thing that is wrong about it counts.
    ///
    /// # Panics
    ///
    /// For a claim that the task does not make: that is a mistake in the task.
    pub fn finding(&mut self, id: &str, found: Found) {
        let promise = self.task.promises.iter().find(|promise| promise.id() == id);
        let id = promise.unwrap_or_else(|| panic!("{} does not claim {id}", self.task.name)).id();
        match self.found.iter_mut().find(|(other, _)| *other == id) {
            Some((_, known)) if known.is_ok() => *known = found,
            Some(_) => {}
            None => self.found.push((id, found)),
        }
    }

    /// The finding of a lesson about a claim; `right` says what shows that it holds. What is wrong is
    /// told with the reason why it matters, unless `mistake` knows a better sentence.
    pub fn lesson(
        &mut self,
        id: &str,
        finding: Finding,
        right: impl FnOnce() -> String,
        mistake: Option<&str>,
    ) {
        let claim = self.task.promises.iter().find(|promise| promise.id() == id);
        let why = mistake.or_else(|| claim.and_then(|it| it.claim()).map(|claim| claim.why));
        let found = match finding {
            Ok(()) => Ok(right()),
            Err(wrong) => Err(texts::seen_and_why(&seen(wrong), why.unwrap_or_default())),
        };
        self.finding(id, found);
    }

    /// Whether a claim was found to hold.
    #[must_use]
    pub fn holds(&self, id: &str) -> bool {
        matches!(self.found_of(id), Some(Ok(_)))
    }

    fn found_of(&self, id: &str) -> Option<&Found> {
        self.found.iter().find(|(other, _)| *other == id).map(|(_, found)| found)
    }

    /// Examines each process with these words for a command line, and keeps what was found about the
    /// one that is nearest to what the task wants: earlier attempts may still run. That there is one
    /// is the claim `id`.
    ///
    /// # Errors
    ///
    /// Without `/proc`.
    pub fn process(
        &mut self,
        id: &str,
        words: &[&str],
        examine: impl Fn(&mut Self, Pid) -> Result<()>,
    ) -> Result<()> {
        let mut best: Option<Self> = None;
        for pid in named(words)? {
            let mut trial = self.clone();
            trial.finding(id, Ok(texts::process(pid, words)));
            let examined = examine(&mut trial, pid);
            trial.break_off(examined);
            if best.as_ref().is_none_or(|best| best.right() < trial.right()) {
                best = Some(trial);
            }
        }
        match best {
            Some(best) => *self = best,
            None => self.finding(id, Err(nobody(words)?)),
        }
        Ok(())
    }

    fn right(&self) -> usize {
        self.found.iter().filter(|(_, found)| found.is_ok()).count()
    }

    /// What is answered.
    #[must_use]
    pub fn report(&self) -> Value {
        let claims = self.task.promises.iter().map(|promise| {
            let found = self.found_of(promise.id());
            let words = match found {
                Some(Ok(words) | Err(words)) => words,
                None => texts::NOT_YET,
            };
            let holds = matches!(found, Some(Ok(_)));
            json!({ "claim": promise.title(self.values), "holds": holds, "found": words })
        });
        let done = self.task.promises.iter().all(|promise| self.holds(promise.id()));
        json!({ "done": done, "claims": claims.collect::<Vec<_>>() })
    }
}

fn seen(wrong: Wrong) -> String {
    match wrong {
        Wrong::Seen(seen) | Wrong::SeenOf(_, seen) => seen,
        Wrong::Trouble(trouble) => trouble.to_string(),
    }
}

/// The processes that run with these words. Busybox may stand before them.
fn named(words: &[&str]) -> Result<Vec<Pid>> {
    let is = |pid: &Pid| observe::command(*pid).is_ok_and(|its| is_command(&its, words));
    Ok(observe::all()?.into_iter().filter(is).collect())
}

fn is_command<S: AsRef<OsStr>>(its: &[S], words: &[&str]) -> bool {
    let name = |word: &S| Path::new(word).file_name().map(OsStr::to_owned);
    let its = match its {
        [first, rest @ ..] if name(first).is_some_and(|it| it == "busybox") => rest,
        its => its,
    };
    let same = its.iter().skip(1).map(AsRef::as_ref).eq(words.iter().skip(1).map(OsStr::new));
    same && its.first().and_then(name).as_deref() == words.first().map(OsStr::new)
}

/// There is no such process; perhaps there is one that is nearly the same.
fn nobody(words: &[&str]) -> Result<String> {
    let program = &words[..1];
    let others = observe::all()?.into_iter().filter_map(|pid| {
        let its = observe::command(pid).ok()?;
        let name = is_command(its.get(..1)?, program);
        name.then(|| its.iter().map(|word| shown(word)).collect::<Vec<_>>().join(" "))
    });
    Ok(texts::nobody(&words.join(" "), &others.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_compared_by_its_words() {
        let words = ["sleep", "47"];
        for right in [&["sleep", "47"][..], &["/bin/sleep", "47"], &["busybox", "sleep", "47"]] {
            assert!(is_command(right, &words), "{right:?}");
        }
        for wrong in [
            &["sleep"][..],
            &["sleep 47"],
            &["sleep", "4", "7"],
            &["unshare", "sleep", "47"],
            &["sh", "-c", "sleep 47"],
            &[],
        ] {
            assert!(!is_command(wrong, &words), "{wrong:?}");
        }
    }
}
