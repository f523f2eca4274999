//! # 01: a root folder of one's own
//!
//! Every process has a root folder: the place where a path that begins with `/` begins. The kernel
//! keeps it per process, children inherit it, and `chroot(2)` changes it. So a process can be given
//! a folder in which it finds its own `/bin` and its own `/etc`, and for which it takes the whole
//! world. That is the oldest piece of a container, from 1979.
//!
//! It asks for two things. The folder has to hold everything that a program needs, which is more
//! than the program: a dynamically linked one is nothing without its loader and its libraries. And
//! the process has to *go* there, since `chroot` moves the root but not the feet.
//!
//! It is no wall, and was never meant to be one. [`breakout`] walks out of it in four calls.
//! Chapter 02 takes away what it walks on.
//!
//! # Layout
//!
//! Read in this order:
//!
//! - [`jail`]: the mechanism: `chroot`, and the step into it. **An exercise.**
//! - [`needs`]: which files a program needs. **An exercise.**
//! - [`way`]: what lies on the way to a file: folders and links.
//! - [`tree`]: the jail while it is filled: each file at its place. **Two exercises.**
//! - [`around`]: what programs misbehave without, though none of them names it.
//! - [`host_root`]: a root folder from the host's own programs; made once, and again when they
//!   change.
//! - `list`: what it was made from.
//! - [`breakout`]: the way out.
//! - [`options`]: `--root`, for this chapter and the later ones. [`texts`]: all the words.
//!
//! # What is left out
//!
//! The jail gets no devices, no `/proc` and no `/sys`, only the folders for them: chapter 02 mounts
//! them. Files that a program opens by itself at run time, such as an editor's colours or Python's
//! modules, are not found; no file says that they are needed. Nor are the character sets of
//! `iconv(3)`. A program whose libraries lie beside it (`$ORIGIN`, `ld.so(8)`) gets them, but finds
//! them only once there is a `/proc`: the loader asks `/proc/self/exe` where it is.

pub mod around;
pub mod breakout;
pub mod host_root;
pub mod jail;
mod list;
pub mod needs;
pub mod options;
pub mod texts;
pub mod tree;
pub mod way;

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;
use process::explain;

pub use breakout::Breakout;
pub use host_root::{build_default_root, default_root};
pub use jail::Jail;
pub use options::RootOption;
pub use tree::{Copied, Tree};

/// Copies the given host programs, by name or by path, and all that they need, into `folder`. It is
/// made if it is not there.
///
/// # Errors
///
/// When there is no such program, when one of its libraries is missing, or when something can't be
/// read or written.
pub fn fill(folder: &Path, programs: &[OsString]) -> Result<Copied> {
    let found = programs.iter().map(|name| needs::find(name)).collect::<Result<Vec<_>>>()?;
    let needed = needs::collect(&found)?;
    let mut tree = Tree::open(folder)?;
    for file in &needed {
        explain::note(texts::copying(file));
        tree.bring(file)?;
    }
    for (name, path) in programs.iter().zip(&found) {
        tree.link_into_path(name, path)?;
    }
    around::bring(&mut tree, &needed)?;
    Ok(tree.copied())
}
