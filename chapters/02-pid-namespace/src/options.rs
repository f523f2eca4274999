//! The option that this chapter's `run` adds, for itself and every later one.

use crate::Init;

/// `--init`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct InitOption {
    /// Put a small init in the place of PID 1, which reaps orphans and passes signals on
    #[arg(long)]
    init: bool,
}

impl InitOption {
    /// The small init, if it is wanted.
    #[must_use]
    pub fn mechanism(&self) -> Option<Init> {
        self.init.then_some(Init)
    }
}
