//! The stop of chapter 04: a limit on memory, and what becomes of who exceeds it.

use anyhow::Result;
use cgroup_limits::hierarchy::Controller;
use cgroup_limits::size::Size;
use cgroup_limits::{Cgroup, Limits};
use nix::unistd::Pid;
use process::Command;
use uts_net::RunFolder;

use super::stage::{self, SAID};
use super::{Last, Machine, begin, say, texts, view};
use crate::observe::{self, Limit, Membership, shown};
use crate::table::Row;

const LIMIT: Size = Size(64 << 20);

pub(super) fn limits(last: Last) -> Result<Last> {
    begin(&texts::LIMITS)?;
    let folder = RunFolder::new()?;
    let limits = Limits { memory: Some(LIMIT), ..Limits::default() };
    let cgroup = match Cgroup::new(&folder, limits) {
        Ok(cgroup) => cgroup,
        // An ordinary user without a cgroup of his own: the sentence says how to come by one.
        Err(error) => {
            say(texts::not_here(&error))?;
            return Ok(last);
        }
    };
    let greedy = Command::new(&["sh", "-c", &script()])?;
    let machine = Machine::new(greedy, folder, Some(cgroup), None)?;
    // When the container is taken down, chapter 04 tells on standard error what happened in it.
    let (said, outside) = stage::aloud(|| stage::watch(machine.container, counters))?;
    let mut inside = said.lines().map(ToOwned::to_owned);
    say(texts::ended_with(&inside.next().unwrap_or_default()))?;
    let rows = texts::COUNTERS.into_iter().zip(inside).zip(outside.unwrap_or_default());
    let rows: Vec<_> = rows
        .map(|((question, inside), outside)| Row { question, inside, outside, changed: true })
        .collect();
    say(view::table(&rows))?;
    say(texts::LIMITS.look)?;
    Ok(last)
}

/// What the container does: it asks for all the memory there is, says how that ended, and what it
/// sees of its own cgroup: on v1 in a folder for each controller, on v2 in one for all.
fn script() -> String {
    format!(
        "exec 2>/dev/null
         tail /dev/zero; echo $?
         cd /sys/fs/cgroup
         grep -e :memory: -e ^0:: /proc/self/cgroup | head -n 1 | cut -d : -f 3
         cat memory/memory.limit_in_bytes memory.max | head -n 1
         cat memory/memory.oom_control memory.events | grep 'oom_kill '
         echo {SAID}
         exec sleep 600"
    )
}

/// The same, as the host sees it; `None` if it has ended.
fn counters(pid: Pid) -> Result<Option<[String; 3]>> {
    let memory = |membership: &Membership| membership.has(Controller::Memory);
    let Some(its) = observe::cgroups(pid)?.into_iter().find(memory) else { return Ok(None) };
    let number = |number: Option<u64>| number.map_or_else(String::new, |it| it.to_string());
    Ok(Some([
        shown(its.path.as_os_str()),
        number(its.limits.memory.and_then(Limit::number)),
        format!("oom_kill {}", number(its.limits.oom_kills)),
    ]))
}
