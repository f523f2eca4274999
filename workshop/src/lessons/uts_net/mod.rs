//! 03: a name of the command's own, and a network of its own, which host and neighbours reach.

mod claims;
mod name;
mod network;
mod reach;

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::unistd::Pid;

use super::look::{self, link};
use crate::check::claim::expect;
use crate::check::exam::{Exam, Lesson};
use crate::check::world::{Host, Snapshot, wire};

pub(super) const LESSON: Lesson = Lesson {
    chapter: "03",
    claims: &claims::CLAIMS,
    refusals: &[
        ("RTM_NEWROUTE", "container_end"),
        ("RTM_NEWADDR", "container_end"),
        ("sethostname(", "hostname"),
    ],
    examine,
};

fn examine(exam: &mut Exam) -> Result<()> {
    let host = Host::new(&exam.world)?;
    let neighbour = Host::new(&exam.world)?;
    host.wire(&neighbour)?;
    let name_server = name::name_servers(exam, &host);
    let root = exam.world.root()?;
    let before = State::of(&host)?;
    name::held(exam, &host, &root)?;
    if exam.goes_on() && exam.holds("runs") {
        network::of_the_host(exam, &host, &root)?;
    }
    if exam.goes_on() && exam.holds("net-namespace") {
        let (host, neighbour, root) = (&host, &neighbour, root.as_path());
        network::bridge(exam, &network::Wires { host, neighbour, root, name_server })?;
    }
    if exam.goes_on() && exam.holds("runs") {
        name::lengths(exam, &host, &root)?;
    }
    if exam.goes_on() && exam.holds("runs") {
        nothing_left(exam, &host, &before)?;
    }
    Ok(())
}

/// What of the host this chapter's programs change, and have to put back.
struct State {
    snapshot: Snapshot,
    packets: BTreeSet<String>,
}

impl State {
    fn of(host: &Host) -> Result<Self> {
        let packets = host.rules_and_routes()?.into_iter().collect();
        Ok(Self { snapshot: host.snapshot()?, packets })
    }

    /// A line for each thing that is there now and was not there before, and the other way round.
    fn changes(&self, now: &Self) -> Vec<String> {
        let (old, new) = (&self.snapshot, &now.snapshot);
        let pairs = [
            ("interface", "ip link", &old.interfaces, &new.interfaces),
            ("mount", "/proc/self/mountinfo", &old.mounts, &new.mounts),
            ("line", "nft list ruleset, ip route", &self.packets, &now.packets),
        ];
        let mut all = Vec::new();
        for (what, place, old, new) in pairs {
            let more = new.difference(old).map(|it| format!("one more {what}: {it} ({place})"));
            let less = old.difference(new).map(|it| format!("one {what} is gone: {it} ({place})"));
            all.extend(more.chain(less));
        }
        if old.name != new.name {
            all.push(format!("hostname: {}, before {}", new.name, old.name));
        }
        all
    }
}

/// How long the kernel may take to remove a network namespace whose last process has ended, and a
/// cable that had an end in it.
const KERNEL: Duration = Duration::from_secs(2);

fn nothing_left(exam: &mut Exam, host: &Host, before: &State) -> Result<()> {
    let left = host.sweep()?;
    exam.finding(
        "leaves-nothing",
        expect(left.is_empty(), || format!("still running: {}", left.join(", "))),
    );
    let most = Instant::now() + KERNEL;
    let mut now = State::of(host)?;
    while now.snapshot.interfaces != before.snapshot.interfaces && Instant::now() < most {
        sleep(Duration::from_millis(20));
        now = State::of(host)?;
    }
    let mut changes = before.changes(&now);
    changes.truncate(3);
    exam.finding("leaves-nothing", expect(changes.is_empty(), || changes.join("\n")));
    Ok(())
}

/// How late a network may come that comes too late.
const LATE: Duration = Duration::from_millis(500);

/// The interfaces of a container. If its command began too early for them, they are waited for: so
/// what comes late is told from what never comes.
fn in_the_end(
    pid: Pid,
    complete: impl Fn(&[wire::Interface]) -> bool,
) -> Result<Vec<wire::Interface>> {
    let most = Instant::now() + LATE;
    loop {
        let all = wire::interfaces(pid)?;
        if complete(&all) || Instant::now() > most {
            return Ok(all);
        }
        sleep(Duration::from_millis(5));
    }
}

/// The finding about a namespace that has to be another one than the host's.
fn own_namespace(exam: &mut Exam, host: &Host, pid: Pid, id: &str, kind: &str) -> Result<()> {
    exam.finding(id, look::own_namespace(pid, kind, &host.namespace(kind)?));
    Ok(())
}
