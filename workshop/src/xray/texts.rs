//! What `coracle xray` says. All words stand here, so that they can be translated in one place.

use nix::errno::Errno;
use process::{Ended, Step};

/// What a call is about: a mechanism of containers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Topic {
    /// The chapter that explains it.
    pub(super) chapter: &'static str,
    /// How it is called in the summary.
    pub(super) title: &'static str,
}

const fn topic(chapter: &'static str, title: &'static str) -> Topic {
    Topic { chapter, title }
}

pub(super) const PROCESS: Topic = topic("00", "processes");
pub(super) const PROGRAM: Topic = topic("00", "programs");
pub(super) const CHROOT: Topic = topic("01", "chroot");
pub(super) const WORKING_FOLDER: Topic = topic("01", "working folder");
pub(super) const MOUNT_NAMESPACE: Topic = topic("02", "mount namespace");
pub(super) const PID_NAMESPACE: Topic = topic("02", "PID namespace");
pub(super) const MOUNTS: Topic = topic("02", "mounts");
pub(super) const PROPAGATION: Topic = topic("02", "private mounts");
pub(super) const PIVOT_ROOT: Topic = topic("02", "pivot_root");
pub(super) const UTS_NAMESPACE: Topic = topic("03", "UTS namespace");
pub(super) const IPC_NAMESPACE: Topic = topic("03", "IPC namespace");
pub(super) const NET_NAMESPACE: Topic = topic("03", "network namespace");
pub(super) const HOST_NAME: Topic = topic("03", "host name");
pub(super) const INTERFACES: Topic = topic("03", "interfaces, addresses, routes");
pub(super) const CGROUP: Topic = topic("04", "cgroups");
pub(super) const CGROUP_NAMESPACE: Topic = topic("04", "cgroup namespace");
pub(super) const OVERLAY: Topic = topic("05", "overlay");
pub(super) const USER_NAMESPACE: Topic = topic("07", "user namespace");
pub(super) const MAPS: Topic = topic("07", "maps of user ids");
pub(super) const CAPABILITIES: Topic = topic("08", "capabilities");
pub(super) const COVERED_PATHS: Topic = topic("08", "covered paths");
pub(super) const HARDENING: Topic = topic("08", "hidden memory");
pub(super) const IDENTITY: Topic = topic("08", "user and groups");
pub(super) const NO_NEW_PRIVS: Topic = topic("08", "no new privileges");
pub(super) const SECCOMP: Topic = topic("08", "seccomp");
pub(super) const JOINED: Topic = topic("09", "namespaces entered");
pub(super) const PIDFD: Topic = topic("09", "pidfds");

pub(super) const EXECVE: &str = "becomes another program";
pub(super) const FORK: &str = "a copy of this process";
pub(super) const CLONE_NAMESPACES: &str = "a copy of this process, in new namespaces";
pub(super) const UNSHARE: &str = "leaves the parent's namespaces for new ones";
pub(super) const UNSHARE_PID: &str = "its next child is PID 1 of a new namespace";
pub(super) const UNSHARE_MOUNTS: &str = "a copy of all mounts, for itself";
pub(super) const UNSHARE_USER: &str = "all capabilities, over what is made from here on";
pub(super) const UNSHARE_CGROUP: &str = "its cgroup is now the top of what it sees";
pub(super) const UNSHARE_NET: &str = "an empty network of its own";
pub(super) const SETNS: &str = "enters a namespace that is there already";
pub(super) const PIDFD_OPEN: &str = "a descriptor that stands for one process";
pub(super) const PDEATHSIG: &str = "the signal it gets when its parent ends";
pub(super) const SUBREAPER: &str = "orphans below it become its children";

pub(super) const CHROOTED: &str = "paths begin in this folder from now on";
pub(super) const CHDIR: &str = "stands in this folder from now on";
pub(super) const PIVOTED: &str = "another mount becomes the root of all";

pub(super) const BIND: &str = "the same files in a second place";
pub(super) const MOVE: &str = "a mount moves to another place";
pub(super) const COVERED: &str = "what is there can't be read any more";
pub(super) const READ_ONLY: &str = "a mount becomes read-only";
pub(super) const REMOUNT: &str = "changes the options of a mount";
pub(super) const PRIVATE: &str = "mounts made here are not seen elsewhere";
pub(super) const SLAVE: &str = "the host does not see mounts made here";
pub(super) const SHARED: &str = "mounts made here are seen in copies of it";
pub(super) const PROC: &str = "a /proc for this PID namespace";
pub(super) const SYSFS: &str = "devices, and this network namespace's cards";
pub(super) const TMPFS: &str = "an empty file system in memory";
pub(super) const DEVPTS: &str = "terminals of its own";
pub(super) const MQUEUE: &str = "message queues of this IPC namespace";
pub(super) const CGROUP_MOUNT: &str = "the cgroups as files";
pub(super) const OVERLAY_MOUNT: &str = "layers become one file system";
pub(super) const FILE_SYSTEM: &str = "a file system appears in a folder";
pub(super) const UMOUNT: &str = "a mount goes out of sight";
pub(super) const OPEN_TREE: &str = "takes hold of a mount";
pub(super) const MOVE_MOUNT: &str = "puts a mount where it can be seen";
pub(super) const FSOPEN: &str = "begins a new file system";
pub(super) const FSCONFIG: &str = "one option of the new file system";
pub(super) const FSCONFIG_CREATE: &str = "the new file system is made";
pub(super) const FSMOUNT: &str = "a mount of it, at no place yet";
pub(super) const FSPICK: &str = "takes hold of a file system to change it";

