//! What is run in an environment.

use std::env;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::unistd::geteuid;
use vm::project::Test;
use vm::{Project, User};

use crate::environment::{Environment, Place};

/// The row beside the chapters': the tests of the sandbox around students' programs.
pub(crate) const SAFETY_NET: &str = "net";

/// How much of it is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The checks, and two of the chapters' test programs: what looks at the kernel, and is fast.
    Quick,
    /// The same and the safety net's tests.
    Usual,
    /// All.
    All,
}

/// The test programs that are always run.
const ALWAYS: [&str; 2] = ["process", "limits"];
/// But for one test that both have: every kernel call of a run refused in turn. That says the same
/// on every kernel, as strace plays it.
const SLOW: &str = "every_refused_call_is_one_sentence";

impl Extent {
    /// What the table says of what was run and what was not.
    pub(crate) fn leaves_out(self) -> String {
        let tests = match self {
            Self::Quick => "those named `process` and `limits`",
            Self::Usual => "those named `process` and `limits`, and the net's,",
            Self::All => {
                return format!(
                    "Each chapter was checked in each environment, its tests were run, and the \
                     program asked why where it can't run. {HOSTS}"
                );
            }
        };
        format!(
            "Each chapter was checked in each environment, and the program asked why where it can't \
             run. Of the tests {tests} were run, but for the one that has every kernel call refused \
             in turn. The others take a quarter of an hour and more for each of root's rows where \
             the processor is emulated: the weekly run has them. {HOSTS}",
        )
    }
}

/// What is not run, and what is not counted.
const HOSTS: &str = "Tests make a host of their own, which takes root, and what a chapter's tests \
                     do as an ordinary user they do in root's rows. Chapter 06 pulls from the \
                     workshop's own registry: no machine has a way to Docker Hub, and none is \
                     marked for that.";

/// How long a machine may take for its script: longer than any has, and it ends.
const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

/// In a machine there is no compiler, and root's is not for an ordinary user; a chapter is not to be
/// called impossible for that: what is asked for its version answers.
const FOR_DOCTOR: &str = "/for-doctor";
const STAND_INS: [(&str, &str); 3] =
    [("cargo", "cargo 1.85.0"), ("rustc", "rustc 1.85.0"), ("cc", "/usr/lib/crt1.o")];

/// Runs everything there; the folder with the results. `None` where this machine can't be that
/// environment.
pub(crate) fn examine(
    project: &Project,
    environment: &Environment,
    extent: Extent,
) -> Result<Option<PathBuf>> {
    let folder = project.root.join("target/vm/matrix").join(&environment.name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("results"))?;
    let stand_ins = folder.join("for-doctor");
    fs::create_dir(&stand_ins)?;
    for (name, answer) in STAND_INS {
        let program = stand_ins.join(name);
        fs::write(&program, format!("#!/bin/sh\necho '{answer}'\n"))?;
        fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    }
    let log = fs::File::create(folder.join("log"))?;
    let room = if let Place::Container(..) = environment.place { ROOM_FOR_CGROUPS } else { "" };
    let run = |name: &str, user: User, script: String| {
        let path = folder.join(name);
        fs::write(&path, script)?;
        run_there(project, &environment.place, user, &path, &log)
    };
    if !run("examine.sh", environment.user, examination(project, extent, room))? {
        return Ok(None);
    }
    // The net's tests make a host of their own, which takes root, for either user.
    if extent != Extent::Quick && !run("net.sh", User::Root, net(project, environment.user, room))?
    {
        run("net.sh", environment.user, net(project, environment.user, room))?;
    }
    Ok(Some(folder.join("results")))
}

/// Runs a script there as that user; whether that is possible.
fn run_there(
    project: &Project,
    place: &Place,
    user: User,
    script: &Path,
    log: &fs::File,
) -> Result<bool> {
    let folder = script.parent().unwrap_or(&project.root);
    let put = |machine: &vm::Machine, user: User| {
        let machine = machine.clone().user(user).project(project).folder(&project.root);
        let machine = machine.put(folder.join("for-doctor"), FOR_DOCTOR).patience(LIMIT);
        machine.put(script, "/examine.sh").get("/tmp/results", folder.join("results"))
    };
    match place {
        Place::Here => return here(project, user, script, folder, log),
        Place::Machine(machine) => {
            put(machine, user).log(["bash", "/examine.sh", "/tmp/results"], log)?;
        }
        // Whoever it is in the container, root starts it.
        Place::Container(machine, options) => {
            let script = contained(project, user, options);
            put(machine, User::Root).log(["bash", "-c", &script], log)?;
        }
    }
    Ok(true)
}

/// A script's beginning. Its argument is the folder for the results.
fn beginning(project: &Project) -> String {
    format!(
        "results=$1; mkdir -p \"$results\"; programs={}\n\
         export PATH=\"$programs:$PATH\"\n\
         check() {{\n\
           echo \"$SECONDS s: check $1\"\n\
           timeout 600 coracle check $1 --json --bin \"$programs/sol$2\" \\\n\
             >\"$results/check-$1.json\" 2>\"$results/check-$1.log\" </dev/null && return\n\
           # What the program itself says to it.\n\
           timeout 600 \"$programs/sol$2\" run true >\"$results/run-$1.log\" 2>&1 </dev/null\n\
           return 1\n\
         }}\n\
         tests() {{\n\
           local row=$1 program=$3\n\
           cd \"$2\"; shift 3; echo \"$SECONDS s: ${{program##*/}}\"\n\
           timeout 3600 \"$program\" \"$@\" >>\"$results/tests-$row.log\" 2>&1 </dev/null ||\n\
             echo \"${{program##*/}}\" >>\"$results/failed-$row\"\n\
         }}\n",
        quoted(&project.programs),
    )
}

