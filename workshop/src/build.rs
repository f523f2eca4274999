//! Builds a student's program of a chapter, by cargo.
//!
//! Where cargo puts a program is cargo's business (`CARGO_TARGET_DIR`, `build.target`, …), so cargo
//! is asked.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::project::Project;
use crate::texts;

/// The package of what `check` runs inside a container.
const PROBE: &str = "coracle-probe";

/// A student's program, and the probe.
#[derive(Debug)]
pub struct Built {
    /// The program.
    pub program: PathBuf,
    /// The probe.
    pub probe: PathBuf,
}

/// Builds the program of `chapter`, `00-process`.
///
/// # Errors
///
/// When it does not compile: cargo has then said on standard error why.
pub fn chapter(project: &Project, chapter: &str) -> Result<PathBuf> {
    let package = format!("ch{chapter}");
    let Some(mut built) = build(project.root(), &[&package])? else {
        bail!(texts::does_not_compile(&package));
    };
    built.pop().ok_or_else(|| anyhow!(texts::no_program(&package)))
}

/// The same and the probe, in one go; `None` when it does not compile.
///
/// # Errors
///
/// When cargo can't be started.
pub fn chapter_and_probe(project: &Project, chapter: &str) -> Result<Option<Built>> {
    let package = format!("ch{chapter}");
    let Some(built) = build(project.root(), &[&package, PROBE])? else { return Ok(None) };
    match <[PathBuf; 2]>::try_from(built) {
        Ok([program, probe]) => Ok(Some(Built { program, probe })),
        Err(_) => bail!(texts::no_program(&package)),
    }
}

/// Builds the probe.
///
/// # Errors
///
/// When it does not compile.
pub fn probe(project: &Project) -> Result<PathBuf> {
    let built = build(project.root(), &[PROBE])?;
    let first = built.and_then(|mut built| built.pop());
    first.ok_or_else(|| anyhow!(texts::no_program(PROBE)))
}

/// Builds these packages' programs; their paths, in this order. `None` when one does not compile.
fn build(root: &Path, packages: &[&str]) -> Result<Option<Vec<PathBuf>>> {
    // Set where we were started by cargo: the same cargo then.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet"]);
    for package in packages {
        command.args(["--package", package, "--bin", package]);
    }
    let output = command
        // Errors are for people and go to standard error; what was built is told on standard output.
        .arg("--message-format=json-render-diagnostics")
        .args([OsStr::new("--manifest-path"), root.join("Cargo.toml").as_os_str()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context(texts::NO_CARGO)?;
    if !output.status.success() {
        return Ok(None);
    }
    let report = String::from_utf8_lossy(&output.stdout);
    let path = |package: &&str| executable(&report, package);
    Ok(Some(packages.iter().filter_map(path).collect()))
}

/// One line of cargo's report.
#[derive(Deserialize)]
struct Line {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// The program of a package in cargo's report, a JSON object a line.
fn executable(report: &str, package: &str) -> Option<PathBuf> {
    let lines = report.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let its = lines.filter(|line| line.target.as_ref().is_some_and(|it| it.name == package));
    its.filter_map(|line| line.executable).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_read_from_cargos_report() {
        let report = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"a\"},\"executable\":null}\n\
             {\"target\":{\"name\":\"ch00\"},\"executable\":\"/a \\\"b\\\"/ch00\",\"fresh\":true}\n\
             {\"target\":{\"name\":\"probe\"},\"executable\":\"/probe\"}\n\
             {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executable(report, "ch00"), Some("/a \"b\"/ch00".into()));
        assert_eq!(executable(report, "probe"), Some("/probe".into()));
        assert_eq!(executable(report, "a"), None);
    }
}
