//! 04: a group of its own, with limits, from the first instruction to the last.

mod claims;
mod groups;
mod texts;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use cgroup_limits::hierarchy::Controller;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::check::claim::{Finding, Wrong, expect};
use crate::check::exam::{Exam, Lesson};
use crate::check::world::{Call, Facts, Host, Outcome, Running, Trouble, World};
use groups::{Group, Machine};

pub(super) const LESSON: Lesson =
    Lesson { chapter: "04", claims: &claims::CLAIMS, refusals: &[], examine };

/// Where the probe is in a container.
const PROBE: &str = "/bin/probe";

const MIB: u64 = 1 << 20;

/// Which claims need which controller, for where it is not to be had.
const NEEDS: [(Controller, &str, &[&str]); 4] = [
    (
        Controller::Memory,
        "memory",
        &["memory", "swap", "out-of-memory", "out-of-memory-told", "shut", "apart"],
    ),
    (Controller::Cpu, "cpu", &["cpus", "throttled", "shares"]),
    (Controller::CpuSet, "cpuset", &["cpuset"]),
    (Controller::Pids, "pids", &["pids", "fork-bomb"]),
];

/// The numbers of one examination: nobody can know them in advance.
#[derive(Debug)]
struct Numbers {
    /// Bytes.
    memory: u64,
    /// Bytes, on top of `memory`.
    swap: u64,
    /// Hundredths of a processor.
    cpus: u64,
    shares: u64,
    /// A processor that this process may run on.
    processor: String,
    pids: u64,
}

impl Numbers {
    fn new(world: &World) -> Result<Self> {
        let allowed = allowed(Pid::this());
        let processors: Vec<_> = allowed.split([',', '-']).map(String::from).collect();
        Ok(Self {
            memory: (24 + world.number(16)) * MIB,
            swap: world.number(9) * MIB,
            cpus: 30 + world.number(60),
            shares: 100 + world.number(4000),
            processor: processors[world.number(processors.len() as u64) as usize].clone(),
            pids: 12 + world.number(20),
        })
    }

    /// The options, each with the claim that it is for.
    fn options(&self, machine: &Machine, world: &World) -> Vec<(&'static str, Vec<String>)> {
        let pair = |name: &str, value: String| vec![name.to_owned(), value];
        let swap = ((self.memory + self.swap) / MIB).to_string() + "M";
        let memory = pair("-m", size(self.memory, 1 + world.number(3)));
        let all = [
            (Controller::Memory, "memory", memory),
            (Controller::Memory, "swap", pair("--memory-swap", swap)),
            (Controller::Cpu, "cpus", pair("--cpus", format!("0.{:02}", self.cpus))),
            (Controller::Cpu, "shares", pair("--cpu-shares", self.shares.to_string())),
            (Controller::CpuSet, "cpuset", pair("--cpuset-cpus", self.processor.clone())),
            (Controller::Pids, "pids", pair("--pids-limit", self.pids.to_string())),
        ];
        let possible = all.into_iter().filter(|(controller, ..)| machine.can(*controller));
        possible.map(|(_, claim, words)| (claim, words)).collect()
    }
}

/// A size in one of four ways to write it.
fn size(bytes: u64, way: u64) -> String {
    match way {
        0 => bytes.to_string(),
        1 => format!("{}k", bytes / 1024),
        2 => format!("{}m", bytes / MIB),
        _ => format!("{}M", bytes / MIB),
    }
}

/// The processors that a process may run on.
fn allowed(pid: Pid) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    line.unwrap_or_default().trim().to_owned()
}

