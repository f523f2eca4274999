//! What is said whatever the task. (What a task finds wrong stands with the task.)

use anyhow::Error;
use nix::errno::Errno;
use nix::unistd::Pid;
use process::Step;

pub(crate) const LOOK: Step = Step {
    section: "02#mount-namespace",
    why: "join the reader's machine, to see its processes and mounts as the reader does",
    causes: &[
        (Errno::EPERM, "only root may join the namespaces of others"),
        (Errno::ENOENT, "the reader's machine has no such process any more; start it again"),
    ],
};

pub(crate) const NO_NUMBERS: &str = "can't read random numbers from /dev/urandom";
pub(crate) const NO_VALUES: &str = "the task's values are no JSON object of texts";
pub(crate) const NO_ANSWER: &str = "whoever looked at the reader's machine gave no answer";

/// A claim that was not looked at.
pub(crate) const NOT_YET: &str = "Not looked at yet: first what stands above.";

pub(crate) fn no_task(name: &str) -> String {
    format!("there is no task {name:?}; `coracle-task list` names them")
}

pub(crate) fn no_value(key: &str) -> String {
    format!("the task was given no {key:?}, or a strange one; start it again")
}

pub(crate) fn broken_off(error: &Error) -> String {
    format!("This could not be looked at to the end: {error:#}. Did the process end meanwhile?")
}

pub(crate) fn process(pid: Pid, words: &[&str]) -> String {
    format!("Process {pid}: `{}`.", words.join(" "))
}

pub(crate) fn nobody(command: &str, others: &[String]) -> String {
    let program = command.split(' ').next().unwrap_or_default();
    let others = match others {
        [] => String::new(),
        others => format!(" There is {}.", quoted(others)),
    };
    format!(
        "No process has the words `{command}` in its /proc/PID/cmdline.{others} It has to run while \
         you ask: start `{program}` in the background, with `&`, or use the other terminal."
    )
}

pub(crate) fn quoted(all: &[String]) -> String {
    let few: Vec<_> = all.iter().take(3).map(|it| format!("`{it}`")).collect();
    few.join(", ")
}

/// What the kernel shows, and one sentence about it.
pub(crate) fn seen_and_why(seen: &str, why: &str) -> String {
    let stop = if seen.ends_with('.') { "" } else { "." };
    format!("{seen}{stop} {why}").trim_end().to_owned()
}
