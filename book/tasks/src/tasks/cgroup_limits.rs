//! 04: a limit on memory, one that was reached, and one on processes.

use std::slice;

use anyhow::Result;
use cgroup_limits::group::Group;
use cgroup_limits::hierarchy::{Controller, Hierarchy, Version};
use nix::unistd::Pid;

use crate::look::{Found, Look};
use crate::task::{Promise, Task};
use crate::values;

pub(super) const TASKS: [Task; 3] = [
    Task {
        name: "04-memory",
        values: || {
            let size = (values::number(40)? + 20).to_string();
            let (name, seconds) = (values::name()?, values::seconds()?);
            Ok(values::of([("name", name), ("seconds", seconds), ("mib", size)]))
        },
        promises: &[
            GROUP,
            Promise::Own("memory", "its limit is {mib} MiB of memory, to the byte"),
            Promise::Own("swap", "nobody in it gets around the limit with swap"),
            Promise::Lesson("00", "runs"),
            Promise::Own("joined", "`sleep {seconds}` is in it"),
        ],
        look: memory,
    },
    Task {
        name: "04-oom",
        values: || {
            let size = (values::number(12)? + 8).to_string();
            Ok(values::of([("name", values::name()?), ("mib", size)]))
        },
        promises: &[
            GROUP,
            Promise::Own("memory", "its limit is {mib} MiB of memory, to the byte"),
            Promise::Own("killed", "for want of memory the kernel has killed a process in it"),
        ],
        look: killed,
    },
    Task {
        name: "04-pids",
        values: || {
            let most = (values::number(8)? + 3).to_string();
            let (name, seconds) = (values::name()?, values::seconds()?);
            Ok(values::of([("name", name), ("seconds", seconds), ("pids", most)]))
        },
        promises: &[
            GROUP,
            Promise::Own("pids", "its limit is {pids} processes"),
            Promise::Lesson("00", "runs"),
            Promise::Own("joined", "`sleep {seconds}` is in it"),
            Promise::Own("refused", "a process in it wanted one more, and was refused"),
        ],
        look: pids,
    },
];

const GROUP: Promise = Promise::Own("group", "there is a cgroup {name}");

/// The cgroup with the task's name, in the hierarchy with this controller. It has the files by which
/// it is limited, or the finding says why not.
fn group(look: &mut Look, controller: Controller) -> Result<Option<Group>> {
    let name = look.value("name")?;
    let hierarchies = Hierarchy::all()?;
    let Some(hierarchy) = hierarchies.into_iter().find(|it| it.has(controller)) else {
        look.finding("group", Err("This kernel has no such controller.".into()));
        return Ok(None);
    };
    let (version, controllers) = (hierarchy.version, hierarchy.controllers.clone());
    let path = hierarchy.top.join(name);
    let group = Group { version, controllers, path };
    let shown = group.path.display();
    if !group.path.is_dir() {
        let missing = format!("There is no folder {shown}. A cgroup is made with `mkdir`.");
        look.finding("group", Err(missing));
        return Ok(None);
    }
    let file = of(&group, controller);
    if !group.has_file(file)? {
        let found = format!(
            "{shown} has no {file}: the cgroup above has not handed out the controller. Write \
             `+{}` to its cgroup.subtree_control.",
            controller.name(version).unwrap_or_default()
        );
        look.finding("group", Err(found));
        return Ok(None);
    }
    look.finding("group", Ok(format!("{shown}.")));
    Ok(Some(group))
}

/// The file with the limit.
fn of(group: &Group, controller: Controller) -> &'static str {
    match (controller, group.version) {
        (Controller::Memory, Version::One) => "memory.limit_in_bytes",
        (Controller::Memory, Version::Two) => "memory.max",
        _ => "pids.max",
    }
}

/// The limit is exactly this number, in a file of the group's.
fn limit(group: &Group, file: &str, expected: u64, hint: &str) -> Found {
    let path = group.path.join(file);
    let text = group.read(file).unwrap_or_default();
    let seen = format!("{}: {}", path.display(), text.trim());
    if text.trim() == expected.to_string() {
        Ok(format!("{seen}."))
    } else {
        Err(format!("{seen}. {hint}"))
    }
}

