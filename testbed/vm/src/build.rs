//! Programs for the machine, built by cargo.
//!
//! They are linked statically: what runs in any machine may not ask for this one's libraries.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::kernel::Architecture;
use crate::toolchain::{Target as Other, Toolchain};

/// The project's folder: this crate is two below it.
pub(crate) fn project() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// The first process.
pub(crate) fn init(architecture: Architecture) -> Result<PathBuf> {
    let built = cargo(architecture, &["build", "--release", "--package", "vm-init"])?;
    built.into_iter().next().map(|artifact| artifact.program).context("cargo built no vm-init")
}

/// A program that cargo made.
pub(crate) struct Artifact {
    pub(crate) kind: Kind,
    pub(crate) package: String,
    pub(crate) name: String,
    /// The package's folder.
    pub(crate) folder: PathBuf,
    pub(crate) program: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Program,
    Test,
}

/// Lets cargo build for the machine; the programs that there are then.
pub(crate) fn cargo(architecture: Architecture, arguments: &[&str]) -> Result<Vec<Artifact>> {
    crate::host()?;
    let (mut cargo, triple, products) = match architecture {
        Architecture::X86_64 => (native(), "x86_64-unknown-linux-gnu".into(), "target"),
        Architecture::I686 => {
            (Toolchain::get()?.cargo(Other::I686), Other::I686.triple(), "target/cross")
        }
    };
    cargo
        .args(arguments)
        .args(["--quiet", "--message-format=json-render-diagnostics", "--target", &triple])
        // The machine has the project's folder, wherever else `CARGO_TARGET_DIR` may be.
        .arg("--target-dir")
        .arg(project().join(products))
        // A third of the size, and nobody debugs there.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .stdin(Stdio::null())
        // Errors are for people and go to standard error; what was built is told on the other one.
        .stderr(Stdio::inherit());
    let output = cargo.output().context("cargo can't be started")?;
    if !output.status.success() {
        bail!("cargo could not build what the machine needs");
    }
    let lines = output.stdout.split(|byte| *byte == b'\n');
    Ok(lines.filter_map(|line| serde_json::from_slice::<Message>(line).ok()?.artifact()).collect())
}

/// A cargo that compiles with this machine's own Rust.
fn native() -> Command {
    // Set where we were started by cargo: the same cargo then.
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    cargo
        .current_dir(project())
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", format!("{flags} -C target-feature=+crt-static"));
    cargo
}

/// What cargo says about one of the things that it built.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    manifest_path: PathBuf,
    target: Target,
    profile: Profile,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

impl Message {
    fn artifact(self) -> Option<Artifact> {
        let folder = self.manifest_path.parent()?.to_path_buf();
        Some(Artifact {
            kind: if self.profile.test { Kind::Test } else { Kind::Program },
            package: folder.file_name()?.to_string_lossy().into_owned(),
            name: self.target.name,
            folder,
            program: self.executable?,
        })
    }
}