fn examine(exam: &mut Exam) -> Result<()> {
    let host = Host::new(&exam.world)?;
    let machine = Machine::look(&exam.world)?;
    let root = exam.world.root()?;
    let scene = Scene { numbers: Numbers::new(&exam.world)?, host, machine, root };
    scene.leave_out(exam);

    let call = scene.call(exam, &[]).probe(PROBE, &["say:here"]);
    if scene.ask(exam, "runs", call)?.is_none() {
        return Ok(());
    }
    let first = scene.folders();
    limited(exam, &scene)?;
    if exam.goes_on() && (exam.holds("own-group")) {
        // It takes a tenth of a second; meanwhile there are others to look at.
        let counter = counter(exam, &scene)?;
        shut(exam, &scene)?;
        out_of_memory(exam, &scene)?;
        throttled(exam, &scene, counter);
    }
    if exam.holds("own-group") {
        let now = scene.folders();
        let left: Vec<_> = now.difference(&first).collect();
        exam.finding(
            "removed",
            left.first().map_or(Ok(()), |it| Err(Wrong::Seen(texts::still_there(it)))),
        );
    }
    Ok(())
}

/// What all examinations have in common.
struct Scene {
    host: Host,
    machine: Machine,
    root: PathBuf,
    numbers: Numbers,
}

impl Scene {
    fn leave_out(&self, exam: &mut Exam) {
        let root = exam.world.user().is_none();
        let mut any = false;
        for (controller, name, claims) in NEEDS {
            let can = self.machine.can(controller);
            any |= can;
            for claim in claims.iter().filter(|_| !can) {
                exam.leave_out(claim, texts::impossible(name, root));
            }
        }
        for claim in ["own-group", "from-the-start", "removed"].iter().filter(|_| !any) {
            exam.leave_out(claim, texts::impossible("memory", root));
        }
    }

    /// A run without a network: this chapter has no use for one, and it takes time to make.
    fn call(&self, exam: &Exam, options: &[Vec<String>]) -> Call {
        let call = exam.world.call().options(&["--network", "none"]);
        call.options(&options.concat()).root(&self.root)
    }

    /// Runs the probe, which does not hold, and gives what it said.
    fn ask(&self, exam: &mut Exam, id: &str, call: Call) -> Result<Option<Outcome>> {
        let outcome = self.host.start(&exam.world, &call)?.wait();
        let Some(outcome) = exam.found(id, outcome) else { return Ok(None) };
        // An exercise of the container's end is open, though the command ran.
        let trouble = Trouble::told(&outcome.errors);
        let never = || outcome.facts.get("say").is_none().then(|| outcome.trouble());
        if let Some(trouble) = trouble.or_else(never) {
            exam.finding(id, Err(Wrong::Trouble(trouble)));
            return Ok(None);
        }
        Ok(Some(outcome))
    }

    /// All cgroups that there are.
    fn folders(&self) -> BTreeSet<PathBuf> {
        let tops = NEEDS.iter().filter_map(|(controller, ..)| self.machine.top(*controller));
        let mut found = BTreeSet::new();
        let mut open: Vec<PathBuf> = tops.cloned().collect();
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    found.insert(entry.path());
                    open.push(entry.path());
                }
            }
        }
        found
    }
}

/// A container with every limit at once, while it holds still.
fn limited(exam: &mut Exam, scene: &Scene) -> Result<()> {
    let options = scene.numbers.options(&scene.machine, &exam.world);
    let claims: Vec<_> = options.iter().map(|(claim, _)| *claim).collect();
    let all: Vec<_> = options.iter().map(|(_, words)| words.clone()).collect();
    let actions = ["read:/proc/self/cgroup", "fork:100", AGAIN, "hold"];
    let call = scene.call(exam, &all).probe(PROBE, &actions);
    let mut running = scene.host.start(&exam.world, &call)?;
    let pid = match running.held() {
        Ok(pid) => pid,
        Err(trouble) => return which(exam, scene, &options, trouble),
    };
    let facts = running.facts();
    joins_late(exam, scene, pid);
    belongs(exam, scene, pid, &facts);
    for claim in &claims {
        limit(exam, scene, pid, claim);
    }
    bomb(exam, scene, &facts);
    let folders = own_folders(scene, pid);
    apart(exam, scene, &folders)?;
    let outcome = running.release(pid);
    let Some(outcome) = exam.found("runs", outcome) else { return Ok(()) };
    if let Some(trouble) = Trouble::told(&outcome.errors) {
        exam.finding("out-of-memory-told", Err(Wrong::Trouble(trouble)));
        return Ok(());
    }
    if exam.holds("own-group") {
        let left = folders.iter().find(|folder| folder.exists());
        exam.finding("removed", left.map_or(Ok(()), |it| Err(Wrong::Seen(texts::still_there(it)))));
    }
    Ok(())
}

