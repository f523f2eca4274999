//! What happens when the kernel refuses a call: each call of a run, in turn.
//!
//! `strace -e inject` lets one system call fail as if the kernel had refused it. [`each_call`] does
//! so for every call that a run makes, with each of three answers, and collects every run that did
//! not end as it should: with one sentence that names the call and status 125, or as if nothing had
//! happened, where a call does not matter (closing a file, asking for the terminal).

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use crate::{Host, Who, stderr, stdout};

const ANSWERS: [&str; 3] = ["EPERM", "ENOMEM", "EINVAL"];

/// Calls of the loader, the allocator and the language's run time before `main`: where these fail
/// there is no program yet (or no memory) to say anything. And some that can't fail.
const NOT_OURS: [&str; 20] = [
    "access",
    "arch_prctl",
    "brk",
    "exit",
    "exit_group",
    "futex",
    "getegid",
    "geteuid",
    "getrandom",
    "madvise",
    "mmap",
    "mprotect",
    "munmap",
    "pread64",
    "prlimit64",
    "rseq",
    "rt_sigreturn",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
];

/// Lets each call of `program args` fail in turn on this host; `command_prints` is what the run
/// prints when all is well. Returns a line for each run that ended in no acceptable way.
///
/// # Panics
///
/// When `strace` can't be started.
#[must_use]
pub fn each_call(host: &Host, who: Who, run: &[&str], command_prints: &str) -> Vec<String> {
    let run = Run { host, who, words: run, command_prints };
    calls(host, who, run.words)
        .iter()
        .flat_map(|(call, &(first, last))| (first..=last).map(move |place| (call, place)))
        .flat_map(|(call, place)| ANSWERS.map(|answer| run.refused(call, place, answer)))
        .flatten()
        .collect()
}

/// The same for a run that takes long: each call fails once, with one of the three answers in turn.
/// Those in `tried` don't fail at all: another run makes them in the same way.
///
/// # Panics
///
/// As above.
#[must_use]
pub fn each_call_once(
    host: &Host,
    who: Who,
    run: &[&str],
    command_prints: &str,
    tried: &[&str],
) -> Vec<String> {
    let run = Run { host, who, words: run, command_prints };
    calls(host, who, run.words)
        .iter()
        .filter(|(call, _)| !tried.contains(&call.as_str()))
        .flat_map(|(call, &(first, last))| (first..=last).map(move |place| (call, place)))
        .zip(ANSWERS.into_iter().cycle())
        .filter_map(|((call, place), answer)| run.refused(call, place, answer))
        .collect()
}

/// What is run again and again.
struct Run<'a> {
    host: &'a Host,
    who: Who,
    words: &'a [&'a str],
    command_prints: &'a str,
}

impl Run<'_> {
    /// Runs it with one refusal. Returns a line if it ended in no acceptable way.
    fn refused(&self, call: &str, place: usize, answer: &str) -> Option<String> {
        let inject = format!("inject={call}:error={answer}:when={place}");
        let output = self
            .host
            .command(self.who, "timeout")
            // `-b execve`: nothing is refused to other programs, the command and its like. What
            // they make of a refusal is theirs.
            .args(["-k", "1", "10", "strace", "-f", "-b", "execve", "-qq", "-o", "/dev/null"])
            .args(["-e", &inject])
            .args(self.words)
            .output()
            .expect("strace starts");
        let (said, status) = (stderr(&output), output.status.code());
        let sentences: Vec<_> =
            said.lines().filter(|line| !line.starts_with("Not root:")).collect();
        // With --init there are two who may tell: PID 1, and the host's side.
        let told = (1..=2).contains(&sentences.len())
            && sentences.iter().any(|sentence| names(sentence, call));
        let refused = status == Some(125) && told;
        let unharmed = status == Some(0) && stdout(&output) == self.command_prints;
        // A child's first call of this name may be the loader's first one as well.
        let before_main = said.contains("error while loading shared libraries")
            || said.contains("fatal runtime error");
        let acceptable = refused || unharmed || before_main;
        (!acceptable).then(|| format!("{call} no. {place} = {answer}: {status:?}: {said}"))
    }
}

/// Whether the sentence names the call, by its own name or by the C library's.
fn names(sentence: &str, call: &str) -> bool {
    let known_as = match call {
        // A request to the kernel's network, and its answer.
        "sendto" | "recvfrom" if sentence.contains("RTM_") => "RTM_",
        "sendto" => "send(",
        "recvfrom" => "recv(",
        "mkdirat" => "mkdir",
        "mknodat" => "mknod",
        "symlinkat" => "symlink",
        // opendir(3) makes two calls, and so does a function that writes a whole file.
        "newfstatat" if sentence.contains("opendir(") => "opendir",
        "openat" if sentence.contains("write(\"/") => "write",
        "openat" if sentence.contains("read(\"/") => "read",
        // And one that removes a whole folder makes many.
        "fcntl" | "getdents64" | "newfstatat" | "openat" | "statx" | "unlinkat"
            if sentence.contains(" and all in it)") =>
        {
            "unlink"
        }
        // A function of the C library that makes several.
        "readlink" if sentence.contains("realpath(") => "realpath",
        "socket" | "ioctl" if sentence.contains("if_nametoindex(") => "if_nametoindex",
        "clone3" | "dup2" | "execve" | "pipe2" | "rt_sigprocmask"
            if sentence.contains("posix_spawn(") =>
        {
            "posix_spawn"
        }
        "listen" | "setsockopt" | "socket" if sentence.contains("bind(") => "bind",
        "clone3" => "clone",
        "statx" => "stat",
        "openat" | "openat2" => "open",
        call => call,
    };
    sentence.contains(known_as)
}

/// The calls that a run makes after its `main` has begun; for each, which of a process's calls of
/// that name are to be tried: first and last.
fn calls(host: &Host, who: Who, run: &[&str]) -> BTreeMap<String, (usize, usize)> {
    let folder = format!("/tmp/trace-{who:?}");
    assert!(host.sh(&format!("rm -rf {folder}; mkdir -m 777 {folder}")).is_empty());
    let trace = format!("{folder}/trace");
    let status = host
        .command(who, "strace")
        .args(["-ff", "-qq", "-o", &trace])
        .args(run)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("strace starts");
    assert!(status.success(), "the run works under strace");
    let mut calls = BTreeMap::<String, (usize, usize)>::new();
    let inside = format!("/proc/{}/root{folder}", host.pid());
    for file in fs::read_dir(inside).expect("the folder with the traces") {
        let text = fs::read_to_string(file.expect("a file").path()).expect("a trace");
        let mut counts = BTreeMap::<&str, usize>::new();
        // The language's run time looks for its standard files, with poll, right before `main`;
        // a new process of ours begins in the middle of our code.
        let mut main = !text.starts_with("execve");
        let mut executed = 0;
        for line in text.lines() {
            let Some((call, _)) = line.split_once('(') else { continue };
            if main && !NOT_OURS.contains(&call) {
                let count = *counts.entry(call).or_default() + 1;
                let range = calls.entry(call.into()).or_insert((count, count));
                range.1 = range.1.max(count);
            }
            *counts.entry(call).or_default() += 1;
            main |= call == "sigaltstack";
            // From its execve on the process is the command.
            executed += usize::from(call == "execve" && line.ends_with("= 0"));
            if executed > usize::from(text.starts_with("execve")) {
                break;
            }
        }
    }
    calls
}
