//! What is wrong, and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// Something wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// The file, seen from the project's folder.
    pub(crate) file: PathBuf,
    /// The number of the line, from 1; 0 for the file as a whole.
    pub(crate) line: usize,
    /// What is wrong, and what to write instead.
    pub(crate) sentence: String,
    /// A page can be made all the same.
    pub(crate) tolerable: bool,
}

impl Fault {
    pub(crate) fn new(file: &Path, line: usize, sentence: impl Into<String>) -> Self {
        Self { file: file.into(), line, sentence: sentence.into(), tolerable: false }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.tolerable { "warning: " } else { "" };
        match self.line {
            0 => write!(f, "{}: {kind}{}", self.file.display(), self.sentence),
            line => write!(f, "{}:{line}: {kind}{}", self.file.display(), self.sentence),
        }
    }
}

/// Prints them in the order of their files; whether the book may be made. What is tolerable is only
/// counted where it is tolerated: while the book is being written, there is much of it.
pub(crate) fn report(mut faults: Vec<Fault>, strict: bool) -> bool {
    faults.sort();
    faults.dedup();
    let (tolerated, wrong): (Vec<_>, Vec<_>) =
        faults.into_iter().partition(|fault| fault.tolerable && !strict);
    for fault in &wrong {
        eprintln!("{fault}");
    }
    if !tolerated.is_empty() {
        eprintln!("missing as yet: {} (--strict lists them)", tolerated.len());
    }
    wrong.is_empty()
}
