//! The virtual machine in which the book's recordings are made: the same for all who make them.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result};
use vm::{Kernel, Machine};

/// Where the machine has what is put into it.
const WORKSHOP: &str = "/workshop";
const RECORDINGS: &str = "/recordings";
/// A session has a processor busy most of the time. So there are two machines, each with half of the
/// sessions.
const MACHINES: usize = 2;

/// Records all sessions in the folder `sessions` of `stage`, in which this program, `recorder`, and
/// the workshop's folder, `project`, are as well. The results come into the folder `out`.
///
/// # Errors
///
/// When there is no machine.
pub fn record(stage: &Path, out: &Path) -> Result<ExitCode> {
    let folder = stage.join("sessions");
    let entries =
        folder.read_dir().with_context(|| format!("{} can't be read", folder.display()))?;
    let mut names = entries.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
    names.sort();
    let shares = (0..MACHINES.min(names.len()))
        .map(|first| names.iter().skip(first).step_by(MACHINES).collect::<Vec<_>>());
    let ended: Vec<Result<u8>> = thread::scope(|scope| {
        let machines: Vec<_> =
            shares.map(|share| scope.spawn(move || run(&share, stage, out))).collect();
        machines
            .into_iter()
            .map(|machine| machine.join().expect("a thread that does not panic"))
            .collect()
    });
    let statuses = ended.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(statuses.into_iter().max().unwrap_or(0).into())
}

fn run(sessions: &[&OsString], stage: &Path, out: &Path) -> Result<u8> {
    let recorder = Path::new(WORKSHOP).join("recorder").into_os_string();
    let project = Path::new(WORKSHOP).join("project").into_os_string();
    let options = ["record", "--whole-machine", "--out", RECORDINGS, "--project"];
    let words = [recorder].into_iter().chain(options.map(Into::into)).chain([project]);
    let files = sessions.iter().map(|name| Path::new(WORKSHOP).join("sessions").join(name));
    let machine = Machine::new(Kernel::V6_12).put(stage, WORKSHOP).get(RECORDINGS, out);
    machine.stream(words.chain(files.map(Into::into)))
}
