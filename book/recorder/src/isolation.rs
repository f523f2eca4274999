//! Namespaces of a session's own: what happens in it stays in it, and ends with it.
//!
//! ```text
//! recorder ── session's file ─▶ init (PID 1 of new namespaces: sets the stage, then types)
//!          ◀─ the recording ──      └─ the shells, and all that they start
//! ```
//!
//! When PID 1 ends the kernel kills everything in its PID namespace, and with the last process go
//! the other namespaces, with their mounts, interfaces and names. Only cgroups stay: they are
//! removed here.

use std::collections::HashSet;
use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};

use crate::perform::perform;
use crate::results::Recording;
use crate::session::{Live, Session};
use crate::stage;

/// What this program is called as PID 1, which is what `ps` shows.
pub const INIT: &str = "init";
const PROJECT: &str = "RECORDER_PROJECT";
const KEPT: &str = "RECORDER_KEPT";

/// Where sessions run.
#[derive(Debug)]
pub struct Isolation {
    /// The workshop's folder, with the finished programs in `target/release`.
    pub project: PathBuf,
    /// An empty folder, in which sessions keep for the next one what takes long to make.
    pub kept: PathBuf,
    /// Whether the whole machine is there for the sessions: they then see its cgroups from the root.
    pub whole_machine: bool,
}

impl Isolation {
    /// Runs a session, which is given as the text of its file.
    ///
    /// # Errors
    ///
    /// What went wrong in it, or what this machine refuses.
    pub fn run(&self, text: &str) -> Result<Recording> {
        let session = Session::parse(text)?;
        ensure!(session.live != Live::Only, "it is done in the page alone, and is not recorded");
        let top = cgroups()?;
        // On a machine that others use, too, only a cgroup of our own is touched.
        let group = match self.whole_machine {
            true => top,
            false => top.join(format!("recorder-{}", std::process::id())),
        };
        if !self.whole_machine {
            fs::create_dir(&group)
                .with_context(|| format!("{} could not be made", group.display()))?;
        }
        let cgroups = Cgroups::below(&group);
        let outcome = self.run_in(&group, &session, text);
        let removed = cgroups.remove_new();
        if !self.whole_machine && removed.is_ok() {
            fs::remove_dir(&group)
                .with_context(|| format!("{} could not be removed", group.display()))?;
        }
        let recording = outcome?;
        removed?;
        Ok(recording)
    }

    fn run_in(&self, group: &Path, session: &Session, text: &str) -> Result<Recording> {
        let program = env::current_exe().context("readlink(\"/proc/self/exe\")")?;
        // The root of the cgroup namespace is where its first process is. It ends with us.
        let script =
            "echo $$ >\"$1/cgroup.procs\" && shift && exec setpriv --pdeathsig KILL \"$@\"";
        let mut child = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(group)
            .args(words(session))
            .arg(&program)
            .arg(INIT)
            .env(KEPT, &self.kept)
            .env(PROJECT, &self.project)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("sh(1) could not be started")?;
        let mut input = child.stdin.take().context("a pipe")?;
        // If nobody reads it the reason is on standard error, and in the status.
        let _ = input.write_all(text.as_bytes());
        drop(input);
        let mut output = String::new();
        child.stdout.take().context("a pipe")?.read_to_string(&mut output)?;
        let status = child.wait()?;
        ensure!(status.success(), "the session's PID 1 ended with {status}");
        let outcome: Result<Recording, String> = serde_json::from_str(&output)?;
        outcome.map_err(|error| anyhow!(error))
    }
}

/// The words that start a program as PID 1 of new namespaces, which end with `unshare(1)`.
#[must_use]
pub fn words(session: &Session) -> Vec<&'static str> {
    let mut words = vec!["unshare", "--mount", "--uts", "--ipc", "--net", "--cgroup"];
    words.extend(["--propagation", "private", "--fork", "--kill-child"]);
    if !session.all_processes {
        words.push("--pid");
    }
    words
}

/// What PID 1 does. The first time it only takes the name `init`.
///
/// # Errors
///
/// What can't be told the one who waits for the recording.
pub fn init() -> Result<()> {
    if env::args().next().as_deref() != Some(INIT) {
        let program = env::current_exe().context("readlink(\"/proc/self/exe\")")?;
        return Err(Command::new(program).arg0(INIT).exec()).context("execve() of the recorder");
    }
    let folder = |name| env::var_os(name).map(PathBuf::from).context("called by nobody");
    let (project, kept) = (folder(PROJECT)?, folder(KEPT)?);
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let attempt = || {
        let session = Session::parse(&text)?;
        let cgroup = stage::set(&session, &project, stage::Kept::Copied(&kept))?;
        perform(&session, &cgroup)
    };
    let outcome = attempt().map_err(|error| format!("{error:#}"));
    serde_json::to_writer(io::stdout(), &outcome)?;
    Ok(())
}

/// Where cgroups of version 2 are mounted.
fn cgroups() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("/proc/self/mounts")?;
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mut found = fields.filter(|it| it.get(2) == Some(&"cgroup2"));
    let first = found.next().context("cgroups of version 2 are mounted nowhere")?;
    Ok(first[1].into())
}

/// All cgroups below this one, the deepest first.
/// All cgroups below one, each behind those that are in it.
#[must_use]
pub fn groups(top: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(top).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|it| it.is_dir())) {
        found.extend(groups(&entry.path()));
        found.push(entry.path());
    }
    found
}

/// The cgroups below one, from a time before a session.
#[derive(Debug)]
pub struct Cgroups {
    top: PathBuf,
    before: HashSet<PathBuf>,
}

impl Cgroups {
    /// Those that there are now.
    #[must_use]
    pub fn below(top: &Path) -> Self {
        Self { top: top.into(), before: groups(top).into_iter().collect() }
    }

    /// Removes those that have been made since, with what still runs in them: the last of a session's
    /// processes may be on their way out, and without a PID namespace nobody has killed them yet.
    ///
    /// # Errors
    ///
    /// When one of them stays.
    pub fn remove_new(&self) -> Result<()> {
        let mut left = Vec::new();
        for _ in 0..100 {
            left = groups(&self.top);
            left.retain(|group| {
                let new = !self.before.contains(group);
                if new {
                    // Kernels before 5.14 don't have it.
                    let _ = fs::write(group.join("cgroup.kill"), "1");
                }
                new && fs::remove_dir(group).is_err()
            });
            if left.is_empty() {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        Err(anyhow!("the cgroup {} could not be removed", left[0].display()))
    }
}
