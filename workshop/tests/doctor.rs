//! `coracle doctor`: what it says of machines that lack something, and that it leaves them alone.
//!
//! What is missing is taken away on a host of the test's own: programs by an empty file over them,
//! cgroups by unmounting them, switches by a made-up `/proc/sys/kernel`. A kernel with other rules is
//! imitated by a seccomp filter that answers as it does, or, where the answer hangs on more than a
//! call's numbers (a filter can't tell one file from another), by `strace -e inject`.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use coracle::xray::set_filter;
use nix::errno::Errno;
use nix::libc::{
    BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO,
    SYS_chroot, SYS_fsopen, SYS_mount, SYS_mount_setattr, SYS_sethostname, c_long, sock_filter,
};
use serde_json::Value;
use testbed::{BOTH, Host, Who, assert_same, stderr, stdout};

const CHAPTERS: [&str; 7] = ["00", "01", "02", "03", "04", "05", "06"];

/// What says that we are in a container, or in Windows.
const MARKS: [&str; 5] =
    ["REMOTE_CONTAINERS", "DEVCONTAINER", "CODESPACES", "container", "WSL_DISTRO_NAME"];

struct Machine {
    host: Host,
    program: PathBuf,
}

impl Machine {
    /// A host with a compiler, which here only says its version.
    fn new() -> Option<Self> {
        let host = Host::new()?;
        let program = testbed::reachable(&host, env!("CARGO_BIN_EXE_coracle"));
        let machine = Self { host, program };
        machine.compiler("1.90.0");
        Some(machine)
    }

    fn compiler(&self, version: &str) {
        let _ = self.host.sh(&format!(
            "mkdir -p /run/tools; cd /run/tools
             for name in cargo rustc; do
                 echo \"#!/bin/sh\necho '$name {version}'\" >$name; chmod 755 $name
             done"
        ));
    }

    /// Nobody finds the program any more.
    fn hide(&self, programs: &[&str]) {
        for program in programs {
            let _ = self.host.sh(&format!(
                "for folder in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin; do
                     [ ! -e $folder/{program} ] || mount --bind /dev/null $folder/{program}
                 done"
            ));
        }
    }

    /// These words, which end with the doctor's.
    fn command(&self, who: Who, before: &[&str], words: &[&str]) -> Command {
        let mut command = self.host.command(who, "env");
        for mark in MARKS {
            command.args(["-u", mark]);
        }
        command.args([
            "-u",
            "CARGO",
            "-u",
            "RUSTC",
            "PATH=/run/tools:/usr/sbin:/usr/bin:/sbin:/bin",
        ]);
        let target = if who == Who::User { "/run/user-home/target" } else { "/run/target" };
        command.arg(format!("CARGO_TARGET_DIR={target}"));
        command.args(before).arg(&self.program).arg("doctor").args(words);
        command
    }

    fn examine(&self, who: Who, before: &[&str]) -> Diagnosis {
        let output = self.command(who, before, &["--json"]).output().expect("env starts");
        Diagnosis::of(&output)
    }

    /// The page for people.
    fn page(&self, who: Who, before: &[&str]) -> String {
        stdout(&self.command(who, before, &[]).output().expect("env starts"))
    }
}

/// What `--json` prints.
struct Diagnosis(Value);

