//! What the tour tells. All words stand here, so that they can be translated in one place.

use std::io;

use process::Command;

use crate::table;

pub(super) const TITLE: &str = "How a process becomes a container";
pub(super) const INTRODUCTION: &str = "\
One process after another, each with one mechanism more than the one before.
The first four are asked the same five questions; the host is asked the same
about them. All that you see is happening now, on this machine's own kernel.";

pub(super) const INSIDE: &str = "THE PROCESS SEES";
pub(super) const OUTSIDE: &str = "THE HOST SEES";
pub(super) const QUESTIONS: [&str; 5] =
    ["its number", "files in /", "processes", "host name", "network"];

/// One stop of the tour.
pub(super) struct Stop {
    pub(super) chapter: &'static str,
    pub(super) title: &'static str,
    pub(super) story: &'static str,
    /// The chapter's program, as it is typed to get the same.
    pub(super) command: &'static str,
    pub(super) look: &'static str,
}

pub(super) const PROCESS: Stop = Stop {
    chapter: "00",
    title: "a process",
    story: "\
A container is a process. Here is an ordinary one, made by clone and execve
like any other. It sees what the host sees, and the host sees it.",
    command: "cargo run -p sol00-process -- run sh",
    look: "It shares all of them with the program that started it: no world of its own.",
};

pub(super) const JAIL: Stop = Stop {
    chapter: "01",
    title: "a root folder of its own",
    story: "\
chroot gives the process another folder as its root. The folder holds copies
of a few of this machine's programs and of the libraries that they need. The
host can look into the folder; the process can't look out. Or can it?",
    command: "cargo run -p sol01-chroot-jail -- run sh",
    look: "\
Other files, and no /proc. But the same process numbers, the same name, the
same network: chroot changes what a path means, and nothing else.",
};

pub(super) const BREAKS_OUT: &str = "\
And it is no wall. A process that may call chroot can walk out, while it
stands outside of its new root:";
pub(super) const WHAT_PS_SAYS: &str = "What `ps -e` says in it:";
pub(super) const STAYS_IN: &str = "The same escape, tried here:";

pub(super) const PID_NAMESPACE: Stop = Stop {
    chapter: "02",
    title: "process numbers and mounts of its own",
    story: "\
Two namespaces. In a PID namespace the process is number 1 and sees only its
children. In a mount namespace its folder becomes the root of all mounts
(pivot_root), and the host's root is taken away: what is not mounted can't be
reached.",
    command: "cargo run -p sol02-pid-namespace -- run sh",
    look: "\
One process, two numbers: 1 inside, another one on the host. A container is
never hidden from the host; the host is hidden from the container.",
};

pub(super) const UTS_NET: Stop = Stop {
    chapter: "03",
    title: "a name and a network of its own",
    story: "\
A UTS namespace for the host name, an IPC namespace, and a network namespace:
empty at first, without a single interface that is up. A pair of virtual cards
is the cable. One end goes into the container, the other into a bridge on the
host.",
    command: "cargo run -p sol03-uts-net -- run --hostname box sh",
    look: "\
A machine of its own, it seems. It is the process from the first stop, with
another answer from the kernel to each question.",
};

pub(super) const LIMITS: Stop = Stop {
    chapter: "04",
    title: "a limit on what it may use",
    story: "\
Namespaces decide what a process sees. What it may use is another matter: a
control group is a folder of processes, with numbers in its files that all of
them together are held to. This container may have 64 MiB of memory. In it
runs `tail /dev/zero`, which looks for the last line of a file without an end
and keeps in memory what it has read of it.",
    command: "cargo run -p sol04-cgroup-limits -- run -m 64M -- tail /dev/zero",
    look: "\
The kernel has ended the one process that asked for too much. The shell beside
it lives on: it has told how `tail` ended.",
};

pub(super) const COUNTERS: [&str; 3] = ["its cgroup", "the limit", "the count"];

