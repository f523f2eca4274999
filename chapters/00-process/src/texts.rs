//! What this chapter says to people: why each step is made, what a refusal usually means, and the
//! sentences around them. All words stand here, so that they can be translated in one place.

use std::ffi::OsStr;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::Ended;
use crate::failure::Step;
use crate::kernel::Addition;

pub(crate) const CLONE: Step = Step {
    section: "00#clone",
    why: "copy this process; the copy is born into the namespaces named here, and will become the command",
    causes: &[
        (
            Errno::EPERM,
            "new namespaces need root, or a user namespace, and this system or the container that you are in allows neither",
        ),
        (
            Errno::ENOSPC,
            "the limit on namespaces is reached or 0; see /proc/sys/user/max_*_namespaces",
        ),
        (
            Errno::EAGAIN,
            "the limit on processes is reached; see `ulimit -u` and the cgroup's pids.max",
        ),
        (Errno::EBUSY, "this process has several threads, and only one of them would be copied"),
    ],
};

pub(crate) const LINE: Step = Step {
    section: "00#launch-protocol",
    why: "the line on which the host's side and the new process talk until the command is executed",
    causes: &[],
};

pub(crate) const DIE_WITH_PARENT: Step = Step {
    section: "00#launch-protocol",
    why: "if the program that started it is killed, the container goes with it",
    causes: &[],
};

pub(crate) const CLEAN_SLATE: Step = Step {
    section: "00#exec",
    why: "the command inherits no ignored signal and no open file but 0, 1 and 2",
    causes: &[(Errno::ENOSYS, "this needs Linux 5.9 or newer")],
};

pub(crate) const EXEC: Step = Step {
    section: "00#exec",
    why: "become the program: the same process, new memory; returns only if that fails",
    causes: &[],
};

pub(crate) const WAIT: Step = Step {
    section: "00#wait",
    why: "ask how it ended; until somebody asks, it stays as a zombie",
    causes: &[],
};

pub(crate) const SIGNALS: Step = Step {
    section: "00#signals",
    why: "signals wait in a descriptor, to be passed on to the command",
    causes: &[],
};

pub(crate) const NAMESPACE_LINKS: Step = Step {
    section: "00#namespaces",
    why: "the kernel shows a process's namespaces as links",
    causes: &[
        (Errno::ENOENT, "there is no process with this number"),
        (Errno::EACCES, "it belongs to somebody else; ask as root"),
    ],
};

pub(crate) const USER_NAMESPACE: Step = Step {
    section: "07#user-namespace",
    why: "an ordinary user may make this one kind of namespace, and in it has root's rights over what is made from inside",
    causes: &[
        (
            Errno::EPERM,
            "user namespaces are switched off for ordinary users (Debian: `sudo sysctl kernel.unprivileged_userns_clone=1`), or you are in a chroot or in a container that forbids them; as root it works without",
        ),
        (
            Errno::ENOSPC,
            "user namespaces are switched off; `sudo sysctl user.max_user_namespaces=10000` allows them, and as root it works without",
        ),
        (Errno::EINVAL, "a process with several threads can't enter a user namespace"),
    ],
};

const APPARMOR: &str = "the user namespace was made but may not be used: AppArmor restricts it, as on Ubuntu 24.04; load a profile with `userns,` for this program, or run it as root";

pub(crate) const USER_MAPS: Step = Step {
    section: "07#maps",
    why: "one user and one group: yours outside, 0 inside",
    causes: &[(Errno::EACCES, APPARMOR), (Errno::EPERM, APPARMOR)],
};

pub(crate) const WHAT_IT_HOLDS: &str = "IT HOLDS";
pub(crate) const NO_SUCH_KIND: &str = "not in this kernel";

/// What each kind of namespace holds, in the order of [`crate::namespaces::KINDS`].
pub(crate) const NAMESPACES: [&str; 8] = [
    "where the cgroup tree begins",
    "System V and POSIX queues",
    "mounts",
    "interfaces, routes, sockets",
    "process numbers",
    "the clocks since boot",
    "user and group ids, capabilities",
    "host name and NIS domain name",
];

