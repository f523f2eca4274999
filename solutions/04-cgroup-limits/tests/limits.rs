//! What a user relies on: limits that hold, a word when they bite, and nothing left behind.

mod machine;

use machine::Machine;
use testbed::{Who, refusals, stderr, stdout};

/// Where the container can read its own controller's files: on v2 there is one folder for all.
fn file(one: &str, two: &str) -> String {
    format!("cat /sys/fs/cgroup/{one} 2>/dev/null || cat /sys/fs/cgroup/{two}")
}

#[test]
fn the_limits_are_what_was_asked_for() {
    let Some(machine) = Machine::new() else { return };
    let before = machine.host.snapshot();
    let read = [
        file("memory/memory.limit_in_bytes", "memory.max"),
        file("cpu/cpu.cfs_quota_us", "cpu.max"),
        file("pids/pids.max", "pids.max"),
        file("cpuset/cpuset.cpus", "cpuset.cpus"),
        // On Linux 5.10 who is born into the group does not get this from it.
        "grep Cpus_allowed_list /proc/self/status".into(),
    ];
    let options =
        ["-m", "64M", "--cpus", "0.5", "--pids-limit", "32", "--cpuset-cpus", "0", "-c", "512"];
    let seen = machine.sh(Who::Root, &options, &read.join(";"));
    let seen: Vec<_> = seen.lines().collect();
    assert_eq!((seen[0], seen[2], seen[3]), ("67108864", "32", "0"));
    assert_eq!(seen[4], "Cpus_allowed_list:\t0");
    assert!(seen[1] == "50000" || seen[1] == "50000 100000", "{}", seen[1]);
    machine.assert_unchanged(&before);
}

#[test]
fn a_disks_limit_is_set() {
    let Some(machine) = Machine::new() else { return };
    let disk = machine.host.sh("lsblk -d -n -p -o NAME,MAJ:MIN,TYPE | grep 'disk$' | head -n 1");
    let Some((disk, number)) = disk.trim().split_once(' ') else {
        testbed::skipped("this machine has no disk");
        return;
    };
    let number = number.trim().split(' ').next().expect("a number");
    let (reads, writes) = (format!("{disk}:1mb"), format!("{disk}:2mb"));
    let seen = machine.sh(
        Who::Root,
        &["--device-read-bps", &reads, "--device-write-bps", &writes],
        "cat /sys/fs/cgroup/blkio/blkio.throttle.*_bps_device /sys/fs/cgroup/io.max 2>/dev/null||:",
    );
    let one = format!("{number} 1048576\n{number} 2097152\n");
    let two = format!("{number} rbps=1048576 wbps=2097152 riops=max wiops=max\n");
    assert!(seen == one || seen == two, "{seen}");
}

#[test]
fn who_takes_too_much_memory_is_killed_and_told_so() {
    let Some(machine) = Machine::new() else { return };
    let before = machine.host.snapshot();
    // As PID 1, as the child of the small init, and as somebody's child.
    for (options, words, status) in [
        (&["-m", "64M"][..], &["tail", "/dev/zero"][..], 137),
        (&["-m", "64M", "--init"], &["tail", "/dev/zero"], 137),
        (&["-m", "64M"], &["sh", "-c", "tail /dev/zero; echo goes on; exit 3"], 3),
    ] {
        let output = machine.run(Who::Root, options, words);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {}", stderr(&output));
        let told = "Killed: out of memory (64 MiB limit)";
        assert!(stderr(&output).lines().any(|line| line == told), "{}", stderr(&output));
    }
    // Who stays below it is not.
    let output =
        machine.run(Who::Root, &["-m", "64M"], &["sh", "-c", "head -c 16m /dev/zero|tail"]);
    assert!(output.status.success() && stderr(&output).is_empty(), "{}", stderr(&output));
    machine.assert_unchanged(&before);
}

#[test]
fn swap_is_limited_as_well() {
    let Some(machine) = Machine::new() else { return };
    let read = file("memory/memory.memsw.limit_in_bytes", "memory.swap.max");
    let swap = |more: &[&str]| {
        machine.sh(Who::Root, &[&["-m", "64M"], more].concat(), &format!("({read}) || echo none"))
    };
    let seen = [swap(&[]), swap(&["--memory-swap", "64M"]), swap(&["--memory-swap", "-1"])];
    let seen: Vec<_> = seen.iter().map(|text| text.trim()).collect();
    let no_limit = u64::MAX / 2 / 4096 * 4096;
    let one = ["134217728", "67108864", &no_limit.to_string()];
    let two = ["67108864", "0", "max"];
    assert!([&one, &two, &["none"; 3]].contains(&&[seen[0], seen[1], seen[2]]), "{seen:?}");
}