pub(super) const LAYERS: Stop = Stop {
    chapter: "05",
    title: "files in layers",
    story: "\
Until here all containers wrote into one and the same folder. With overlayfs
the root is a stack of folders: those below are only read, and whatever the
container writes goes to one on top that is its own. Here are two layers. The
upper one has two files in /srv; the container changes one, removes the other,
and adds a third.",
    command: "cargo run -p sol05-overlay-layers -- run sh",
    look: "\
A changed file is a whole copy; a removed one is a mark that says so. The
layers below are as they were: a hundred containers can share them.",
};

/// The files in the tour's own layer.
pub(super) const LAYER: [(&str, &str); 2] =
    [("/srv/greeting", "hello\n"), ("/srv/old", "I was here before\n")];
pub(super) const FILES: [&str; 2] = ["in /srv", "greeting"];
pub(super) const DIFF: &str = "\
On the right is what lies in the layer. What the container has changed (C),
added (A) and deleted (D) lies in a folder of its own:";

pub(super) const IMAGE: Stop = Stop {
    chapter: "06",
    title: "an image",
    story: "\
An image is layers, and a note that says how to run them. A registry is a web
server that has each of these by the hash of its content, so what comes is
what was asked for, or is refused. Here is one on this machine. Its images are
made from this machine's own programs: all of this needs no network.",
    command: "cargo run -p sol06-image-pull -- run -p 8080:80 webapp",
    look: "\
And that is what `docker run` does.",
};

/// What is pulled, and what is told before.
pub(super) const PULLS: [(&str, &str); 2] = [
    ("base", "The first image has one layer:"),
    (WEBAPP, "The second has that one and two more. What is here already is not asked for:"),
];
pub(super) const WEBAPP: &str = "webapp";
pub(super) const NOT_PULLED: &str = "the image is not in the store that it was pulled to";
pub(super) const NO_REGISTRY: &str = "the tour's registry did not start";

pub(super) fn runs(command: &Command) -> String {
    format!(
        "\nThe layers become the root, as before, and the image says what to run in it:\n  {command}"
    )
}

/// The containers' host name.
pub(super) const BOX: &str = "box";
pub(super) const PAGE: &str = "Hello from a container. I believe that I am a machine.\n";

pub(super) const END: &str = "\
That is all that a container is: a process, and a list of mechanisms. The
chapters from 07 on take root's rights away from it, and make of this what
Docker is: background, logs, builds, and the engine itself.

Write it yourself: open chapters/00-process/src/process.rs and look for
EXERCISE.
Try yours with `cargo run -- run 00 -- run echo hello`.
Every finished chapter tells each kernel call if you ask it:
  cargo run -p sol02-pid-namespace -- run --explain -- ps -e";

pub(super) const PRESS_ENTER: &str = "[Enter goes on; q and Enter ends]";

pub(super) const STANDARD_OUTPUT: &str = "can't write to standard output";
pub(super) const PIPE: &str = "can't catch what the process prints";
pub(super) const ENDED_EARLY: &str = "the process ended before it had answered";
pub(super) const LISTEN: &str = "can't listen on port 80 in the container";

pub(super) fn processes(count: usize) -> String {
    match count {
        0 => "none: there is no /proc".into(),
        1 => "1".into(),
        count => format!("{count}"),
    }
}

pub(super) fn network(addresses: &str) -> String {
    if addresses.is_empty() { "nothing".into() } else { addresses.into() }
}

pub(super) fn namespaces(own: &[&str]) -> String {
    match own {
        [] => "Namespaces of its own: none.".into(),
        own => format!("Namespaces of its own: {}.", own.join(", ")),
    }
}

pub(super) fn not_here(why: &anyhow::Error) -> String {
    table::fold(&format!("Not here: {why:#}."), 78).join("\n")
}

pub(super) fn ended_with(status: &str) -> String {
    format!("`tail` has ended with status {status}: 128, and 9 for SIGKILL.\n")
}

pub(super) fn fetched(address: &str, page: &str) -> String {
    let page: Vec<_> = page.lines().map(|line| format!("  {line}")).collect();
    format!("\nThe host asks http://{address}/ and the container answers:\n{}", page.join("\n"))
}

pub(super) fn not_fetched(address: &str, why: &io::Error) -> String {
    format!("\nThe host asked http://{address}/ and got no answer: {why}")
}
