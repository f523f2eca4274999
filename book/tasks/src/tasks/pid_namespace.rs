//! 02: mounts that nobody else sees, process 1, and a root with nothing above it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::Result;
use coracle::check::claim::expect;
use coracle::lessons::look::{self, identity, link};
use coracle::observe::{self, Kind, Mount};
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, setns};
use nix::unistd::{Pid, pipe2};
use process::{Attempt, Process};

use super::chroot_jail::{ROOT_FOLDER, root_folder};
use crate::look::Look;
use crate::task::{Promise, Task};
use crate::{texts, values};

pub(super) const TASKS: [Task; 3] = [
    Task {
        name: "02-mount",
        values: || Ok(values::of([("seconds", values::seconds()?)])),
        promises: &[
            Promise::Lesson("00", "runs"),
            Promise::Lesson("02", "mount-namespace"),
            Promise::Own("mounted", "it has a tmpfs on /mnt"),
            Promise::Lesson("02", "private-mounts"),
        ],
        look: |look| {
            look.process("runs", &["sleep", look.value("seconds")?], |look, pid| {
                mount_namespace(look, pid, NEW_MOUNTS);
                mounted(look, pid)
            })
        },
    },
    Task {
        name: "02-pid-one",
        values: || Ok(values::of([("seconds", values::seconds()?)])),
        promises: &[
            Promise::Lesson("00", "runs"),
            Promise::Lesson("02", "pid-namespace"),
            Promise::Lesson("02", "pid-one"),
            Promise::Lesson("02", "mount-namespace"),
            Promise::Lesson("02", "private-mounts"),
            Promise::Lesson("02", "fresh-proc"),
        ],
        look: |look| {
            look.process("runs", &["sleep", look.value("seconds")?], |look, pid| {
                pid_one(look, pid)?;
                mount_namespace(look, pid, PROC_MOUNTS);
                hosts_proc(look);
                fresh_proc(look, pid)
            })
        },
    },
    Task {
        name: "02-pivot",
        values: || Ok(values::of([("name", values::name()?), ("seconds", values::seconds()?)])),
        promises: &[
            Promise::Lesson("00", "runs"),
            Promise::Lesson("02", "mount-namespace"),
            ROOT_FOLDER,
            Promise::Lesson("02", "no-way-out"),
            Promise::Lesson("02", "old-root-gone"),
        ],
        look: |look| {
            look.process("runs", &["sleep", look.value("seconds")?], |look, pid| {
                mount_namespace(look, pid, NEW_MOUNTS);
                root_folder(look, pid)?;
                if look.holds("root-folder") && look.holds("mount-namespace") {
                    old_root(look, pid)?;
                }
                Ok(())
            })
        },
    },
];

const NEW_MOUNTS: &str =
    "What it mounts, the host has, too. `unshare --mount` gives a list of its own, a copy.";
const PROC_MOUNTS: &str = "The new /proc has to be mounted in a list of mounts of its own: \
     `--mount-proc` brings one, or `--mount`.";

fn mount_namespace(look: &mut Look, pid: Pid, mistake: &str) {
    let finding = look::own_namespace(pid, "mnt", look.host.link("mnt"));
    let right = || format!("/proc/{pid}/ns/mnt -> {}.", link(pid, "ns/mnt"));
    look.lesson("mount-namespace", finding, right, Some(mistake));
}

fn mounted(look: &mut Look, pid: Pid) -> Result<()> {
    let place = Path::new("/mnt");
    let tmpfs = |mount: &&Mount| mount.fs_type == "tmpfs";
    let its = observe::mounts(pid)?;
    let here = its.iter().rev().find(|mount| mount.target == place);
    let found = match here {
        Some(mount) if tmpfs(&mount) => Ok(format!("/proc/{pid}/mountinfo: tmpfs on /mnt.")),
        Some(mount) => Err(format!("/proc/{pid}/mountinfo: {} on /mnt, no tmpfs.", mount.fs_type)),
        None => Err(format!("/proc/{pid}/mountinfo has no line for /mnt.")),
    };
    look.finding("mounted", found);
    let hosts = look.host.mounted(place).rfind(tmpfs);
    let finding =
        expect(hosts.is_none(), || "The host's mountinfo has a tmpfs on /mnt as well".to_owned());
    let leak = here.is_some_and(|mount| mount.propagation.shared.is_some());
    let mistake = match leak && look.holds("mount-namespace") {
        true => {
            "The process's line says `shared`: a mount that is shared tells its peers what is \
             mounted below it. First `mount --make-rprivate /`, then mount. (`umount /mnt` on the \
             host clears up.)"
        }
        false => {
            "It was mounted before there was a list of its own, or without one. (`umount /mnt` on \
             the host clears up.)"
        }
    };
    let right = || "The host's mountinfo has no such line.".to_owned();
    look.lesson("private-mounts", finding, right, Some(mistake));
    Ok(())
}

