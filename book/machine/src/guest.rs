//! Our own program for the machine.

use std::path::PathBuf;

use anyhow::Result;
use vm::toolchain::{Target, Toolchain};

/// Small, as it is loaded over a network.
const SMALL: [(&str, &str); 5] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "z"),
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
    // Nobody here goes on after a panic.
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
];

pub(crate) fn build() -> Result<PathBuf> {
    let folder = Toolchain::get()?.build(Target::I686, &["--package", "guest"], &SMALL)?;
    Ok(folder.join("guest"))
}
