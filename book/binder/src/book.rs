//! Where everything lies: the text, what it includes, and the texts of its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::texts::Texts;

/// One language's tree of the book.
#[derive(Debug)]
pub(crate) struct Book {
    /// The project's folder.
    pub(crate) project: PathBuf,
    /// The name of the tree, a folder of `book/`.
    pub(crate) language: String,
    /// What the book says in its own name.
    pub(crate) texts: Texts,
}

impl Book {
    /// The tree of a language.
    ///
    /// # Errors
    ///
    /// When there is no such tree, or no texts of its language.
    pub(crate) fn open(project: &Path, language: &str) -> Result<Self> {
        Self::with_texts(project, language, Texts::of(language)?)
    }

    /// The tree of a language, whatever language its buttons are in.
    ///
    /// # Errors
    ///
    /// When there is no such tree.
    pub(crate) fn with_texts(project: &Path, language: &str, texts: Texts) -> Result<Self> {
        let book = Self { project: project.into(), language: language.into(), texts };
        if !project.join(book.source()).is_dir() {
            bail!("{} is no folder of this project", book.source().display());
        }
        Ok(book)
    }

    /// The folder of the pages, seen from the project's.
    pub(crate) fn source(&self) -> PathBuf {
        Path::new("book").join(&self.language).join("src")
    }

    /// A page's file, seen from the project's folder.
    pub(crate) fn page(&self, name: &str) -> PathBuf {
        self.source().join(format!("{name}.md"))
    }

    /// The text of a file of the project.
    ///
    /// # Errors
    ///
    /// When it can't be read.
    pub(crate) fn read(&self, file: &Path) -> Result<String> {
        let path = self.project.join(file);
        fs::read_to_string(path).with_context(|| format!("read {}", file.display()))
    }

    /// The names of what is in a folder of the project, sorted; none when there is no such folder.
    pub(crate) fn list(&self, folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(self.project.join(folder)).into_iter().flatten().flatten();
        let mut names: Vec<_> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// The folder's name of a finished chapter, by its number.
    pub(crate) fn chapter(&self, number: &str) -> Option<String> {
        let begins = format!("{number}-");
        self.list(Path::new("solutions")).into_iter().find(|name| name.starts_with(&begins))
    }
}