fn pid_one(look: &mut Look, pid: Pid) -> Result<()> {
    let finding = look::own_namespace(pid, "pid", look.host.link("pid"));
    let namespaces = observe::namespaces(pid)?;
    let own = namespaces.get(Kind::Pid).map(|it| it.inode);
    // A new namespace for its children is there, and has nobody in it.
    let unforked = own != namespaces.pid_for_children.map(|it| it.inode);
    let mistake = unforked.then_some(
        "Its *children* would be born into a new one: `ns/pid_for_children` is another. \
         unshare(2) never moves the process itself; `unshare --fork` makes the child that is \
         process 1.",
    );
    let right = || format!("/proc/{pid}/ns/pid -> {}.", link(pid, "ns/pid"));
    look.lesson("pid-namespace", finding, right, mistake);
    if !look.holds("pid-namespace") {
        return Ok(());
    }
    let numbers = observe::status(pid)?.ns_pids;
    let finding = look::pid_one(pid)?;
    let right = || format!("/proc/{pid}/status: NSpid {} 1.", numbers[0]);
    let mistake = "Somebody else in there was born first, the shell perhaps that started it: `exec` \
         makes that one become `sleep`, or `unshare` starts it without a shell.";
    look.lesson("pid-one", finding, right, Some(mistake));
    Ok(())
}

/// Whoever mounts a new `/proc` without a list of mounts of his own mounts it over the host's.
fn hosts_proc(look: &mut Look) {
    let finding = expect(look.host.proc_is_its_own, || {
        "The host's /proc has the processes of another PID namespace".to_owned()
    });
    let mistake = "A new /proc lies over the host's own, where nothing finds itself any more. \
         `umount /proc` on the host takes it away.";
    let right = || "The host's /proc has the host's processes.".to_owned();
    look.lesson("private-mounts", finding, right, Some(mistake));
}

/// The processes that its `/proc` names are those of its PID namespace.
fn fresh_proc(look: &mut Look, pid: Pid) -> Result<()> {
    if !look.holds("pid-namespace") {
        return Ok(());
    }
    let namespace = link(pid, "ns/pid");
    let mut expected = BTreeSet::new();
    for other in observe::all()? {
        if link(other, "ns/pid") == namespace {
            expected.extend(observe::status(other).ok().and_then(|it| it.ns_pids.last().copied()));
        }
    }
    let names = fs::read_dir(format!("/proc/{pid}/root/proc"))?.flatten();
    let seen: BTreeSet<i32> =
        names.filter_map(|it| it.file_name().to_str()?.parse().ok()).collect();
    let mut list: Vec<_> = seen.iter().take(8).map(ToString::to_string).collect();
    if list.len() < seen.len() {
        list.push(format!("… ({})", seen.len()));
    }
    let list = list.join(" ");
    let (finding, mistake) = match seen.is_empty() {
        true => (
            expect(false, || "Its /proc has no processes".to_owned()),
            "There is nothing mounted on /proc in there: `mount -t proc proc /proc`.",
        ),
        false => (
            expect(seen == expected, || format!("Its /proc has the processes {list}")),
            "A /proc shows the PID namespace of whoever mounted it, here the host's: mount a fresh \
             one inside (`--mount-proc`).",
        ),
    };
    look.lesson("fresh-proc", finding, || format!("Its /proc has: {list}."), Some(mistake));
    Ok(())
}

/// Whether there is anything above its root.
fn old_root(look: &mut Look, pid: Pid) -> Result<()> {
    let root = identity(&format!("/proc/{pid}/root"));
    let top = top_of_its_mounts(pid)?;
    let finding = expect(root.map(|root| format!("{root:?}")) == Some(top), || {
        "The top of its list of mounts is another folder than its root".to_owned()
    });
    let mistake = "So there is something above, and chapter 1's way out leads there. `chroot` only \
         changes where / begins; `pivot_root` makes the folder the top.";
    let right = || "Its root is the top of its list of mounts.".to_owned();
    look.lesson("no-way-out", finding, right, Some(mistake));
    if !look.holds("no-way-out") {
        return Ok(());
    }
    let hosts = look.host.mounted(Path::new("/")).next_back();
    let is_root = |mount: &Mount| {
        hosts.is_some_and(|hosts| (hosts.device, &hosts.root) == (mount.device, &mount.root))
    };
    let finding = look::old_root_gone(pid, &observe::mounts(pid)?, is_root);
    let mistake = "`pivot_root` has moved the old root there, and it is still to be seen: `umount -l` \
         takes it away.";
    let right = || format!("/proc/{pid}/mountinfo does not have the host's root.");
    look.lesson("old-root-gone", finding, right, Some(mistake));
    Ok(())
}

/// Device and inode of what is at the top of a process's list of mounts: whoever joins a mount
/// namespace finds himself there (`setns(2)`), whatever `chroot` the others are in.
fn top_of_its_mounts(pid: Pid) -> Result<String> {
    let path = format!("/proc/{pid}/ns/mnt");
    let namespace = File::open(&path).tried(&texts::LOOK, format_args!("open({path:?})"))?;
    let (news, tell) = pipe2(OFlag::O_CLOEXEC).tried(&texts::LOOK, "pipe2(O_CLOEXEC)")?;
    let mut tell = File::from(tell);
    let child = Process::spawn(CloneFlags::empty(), None, || {
        let joined = setns(&namespace, CloneFlags::CLONE_NEWNS).is_ok();
        let top = identity("/").filter(|_| joined);
        let _ = tell.write_all(top.map_or_else(String::new, |top| format!("{top:?}")).as_bytes());
        0
    })?;
    drop(tell);
    let mut told = String::new();
    File::from(news).read_to_string(&mut told).tried(&texts::LOOK, "read(pipe)")?;
    child.wait()?;
    Ok(told)
}