impl Diagnosis {
    fn of(output: &Output) -> Self {
        let found: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)));
        let able = found["able"].as_bool().expect("a yes or a no");
        assert_eq!(output.status.code(), Some(i32::from(!able)), "{}", stderr(output));
        Self(found)
    }

    fn chapter(&self, number: &str) -> &Value {
        let chapters = self.0["chapters"].as_array().expect("a list");
        chapters.iter().find(|chapter| chapter["chapter"] == number).expect("every chapter")
    }

    fn state(&self, chapter: &str) -> &str {
        self.chapter(chapter)["state"].as_str().expect("a word")
    }

    /// The chapters that can't be done.
    fn cannot(&self) -> Vec<&str> {
        CHAPTERS.into_iter().filter(|chapter| self.state(chapter) == "cannot").collect()
    }

    /// What the chapter lacks; that no registry can be reached is so on every test's host.
    fn lacks(&self, chapter: &str) -> Vec<&str> {
        let lacks = self.chapter(chapter)["lacks"].as_array().expect("a list");
        let ids = lacks.iter().map(|lack| lack["id"].as_str().expect("a word"));
        ids.filter(|id| *id != "registry-network").collect()
    }

    fn works(&self, id: &str) -> bool {
        let probes = self.0["probes"].as_array().expect("a list");
        probes.iter().any(|probe| probe["id"] == id && probe["works"] == true)
    }

    #[track_caller]
    fn lack(&self, chapter: &str, id: &str) -> &Value {
        let lacks = self.chapter(chapter)["lacks"].as_array().expect("a list");
        let found = lacks.iter().find(|lack| lack["id"] == id);
        found.unwrap_or_else(|| panic!("{chapter} lacks {id}: {:#}", self.0))
    }

    #[track_caller]
    fn assert_remedy(&self, chapter: &str, id: &str, remedy: &str) {
        let lack = self.lack(chapter, id);
        assert!(lack["remedy"].as_str().expect("text").contains(remedy), "{lack:#}");
    }
}

#[test]
fn every_chapter_can_be_done_here_and_nothing_is_changed() {
    let Some(machine) = Machine::new() else { return };
    for who in BOTH {
        let modules = std::fs::read_to_string("/proc/modules").ok();
        let before = machine.host.snapshot();
        let start = Instant::now();
        let found = machine.examine(who, &[]);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(1), "{who:?}: {took:?}");
        assert_same(&before, &machine.host.snapshot());
        assert_eq!(modules, std::fs::read_to_string("/proc/modules").ok());
        for chapter in ["00", "01", "02", "05"] {
            assert_eq!(found.state(chapter), "works", "{who:?}: {:#}", found.0);
        }
        assert_eq!(found.lacks("06"), [""; 0], "{who:?}");
        found.assert_remedy("06", "registry-network", "cargo run --release -- registry");
        match who {
            Who::Root => {
                assert_eq!(found.lacks("03"), [""; 0], "{:#}", found.0);
                assert_eq!(found.state("04"), "works", "{:#}", found.0);
            }
            Who::User => {
                assert_eq!(found.lacks("04"), ["cgroup-delegation"], "{:#}", found.0);
                assert_eq!(found.state("04"), "works-with-less");
            }
        }
    }
}