pub(super) const SETHOSTNAME: &str = "the host name in this UTS namespace";
pub(super) const SETDOMAINNAME: &str = "the domain name in this UTS namespace";
pub(super) const NEW_VETH: &str = "a virtual cable with two ends";
pub(super) const NEW_BRIDGE: &str = "a switch in software";
pub(super) const NEW_LINK: &str = "a new interface";
pub(super) const MOVED_LINK: &str = "an interface goes to another network";
pub(super) const PLUGGED_LINK: &str = "an interface is plugged into a bridge";
pub(super) const LINK_UP: &str = "an interface is switched on";
pub(super) const LINK_DOWN: &str = "an interface is switched off";
pub(super) const CHANGED_LINK: &str = "an interface is changed";
pub(super) const DELETED_LINK: &str = "an interface is removed";
pub(super) const NEW_ADDRESS: &str = "an interface gets an address";
pub(super) const DELETED_ADDRESS: &str = "an interface loses an address";
pub(super) const NEW_ROUTE: &str = "where packets go";
pub(super) const DELETED_ROUTE: &str = "a route is removed";

pub(super) const CGROUP_MADE: &str = "a new cgroup";
pub(super) const CGROUP_REMOVED: &str = "a cgroup is removed";
pub(super) const CGROUP_JOIN: &str = "a process joins the cgroup";
pub(super) const CGROUP_CONTROLLERS: &str = "what can be limited in the cgroups below";
pub(super) const CGROUP_FREEZE: &str = "the cgroup's processes stop, or go on";
pub(super) const CGROUP_KILL: &str = "every process of the cgroup is killed";
pub(super) const CGROUP_DEVICES: &str = "which devices the cgroup may use";
pub(super) const CGROUP_LIMIT: &str = "a setting of the cgroup";

pub(super) const WRITE_MAP: &str = "which ids inside are which ids outside";
pub(super) const WRITE_SETGROUPS: &str = "whether groups may be changed inside";

pub(super) const DUMPABLE: &str = "whether others may look into its memory";
pub(super) const KEEPCAPS: &str = "capabilities outlive a change of user";
pub(super) const SECUREBITS: &str = "how root and capabilities belong together";
pub(super) const CAPBSET_DROP: &str = "a capability that nobody here gets again";
pub(super) const CAP_AMBIENT: &str = "capabilities that programs inherit";
pub(super) const CAPSET: &str = "the capabilities that it keeps";
pub(super) const NNP: &str = "no program gives it more rights";
pub(super) const SECCOMP_FILTER: &str = "a filter on system calls, for ever";
pub(super) const SECCOMP_STRICT: &str = "read, write and exit are all that is left";
pub(super) const SETUID: &str = "as which user it goes on";
pub(super) const SETGID: &str = "as which group it goes on";
pub(super) const SETGROUPS: &str = "its further groups";

pub(super) fn instructions(count: u16) -> String {
    format!("{count} instructions")
}

pub(super) fn child_of(parent: nix::unistd::Pid) -> String {
    format!("made by {parent}")
}

pub(super) fn ended(ended: Ended) -> String {
    match ended {
        Ended::Exited(status) => format!("ends with status {status}"),
        Ended::Signalled(number) => match nix::sys::signal::Signal::try_from(number) {
            Ok(signal) => format!("is ended by {}", signal.as_str()),
            Err(_) => format!("is ended by signal {number}"),
        },
    }
}

pub(super) fn more(count: usize) -> String {
    format!("… and {count} more like it")
}

pub(super) const SUMMARY: &str = "What was seen:";
pub(super) const NOTHING_SEEN: &str = "Nothing was seen that makes a container.";

pub(super) fn times(count: usize) -> String {
    if count == 1 { "1 call".into() } else { format!("{count} calls") }
}

/// After the summary, when processes live on.
pub(super) fn left_behind(pids: &[nix::unistd::Pid]) -> String {
    let shown: Vec<_> = pids.iter().take(5).map(ToString::to_string).collect();
    let more = if pids.len() > shown.len() { ", …" } else { "" };
    let (process, lives) =
        if pids.len() == 1 { ("process", "lives") } else { ("processes", "live") };
    format!(
        "{} {process} {lives} on in the background ({}{more}), no longer told.\n\
         A part of xray stays until the end: the calls of theirs need one that answers.",
        pids.len(),
        shown.join(", ")
    )
}

/// For an ordinary user, before anything else.
pub(super) const NO_SETUID: &str = "\
As an ordinary user: programs that bring rights with them (sudo, newuidmap,
fusermount) don't get them under xray. The kernel allows the filter only so.";

pub(super) const TRACER_GONE: &str =
    "the process that watches has ended, and the kernel has killed what it watched";

pub(super) fn incomplete(error: &std::io::Error) -> String {
    format!("coracle: the story is not complete, since it could not be written: {error}")
}

pub(super) fn cannot_write(path: &std::path::Path) -> String {
    format!("can't write {}", path.display())
}

pub(super) const TRACE: Step = Step {
    section: "00#process",
    why: "the command's system calls are to be seen",
    causes: &[
        (
            Errno::EPERM,
            "another xray, strace or a debugger watches already; or the container that this runs \
             in forbids it (Docker's option against that is `--cap-add SYS_PTRACE`)",
        ),
        (Errno::EIO, "this kernel is older than Linux 5.3"),
        (Errno::EINVAL, "this kernel was built without seccomp filters"),
    ],
};