/// The examination of the chapters.
fn examination(project: &Project, extent: Extent, room: &str) -> String {
    let mut script = beginning(project);
    for chapter in chapters(project) {
        let number = &chapter[..2];
        // An emulated machine on a busy one is slow, and a check has limits: what fails is tried
        // twice.
        let _ = writeln!(script, "check {number} {chapter} || check {number} {chapter}");
    }
    // Now: it loads no module itself, and can't say of overlayfs before somebody has.
    let _ = writeln!(
        script,
        "PATH=\"{FOR_DOCTOR}:$PATH\" coracle doctor >\"$results/doctor.log\" 2>&1\n\
         PATH=\"{FOR_DOCTOR}:$PATH\" coracle doctor --json \\\n\
           >\"$results/doctor.json\" 2>>\"$results/doctor.log\"",
    );
    script += room;
    let is_chapters = |test: &&Test| test.package.starts_with(|it: char| it.is_ascii_digit());
    let is_run = |test: &&Test| extent == Extent::All || ALWAYS.contains(&test.name.as_str());
    for test in project.tests.iter().filter(is_chapters).filter(is_run) {
        let skipped = if extent == Extent::All { "" } else { &format!("--skip {SLOW}") };
        script += &tests(&test.package[..2], test, skipped);
    }
    script
}

/// For the container, which is gone afterwards. The tests' hosts have cgroups of their own, next to the
/// processes that are there: in its topmost cgroup, which then hands out no controllers (cgroups(7), "no
/// internal processes"). So those go into one of their own. (For a run chapter 04 does that by itself,
/// and undoes it.)
const ROOM_FOR_CGROUPS: &str = "\
if [ -w /sys/fs/cgroup/cgroup.type ]; then
  cd /sys/fs/cgroup; mkdir -p others
  while read -r process; do echo \"$process\" >others/cgroup.procs; done <cgroup.procs
  for controller in $(cat cgroup.controllers); do
    echo \"+$controller\" >cgroup.subtree_control
  done
fi
";

/// The examination of the safety net, around that user's programs.
fn net(project: &Project, user: User, room: &str) -> String {
    let words = match user {
        User::Root => "--skip by_a_user",
        User::Student => "by_a_user",
    };
    let harm = project.tests.iter().filter(|test| test.name == "harm");
    beginning(project) + room + &harm.map(|test| tests(SAFETY_NET, test, words)).collect::<String>()
}

/// A line of a script: a test program, run for a row.
fn tests(row: &str, test: &Test, words: &str) -> String {
    format!("tests {row} {} {} {words}\n", quoted(&test.folder), quoted(&test.program))
}

/// The chapters: `00-process`, and so on.
pub(crate) fn chapters(project: &Project) -> Vec<String> {
    let mut all: Vec<_> = project.tests.iter().map(|test| test.package.clone()).collect();
    all.retain(|package| package.starts_with(|first: char| first.is_ascii_digit()));
    all.dedup();
    all
}

/// The same in a container of podman's, in a machine.
fn contained(project: &Project, user: User, options: &[&str]) -> String {
    let root = quoted(&project.root);
    let (user, home) = match user {
        User::Root => (0, "/root"),
        User::Student => (1000, "/home/student"),
    };
    format!(
        "mkdir -p /image /tmp/results /tmp/data && chown {user} /tmp/results /tmp/data &&
         mount --bind / /image &&
         podman run --quiet --rm --network=host --log-driver=none {} --user={user} --env=HOME={home} \
           -v {root}:{root} -v /tmp/results:/tmp/results -w {root} --rootfs /image:O \
           bash /examine.sh /tmp/results",
        options.join(" ")
    )
}

/// The same on this machine; whether that is possible.
fn here(
    project: &Project,
    user: User,
    script: &Path,
    folder: &Path,
    log: &fs::File,
) -> Result<bool> {
    let root = geteuid().is_root();
    let mut command = match (user, root) {
        (User::Root, false) => return Ok(false),
        (User::Root, true) | (User::Student, false) => Command::new("bash"),
        (User::Student, true) => {
            chown(folder.join("results"), Some(1000), Some(1000))?;
            let mut command = Command::new("unshare");
            let path = env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{path}", folder.join("for-doctor").display()));
            command.env("CARGO_TARGET_DIR", folder.join("results/home/target"));
            // A tree as if this user had built it: tests write there.
            let enter = "mount -t tmpfs -o uid=1000,gid=1000 tests \"$1/tmp\" && shift &&
                exec setpriv --reuid=1000 --regid=1000 --clear-groups -- bash \"$@\"";
            command.args(["--mount", "--propagation", "private", "bash", "-c", enter, "user"]);
            command.arg(project.programs.parent().unwrap_or(&project.root));
            command
        }
    };
    let home = folder.join("results/home");
    command.arg(script).arg(folder.join("results")).stdin(Stdio::null());
    if user == User::Student {
        command
            .env("HOME", &home)
            .env_remove("XDG_RUNTIME_DIR")
            .env_remove("XDG_CACHE_HOME")
            .env_remove("CARGO");
    }
    command.stdout(log.try_clone()?).stderr(log.try_clone()?);
    command.status().context("the examination can't be started")?;
    let _ = fs::remove_dir_all(home);
    Ok(true)
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}