#[test]
fn a_fork_bomb_harms_nobody() {
    let Some(machine) = Machine::new() else { return };
    let before = machine.host.snapshot();
    let bomb = "i=0; while [ $i -lt 100 ]; do sleep 100 & i=$((i+1)); done; wait";
    let output = machine.run(Who::Root, &["--pids-limit", "32"], &["sh", "-c", bomb]);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("a new process or thread (--pids-limit 32)"));
    let bomb = "b() { b | b & }; b; sleep 0.3";
    let output = machine.run(Who::Root, &["--pids-limit", "32"], &["bash", "-c", bomb]);
    assert!(stderr(&output).contains("(--pids-limit 32)"), "{}", stderr(&output));
    machine.assert_unchanged(&before);
}

#[test]
fn the_container_sees_its_own_cgroups_and_can_change_none() {
    for machine in [Machine::new(), Machine::with_v1_alone(), Machine::with_v2_alone()] {
        let Some(machine) = machine else { continue };
        let before = machine.host.snapshot();
        let script = "cut -d: -f3 /proc/self/cgroup | sort -u
            grep -c ' - cgroup' /proc/self/mountinfo
            awk '$9 ~ /cgroup/ || $10 ~ /cgroup/ {print $4}' /proc/self/mountinfo | sort -u
            for f in $(find /sys/fs/cgroup -name cgroup.procs); do grep -x 1 $f; done | sort -u
            find /sys/fs/cgroup -mindepth 2 -type d
            for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do mkdir $d/x 2>/dev/null && echo written; done
            for f in $(find /sys/fs/cgroup -name '*.procs'); do (echo 1 >$f) 2>/dev/null && echo w; done
            true";
        let seen = machine.sh(Who::Root, &[], script);
        let lines: Vec<_> = seen.lines().collect();
        assert_eq!(lines[0], "/", "no names of the host's: {seen}");
        assert!(lines[1].parse::<u32>().is_ok_and(|mounts| mounts > 0), "{seen}");
        // The root of each is its own; it is in all of them; nothing else is there.
        assert_eq!(&lines[2..], ["/", "1"], "{seen}");
        let inode = "readlink /proc/self/ns/cgroup";
        assert_ne!(machine.sh(Who::Root, &[], inode), machine.host.sh(inode));
        machine.assert_unchanged(&before);
    }
}

#[test]
fn on_v2_it_is_born_into_its_cgroup_and_moved_where_that_is_refused() {
    let Some(machine) = Machine::with_v2_alone() else { return };
    let before = machine.host.snapshot();
    let parent = || machine.host.sh("ls -d /sys/fs/cgroup/coracle/*/");
    let started = machine.start(&[], "sleep 1000; true");
    assert_eq!(parent(), format!("/sys/fs/cgroup/coracle/{}/\n", started.id));
    let inside = "cat /sys/fs/cgroup/coracle/*/cgroup.procs | wc -l";
    // PID 1, the shell and what it runs.
    assert_eq!(machine.host.sh(inside).trim(), "3");
    started.end();
    // Nobody writes a number there: it is born so. Where clone3 is refused, somebody does.
    for (refused, writes) in [("", "0"), ("-e inject=clone3:error=ENOSYS", "1")] {
        let trace = format!(
            "strace -f -o /tmp/trace -e trace=clone,clone3,openat {refused} {} run --network none cat \
             /proc/self/cgroup; grep -c 'coracle/.*/cgroup.procs.*O_WRONLY' /tmp/trace; rm /tmp/trace; true",
            machine.program()
        );
        let seen = machine.host.sh(&trace);
        let lines: Vec<_> = seen.lines().collect();
        assert!(lines.contains(&"0::/") && lines.last() == Some(&writes), "{refused}: {seen}");
    }
    machine.assert_unchanged(&before);
}

