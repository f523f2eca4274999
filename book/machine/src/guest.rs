//! Our own program for the machine.

use std::path::PathBuf;

use anyhow::Result;
use vm::toolchain::{FLAGS, Target, Toolchain};

/// Small, as it is loaded over a network.
const SMALL: [(&str, &str); 5] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "z"),
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
    // Nobody here goes on after a panic, and the tables for it (below) are a sixth of the program.
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
];

pub(crate) fn build() -> Result<PathBuf> {
    let flags = format!("{FLAGS} -C force-unwind-tables=no");
    let mut environment = SMALL.to_vec();
    environment.push(("CARGO_TARGET_I686_UNKNOWN_LINUX_GNU_RUSTFLAGS", &flags));
    let folder = Toolchain::get()?.build(Target::I686, &["--package", "guest"], &environment)?;
    Ok(folder.join("guest"))
}
