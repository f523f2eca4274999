//! 00: whose child a process is, what is left of one that has ended, and what a process hands on.

use anyhow::Result;
use coracle::lessons::look::identity;
use coracle::observe::{self, shown};
use nix::libc::SIGTERM;
use nix::unistd::Pid;

use crate::look::Look;
use crate::task::{Promise, Task};
use crate::values;

pub(super) const TASKS: [Task; 3] = [
    Task {
        name: "00-orphan",
        values: || Ok(values::of([("seconds", values::seconds()?)])),
        promises: &[
            Promise::Lesson("00", "runs"),
            Promise::Own("orphan", "its parent is process 1, because its own has ended"),
        ],
        look: |look| look.process("runs", &["sleep", look.value("seconds")?], orphan),
    },
    Task {
        name: "00-zombie",
        values: || Ok(values::of([("seconds", values::seconds()?)])),
        promises: &[
            Promise::Lesson("00", "runs"),
            Promise::Own("zombie", "it has a child that has ended, and never asks about it"),
        ],
        look: |look| look.process("runs", &["sleep", look.value("seconds")?], zombie),
    },
    Task {
        name: "00-inherited",
        values: || {
            let descriptor = (values::number(6)? + 4).to_string();
            Ok(values::of([("seconds", values::seconds()?), ("descriptor", descriptor)]))
        },
        promises: &[
            Promise::Lesson("00", "runs"),
            Promise::Own("file", "it has /etc/passwd open, as its descriptor {descriptor}"),
            Promise::Own("signal", "it ignores SIGTERM"),
        ],
        look: |look| look.process("runs", &["sleep", look.value("seconds")?], inherited),
    },
];

fn orphan(look: &mut Look, pid: Pid) -> Result<()> {
    let parent = observe::status(pid)?.parent;
    look.finding("orphan", match parent.as_raw() {
        1 => Ok(format!("/proc/{pid}/status: PPid 1.")),
        0 => Err(format!(
            "/proc/{pid}/status: PPid 0. Its parent is outside of the PID namespace that it is in."
        )),
        _ => Err(format!(
            "/proc/{pid}/status: PPid {parent}, which is `{}` and still there. A process is given to \
             process 1 when its own parent ends first.",
            name(parent)
        )),
    });
    Ok(())
}

fn name(pid: Pid) -> String {
    observe::status(pid).map_or_else(|_| "?".into(), |status| shown(&status.name))
}

fn zombie(look: &mut Look, pid: Pid) -> Result<()> {
    let children = observe::children(pid)?;
    let state = |child: &Pid| observe::status(*child).map_or('?', |status| status.state);
    let found = match children.iter().find(|child| state(child) == 'Z') {
        Some(child) => Ok(format!("/proc/{child}/status: State Z, PPid {pid}.")),
        None => Err(match children.first() {
            Some(child) => format!(
                "/proc/{child}/status: State {}. Its child `{}` has not ended yet.",
                state(child),
                name(*child)
            ),
            None => format!(
                "/proc/{pid}/task/{pid}/children is empty. The child has to be born before its parent \
                 becomes `sleep`: `exec` keeps the number, and with it the children."
            ),
        }),
    };
    look.finding("zombie", found);
    Ok(())
}

fn inherited(look: &mut Look, pid: Pid) -> Result<()> {
    let number = look.value("descriptor")?;
    let all = observe::descriptors(pid)?;
    let file = identity(&format!("/proc/{pid}/fd/{number}"));
    let right = file.is_some() && file == identity("/etc/passwd");
    let numbers: Vec<_> =
        all.iter().map(|it| format!("{} -> {}", it.number, shown(&it.target))).collect();
    look.finding("file", match right {
        true => Ok(format!("/proc/{pid}/fd/{number} -> /etc/passwd.")),
        false => Err(format!(
            "/proc/{pid}/fd: {}. The shell opens it before it starts the program: `NUMBER<FILE` \
             behind the command.",
            numbers.join(", ")
        )),
    });
    let status = observe::status(pid)?;
    look.finding(
        "signal",
        match status.ignored.contains(SIGTERM) {
            true => Ok(format!("/proc/{pid}/status: SigIgn {}.", status.ignored)),
            false => Err(format!(
                "/proc/{pid}/status: SigIgn {}. SIGTERM is bit 0x4000. Only \"ignored\" survives \
             `execve`, in a shell `trap '' TERM`; a handler, `trap COMMAND TERM`, does not.",
                status.ignored
            )),
        },
    );
    Ok(())
}
