//! 00: a process is made, becomes the command, and how it ends is passed on.

use std::env;
use std::fs;
use std::time::Duration;

use anyhow::Result;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::look::ended_with;
use crate::check::claim::{Claim, Wrong, expect};
use crate::check::exam::{Exam, Lesson};
use crate::check::world::{Host, Trouble, search_path};
use crate::observe;

pub(super) const LESSON: Lesson = Lesson { chapter: "00", claims: &CLAIMS, refusals: &[], examine };

const CLAIMS: [Claim; 12] = [
    Claim {
        id: "runs",
        title: "the command is executed",
        expected: "a process in /proc whose /proc/PID/exe is the command",
        why: "execve(2) turns a process into another program; that is all that \"to run\" means.",
        exercise: "spawn",
        book: "00#exec",
        after: &[],
    },
    Claim {
        id: "own-process",
        title: "it is executed in a new process",
        expected: "the command has another number than the program that was started",
        why: "Whoever becomes the command himself can't wait for it, nor clear up behind it.",
        exercise: "spawn",
        book: "00#clone",
        after: &["runs"],
    },
    Claim {
        id: "arguments",
        title: "it gets its arguments as they were given",
        expected: "/proc/PID/cmdline has the same words, with spaces, quotes and empty ones",
        why: "A command line is a list of words. Who joins them to one line loses where one ends.",
        exercise: "exec",
        book: "00#exec",
        after: &["runs"],
    },
    Claim {
        id: "path",
        title: "a name without a slash is looked for in PATH",
        expected: "a command that only the given PATH knows is executed",
        why: "The kernel takes paths only; PATH is a custom that each program has to keep.",
        exercise: "exec",
        book: "00#path",
        after: &["runs"],
    },
    Claim {
        id: "clean-signals",
        title: "no signal is blocked or ignored for it",
        expected: "SigBlk and SigIgn of /proc/PID/status are 0",
        why: "Both survive execve(2). A command that inherits them can't be stopped as usual.",
        exercise: "spawn",
        book: "00#signals",
        after: &["runs"],
    },
    Claim {
        id: "clean-files",
        title: "it gets no open files but 0, 1 and 2",
        expected: "/proc/PID/fd holds 0, 1 and 2",
        why: "A file that is open stays open over execve(2): a door into the host.",
        exercise: "spawn",
        book: "00#files",
        after: &["runs"],
    },
    Claim {
        id: "waits",
        title: "the program waits until the command has ended",
        expected: "the program runs as long as the command does",
        why: "Nobody else may ask the kernel how it ended.",
        exercise: "wait",
        book: "00#wait",
        after: &["runs", "own-process"],
    },
    Claim {
        id: "exit-status",
        title: "its exit status is passed on",
        expected: "the program ends with the command's own status",
        why: "A shell, a script, a supervisor: all decide by this one number.",
        exercise: "exit_code",
        book: "00#status",
        after: &["runs", "waits"],
    },
    Claim {
        id: "signal-status",
        title: "128 + n says that signal n ended it",
        expected: "137 after SIGKILL, 143 after SIGTERM",
        why: "A killed process has no exit status. Docker and every shell use this number instead: `ended` tells the two ends apart, `exit_code` makes the number.",
        exercise: "ended",
        book: "00#status",
        after: &["runs", "waits"],
    },
    Claim {
        id: "no-zombie",
        title: "no zombie is left",
        expected: "the program has waited for its child before it ends",
        why: "The kernel keeps an ended process until its parent has asked for its status.",
        exercise: "wait",
        book: "00#zombies",
        after: &["runs", "waits"],
    },
    Claim {
        id: "not-found",
        title: "127 says that there is no such command, 126 that it may not be executed",
        expected: "Docker's numbers, and one line on standard error",
        why: "Who calls the program has to tell a wrong name from a command that failed.",
        exercise: "exec",
        book: "00#refusals",
        after: &["runs"],
    },
    Claim {
        id: "forwards",
        title: "SIGTERM for the program reaches the command",
        expected: "the command gets signal 15",
        why: "`docker stop` and systemd send it to the program they know: the runtime.",
        exercise: "wait",
        book: "00#signals",
        after: &["runs", "own-process", "waits"],
    },
];

