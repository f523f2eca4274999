//! A recorded session as files: `session.json`, and for each part `PART.txt` and `PART.cast`.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::transcript::Command;

/// What `session.json` holds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// What the page calls the session.
    pub title: String,
    /// `root` or `student`.
    pub user: String,
    /// The machine's name.
    pub hostname: String,
    /// In the order of the session's file.
    pub parts: Vec<PartIndex>,
}

/// A part in `session.json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartIndex {
    /// What its files are called.
    pub name: String,
    /// The terminal it was typed into, where it is not the first one.
    pub terminal: Option<String>,
    /// What a reader may want to copy.
    pub commands: Vec<Command>,
}

/// A recorded session.
#[derive(Debug, Serialize, Deserialize)]
pub struct Recording {
    /// What `session.json` holds.
    pub index: Index,
    /// The parts' texts, in the index's order.
    pub parts: Vec<RecordedPart>,
}

/// The two files of a part.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecordedPart {
    /// `PART.txt`.
    pub transcript: String,
    /// `PART.cast`.
    pub cast: String,
}

impl Recording {
    /// Reads a session's folder.
    ///
    /// # Errors
    ///
    /// When it is not there or can't be read.
    pub fn read(folder: &Path) -> Result<Self> {
        let none = || format!("there is no recording in {}", folder.display());
        let index = Index::read(folder)?.with_context(none)?;
        let part = |part: &PartIndex| {
            let (transcript, cast) =
                (text(folder, &part.name, "txt")?, text(folder, &part.name, "cast")?);
            Ok(RecordedPart { transcript, cast })
        };
        let parts = index.parts.iter().map(part).collect::<Result<_>>()?;
        Ok(Self { index, parts })
    }

    /// Writes the session's folder anew.
    ///
    /// # Errors
    ///
    /// What the file system refuses.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let wrote = || format!("{} could not be written", folder.display());
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(wrote)?,
            _ => {}
        }
        fs::create_dir_all(folder).with_context(wrote)?;
        for (index, part) in self.index.parts.iter().zip(&self.parts) {
            fs::write(folder.join(format!("{}.txt", index.name)), &part.transcript)
                .with_context(wrote)?;
            fs::write(folder.join(format!("{}.cast", index.name)), &part.cast)
                .with_context(wrote)?;
        }
        let index = serde_json::to_string_pretty(&self.index)? + "\n";
        fs::write(folder.join("session.json"), index).with_context(wrote)
    }
}

impl Index {
    /// Reads a session's folder; `None` if it was never recorded.
    ///
    /// # Errors
    ///
    /// When it can't be read, or is none.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join("session.json");
        let read = || format!("{} could not be read", path.display());
        match fs::read(&path) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text).with_context(read)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(read),
        }
    }

    /// What is said of the session as a whole.
    #[must_use]
    pub fn without_parts(&self) -> [&str; 3] {
        [&self.title, &self.user, &self.hostname]
    }
}

/// One of a part's files.
///
/// # Errors
///
/// When it can't be read.
pub fn text(folder: &Path, part: &str, kind: &str) -> Result<String> {
    let path = folder.join(format!("{part}.{kind}"));
    fs::read_to_string(&path).with_context(|| format!("{} could not be read", path.display()))
}