/// The same file as `/proc/self/cgroup` under another name, for a later look.
const AGAIN: &str = "read:/proc/thread-self/cgroup";

/// With all of the options the command does not run: the first of them
/// with which it does not.
fn which(
    exam: &mut Exam,
    scene: &Scene,
    options: &[(&'static str, Vec<String>)],
    trouble: Trouble,
) -> Result<()> {
    if trouble.problem().is_some() {
        exam.finding("runs", Err(Wrong::Trouble(trouble)));
        return Ok(());
    }
    for (index, (claim, _)) in options.iter().enumerate() {
        let words: Vec<_> = options[..=index].iter().map(|(_, words)| words.clone()).collect();
        let call = scene.call(exam, &words).probe(PROBE, &["say:here"]);
        let outcome = scene.host.start(&exam.world, &call)?.wait();
        let Some(outcome) = exam.found("runs", outcome) else { return Ok(()) };
        if outcome.facts.get("say").is_none() {
            exam.finding(claim, Err(Wrong::Trouble(outcome.trouble())));
            return Ok(());
        }
    }
    exam.finding("runs", Err(Wrong::Trouble(trouble)));
    Ok(())
}

/// The folders of those cgroups of a process that are not the examiner's own as well.
fn own_folders(scene: &Scene, pid: Pid) -> Vec<PathBuf> {
    let groups = NEEDS.iter().filter_map(|(controller, ..)| {
        let its = scene.machine.group(pid, *controller)?;
        (Some(&its) != scene.machine.group(Pid::this(), *controller).as_ref()).then_some(its.folder)
    });
    groups.collect()
}

/// Whether it gets into its groups only when it has run for a while.
fn joins_late(exam: &mut Exam, scene: &Scene, pid: Pid) {
    let joined = || {
        let wanted =
            NEEDS.iter().map(|(controller, ..)| *controller).filter(|it| is_usual(scene, *it));
        wanted.into_iter().all(|it| is_own(scene, pid, it))
    };
    if joined() {
        return;
    }
    let begin = Instant::now();
    while !joined() && begin.elapsed() < LATE {
        sleep(Duration::from_millis(5));
    }
    if joined() {
        let seen = format!("/proc/{pid}/cgroup: it joined when the command ran already");
        exam.finding("from-the-start", Err(Wrong::Seen(seen)));
    }
}

/// Whoever has not joined by then never will.
const LATE: Duration = Duration::from_millis(300);

/// Whether every container has a group with this controller: one for cpuset is of use only to whom
/// it is asked for.
fn is_usual(scene: &Scene, controller: Controller) -> bool {
    scene.machine.can(controller) && controller != Controller::CpuSet
}

/// Whether a process is in another group than the examiner.
fn is_own(scene: &Scene, pid: Pid, controller: Controller) -> bool {
    let its = scene.machine.group(pid, controller);
    its.is_some() && its != scene.machine.group(Pid::this(), controller)
}

/// Where the command is, and since when, and what it knows of that.
fn belongs(exam: &mut Exam, scene: &Scene, pid: Pid, facts: &Facts) {
    for (controller, name, _) in NEEDS {
        if !is_usual(scene, controller) {
            continue;
        }
        exam.finding(
            "own-group",
            expect(is_own(scene, pid, controller), || {
                let its = scene.machine.group(pid, controller).map(|it| it.path);
                let its = its.unwrap_or_default();
                format!("/proc/{pid}/cgroup: {name} is {its}, as for whoever called the program")
            }),
        );
    }
    let (first, later) = (facts.text("read:/proc/self/cgroup"), facts.text(AGAIN));
    // Who is in no group of its own was in none from the start.
    if exam.holds("own-group") {
        exam.finding(
            "from-the-start",
            expect(first == later, || {
                let differs = |line: &&str| !later.lines().any(|it| it == *line);
                let before: Vec<_> = first.lines().filter(differs).collect();
                format!(
                    "its first look at /proc/self/cgroup: {}; that changed later",
                    before.join(", ")
                )
            }),
        );
    }
    let shows: Vec<_> = later.lines().filter(|line| !line.ends_with(":/")).collect();
    exam.finding(
        "namespace",
        expect(shows.is_empty() && !later.is_empty(), || {
            format!("`cat /proc/self/cgroup` in the container: {}", shows.join(", "))
        }),
    );
}

/// One limit's value in the kernel's file.
fn limit(exam: &mut Exam, scene: &Scene, pid: Pid, claim: &'static str) {
    let numbers = &scene.numbers;
    let group = |controller| scene.machine.group(pid, controller);
    let finding = match claim {
        "memory" => group(Controller::Memory).map(|group| {
            number(&group, group.file("memory.limit_in_bytes", "memory.max"), numbers.memory)
        }),
        "swap" => group(Controller::Memory).and_then(|group| swap(exam, &group, numbers)),
        "cpus" => group(Controller::Cpu).map(|group| quota(&group, numbers.cpus)),
        "shares" => group(Controller::Cpu).map(|group| shares(&group, numbers.shares)),
        "cpuset" => Some(expect(allowed(pid) == numbers.processor, || {
            let (its, asked) = (allowed(pid), &numbers.processor);
            format!("/proc/{pid}/status: Cpus_allowed_list {its}, expected {asked}")
        })),
        _ => group(Controller::Pids).map(|group| number(&group, "pids.max", numbers.pids)),
    };
    if let Some(finding) = finding {
        exam.finding(claim, finding);
    }
}

/// A file has this number.
fn number(group: &Group, file: &str, expected: u64) -> Finding {
    expect(group.limit(file) == Some(expected), || {
        let its = group.read(file).unwrap_or_else(|| "no such file".into());
        format!("{}: {its}, expected {expected}", group.folder.join(file).display())
    })
}

fn swap(exam: &mut Exam, group: &Group, numbers: &Numbers) -> Option<Finding> {
    let file = group.file("memory.memsw.limit_in_bytes", "memory.swap.max");
    if group.read(file).is_none() {
        exam.leave_out("swap", texts::NO_SWAP_ACCOUNTING);
        return None;
    }
    let memory = if group.is_two() { 0 } else { numbers.memory };
    Some(number(group, file, memory + numbers.swap))
}

/// The quota in each period is so many hundredths of it.
fn quota(group: &Group, hundredths: u64) -> Finding {
    let (shown, numbers) = match group.is_two() {
        true => {
            let text = group.set("cpu.max", |text| text.starts_with("max")).unwrap_or_default();
            (format!("cpu.max: {text:?}"), text)
        }
        false => {
            let quota = group.set("cpu.cfs_quota_us", |text| text == "-1").unwrap_or("-1".into());
            let period = group.read("cpu.cfs_period_us").unwrap_or_default();
            (
                format!("cpu.cfs_quota_us: {quota}, cpu.cfs_period_us: {period}"),
                format!("{quota} {period}"),
            )
        }
    };
    let numbers: Vec<f64> = numbers.split(' ').filter_map(|it| it.parse().ok()).collect();
    let right = match numbers[..] {
        [quota, period] => (100.0 * quota / period - hundredths as f64).abs() < 0.2,
        _ => false,
    };
    expect(right, || {
        format!("{}: {shown}, expected 0.{hundredths:02} of the period", group.folder.display())
    })
}

/// v1's number as it is. v2's weights are others, and runtimes translate in two ways: by a straight
/// line between the ends, and, since 2025, so that 1024 becomes 100.
fn shares(group: &Group, shares: u64) -> Finding {
    if !group.is_two() {
        let its = group.set("cpu.shares", |text| text == "1024").unwrap_or("1024".into());
        return expect(its == shares.to_string(), || {
            format!("{}: {its}, expected {shares}", group.folder.join("cpu.shares").display())
        });
    }
    let line = 1 + (shares - 2) * 9_999 / 262_142;
    let log = (shares as f64).log2();
    let curve = 10_f64.powf((log * log + 125.0 * log) / 612.0 - 7.0 / 34.0).ceil() as u64;
    let weight = group.set("cpu.weight", |text| text == "100");
    let weight = weight.as_deref().unwrap_or("100").parse::<u64>().unwrap_or_default();
    let right = [line, curve].iter().any(|it| it.abs_diff(weight) <= 1);
    expect(right, || {
        format!("{}: {weight}, expected {line}", group.folder.join("cpu.weight").display())
    })
}

/// What became of the limit on processes.
fn bomb(exam: &mut Exam, scene: &Scene, facts: &Facts) {
    if scene.machine.can(Controller::Pids) {
        let forked = facts.number("forked").unwrap_or(0);
        let most = i64::try_from(scene.numbers.pids).unwrap_or(i64::MAX);
        let right = (1..most).contains(&forked) && facts.text("refused") == "EAGAIN";
        exam.finding(
            "fork-bomb",
            expect(right, || match facts.get("refused") {
                None => format!("{forked} processes were made, and none was refused; limit {most}"),
                Some(errno) => format!("{forked} processes, then {errno}; limit {most}"),
            }),
        );
    }
}

/// A second container while the first one runs.
fn apart(exam: &mut Exam, scene: &Scene, first: &[PathBuf]) -> Result<()> {
    if !scene.machine.can(Controller::Memory) || !exam.holds("own-group") {
        return Ok(());
    }
    let memory = scene.numbers.memory + MIB;
    let options = [vec!["-m".to_owned(), size(memory, exam.world.number(4))]];
    let call = scene.call(exam, &options).probe(PROBE, &["hold"]);
    let mut running = scene.host.start(&exam.world, &call)?;
    let held = running.held();
    let Some(pid) = exam.found("apart", held) else { return Ok(()) };
    let same = own_folders(scene, pid).into_iter().find(|folder| first.contains(folder));
    exam.finding(
        "apart",
        expect(same.is_none(), || {
            format!("/proc/{pid}/cgroup: {}, for both", same.unwrap_or_default().display())
        }),
    );
    let group = scene.machine.group(pid, Controller::Memory).filter(|_| exam.holds("memory"));
    if let Some(group) = group {
        let file = group.file("memory.limit_in_bytes", "memory.max");
        exam.finding("apart", number(&group, file, memory));
    }
    let outcome = running.release(pid);
    exam.found("apart", outcome);
    Ok(())
}

/// A container that does nothing but count.
fn counter(exam: &mut Exam, scene: &Scene) -> Result<Option<Running>> {
    if !exam.holds("cpus") {
        return Ok(None);
    }
    let options = [vec!["--cpus".to_owned(), format!("0.{QUOTA}")]];
    let burn = format!("burn:{BURN}");
    let call = scene.call(exam, &options).probe(PROBE, &[burn.as_str(), "hold"]);
    scene.host.start(&exam.world, &call).map(Some)
}

/// In hundredths of a processor, and so in milliseconds of each period.
const QUOTA: i64 = 20;

/// How long it counts, in milliseconds: much more than twice the quota, which may lie on both sides
/// of a period's end.
const BURN: i64 = 70;

fn throttled(exam: &mut Exam, scene: &Scene, counter: Option<Running>) {
    let Some(mut running) = counter else { return };
    let held = running.held();
    let Some(pid) = exam.found("throttled", held) else { return };
    let burnt = running.facts().text("burnt").to_owned();
    let used = burnt.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or(BURN);
    // On a busy machine it may not even get that much; then there was nothing to hold it to.
    if let Some(group) = scene.machine.group(pid, Controller::Cpu) {
        let times = group.entry("cpu.stat", "nr_throttled");
        exam.finding(
            "throttled",
            expect(times > 0 || used <= 2 * QUOTA + 10, || {
                let file = group.folder.join("cpu.stat");
                format!("{}: nr_throttled 0, after {used} ms", file.display())
            }),
        );
    }
    let outcome = running.release(pid);
    exam.found("throttled", outcome);
}

/// A container that tries to raise its limits.
fn shut(exam: &mut Exam, scene: &Scene) -> Result<()> {
    if !scene.machine.can(Controller::Memory) || !exam.holds("memory") {
        return Ok(());
    }
    let most = scene.numbers.memory;
    let tops = [
        "/sys/fs/cgroup".into(),
        scene.machine.top(Controller::Memory).cloned().unwrap_or_default(),
    ];
    let files = [
        ("memory.max", "max"),
        ("memory.memsw.limit_in_bytes", "-1"),
        ("memory.limit_in_bytes", "-1"),
    ];
    let mut actions: Vec<String> = Vec::new();
    for top in &tops {
        actions.extend(
            files.iter().map(|(file, text)| format!("write:{}={text}", top.join(file).display())),
        );
    }
    actions.push("hold".into());
    let options = [vec!["-m".to_owned(), most.to_string()]];
    let call = scene.call(exam, &options).probe(PROBE, &actions);
    let mut running: Running = scene.host.start(&exam.world, &call)?;
    let held = running.held();
    let Some(pid) = exam.found("shut", held) else { return Ok(()) };
    if let Some(group) = scene.machine.group(pid, Controller::Memory) {
        let file = group.file("memory.limit_in_bytes", "memory.max");
        exam.finding("shut", number(&group, file, most));
    }
    let outcome = running.release(pid);
    exam.found("shut", outcome);
    Ok(())
}

/// A container that asks for more than it may have, and one that is killed by somebody else.
fn out_of_memory(exam: &mut Exam, scene: &Scene) -> Result<()> {
    if !scene.machine.can(Controller::Memory) || !exam.holds("memory") {
        return Ok(());
    }
    if !swap_is_counted(scene)
        && fs::read_to_string("/proc/swaps").is_ok_and(|it| it.lines().count() > 1)
    {
        for claim in ["out-of-memory", "out-of-memory-told"] {
            exam.leave_out(claim, texts::SWAP_IS_FREE);
        }
        return Ok(());
    }
    let memory = scene.numbers.memory.to_string();
    let options = [["-m", &memory, "--memory-swap", &memory].map(String::from).to_vec()];
    let eat = ["say:here".to_owned(), format!("eat:{}", 8 * scene.numbers.memory)];
    let call = scene.call(exam, &options).probe(PROBE, &eat);
    let Some(killed) = scene.ask(exam, "out-of-memory", call)? else { return Ok(()) };
    exam.finding(
        "out-of-memory",
        expect(killed.status() == 137 && killed.facts.get("eaten").is_none(), || {
            let (status, most) = (killed.status(), scene.numbers.memory);
            let eaten = killed
                .facts
                .get("eaten")
                .map_or(String::new(), |it| format!("; it has had {it} bytes of {most}"));
            format!("status {status} from `{}`{eaten}", killed.shown)
        }),
    );
    let call = scene.call(exam, &options).probe(PROBE, &["hold"]);
    let mut running = scene.host.start(&exam.world, &call)?;
    let held = running.held();
    let Some(pid) = exam.found("out-of-memory-told", held) else { return Ok(()) };
    let _ = kill(pid, Signal::SIGKILL);
    let died = running.wait();
    let Some(died) = exam.found("out-of-memory-told", died) else { return Ok(()) };
    exam.finding("out-of-memory-told", told(&killed, true));
    exam.finding("out-of-memory-told", told(&died, false));
    Ok(())
}

fn told(outcome: &Outcome, expected: bool) -> Finding {
    if let Some(trouble) = Trouble::told(&outcome.errors) {
        return Err(Wrong::Trouble(trouble));
    }
    let tells = outcome.errors.to_lowercase().contains("memory");
    expect(tells == expected, || {
        format!("standard error of `{}`: {:?}", outcome.shown, outcome.errors)
    })
}

/// Whether the group of the sandbox has a limit on swap.
fn swap_is_counted(scene: &Scene) -> bool {
    let files = ["memory.memsw.limit_in_bytes", "memory.swap.max"];
    let top = scene.machine.top(Controller::Memory);
    top.is_some_and(|top| files.iter().any(|file| top.join(file).exists()))
}
