//! # 05: layers
//!
//! A container's root folder takes tens or hundreds of megabytes, and most of it is the same in
//! every container. To copy it for each takes time and space; to share it lets each see what the
//! others write. Overlayfs does both at once: folders on top of each other that look like one. The
//! lower ones are shared and only read, the uppermost is the container's own.
//!
//! That is what an image is made of, and what is left when a container has run: a folder with just
//! what it changed.
//!
//! # Layout
//!
//! Read in this order:
//!
//! - [`overlay`]: the layers, mounted on top of each other. **The main exercise.**
//! - [`writable`]: the folders that a container writes to.
//! - [`whiteout`]: how a layer says that something is gone.
//! - [`lookup`]: how a name is looked up in layers.
//! - [`diff`](mod@diff): what a container changed. **An exercise.**
//! - [`flatten`](mod@flatten): where there is no overlayfs.
//! - [`data`]: where layers and images are kept; [`remove`]: removing them, whatever they are like.
//! - [`options`]: the command line of this chapter. [`texts`]: all the words. [`sys`]: the system
//!   calls that `nix` lacks here.
//!
//! # What is left out
//!
//! Overlayfs can also note that a folder was renamed, and copy up a file's metadata alone
//! (`redirect_dir`, `metacopy`). Both make an upper folder that can't be packed into an image: they
//! are switched off. A read-only container: chapter 08.

pub mod data;
pub mod diff;
pub mod flatten;
pub mod lookup;
pub mod options;
pub mod overlay;
pub mod remove;
pub mod sys;
pub mod texts;
pub mod whiteout;
pub mod writable;

pub use data::data_folder;
pub use diff::{Change, diff};
pub use flatten::flatten;
pub use lookup::Found;
pub use options::LayerOptions;
pub use overlay::Overlay;
pub use remove::remove_tree;
pub use writable::Writable;