fn examine(exam: &mut Exam) -> Result<()> {
    let host = Host::new(&exam.world)?;
    held(exam, &host)?;
    if exam.goes_on() && exam.holds("runs") {
        arguments(exam, &host)?;
        statuses(exam, &host)?;
    }
    if exam.goes_on() && exam.holds("runs") {
        refusals(exam, &host)?;
    }
    if exam.goes_on() && exam.holds("runs") {
        signals(exam, &host)?;
    }
    Ok(())
}

/// What is to be seen while the command runs.
fn held(exam: &mut Exam, host: &Host) -> Result<()> {
    let status = exam.world.number(100) as i32 + 20;
    let actions = ["hold".to_owned(), format!("exit:{status}")];
    let call = exam.world.call().probe(exam.world.probe(), &actions);
    let mut running = host.start(&exam.world, &call)?;
    let held = running.held();
    if let Err(alone @ Trouble::NoArguments { .. }) = held {
        exam.finding("runs", Ok(()));
        exam.finding("arguments", Err(alone.into()));
        return Ok(());
    }
    let Some(pid) = exam.found("runs", held) else { return Ok(()) };

    exam.finding(
        "own-process",
        expect(pid != running.pid(), || {
            format!("/proc/{pid}/exe: the program itself has become the command")
        }),
    );
    let files: Vec<_> = observe::descriptors(pid)?
        .into_iter()
        .filter(|file| file.number > 2)
        .map(|file| format!("{} -> {}", file.number, file.target.to_string_lossy()))
        .collect();
    exam.finding(
        "clean-files",
        expect(files.is_empty(), || format!("/proc/{pid}/fd: {}", files.join(", "))),
    );
    // Whoever does not wait may take a moment to go.
    let early = running.ends_within(Duration::from_millis(20));
    exam.finding(
        "waits",
        expect(!early, || format!("the program had ended while /proc/{pid} was still there")),
    );
    if early {
        host.sweep()?;
        return Ok(());
    }
    let outcome = running.release(pid);
    let Some(outcome) = exam.found("waits", outcome) else { return Ok(()) };
    if let Some(trouble) = Trouble::told(&outcome.errors) {
        exam.finding("exit-status", Err(trouble.into()));
    }
    let left = host.sweep()?;
    exam.finding(
        "no-zombie",
        expect(left.is_empty(), || format!("still there: {}", left.join(", "))),
    );
    Ok(())
}

/// Spaces, quotes, nothing at all: what a shell would take apart.
fn arguments(exam: &mut Exam, host: &Host) -> Result<()> {
    let odd = ["a  b", "", "c'd\"e", "$HOME *"].map(|word| format!("say:{word}"));
    let actions = [&odd[..], &["hold".into()]].concat();
    let call = exam.world.call().probe(exam.world.probe(), &actions);
    let mut running = host.start(&exam.world, &call)?;
    let held = running.held();
    let Some(pid) = exam.found("arguments", held) else { return Ok(()) };
    let words = words(pid);
    let got = words.get(2..).unwrap_or_default();
    exam.finding(
        "arguments",
        expect(got == actions, || format!("/proc/{pid}/cmdline: {got:?} instead of {actions:?}")),
    );
    drop(running);
    host.sweep()?;
    Ok(())
}

fn words(pid: Pid) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).into_owned();
    line.trim_end_matches('\0').split('\0').map(String::from).collect()
}

