//! 02: process numbers and mounts of the command's own, and no way back to the host's files.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::look::{self, ended_with, identity, link};
use crate::check::claim::{Claim, expect};
use crate::check::exam::{Exam, Lesson};
use crate::check::world::Host;
use crate::observe;

pub(super) const LESSON: Lesson = Lesson {
    chapter: "02",
    claims: &CLAIMS,
    refusals: &[("pivot_root(", "pivot"), ("umount2(", "pivot"), ("MS_BIND", "mount_point")],
    examine,
};

const CLAIMS: [Claim; 15] = [
    Claim {
        id: "mount-namespace",
        title: "it has a list of mounts of its own",
        expected: "another number behind /proc/PID/ns/mnt than the host's",
        why: "A mount in the host's list is everybody's: a new /proc would take the host's away.",
        exercise: "private",
        book: "02#mount-namespace",
        after: &[],
    },
    Claim {
        id: "private-mounts",
        title: "what it mounts does not appear on the host",
        expected: "the host's list is the same while the container runs",
        why: "A new mount namespace is a copy that stays linked, until it is made private.",
        exercise: "private",
        book: "02#private-mounts",
        after: &["mount-namespace"],
    },
    Claim {
        id: "runs",
        title: "`run --root DIR` executes the command",
        expected: "a process in /proc that runs the command",
        why: "Everything else is looked at while it runs.",
        exercise: "mount_point",
        book: "02#pivot-root",
        after: &["private-mounts"],
    },
    Claim {
        id: "pid-namespace",
        title: "it has process numbers of its own",
        expected: "another number behind /proc/PID/ns/pid than the host's",
        why: "In the host's namespace it could see, and signal, every process of the machine.",
        exercise: "pid_namespace",
        book: "02#pid-namespace",
        after: &["runs"],
    },
    Claim {
        id: "pid-one",
        title: "the command is process 1 there",
        expected: "NSpid in /proc/PID/status ends with 1",
        why: "unshare(2) moves nobody: only children born afterwards are in the new namespace, the first as number 1.",
        exercise: "pid_namespace",
        book: "02#pid-one",
        after: &["runs", "pid-namespace"],
    },
    Claim {
        id: "no-peers",
        title: "none of its mounts is linked to one of the host's",
        expected: "no shared:N in /proc/PID/mountinfo that the host has as well",
        why: "Through such a link what the host mounts later appears in the container, too.",
        exercise: "private",
        book: "02#private-mounts",
        after: &["runs", "mount-namespace", "private-mounts"],
    },
    Claim {
        id: "root-folder",
        title: "DIR is its root folder",
        expected: "DIR's files below /proc/PID/root",
        why: "The container finds its own programs and files there, and no others.",
        exercise: "pivot",
        book: "02#pivot-root",
        after: &["runs"],
    },
    Claim {
        id: "working-folder",
        title: "it stands in /",
        expected: "/proc/PID/cwd is /proc/PID/root",
        why: "pivot_root(2) moves the root and not the feet, as chroot(2) does.",
        exercise: "pivot",
        book: "02#pivot-root",
        after: &["runs", "root-folder"],
    },
    Claim {
        id: "old-root-gone",
        title: "the host's root is no longer mounted in it",
        expected: "no line of /proc/PID/mountinfo shows the host's file system",
        why: "What is not mounted can't be reached; what is hidden in a folder can.",
        exercise: "pivot",
        book: "02#old-root",
        after: &["runs", "mount-namespace", "root-folder"],
    },
    Claim {
        id: "no-way-out",
        title: "chapter 01's way out leads nowhere",
        expected: "the same root folder after chroot, cd .. and chroot again",
        why: "chroot(2) only moves the start of a path. After pivot_root(2) there is nothing above it.",
        exercise: "pivot",
        book: "02#no-way-out",
        after: &["runs", "root-folder"],
    },
    Claim {
        id: "fresh-proc",
        title: "its /proc shows its own processes alone",
        expected: "1 and nothing else in the container's /proc",
        why: "/proc shows the namespace of whoever mounted it. The host's shows every process.",
        exercise: "pid_namespace",
        book: "02#proc",
        after: &["runs", "pid-namespace", "pid-one"],
    },
    Claim {
        id: "exit-status",
        title: "how the command ended is passed on",
        expected: "its own status; 137 when it was killed",
        why: "What chapter 00 does is still true for process 1 of a namespace.",
        exercise: "pid_namespace",
        book: "00#status",
        after: &["runs"],
    },
    Claim {
        id: "init",
        title: "with --init somebody else is process 1",
        expected: "NSpid of the command ends with 2 or more",
        why: "Most programs know nothing of the duties of process 1.",
        exercise: "reap",
        book: "02#init",
        after: &["runs", "pid-namespace"],
    },
    Claim {
        id: "reaps",
        title: "with --init no zombie stays",
        expected: "no process of the container in state Z (/proc/PID/stat)",
        why: "Whoever loses its parent becomes process 1's child, and only process 1 can bury it.",
        exercise: "reap",
        book: "02#zombies",
        after: &["runs", "pid-namespace", "init"],
    },
    Claim {
        id: "leaves-nothing",
        title: "when it has ended, the host is as before",
        expected: "the same mounts, the same name, no process left",
        why: "What one run leaves the next one stumbles over.",
        exercise: "private",
        book: "02#private-mounts",
        after: &["runs", "mount-namespace", "private-mounts"],
    },
];