#[test]
fn twenty_at_once_leave_nothing() {
    let Some(machine) = Machine::new() else { return };
    let before = machine.host.snapshot();
    let options = ["-m", "64M", "--pids-limit", "9"];
    let started: Vec<_> = (0..20).map(|_| machine.start(&options, "sleep 1000; true")).collect();
    let rows = machine.verb(&["stats", "--json"]);
    assert_eq!(rows.lines().count(), 20, "{rows}");
    for started in started {
        assert_eq!(started.end(), Some(143));
    }
    machine.assert_unchanged(&before);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_made() {
    let Some(machine) = Machine::new() else { return };
    let before = machine.host.snapshot();
    let disk = "/dev/null:1mb";
    for (options, sentence) in [
        (&["-m", "64X"][..], "is no size"),
        (&["-m", "1M"], "6 MiB of memory at the least"),
        (&["--memory-swap", "1g"], "needs --memory"),
        (&["-m", "64M", "--memory-swap", "32M"], "can't be less than --memory"),
        (&["--cpus", "1000000"], "is out of range"),
        (&["--cpus", "0.001"], "is out of range"),
        (&["--cpus", "half"], "is no number"),
        (&["--cpuset-cpus", "zero"], "is no list of processors"),
        (&["--cpuset-cpus", "99999"], "/cpuset.cpus\", \"99999\") failed: "),
        (&["--device-read-bps", "sda"], "is not DEVICE:SIZE"),
        (&["--device-read-bps", "/dev/nosuch:1mb"], "there is no such disk"),
        (&["--device-write-bps", disk], "is no disk"),
        (&["--pids-limit", "9999999"], "pids.max\", \"9999999\") failed: "),
    ] {
        let output = machine.run(Who::Root, options, &["true"]);
        assert_eq!(output.status.code(), Some(125), "{options:?}");
        assert!(stderr(&output).contains(sentence), "{options:?}: {}", stderr(&output));
    }
    // 0 and -1 ask for nothing.
    let options = ["-m", "0", "--cpus", "0", "-c", "0", "--pids-limit", "-1", "--memory-swap", "0"];
    let _ = machine.sh(Who::Root, &options, "true");
    machine.assert_unchanged(&before);
}

#[test]
fn an_ordinary_user_is_told_how_to_get_a_cgroup_when_he_needs_one() {
    for machine in [Machine::new(), Machine::with_v2_alone()].into_iter().flatten() {
        let _ = machine.sh(Who::User, &[], "true");
        let before = machine.host.snapshot();
        let output = machine.run(Who::User, &["-m", "64M"], &["true"]);
        assert_eq!(output.status.code(), Some(125));
        let told = stderr(&output);
        // On v2; on v1; and on v2 when a hierarchy of v1 has all controllers.
        let sentences =
            ["systemd-run --user --scope -p Delegate=yes", "run it as root", "controller `memory`"];
        assert!(sentences.iter().any(|sentence| told.contains(sentence)), "{told}");
        // Who needs none is not bothered, and sees nothing of the host's.
        let output = machine.run(Who::User, &[], &["cat", "/proc/self/cgroup"]);
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        assert!(stdout(&output).contains("0::/\n"), "{}", stdout(&output));
        machine.assert_unchanged(&before);
    }
}

#[test]
fn an_ordinary_user_uses_a_cgroup_that_is_delegated_to_him() {
    let Some(machine) = Machine::with_v2_alone() else { return };
    let _ = machine.sh(Who::User, &[], "true");
    let _ = machine.host.sh("cd /sys/fs/cgroup; mkdir mine
         for c in $(cat cgroup.controllers); do echo +$c > cgroup.subtree_control; done
         chown 1000:1000 mine mine/cgroup.procs mine/cgroup.subtree_control mine/cgroup.threads");
    let before = machine.host.snapshot();
    // With a limit he and his shell have to move, if this machine's v2 has the controller.
    let memory = machine.host.sh("grep -c memory /sys/fs/cgroup/cgroup.controllers || true");
    let limits: &[&str] = if memory.trim() == "1" { &["", "-m 64M"] } else { &[""] };
    for limit in limits {
        let script = format!(
            "echo 0 > /sys/fs/cgroup/mine/cgroup.procs
             setpriv --reuid=1000 --regid=1000 --clear-groups env HOME=/run/user-home \
                 XDG_CACHE_HOME=/run/user-home/.cache {} run --network none {limit} -- \
                 sh -c 'cat /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs; ! mkdir /sys/fs/cgroup/x'
             cat /proc/self/cgroup /sys/fs/cgroup/mine/cgroup.subtree_control",
            machine.program()
        );
        let seen = machine.host.sh(&script);
        assert!(seen.contains("0::/\n1\n") && seen.ends_with("/mine\n"), "{seen}");
        machine.assert_unchanged(&before);
    }
}

#[test]
fn where_root_may_not_write_either_limits_are_refused_and_the_rest_works() {
    let Some(machine) = Machine::new() else { return };
    let _ = machine.host.sh("for top in $(findmnt -n -r -o TARGET -t cgroup,cgroup2 | sort -u); do
             mount -o remount,bind,ro $top; done");
    let before = machine.host.snapshot();
    let output = machine.run(Who::Root, &["-m", "64M"], &["true"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(stderr(&output).contains("docker run --privileged"), "{}", stderr(&output));
    let output = machine.run(Who::Root, &[], &["true"]);
    assert!(output.status.success() && stderr(&output).is_empty(), "{}", stderr(&output));
    machine.assert_unchanged(&before);
}

#[test]
fn every_refused_call_is_one_sentence() {
    let Some(machine) = Machine::new() else { return };
    // A root of its own: to look whether the workshop's is up to date takes a thousand calls.
    let _ = machine.host.sh(
        "cd /run; mkdir -p root/bin root/proc root/sys root/dev root/tmp; cp /bin/busybox root/bin/",
    );
    let options = ["--network", "none", "-m", "64M", "--root", "/run/root"];
    // The first use makes the places to mount on.
    let _ = machine.run(Who::Root, &options[2..], &["/bin/busybox", "true"]);
    let before = machine.host.snapshot();
    let program = [machine.program(), "run"];
    let run = [&program[..], &options, &["--", "/bin/busybox", "true"]].concat();
    // What chapters 02 and 03 do as well.
    let tried =
        ["close", "mknodat", "mount", "openat2", "prctl", "rt_sigaction", "symlinkat", "umount2"];
    let wrong = refusals::each_call_once(&machine.host, Who::Root, &run, "", &tried);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let _ = machine.host.sh("rm -r /tmp/trace-*");
    let _ = machine.sh(Who::Root, &[], "true");
    machine.assert_unchanged(&before);
}