fn statuses(exam: &mut Exam, host: &Host) -> Result<()> {
    let random = exam.world.number(200) as i32 + 20;
    let exits = [0, 1, random, 255].map(|status| (format!("exit:{status}"), status));
    let signals = [9, 15, 6].map(|signal| (format!("die:{signal}"), 128 + signal));
    let mut found = Vec::new();
    for (end, expected) in exits.into_iter().chain(signals) {
        let id = if end.starts_with("exit") { "exit-status" } else { "signal-status" };
        let call = exam.world.call().probe(exam.world.probe(), &[end]);
        let outcome = host.start(&exam.world, &call)?.wait();
        let Some(outcome) = exam.found(id, outcome) else { return Ok(()) };
        if let Some(trouble) = Trouble::told(&outcome.errors) {
            exam.finding(id, Err(trouble.into()));
            return Ok(());
        }
        found.push((id, outcome, expected));
    }
    // Whoever never asks has one answer to everything.
    let first = found.first().map(|(_, outcome, _)| outcome.status());
    let same = found.iter().all(|(_, outcome, _)| Some(outcome.status()) == first);
    for (id, outcome, expected) in &found {
        let seen = || format!("{} from `{}`, expected {expected}", outcome.status(), outcome.shown);
        if outcome.status() != *expected && same {
            let all = format!("{}, whatever the command ends with", outcome.status());
            exam.finding(id, Err(Wrong::SeenOf("wait", all)));
        }
        exam.finding(id, expect(outcome.status() == *expected, seen));
    }
    Ok(())
}

fn refusals(exam: &mut Exam, host: &Host) -> Result<()> {
    let folder = exam.world.folder("path")?;
    let name = exam.world.word();
    fs::copy(exam.world.probe(), folder.join(&name))?;
    // What the program itself needs is still to be found.
    let path = search_path();
    let path = env::join_paths(env::split_paths(&path).chain([folder.clone()]))?;
    let call = exam.world.call().env("PATH", path).probe(&name, &["exit:0"]);
    let outcome = host.start(&exam.world, &call)?.wait();
    let Some(outcome) = exam.found("path", outcome) else { return Ok(()) };
    exam.finding("path", ended_with(&outcome, 0));

    let call = exam.world.call().command(&[exam.world.word()]);
    let outcome = host.start(&exam.world, &call)?.wait();
    let Some(outcome) = exam.found("not-found", outcome) else { return Ok(()) };
    exam.finding("not-found", ended_with(&outcome, 127));
    let call = exam.world.call().command(&[&folder]);
    let outcome = host.start(&exam.world, &call)?.wait();
    let Some(outcome) = exam.found("not-found", outcome) else { return Ok(()) };
    exam.finding("not-found", ended_with(&outcome, 126));
    exam.finding(
        "not-found",
        expect(outcome.errors.lines().count() == 1, || {
            format!("standard error of `{}`: {:?}", outcome.shown, outcome.errors)
        }),
    );
    Ok(())
}

fn signals(exam: &mut Exam, host: &Host) -> Result<()> {
    // (The probe is a Rust program, and ignores SIGPIPE by itself.)
    let call = exam.world.call().sleep(&exam.world);
    let mut running = host.start(&exam.world, &call)?;
    let sleeps = running.named("sleep");
    let Some(pid) = exam.found("clean-signals", sleeps) else { return Ok(()) };
    let its = observe::status(pid)?;
    exam.finding(
        "clean-signals",
        expect(its.blocked.is_empty() && its.ignored.is_empty(), || {
            format!("/proc/{pid}/status: SigBlk {}, SigIgn {}", its.blocked, its.ignored)
        }),
    );
    drop(running);
    host.sweep()?;

    let call = exam.world.call().probe(exam.world.probe(), &["catch:15", "exit:0"]);
    let mut running = host.start(&exam.world, &call)?;
    let held = running.held();
    let Some(_) = exam.found("forwards", held) else { return Ok(()) };
    running.signal_when_ready(Signal::SIGTERM);
    let outcome = running.wait();
    let Some(outcome) = exam.found("forwards", outcome) else { return Ok(()) };
    exam.finding(
        "forwards",
        expect(outcome.facts.number("caught") == Some(15), || {
            format!(
                "after `kill` of the program it {}, and the command had got no signal",
                crate::check::texts::how(outcome.ended)
            )
        }),
    );
    host.sweep()?;
    Ok(())
}
