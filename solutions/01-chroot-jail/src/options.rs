//! The option that this chapter's `run` has, and every later one's as well.

use std::path::PathBuf;

use anyhow::Result;

use crate::default_root;

/// `--root DIR`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct RootOption {
    /// The container's root folder [default: one made from this host's programs]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

impl RootOption {
    /// The folder that is named, or the workshop's own.
    ///
    /// # Errors
    ///
    /// When the workshop's own has to be made, and can't be.
    pub fn folder(self) -> Result<PathBuf> {
        self.root.map_or_else(default_root, Ok)
    }
}