#[test]
fn the_json_names_the_machine_and_every_answer() {
    let Some(machine) = Machine::new() else { return };
    let Diagnosis(found) = machine.examine(Who::User, &[]);
    for name in ["host", "user", "distribution", "kernel", "architecture"] {
        assert!(found[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {found:#}");
    }
    assert_eq!(found["uid"], 1000);
    let numbers = found["chapters"].as_array().unwrap().iter().map(|it| it["chapter"].clone());
    assert_eq!(numbers.collect::<Vec<_>>(), CHAPTERS);
    let lack = &found["chapters"][4]["lacks"][0];
    for name in ["id", "seen", "why", "remedy"] {
        assert!(lack[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {lack:#}");
    }
    let ids = found["probes"].as_array().unwrap().iter().map(|probe| probe["id"].as_str().unwrap());
    let ids: Vec<_> = ids.collect();
    for id in [
        "user-namespace",
        "mount-inside",
        "pid-namespace",
        "fresh-proc",
        "pivot-root",
        "network-namespace",
        "veth-bridge",
        "nftables",
        "pasta",
        "mount-api",
        "overlay-user",
        "mount-setattr",
        "processes-by-namespace",
        "pidfd",
        "openat2",
        "compiler",
        "disk",
        "subordinate-ids",
        "newuidmap",
    ] {
        assert!(ids.contains(&id), "{id}: {ids:?}");
    }
    assert!(["v1", "v2", "hybrid"].contains(&found["facts"]["cgroups"].as_str().unwrap()));
}

#[test]
fn the_page_is_short_where_all_is_well_and_tells_each_lack_once() {
    let Some(machine) = Machine::new() else { return };
    let page = machine.page(Who::Root, &[]);
    assert!(page.lines().count() <= 18, "{page}");
    machine.compiler("1.63.0");
    machine.hide(&["nft", "pasta", "slirp4netns", "newuidmap"]);
    for page in [page, machine.page(Who::User, &[]), machine.page(Who::Root, &[])] {
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
        assert!(!page.contains('\u{1b}'), "no colours in a pipe");
        let heads = page.lines().filter(|line| line.contains(". ") && line.contains("(chapter"));
        let numbers: Vec<_> =
            heads.map(|line| line.split('.').next().unwrap_or_default()).collect();
        let expected: Vec<_> = (1..=numbers.len()).map(|number| number.to_string()).collect();
        assert_eq!(numbers, expected, "{page}");
        assert!(page.matches("Rust 1.85").count() <= 1, "{page}");
    }
}

#[test]
fn an_old_compiler_a_missing_one_and_a_missing_linker_stop_all_chapters() {
    let Some(machine) = Machine::new() else { return };
    machine.compiler("1.63.0 (made up)");
    let found = machine.examine(Who::Root, &[]);
    assert_eq!(found.cannot(), CHAPTERS);
    assert_eq!(
        found.lack("00", "compiler")["seen"],
        "this is rustc 1.63.0 (made up), older than 1.85"
    );
    machine.compiler("1.85.0");
    assert_eq!(machine.examine(Who::Root, &[]).cannot(), [""; 0]);
    let only_tools = ["env", "PATH=/run/tools"];
    let found = machine.examine(Who::Root, &only_tools);
    assert_eq!(found.lacks("00"), ["linker"]);
    let _ = machine.host.sh("rm /run/tools/cargo");
    let found = machine.examine(Who::Root, &only_tools);
    assert_eq!(found.lacks("00"), ["compiler", "linker"]);
    found.assert_remedy("00", "compiler", "rustup");
}

/// Each remedy is in the distribution's own words.
#[test]
fn what_is_missing_is_installed_by_the_distributions_own_command() {
    let Some(machine) = Machine::new() else { return };
    machine.hide(&["nft", "pasta", "slirp4netns", "newuidmap"]);
    for (release, command) in [
        ("ID=ubuntu\nID_LIKE=debian", "apt install"),
        ("ID=fedora", "dnf install"),
        ("ID=arch", "pacman -S"),
        ("ID=opensuse-leap\nID_LIKE=\"suse opensuse\"", "zypper install"),
        ("ID=alpine", "apk add"),
        ("ID=nixos", ""),
    ] {
        let _ = machine.host.sh(&format!(
            "printf '%s\\n' '{release}' >/run/os-release; mount --bind /run/os-release /etc/os-release"
        ));
        let as_root = machine.examine(Who::Root, &[]);
        assert_eq!(as_root.lacks("03"), ["nftables"]);
        assert_eq!(as_root.state("03"), "works-with-less");
        let as_user = machine.examine(Who::User, &[]);
        assert_eq!(as_user.lacks("03"), ["nftables", "pasta"]);
        if command.is_empty() {
            let sentence = "by your distribution's own means";
            as_root.assert_remedy("03", "nftables", sentence);
            as_user.assert_remedy("03", "pasta", sentence);
        } else {
            let remedy = &as_root.lack("03", "nftables")["remedy"];
            assert_eq!(*remedy, format!("  {command} nftables"));
            let remedy = &as_user.lack("03", "pasta")["remedy"];
            assert_eq!(*remedy, format!("  sudo {command} passt"));
        }
        let later = as_user.0["later"].as_array().unwrap();
        assert!(later.iter().any(|lack| lack["id"] == "newuidmap"), "{later:?}");
        assert!(as_root.0["later"].as_array().unwrap().is_empty());
    }
}

#[test]
fn a_closed_tun_device_is_named() {
    let Some(machine) = Machine::new() else { return };
    let _ = machine.host.sh("mknod -m 600 /run/tun c 10 200; mount --bind /run/tun /dev/net/tun");
    let found = machine.examine(Who::User, &[]);
    found.assert_remedy("03", "pasta", "sudo chmod 666 /dev/net/tun");
    assert_eq!(found.state("03"), "works-with-less");
    // Root's containers don't need it.
    assert_eq!(machine.examine(Who::Root, &[]).lacks("03"), [""; 0]);
}

/// In a user namespace the number is that namespace's own. Who has no rights in it is as an
/// ordinary user.
#[test]
fn user_namespaces_switched_off_by_number() {
    let Some(machine) = Machine::new() else { return };
    let script = "echo 0 >/proc/sys/user/max_user_namespaces
         exec setpriv --bounding-set=-all --inh-caps=-all \"$0\" \"$@\"";
    let found = machine.examine(Who::Root, &["unshare", "-r", "sh", "-c", script]);
    assert_eq!(found.cannot(), CHAPTERS[1..]);
    for chapter in &CHAPTERS[1..] {
        assert_eq!(found.lacks(chapter), ["user-namespace"]);
    }
    assert!(found.lack("01", "user-namespace")["seen"].as_str().unwrap().contains("ENOSPC"));
    found.assert_remedy("01", "user-namespace", "sysctl user.max_user_namespaces=10000");
    assert_eq!(found.0["facts"]["user.max_user_namespaces"], "0");
}

/// Examines the machine on a kernel that answers these system calls so.
fn refusing(answers: &[(c_long, Errno)], examine: impl FnOnce() -> Diagnosis + Send) -> Diagnosis {
    let code = |code: u32| code as u16;
    let does = |class, k| sock_filter { code: code(class), jt: 0, jf: 0, k };
    // The call's number is the first of what a filter sees.
    let mut filter = vec![does(BPF_LD | BPF_W | BPF_ABS, 0)];
    for (call, errno) in answers {
        let number = u32::try_from(*call).expect("a system call's number");
        filter.push(sock_filter { jf: 1, ..does(BPF_JMP | BPF_JEQ | BPF_K, number) });
        filter.push(does(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | *errno as u32));
    }
    filter.push(does(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    // It holds for this thread, and for what the thread starts.
    let examine = || {
        set_filter(&filter).expect("seccomp");
        examine()
    };
    thread::scope(|scope| scope.spawn(examine).join().expect("a diagnosis"))
}

/// Ubuntu 24.04: the namespace is made. Then a process that writes its own maps is refused there;
/// one whose maps were written for it is refused the mount and the name.
#[test]
fn ubuntus_restriction_is_one_lack_with_three_remedies() {
    let Some(machine) = Machine::new() else { return };
    let no_file = |file, answer| {
        let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", file, "-e", answer];
        machine.examine(Who::User, &strace)
    };
    // A mark that a container left on the machine of these tests would explain the filter.
    let no_mark = || no_file("/.dockerenv", "inject=%%stat,access,faccessat:error=ENOENT");
    let no_use =
        [(SYS_mount, Errno::EACCES), (SYS_sethostname, Errno::EPERM), (SYS_chroot, Errno::EPERM)];
    for (refused, found) in [
        ("setgroups", no_file("/proc/self/setgroups", "inject=openat:error=EACCES")),
        ("uid_map", no_file("/proc/self/uid_map", "inject=openat:error=EPERM")),
        ("mount", refusing(&no_use, no_mark)),
    ] {
        assert_eq!(found.state("00"), "works-with-less", "{refused}: {:#}", found.0);
        assert_eq!(found.cannot(), CHAPTERS[1..], "{refused}: {:#}", found.0);
        assert_eq!(found.lacks("03")[0], "user-namespace", "{refused}: {:#}", found.0);
        let sysctl = "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0";
        for remedy in [sysctl, "userns,", "apparmor_parser -r", "sudo env \"PATH=$PATH\" cargo run"]
        {
            found.assert_remedy("02", "user-namespace", remedy);
        }
        let lack = found.lack("02", "user-namespace");
        assert!(lack["why"].as_str().unwrap().contains("AppArmor"), "{lack:#}");
    }
}

/// What the kernel answers is the same for several switches; which of them it is, they tell.
#[test]
fn the_switch_that_forbids_user_namespaces_is_the_one_that_is_named() {
    let Some(machine) = Machine::new() else { return };
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=unshare:error=EPERM"];
    let _ = machine.host.sh("mount -t tmpfs none /proc/sys/kernel");
    for (switch, value, remedy) in [
        ("unprivileged_userns_clone", "0", "sudo sysctl kernel.unprivileged_userns_clone=1"),
        (
            "apparmor_restrict_unprivileged_userns",
            "1",
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ] {
        let _ = machine.host.sh(&format!("echo {value} >/proc/sys/kernel/{switch}"));
        let found = machine.examine(Who::User, &strace);
        assert_eq!(found.lacks("01"), ["user-namespace"], "{:#}", found.0);
        found.assert_remedy("01", "user-namespace", remedy);
        assert_eq!(found.0["facts"][format!("kernel.{switch}")], value);
        let _ = machine.host.sh(&format!("rm /proc/sys/kernel/{switch}"));
    }
    // None of them: something unknown, and what always helps.
    let found = machine.examine(Who::User, &strace);
    found.assert_remedy("01", "user-namespace", "Work as root");
}

/// A container as Docker starts one: no CAP_SYS_ADMIN, and a filter that refuses to make namespaces.
#[test]
fn in_a_container_the_remedy_is_how_to_start_it() {
    let Some(machine) = Machine::new() else { return };
    let docker = [
        "env",
        "REMOTE_CONTAINERS=true",
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=unshare,mount,pivot_root",
        "-e",
        "inject=unshare,mount,pivot_root:error=EPERM",
        "setpriv",
        "--bounding-set=-sys_admin",
        "--inh-caps=-all",
    ];
    let found = machine.examine(Who::Root, &docker);
    assert_eq!(found.cannot(), CHAPTERS[1..], "{:#}", found.0);
    assert_eq!(found.0["facts"]["container"], "devcontainer");
    assert_eq!(found.0["facts"]["seccomp"], "yes");
    for chapter in &CHAPTERS[1..] {
        assert_eq!(found.lacks(chapter), ["inside-container"], "{:#}", found.0);
    }
    let lack = found.lack("02", "inside-container");
    assert!(lack["why"].as_str().unwrap().contains("CAP_SYS_ADMIN"), "{lack:#}");
    assert!(lack["why"].as_str().unwrap().contains("seccomp"), "{lack:#}");
    found.assert_remedy("02", "inside-container", "\"runArgs\": [\"--privileged\"]");
    // With all rights it is a machine like any other.
    let found = machine.examine(Who::Root, &["env", "REMOTE_CONTAINERS=true"]);
    assert_eq!(found.cannot(), [""; 0], "{:#}", found.0);
}

#[test]
fn without_cgroups_only_the_limits_are_missing() {
    for script in [
        "umount -l -R /sys/fs/cgroup",
        // Every one of them, from the last on.
        "for top in $(grep ' - cgroup' /proc/self/mountinfo | cut -d' ' -f5); do
             mount -o remount,bind,ro $top
         done",
    ] {
        let Some(machine) = Machine::new() else { return };
        let _ = machine.host.sh(script);
        let found = machine.examine(Who::Root, &[]);
        assert_eq!(found.cannot(), ["04"], "{script}: {:#}", found.0);
        assert_eq!(found.state("06"), "works-with-less");
        let expected = match found.0["facts"]["container"].as_str() {
            Some("no") => vec!["cgroup-memory", "cgroup-cpu", "cgroup-pids"],
            // The mark that somebody's container left on the machine of these tests.
            _ => vec!["inside-container"],
        };
        assert_eq!(found.lacks("04"), expected, "{:#}", found.0);
    }
}

/// What newer kernels have is no lack of a chapter's, but it is told.
#[test]
fn an_older_kernel_is_told_by_what_it_does_without() {
    let Some(machine) = Machine::new() else { return };
    let told = |found: &Diagnosis| {
        let missing = found.0["kernel_lacks"].as_array().unwrap().iter();
        missing.map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let found = machine.examine(Who::Root, &[]);
    assert!(!told(&found).iter().any(|id| id == "mount-api"), "{:#}", found.0);
    let older = [SYS_mount_setattr, SYS_fsopen].map(|call| (call, Errno::ENOSYS));
    for who in BOTH {
        let found = refusing(&older, || machine.examine(who, &[]));
        let missing = told(&found);
        for id in ["mount-api", "mount-setattr"] {
            assert!(missing.iter().any(|it| it == id), "{who:?}: {:#}", found.0);
        }
        // What can't be asked is not said to be missing.
        assert!(!missing.iter().any(|it| it == "layer-by-layer"), "{who:?}: {:#}", found.0);
        assert_eq!(found.cannot(), [""; 0], "{who:?}: {:#}", found.0);
        for missing in found.0["kernel_lacks"].as_array().unwrap() {
            for word in ["name", "since", "instead", "seen"] {
                assert!(missing[word].as_str().is_some_and(|text| !text.is_empty()), "{missing:#}");
            }
        }
    }
}

/// As systemd gives one: a folder of v2, and the files by which processes are moved.
#[test]
fn a_cgroup_that_was_delegated_to_the_user_is_found() {
    let Some(machine) = Machine::new() else { return };
    let _ = machine.host.sh("two=$(findmnt -n -r -o TARGET -t cgroup2 | head -n 1); mkdir /run/two
         mount --bind $two /run/two; while umount -R /sys/fs/cgroup 2>/dev/null; do :; done
         mount --bind /run/two /sys/fs/cgroup; umount /run/two; rmdir /run/two
         cd /sys/fs/cgroup; mkdir mine
         for c in $(cat cgroup.controllers); do echo +$c > cgroup.subtree_control; done
         chown 1000 mine mine/cgroup.procs mine/cgroup.subtree_control mine/cgroup.threads");
    let before = machine.host.snapshot();
    let join = "echo 0 >/sys/fs/cgroup/mine/cgroup.procs
         exec setpriv --reuid=1000 --regid=1000 --clear-groups \"$0\" \"$@\"";
    let own = ["env", "HOME=/run/user-home", "XDG_DATA_HOME=/run/user-home/data"];
    let target = ["CARGO_TARGET_DIR=/run/user-home/target"];
    let found = machine.examine(Who::Root, &[&["sh", "-c", join][..], &own, &target].concat());
    assert_eq!(found.0["uid"], 1000);
    assert_eq!(found.0["facts"]["cgroups"], "v2");
    assert!(found.works("cgroup-kill") && found.works("clone-into-cgroup"), "{:#}", found.0);
    // Of the controllers, this machine's v2 may have none.
    for controller in ["memory", "cpu", "pids"] {
        let there = format!("grep -c -w {controller} /sys/fs/cgroup/cgroup.controllers || true");
        let there = machine.host.sh(&there).trim() == "1";
        let lacks = found.lacks("04").contains(&format!("cgroup-{controller}").as_str());
        assert_eq!(lacks, !there, "{:#}", found.0);
    }
    assert_same(&before, &machine.host.snapshot());
}

#[test]
fn images_need_a_place_that_can_hold_them() {
    let Some(machine) = Machine::new() else { return };
    let _ = machine.host.sh(
        "mkdir -p /run/small /run/low /run/up/upper /run/up/work /run/on-overlay
         mount -t tmpfs -o size=10m,mode=777 small /run/small
         mount -t overlay -o lowerdir=/run/low,upperdir=/run/up/upper,workdir=/run/up/work x /run/on-overlay
         chmod 777 /run/on-overlay",
    );
    let at = |who, place: &str| machine.examine(who, &["env", &format!("XDG_DATA_HOME={place}")]);
    for who in BOTH {
        let found = at(who, "/run/small");
        assert_eq!(found.lacks("06"), ["disk"], "{who:?}: {:#}", found.0);
        assert_eq!(found.state("06"), "works-with-less");
        let found = at(who, "/run/on-overlay/data");
        let id = if who == Who::Root { "overlay" } else { "overlay-user" };
        assert_eq!(found.lacks("05"), [id], "{who:?}: {:#}", found.0);
        assert_eq!(found.state("05"), "works-with-less");
        found.assert_remedy("05", id, "XDG_DATA_HOME");
    }
    let found = at(Who::User, "/root/data");
    assert_eq!(found.cannot(), ["05", "06"], "{:#}", found.0);
    found.assert_remedy("05", "data-folder", "XDG_DATA_HOME");
    assert_eq!(machine.host.sh("ls -A /run/small /run/on-overlay").matches("doctor").count(), 0);
}

/// A program that never answers holds nobody up for long, and is gone afterwards.
#[test]
fn a_trial_that_hangs_is_ended() {
    let Some(machine) = Machine::new() else { return };
    let _ = machine.host.sh("cd /run/tools; printf '#!/bin/sh\nexec sleep 4321\n' >pasta
         chmod 755 pasta; cp pasta rustc");
    let before = machine.host.snapshot();
    let start = Instant::now();
    let found = machine.examine(Who::User, &[]);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    assert_eq!(found.lacks("03"), ["compiler", "pasta"], "{:#}", found.0);
    assert!(found.lack("03", "pasta")["seen"].as_str().unwrap().contains("10 seconds"));
    assert_same(&before, &machine.host.snapshot());
}

/// Packets that nobody answers, and a name server among them.
#[test]
fn a_network_that_swallows_everything_is_not_waited_for() {
    let Some(machine) = Machine::new() else { return };
    let _ = machine.host.sh(
        "ip link add hole type veth peer name end; ip addr add 192.0.2.1/24 dev hole
         ip link set end up; ip link set hole up
         ip route add default via 192.0.2.2 dev hole
         ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:01 dev hole
         echo nameserver 192.0.2.2 >/run/resolv.conf
         mount --bind /run/resolv.conf /etc/resolv.conf",
    );
    for who in BOTH {
        let start = Instant::now();
        let found = machine.examine(who, &[]);
        assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
        let seen = &found.lack("06", "registry-network")["seen"];
        assert_eq!(seen, "registry-1.docker.io did not answer within a second");
    }
}

/// `unshare(2)`: no user namespace can be made in a chroot.
#[test]
fn in_a_chroot_the_remedy_is_to_leave_it() {
    let Some(machine) = Machine::new() else { return };
    let program = machine.program.display();
    let _ = machine.host.sh(&format!(
        "mkdir /run/jail; cd /run/jail; mkdir -m 777 tmp run; mkdir -p run/tools run/user-home/data
         for top in bin dev etc lib lib64 proc sbin sys usr; do
             if [ -L /$top ]; then cp -a /$top .
             elif [ -e /$top ]; then mkdir $top; mount --bind /$top $top; fi
         done
         chown -R 1000 run/user-home; mount --bind /run/tools run/tools
         mkdir -p .$(dirname {program}); touch .{program}; mount --bind {program} .{program}"
    ));
    let chroot = ["chroot", "--userspec=1000:1000", "--groups=", "/run/jail"];
    let own = ["env", "HOME=/run/user-home", "CARGO_TARGET_DIR=/run/user-home"];
    let data = ["XDG_DATA_HOME=/run/user-home/data"];
    let found = machine.examine(Who::Root, &[&chroot[..], &own, &data].concat());
    assert_eq!(found.0["facts"]["chroot"], "yes");
    assert_eq!(found.cannot(), CHAPTERS[1..], "{:#}", found.0);
    assert_eq!(found.lacks("02"), ["user-namespace"]);
    found.assert_remedy("02", "user-namespace", "Work outside of the chroot");
    // Root can make namespaces there, but \"/\" is no mount.
    let found = machine.examine(Who::Root, &["chroot", "/run/jail"]);
    assert_eq!(found.lacks("02"), ["mount-inside"], "{:#}", found.0);
    found.assert_remedy("02", "mount-inside", "Work outside of the chroot");
}
