//! The kernel's first files: a cpio archive (`newc`), which it unpacks into memory.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::tool;

/// An archive of these files of a folder; all root's. Several one after the other are one to the
/// kernel.
///
/// # Errors
///
/// When `cpio` fails.
pub fn archive(folder: &Path, names: &[String]) -> Result<Vec<u8>> {
    let mut cpio = Command::new("cpio");
    cpio.args(["--create", "--format=newc", "--owner=+0:+0", "--quiet"]).current_dir(folder);
    tool::output_of(cpio.stdin(Stdio::piped()), names.join("\n").as_bytes())
}
