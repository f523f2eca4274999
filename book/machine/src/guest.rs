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

/// But for what goes through all bytes of an image: it is emulated, and slow enough.
const FAST: [&str; 2] = ["sha2", "zlib-rs"];

pub(crate) fn build() -> Result<PathBuf> {
    let fast = FAST.map(|name| format!("--config=profile.release.package.{name}.opt-level=3"));
    let mut arguments = vec!["--package", "guest"];
    arguments.extend(fast.iter().map(String::as_str));
    let folder = Toolchain::get()?.build(Target::I686, &arguments, &SMALL)?;
    Ok(folder.join("guest"))
}