fn examine(exam: &mut Exam) -> Result<()> {
    let host = Host::new(&exam.world)?;
    held(exam, &host)?;
    if exam.goes_on() && exam.holds("runs") {
        killed(exam, &host)?;
    }
    if exam.goes_on() && exam.holds("pid-namespace") {
        init(exam, &host)?;
    }
    Ok(())
}

/// What is to be seen while the command runs.
fn held(exam: &mut Exam, host: &Host) -> Result<()> {
    let root = exam.world.root()?;
    let (name, text) = (exam.world.word(), exam.world.word());
    fs::write(root.join(&name), &text)?;
    let status = exam.world.number(100) as i32 + 20;
    let mounted = format!("/{}", exam.world.word());
    let actions =
        ["report".into(), format!("mount:{mounted}"), "hold".into(), format!("exit:{status}")];
    let before = host.snapshot()?;
    let call = exam.world.call().root(&root).probe("/bin/probe", &actions);
    let mut running = host.start(&exam.world, &call)?;
    let held = running.held();
    let now = host.snapshot()?;
    let new: Vec<_> = now.mounts.difference(&before.mounts).cloned().collect();
    let gone: Vec<_> = before.mounts.difference(&now.mounts).cloned().collect();
    // Also where the program did not come far: a mount that is shared is a cause of refusals.
    let finding = expect(new.is_empty() && gone.is_empty(), || changed(&new, &gone));
    if held.is_ok() || finding.is_err() {
        exam.finding("private-mounts", finding);
    }
    let Some(pid) = exam.found("runs", held) else { return Ok(()) };
    let facts = running.facts();

    for (id, kind) in [("pid-namespace", "pid"), ("mount-namespace", "mnt")] {
        exam.finding(id, look::own_namespace(pid, kind, &host.namespace(kind)?));
    }
    exam.finding("pid-one", look::pid_one(pid)?);
    let mounts = observe::mounts(pid)?;
    let peers: Vec<_> = mounts
        .iter()
        .filter(|mount| mount.propagation.shared.is_some_and(|group| now.peers.contains(&group)))
        .map(|mount| mount.target.display().to_string())
        .collect();
    exam.finding(
        "no-peers",
        expect(peers.is_empty(), || {
            format!("/proc/{pid}/mountinfo: shared with the host: {}", peers.join(", "))
        }),
    );
    let seen = fs::read_to_string(format!("/proc/{pid}/root/{name}")).unwrap_or_default();
    exam.finding(
        "root-folder",
        expect(seen == text, || {
            format!("/proc/{pid}/root -> {}, without DIR's files", link(pid, "root"))
        }),
    );
    let stands = identity(&format!("/proc/{pid}/cwd")) == identity(&format!("/proc/{pid}/root"));
    exam.finding(
        "working-folder",
        expect(stands && facts.text("cwd") == "/", || {
            format!("/proc/{pid}/cwd -> {}; getcwd(2) says {}", link(pid, "cwd"), facts.text("cwd"))
        }),
    );
    exam.finding("old-root-gone", look::old_root_gone(pid, &mounts, |it| now.is_root(it)));
    exam.finding(
        "fresh-proc",
        expect(facts.text("processes") == "1", || {
            format!("names in the container's /proc: {}", shortened(facts.text("processes")))
        }),
    );
    let outcome = running.release(pid);
    let Some(outcome) = exam.found("exit-status", outcome) else { return Ok(()) };
    exam.finding("exit-status", ended_with(&outcome, status));
    nothing_left(exam, host, &before)
}

