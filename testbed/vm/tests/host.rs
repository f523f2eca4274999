//! Machines leave the host as it was: one that is changed from inside, and what is fetched for them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use testbed::assert_same;
use vm::packages::Release;
use vm::{Kernel, Machine, Outcome};

/// They change by themselves: the newest process's number, how many more hung tasks the kernel will
/// warn of, how often perf may measure, which is less where that turned out to be slow, what has
/// happened to the kernel, and (before Linux 5.13) what its scheduler has measured.
const RESTLESS: [&str; 5] = [
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/kernel/hung_task_warnings",
    "/proc/sys/kernel/perf_event_max_sample_rate",
    "/proc/sys/kernel/tainted",
    "/proc/sys/kernel/sched_domain",
];

/// Endings of the cgroups that systemd makes and removes when it pleases.
const SYSTEMD: [&str; 6] = [".service", ".scope", ".slice", ".mount", ".socket", ".swap"];

/// Everything on the host that could have been changed, a line each.
fn host() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for folder in ["/etc/apt", "/var/lib/apt/lists", "/var/cache/apt"] {
        for path in below(Path::new(folder), &|_| true) {
            let Ok(found) = path.symlink_metadata() else { continue };
            let (size, seconds, fraction) = (found.size(), found.mtime(), found.mtime_nsec());
            let path = path.display();
            lines.insert(format!("apt: {path}: {size} bytes, of {seconds}.{fraction:09}"));
        }
    }
    for path in below(Path::new("/proc/sys"), &|path| !is_of_an_interface(path)) {
        let is_switch = path.metadata().is_ok_and(|found| found.mode() & 0o200 != 0);
        if !is_switch || RESTLESS.iter().any(|restless| path.starts_with(restless)) {
            continue;
        }
        if let Ok(value) = fs::read_to_string(&path) {
            lines.insert(format!("sysctl: {}: {}", path.display(), value.trim_end()));
        }
    }
    for path in below(Path::new("/sys/fs/cgroup"), &|path| !is_of_others(path)) {
        if path.is_dir() {
            lines.insert(format!("cgroup: {}", path.display()));
        }
    }
    // After the walk through /proc/sys, which lets systemd mount something there.
    for (kind, file, end) in [
        ("mount", "/proc/self/mountinfo", '\n'),
        ("interface", "/proc/self/net/dev", ':'),
        ("module", "/proc/modules", ' '),
    ] {
        let text = fs::read_to_string(file).unwrap_or_default();
        let facts = text.lines().filter_map(|line| line.split(end).next());
        lines.extend(facts.map(|fact| format!("{kind}: {}", fact.trim())));
    }
    lines
}

/// The files and folders below this one, as far as they can be read and are wanted.
fn below(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if !wanted(&path) {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all.extend(below(&path, wanted));
        }
        all.push(path);
    }
    all
}

/// Whether it is the folder of an interface's switches: they come and go with it.
fn is_of_an_interface(path: &Path) -> bool {
    let mut names = path.iter().rev().map(|name| name.to_string_lossy());
    let (name, parent) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    ["conf", "neigh"].contains(&&*parent) && !["all", "default", "lo"].contains(&&*name)
}

/// Whether it is a cgroup of systemd's, or of a test that runs beside.
fn is_of_others(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("coracle-test-") || SYSTEMD.iter().any(|ending| name.ends_with(ending))
}

/// Whether machines can be made here.
fn ready() -> bool {
    vm::ready().inspect_err(|why| testbed::skipped(&why.to_string())).is_ok()
}

#[test]
fn what_is_done_to_a_machine_is_not_done_to_the_host() {
    if !ready() {
        return;
    }
    let before = host();
    let script = "set -e
         sysctl -qw kernel.hostname=harmed vm.swappiness=7
         mkdir /sys/fs/cgroup/harmed
         mount -t tmpfs harmed /mnt
         ip link add harmed type veth
         mkdir -p /etc/apt/sources.list.d /var/lib/apt/lists
         echo harmed >/etc/apt/sources.list.d/harmed.list
         echo harmed >/var/lib/apt/lists/harmed
         lsmod | grep -q veth";
    let harmed = Machine::new(Kernel::V6_12).run(["sh", "-c", script]).unwrap();
    let Outcome { status, out, error } = harmed;
    let said = String::from_utf8_lossy(&[out, error].concat()).into_owned();
    assert_eq!((status, said.as_str()), (0, ""));
    assert_same(&before, &host());
}

#[test]
fn this_machines_apt_does_not_notice_what_is_fetched() {
    if !ready() {
        return;
    }
    let _lock = vm::cache::lock().unwrap();
    let before = host();
    // Without a network nothing comes; that leaves the host as it was as well.
    let fetched = Release::open_for("bookworm", &["amd64"]).and_then(|release| {
        release.download("hostname")?;
        release.clear()
    });
    eprintln!("fetched: {fetched:?}");
    assert_same(&before, &host());
}
