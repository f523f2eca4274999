//! The virtual machine in which the book's recordings are made: the same for all who make them.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use vm::{Kernel, Machine};

/// Where the machine has what is put into it.
const WORKSHOP: &str = "/workshop";
const RECORDINGS: &str = "/recordings";

/// Records all sessions in the folder `sessions` of `stage`, in which this program, `recorder`, and
/// the workshop's folder, `project`, are as well. The results come into the folder `out`.
///
/// # Errors
///
/// When there is no machine.
pub fn record(stage: &Path, out: &Path) -> Result<ExitCode> {
    let command = format!(
        "exec {WORKSHOP}/recorder record --whole-machine --project {WORKSHOP}/project \
         --out {RECORDINGS} {WORKSHOP}/sessions/*"
    );
    let machine = Machine::new(Kernel::V6_12).put(stage, WORKSHOP).get(RECORDINGS, out);
    Ok(machine.stream(["sh", "-c", &command])?.into())
}