pub(crate) const NO_COMMAND: &str = "there is no command to run";
pub(crate) const NUL_BYTE: &str =
    "a word of the command contains a NUL byte, which no program can be given";
/// What was tried when writing to standard output failed.
pub const STANDARD_OUTPUT: &str = "can't write to standard output";
pub(crate) const NO_FORMAT: &str =
    "the file is neither an ELF program nor a script that begins with #!";
pub(crate) const IS_FOLDER: &str = "it is a folder";
pub(crate) const CLOSED_FOLDER: &str = "this user may not enter a folder on the way to it";
pub(crate) const NOT_EXECUTABLE: &str =
    "the file may not be executed; `chmod +x` allows it, unless its file system is mounted noexec";
pub(crate) const OPEN_FOR_WRITING: &str = "somebody has the file open for writing";

pub(crate) fn missing(addition: &Addition) -> String {
    let Addition { name, since, instead } = addition;
    format!("not to be had here: {name}, since Linux {since}; instead {instead}")
}

pub(crate) fn unknown_option(word: &OsStr, program: &str) -> String {
    format!("there is no option {}; `{program} run --help` lists them", word.to_string_lossy())
}

pub(crate) fn not_in_path(folders: usize) -> String {
    format!(
        "none of the {folders} folders of PATH has it; in a container only the files of its own \
         root are there"
    )
}

pub(crate) fn no_script_interpreter(program: &Path) -> String {
    format!("the file is there, but the interpreter that its #! line names is not: {program:?}")
}

pub(crate) fn no_loader(loader: &Path) -> String {
    format!(
        "the file is there, but the dynamic loader that it names is not: {loader:?}; copy it and the libraries too, or use a static program"
    )
}

pub(crate) fn wrong_machine(theirs: &str, ours: &str) -> String {
    format!("the program is for {theirs}, this machine is {ours}")
}

pub(crate) fn as_process(pid: Option<u32>) -> String {
    pid.map_or("AS THE HOST".into(), |pid| format!("AS PID {pid}"))
}

pub(crate) fn same(same: bool) -> &'static str {
    if same { "same" } else { "DIFFERENT" }
}

pub(crate) fn open_exercise(exercise: &str, place: &str) -> String {
    format!("this exercise is still open: {exercise} ({place})")
}

pub(crate) fn panicked(message: &str, place: &str) -> String {
    format!("the program panicked at {place}: {message}")
}

pub(crate) fn died_early(ended: Ended) -> String {
    match ended {
        Ended::Exited(status) => format!(
            "the new process exited with status {status} before it could execute the command"
        ),
        Ended::Signalled(signal) => format!(
            "the new process was ended by {} before it could execute the command",
            name(signal)
        ),
    }
}

pub(crate) fn not_released(ended: Ended) -> String {
    let ended = match ended {
        Ended::Exited(status) => format!("exited with status {status}"),
        Ended::Signalled(signal) => format!("was ended by {}", name(signal)),
    };
    format!("the command {ended}, but the container could not be taken down")
}

pub(crate) fn interrupted(signal: u32) -> String {
    format!("stopped by {} before the command was executed", name(signal as i32))
}

pub(crate) fn forwarded(signal: i32) -> String {
    format!("passes {} on to the command", name(signal))
}

pub(crate) fn dropped_by_pid_1(signal: i32, seconds: u64) -> String {
    format!(
        "The command is PID 1 and has no handler for {}, so the kernel drops it (book 02#pid-1; \
         `run --init` helps). It is killed in {seconds} seconds, or at the next signal.",
        name(signal),
    )
}

pub(crate) fn rootless(uid: u32) -> String {
    let why = if uid == 0 { "Root, but without CAP_SYS_ADMIN" } else { "Not root" };
    format!(
        "{why}: running in a user namespace, where user {uid} is root over what is made inside it \
         (book 07)."
    )
}

fn name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |s| s.as_str().into())
}