fn memory_limit(look: &mut Look, group: &Group) -> Result<()> {
    let mib = look.number("mib")?;
    let file = of(group, Controller::Memory);
    let number = group.number(file);
    let hint = match number {
        Some(number) if number == mib * 1_000_000 => {
            format!("That is {mib} million; a MiB has 1024 times 1024 bytes: write `{mib}M`.")
        }
        Some(number) if number == mib => "The number counts bytes.".to_owned(),
        _ => format!("{mib} MiB are {} bytes; `{mib}M` says the same.", mib << 20),
    };
    look.finding("memory", limit(group, file, mib << 20, &hint));
    Ok(())
}

/// Whether the process is in the group; what the kernel says in its `/proc/PID/cgroup` counts.
fn joined(look: &mut Look, group: &Group) -> Result<()> {
    let group = slice::from_ref(group);
    look.process("runs", &["sleep", look.value("seconds")?], |look, pid| {
        let in_it = group[0].processes().contains(&pid);
        let others = group[0].processes().into_iter().filter(|it| *it != pid).collect::<Vec<_>>();
        look.finding(
            "joined",
            match in_it {
                true => Ok(format!("{}/cgroup.procs has {pid}.", group[0].path.display())),
                false => Err(not_in_it(&group[0], pid, &others)),
            },
        );
        Ok(())
    })
}

fn not_in_it(group: &Group, pid: Pid, others: &[Pid]) -> String {
    let file = group.path.join("cgroup.procs");
    let there = match others {
        [] => "is empty".to_owned(),
        [one, ..] => format!("has {one}, and not {pid}"),
    };
    format!(
        "{} {there}: the limit is for nobody, or for somebody else. A process joins when its number is \
         written to that file; its children are born where it is then.",
        file.display()
    )
}

fn memory(look: &mut Look) -> Result<()> {
    let Some(group) = group(look, Controller::Memory)? else { return Ok(()) };
    memory_limit(look, &group)?;
    look.finding("swap", swap(&group));
    joined(look, &group)
}

fn swap(group: &Group) -> Found {
    let file = match group.version {
        Version::One => "memory.memsw.limit_in_bytes",
        Version::Two => "memory.swap.max",
    };
    let Some(text) = group.read(file) else {
        return Ok(format!("There is no {file}: this kernel counts no swap."));
    };
    let seen = format!("{}: {}", group.path.join(file).display(), text.trim());
    let right = match group.version {
        // It limits the sum of both.
        Version::One => group.number(file) == group.number("memory.limit_in_bytes"),
        Version::Two => text.trim() == "0",
    };
    match right {
        true => Ok(format!("{seen}.")),
        false => Err(format!(
            "{seen}. Memory that is too much would go to the disk instead: the limit on swap is a \
             file of its own."
        )),
    }
}

fn killed(look: &mut Look) -> Result<()> {
    let Some(group) = group(look, Controller::Memory)? else { return Ok(()) };
    memory_limit(look, &group)?;
    let (file, reached) = match group.version {
        Version::One => ("memory.oom_control", group.number("memory.failcnt")),
        Version::Two => ("memory.events", group.entry("memory.events", "max")),
    };
    let kills = group.entry(file, "oom_kill").unwrap_or_default();
    let seen = format!("{}: oom_kill {kills}", group.path.join(file).display());
    let found = if kills > 0 {
        Ok(format!("{seen}."))
    } else if reached.unwrap_or_default() > 0 {
        Err(format!(
            "{seen}. Somebody has reached the limit, and the kernel found something to take back: \
             swap, or files that it can read again. Limit swap, too, and ask for more."
        ))
    } else {
        Err(format!(
            "{seen}. Nobody in it has reached the limit. Was the process in it *before* it took the \
             memory? (A SIGKILL that you send is not counted here.)"
        ))
    };
    look.finding("killed", found);
    Ok(())
}

fn pids(look: &mut Look) -> Result<()> {
    let Some(group) = group(look, Controller::Pids)? else { return Ok(()) };
    let most = look.number("pids")?;
    let hint = format!("`echo {most} >` sets it.");
    look.finding("pids", limit(&group, "pids.max", most, &hint));
    joined(look, &group)?;
    let refused = group.entry("pids.events", "max").unwrap_or_default();
    let seen = format!("{}: max {refused}", group.path.join("pids.events").display());
    let now = group.number("pids.current").unwrap_or_default();
    look.finding("refused", match refused {
        0 => Err(format!(
            "{seen}. There are {now} of {most}. A shell that is in it, and begins {most} more in the \
             background, would be refused: the shell counts as well.",
        )),
        _ => Ok(format!("{seen}.")),
    });
    Ok(())
}
