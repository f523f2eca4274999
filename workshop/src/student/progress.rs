//! How far the student is: `.coracle/progress.json` in the project's folder, which git ignores.
//!
//! Two processes may have something to remember at once (a check that ends while somebody asks for a
//! hint), so it is changed under a lock (`flock(2)`) and written whole. A file that can't be
//! understood is put aside, and a new one begun: it is worth a sentence, and no more than that.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::{files, texts, whole};
use crate::check::{Problem, Report, Verdict};
use crate::project::Project;

/// All that is remembered.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// What is known of each chapter, by its whole name.
    pub chapters: BTreeMap<String, ChapterProgress>,
}

/// What is remembered of one chapter.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChapterProgress {
    /// With which source it passed the last time.
    pub passed: Option<String>,
    /// How many hints were seen, by exercise.
    pub hints: BTreeMap<String, usize>,
    /// What the last check found.
    pub last: Option<LastCheck>,
}

/// What is remembered of a check.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastCheck {
    /// The source that was checked.
    pub source: String,
    /// When: seconds since 1970.
    pub at: u64,
    /// Whether the program came so far that something could be looked at.
    pub complete: bool,
    /// What did not hold, by id; consequences of others are left out.
    pub failed: Vec<Failure>,
    /// The exercise that it named: the one that is still open, or that the first failure points to.
    pub named: Option<String>,
}

/// A claim that did not hold.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// The claim's id.
    pub id: String,
    /// The exercise that it points to.
    pub exercise: Option<String>,
}

/// Where everything is that the workshop remembers.
pub(super) fn folder(project: &Project) -> PathBuf {
    project.root().join(".coracle")
}

fn file(project: &Project) -> PathBuf {
    folder(project).join("progress.json")
}

/// What is remembered; nothing, if that can't be read.
#[must_use]
pub fn load(project: &Project) -> Progress {
    let text = fs::read_to_string(file(project)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Changes what is remembered.
///
/// # Errors
///
/// When it can't be written. What was there before still is.
pub fn update(project: &Project, change: impl FnOnce(&mut Progress)) -> Result<()> {
    let _lock = lock(project)?;
    let path = file(project);
    let mut progress = match fs::read(&path) {
        Ok(text) => match serde_json::from_slice(&text) {
            Ok(progress) => progress,
            Err(error) => {
                put_aside(&path, &error)?;
                Progress::default()
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Progress::default(),
        Err(error) => return Err(error).with_context(|| texts::cannot_read(&path)),
    };
    change(&mut progress);
    let mut text = serde_json::to_vec_pretty(&progress).context(texts::NO_JSON)?;
    text.push(b'\n');
    whole::write(&path, &text)
}

/// Beside the old one, so that whoever edited it by hand finds it.
fn put_aside(path: &Path, error: &serde_json::Error) -> Result<()> {
    let broken = (1..).map(|number| path.with_extension(format!("broken-{number}")));
    let mut free = broken.filter(|path| !path.exists());
    let aside = free.next().unwrap_or_else(|| path.with_extension("broken"));
    fs::rename(path, &aside).with_context(|| texts::cannot_write(&aside))?;
    texts::warn(texts::progress_is_broken(&aside, error));
    Ok(())
}

/// Keeps everybody else from writing until it is dropped.
pub(super) fn lock(project: &Project) -> Result<Flock<fs::File>> {
    let path = folder(project).join("lock");
    let cannot = || texts::cannot_write(&path);
    whole::make_folder(&folder(project)).with_context(cannot)?;
    let open = || fs::File::options().create(true).append(true).open(&path);
    let file = open().with_context(cannot)?;
    whole::give_as_above(&path);
    Flock::lock(file, FlockArg::LockExclusive)
        .map_err(|(_, errno): (_, Errno)| errno)
        .with_context(cannot)
}

/// What tells the chapter's source as it is now from any other. Ask before a check begins: the
/// student may go on writing meanwhile.
///
/// # Errors
///
/// When the chapter can't be read.
pub fn source(project: &Project, chapter: &str) -> Result<String> {
    let folder = project.root().join("chapters").join(chapter);
    Ok(files::digest(&files::read(&folder)?))
}

/// Remembers what a check of the chapter's `source` has found.
///
/// # Errors
///
/// As [`update`].
pub fn record(project: &Project, chapter: &str, source: String, report: &Report) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let failure = |check: &Verdict| {
        let exercise = Some(check.exercise.clone()).filter(|name| !name.is_empty());
        Failure { id: check.id.clone(), exercise }
    };
    let (failed, named) = match &report.problem {
        // What does not hold is for want of it.
        Some(Problem::OpenExercise { name, .. }) => (Vec::new(), Some(name.clone())),
        _ => {
            let failed: Vec<_> = report.causes().map(failure).collect();
            let named = failed.iter().find_map(|failure| failure.exercise.clone());
            (failed, named)
        }
    };
    update(project, |progress| {
        let chapter = progress.chapters.entry(chapter.into()).or_default();
        if report.passed {
            chapter.passed = Some(source.clone());
        } else if chapter.passed.as_ref() == Some(&source) {
            chapter.passed = None;
        }
        let complete = report.problem.is_none();
        chapter.last = Some(LastCheck { source, at: now.as_secs(), complete, failed, named });
    })
}