fn nothing_left(
    exam: &mut Exam,
    host: &Host,
    before: &crate::check::world::Snapshot,
) -> Result<()> {
    let left = host.sweep()?;
    exam.finding(
        "leaves-nothing",
        expect(left.is_empty(), || format!("still running: {}", left.join(", "))),
    );
    let after = host.snapshot()?;
    let new: Vec<_> = after.mounts.difference(&before.mounts).cloned().collect();
    let gone: Vec<_> = before.mounts.difference(&after.mounts).cloned().collect();
    exam.finding(
        "leaves-nothing",
        expect(new.is_empty() && gone.is_empty(), || changed(&new, &gone)),
    );
    exam.finding(
        "leaves-nothing",
        expect(after.name == before.name, || {
            format!("hostname: {}, before {}", after.name, before.name)
        }),
    );
    Ok(())
}

/// The way out, and the end by a signal.
fn killed(exam: &mut Exam, host: &Host) -> Result<()> {
    let root = exam.world.root()?;
    let call = exam.world.call().root(&root).probe("/bin/probe", &["escape", "hold"]);
    let mut running = host.start(&exam.world, &call)?;
    let held = running.held();
    let Some(pid) = exam.found("no-way-out", held) else { return Ok(()) };
    let facts = running.facts();
    let (before, after) = (facts.text("root-before"), facts.text("root-after"));
    exam.finding(
        "no-way-out",
        expect(!before.is_empty() && before == after, || {
            format!("/proc/{pid}/root -> {} after the way out", link(pid, "root"))
        }),
    );
    let _ = kill(pid, Signal::SIGKILL);
    let outcome = running.wait();
    let Some(outcome) = exam.found("exit-status", outcome) else { return Ok(()) };
    exam.finding("exit-status", ended_with(&outcome, 137));
    host.sweep()?;
    Ok(())
}

/// `--init`: somebody who buries the dead.
fn init(exam: &mut Exam, host: &Host) -> Result<()> {
    let root = exam.world.root()?;
    let status = exam.world.number(100) as i32 + 20;
    let count = exam.world.number(3) + 2;
    let actions = [format!("orphans:{count}"), "hold".into(), format!("exit:{status}")];
    let call = exam.world.call().root(&root).options(&["--init"]).probe("/bin/probe", &actions);
    let mut running = host.start(&exam.world, &call)?;
    let held = running.held();
    let Some(pid) = exam.found("init", held) else { return Ok(()) };
    let numbers = observe::status(pid)?.ns_pids;
    exam.finding(
        "init",
        expect(numbers.last().is_some_and(|number| *number > 1), || {
            format!("/proc/{pid}/status: NSpid {}", numbers.last().unwrap_or(&0))
        }),
    );
    // On a busy machine process 1 may take a moment to hear of them.
    let (namespace, late) = (link(pid, "ns/pid"), Instant::now() + Duration::from_millis(500));
    let mut zombies = zombies_in(&namespace)?;
    while !zombies.is_empty() && Instant::now() < late {
        sleep(Duration::from_millis(5));
        zombies = zombies_in(&namespace)?;
    }
    exam.finding(
        "reaps",
        expect(zombies.is_empty(), || {
            format!("state Z: {}, of {count} that had lost their parent", zombies.join(", "))
        }),
    );
    let outcome = running.release(pid);
    let Some(outcome) = exam.found("exit-status", outcome) else { return Ok(()) };
    exam.finding("exit-status", ended_with(&outcome, status));
    host.sweep()?;
    Ok(())
}

/// The processes of a PID namespace that have ended and that nobody has waited for.
fn zombies_in(namespace: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let pid = Pid::from_raw(pid);
        // What has ended has no links any more, but its place in the namespace.
        let Ok(status) = observe::status(pid) else { continue };
        let inside = link(pid, "ns/pid") == namespace || status.ns_pids.len() > 2;
        if status.state == 'Z' && inside {
            found.push(format!("/proc/{pid}"));
        }
    }
    Ok(found)
}

/// At most three lines of each.
fn changed(new: &[String], gone: &[String]) -> String {
    let few = |lines: &[String]| match lines.len() {
        0..=3 => lines.join(", "),
        more => format!("{} and {} more", lines[..3].join(", "), more - 3),
    };
    let mut parts = Vec::new();
    if !new.is_empty() {
        parts.push(format!("new on the host: {}", few(new)));
    }
    if !gone.is_empty() {
        parts.push(format!("gone from the host: {}", few(gone)));
    }
    format!("/proc/self/mountinfo: {}", parts.join("; "))
}

fn shortened(numbers: &str) -> String {
    let all: Vec<_> = numbers.split(' ').collect();
    match all.len() {
        0..=8 => numbers.into(),
        more => format!("{} … ({more})", all[..8].join(" ")),
    }
}
