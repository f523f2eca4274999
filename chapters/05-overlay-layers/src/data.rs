//! Where images and containers are kept on this machine.
//!
//! The XDG base directory specification names the place for an ordinary user; root's is where every
//! system service keeps its data.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};
use nix::unistd::User;
use process::rootless;

use crate::texts;

/// The folder for layers, images and what containers write. Nothing is made yet.
///
/// It is `$XDG_DATA_HOME/coracle`; without that variable `/var/lib/coracle` for root and
/// `~/.local/share/coracle` for others. Below it the finished chapters and the student's have a
/// folder each: a mistake in one must not spoil what the other has.
///
/// # Errors
///
/// When the user has no home.
pub fn data_folder() -> Result<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caller = rootless::caller();
    let home = || {
        let of_account = || Some(User::from_uid(caller).ok()??.dir);
        absolute("HOME").or_else(of_account).map(|home| home.join(".local/share"))
    };
    let base = match absolute("XDG_DATA_HOME") {
        Some(folder) => Some(folder),
        None if caller.is_root() => Some("/var/lib".into()),
        None => home(),
    };
    let tree = match env!("CARGO_PKG_NAME").starts_with("ch") {
        true => "chapters",
        false => "solutions",
    };
    Ok(base.context(texts::NO_DATA_FOLDER)?.join("coracle").join(tree))
}
