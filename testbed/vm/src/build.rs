//! Programs for the machine, built by cargo.
//!
//! They are linked statically: what runs in any machine may not ask for this one's libraries.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// What a machine's processor is.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The project's folder: this crate is two below it.
pub(crate) fn project() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// The first process.
pub(crate) fn init() -> Result<PathBuf> {
    let built = cargo(&["build", "--release", "--package", "vm-init"])?;
    built.into_iter().next().map(|artifact| artifact.program).context("cargo built no vm-init")
}

/// A program that cargo made.
pub(crate) struct Artifact {
    pub(crate) program: PathBuf,
}

/// Lets cargo build for the machine; the programs that there are then.
pub(crate) fn cargo(arguments: &[&str]) -> Result<Vec<Artifact>> {
    // Set where we were started by cargo: the same cargo then.
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    cargo
        .args(arguments)
        .args(["--quiet", "--message-format=json-render-diagnostics", "--target", TARGET])
        .current_dir(project())
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", format!("{flags} -C target-feature=+crt-static"))
        .stdin(Stdio::null())
        // Errors are for people and go to standard error; what was built is told on this one.
        .stderr(Stdio::inherit());
    let output = cargo.output().context("cargo can't be started")?;
    if !output.status.success() {
        bail!("cargo could not build what the machine needs");
    }
    let mut built = Vec::new();
    for line in output.stdout.split(|byte| *byte == b'\n') {
        let Ok(Message { executable: Some(program) }) = serde_json::from_slice(line) else {
            continue;
        };
        built.push(Artifact { program });
    }
    Ok(built)
}

#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}
