//! `coracle run NN -- ARGS`: build the student's program of a chapter, and become it.
//!
//! To become it (`execve(2)`) and not to start it as a child is what lets Ctrl-C, the terminal and
//! the exit status pass without any work of ours: there is one process, and it is the student's.
//!
//! Where cargo puts a program is cargo's business (`CARGO_TARGET_DIR`, `build.target`, …), so cargo
//! is asked. `cargo run` would do all of this, but would leave two dozen variables of its own in the
//! environment, and the first chapter's containers show theirs.

use std::convert::Infallible;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use crate::project::Project;
use crate::texts;

/// Builds the chapter that `name` means, and becomes its program with these arguments.
///
/// # Errors
///
/// When there is no such chapter, or it does not compile: cargo has then said on standard error
/// why.
pub fn chapter(project: &Project, name: &str, args: &[OsString]) -> Result<Infallible> {
    let package = format!("ch{}", project.chapter(name)?);
    let program = build(project.root(), &package)?;
    let error = Command::new(&program).args(args).exec();
    Err(error).with_context(|| texts::cannot_execute(&program))
}

/// Builds a package's program; its path.
fn build(root: &Path, package: &str) -> Result<PathBuf> {
    // Set where we were started by cargo: the same cargo then.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--package", package, "--bin", package])
        // Errors are for people and go to standard error; what was built is told on standard output.
        .arg("--message-format=json-render-diagnostics")
        .args([OsStr::new("--manifest-path"), root.join("Cargo.toml").as_os_str()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context(texts::NO_CARGO)?;
    if !output.status.success() {
        bail!(texts::does_not_compile(package));
    }
    let report = String::from_utf8_lossy(&output.stdout);
    executable(&report).ok_or_else(|| anyhow!(texts::no_program(package)))
}

/// The program in cargo's report: one JSON object a line, `"executable":"…"` in the last that has
/// one. (A JSON reader would be the workshop's largest dependency.)
fn executable(report: &str) -> Option<PathBuf> {
    let (_, text) = report.rsplit_once("\"executable\":\"")?;
    let mut path = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some(path.into()),
            '\\' => path.push(chars.next()?),
            other => path.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_read_from_cargos_report() {
        let report = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
             {\"reason\":\"compiler-artifact\",\"executable\":\"/a \\\"b\\\"/ch00\",\"fresh\":true}\n\
             {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executable(report), Some("/a \"b\"/ch00".into()));
        assert_eq!(executable("{\"executable\":null}"), None);
    }
}
