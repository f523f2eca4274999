//! The options that this chapter's `run` has.

use std::path::PathBuf;

use anyhow::Result;
use chroot_jail::default_root;
use uts_net::RunFolder;

use crate::Overlay;

/// `--layer` and `--upper`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct LayerOptions {
    /// The lowest layer, which is not written to [default: one made from this host's programs, if
    /// there is no --layer]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// A layer to put on top; the last one is the topmost. Without --root these are all there is
    /// (`coracle rootfs DIR` makes one with programs)
    #[arg(long, value_name = "DIR")]
    layer: Vec<PathBuf>,
    /// Keep what the container writes in this folder; `diff DIR` tells what it is
    #[arg(long, value_name = "DIR")]
    upper: Option<PathBuf>,
}

impl LayerOptions {
    /// The layers, the bottom one first. If only `--layer` is given, those are all.
    ///
    /// # Errors
    ///
    /// When the workshop's own root folder has to be made, and can't be.
    pub fn layers(&self) -> Result<Vec<PathBuf>> {
        let lowest = match &self.root {
            Some(root) => Some(root.clone()),
            None if self.layer.is_empty() => Some(default_root()?),
            None => None,
        };
        Ok(lowest.into_iter().chain(self.layer.iter().cloned()).collect())
    }

    /// The layers, on top of each other, for the run that `folder` belongs to.
    ///
    /// # Errors
    ///
    /// As [`Overlay::new`].
    pub fn mechanism(&self, folder: &RunFolder) -> Result<Overlay> {
        Overlay::new(folder, &self.layers()?, self.upper.clone())
    }
}
