//! The safety net: programs that do harm do it to the sandbox alone.
//!
//! The host that must stay as it is is the test's own (see `testbed`), with an `/etc` and a `/home` of
//! its own: if the net had a hole, this machine would still be whole.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use testbed::{Host, Who, assert_same, stderr, stdout};

/// What is tried, each by a shell script.
const HARM: [(&str, &str); 13] = [
    (
        "mounts that leak",
        "mount -t tmpfs leak /mnt; mount --bind /etc /home; mount -t proc proc /proc",
    ),
    ("umount -a", "umount -a; umount -l /proc /sys /dev /tmp /run /home /etc; umount -l -R /"),
    (
        "remounting",
        "mount -o remount,rw /; mount -o remount,rw,bind /; mount -o remount,rw,bind /etc; touch /etc/new",
    ),
    ("deleting", "rm -rf /etc /home; rm -rf /etc/* /home/* /run/* /var/lib/coracle"),
    ("removing cgroups", "find /sys/fs/cgroup -depth -type d -exec rmdir {} + 2>&-"),
    ("another name for the host", "hostname harmed; domainname harmed"),
    (
        "no network",
        "ip link set lo down; ip link add harm type dummy; ip route flush table all; nft flush ruleset",
    ),
    // (Its shell has no room for one process more, so it becomes what waits.)
    ("a fork bomb", "bomb() { bomb | bomb & }; bomb; exec sleep 1"),
    ("all of the memory", "tail /dev/zero"),
    (
        "all of the disk",
        "for folder in /tmp /run /dev/shm $PWD; do cat /dev/zero >$folder/full; done",
    ),
    ("killing everybody", "kill -9 -1; kill -TERM 1; kill -9 1"),
    ("shared memory", "ipcmk -M 4096; ipcmk -Q; ipcmk -S 3"),
    (
        "kernel settings",
        "echo harmed >/proc/sys/kernel/hostname; echo 1 >/proc/sys/net/ipv4/ip_forward",
    ),
];

/// A host with files to lose.
fn host() -> Option<Host> {
    let host = Host::new()?;
    // Mounts are hidden below another one, which has something else of the same name, or nothing.
    let _ = host.sh("mkdir /tmp/hidden /tmp/gone && mount -t tmpfs hidden /tmp/hidden && mount -t tmpfs gone /tmp/gone
         mount -t tmpfs -o mode=1777 tmp /tmp && mkdir /tmp/hidden
         mkdir /run/etc && cp -a /etc/. /run/etc && mount --bind /run/etc /etc
         mount -t tmpfs -o mode=755,size=64m home /home && mkdir -p /home/me && echo mine >/home/me/file
         mount -o remount,size=96m /tmp
         mkdir -p /run/user-home /run/projects && chown 1000:1000 /run/user-home && chmod 755 /run/projects");
    Some(host)
}

/// Everything that could have been harmed.
fn state(host: &Host) -> BTreeSet<String> {
    let mut state = host.snapshot();
    // What every file in these is called, holds, and may.
    let more = host.sh("find /etc /home -printf '%p %m %U %s\\n'
         cat /home/me/file; ls /sys/fs/cgroup /sys/fs/cgroup/*");
    let more = more.lines().filter(|line| !line.contains("/etc/mtab"));
    state.extend(more.map(|line| format!("more: {line}")));
    // What a container's first start leaves for the next one.
    state.retain(|line| !line.contains("/.cache") && !line.contains("programs"));
    state
}

/// `coracle`, for both users.
fn coracle(host: &Host) -> PathBuf {
    testbed::reachable(host, env!("CARGO_BIN_EXE_coracle"))
}

/// The same, with the probe that it needs for a check.
fn checker(host: &Host) -> PathBuf {
    let coracle = coracle(host);
    let probe = coracle.with_file_name("coracle-probe").display().to_string();
    let _ = testbed::reachable(host, &probe);
    coracle
}

/// A script on the host, as a program.
fn script(host: &Host, text: &str) -> PathBuf {
    let path = format!("/proc/{}/root/run/programs/harm.sh", host.pid());
    std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
    std::fs::write(&path, format!("#!/bin/bash\n{text}\n")).unwrap();
    let _ = host.sh("chmod 755 /run/programs /run/programs/harm.sh");
    "/run/programs/harm.sh".into()
}

#[test]
fn a_check_by_root_keeps_the_host_as_it_is() {
    a_check_keeps_the_host_as_it_is(Who::Root);
}

#[test]
fn a_check_by_a_user_keeps_the_host_as_it_is() {
    a_check_keeps_the_host_as_it_is(Who::User);
}

fn a_check_keeps_the_host_as_it_is(who: Who) {
    let Some(host) = host() else { return };
    let coracle = checker(&host);
    let before = state(&host);
    for (what, harm) in HARM {
        let program = script(&host, harm);
        let mut command = host.command(who, &coracle);
        command.args(["check", "00", "--json", "--bin"]).arg(&program).current_dir("/");
        let output = command.output().unwrap();
        let said = stdout(&output);
        assert!(said.contains("\"passed\":false"), "{what}: {said}{}", stderr(&output));
        assert_same(&before, &state(&host));
    }
}

#[test]
fn a_run_by_root_keeps_the_host_as_it_is() {
    a_run_keeps_the_host_as_it_is(Who::Root);
}

#[test]
fn a_run_by_a_user_keeps_the_host_as_it_is() {
    a_run_keeps_the_host_as_it_is(Who::User);
}

/// What a student runs by hand: a chapter's program that does what its argument says. It is built
/// already, so that this works for a user who has no cargo.
fn a_run_keeps_the_host_as_it_is(who: Who) {
    let Some(host) = host() else { return };
    let _ = host.sh(r#"mkdir -p /run/programs /run/projects/harm/chapters/00-process /run/projects/harm/target
         cd /run/programs
         touch /run/projects/harm/Cargo.toml && chown -R 1000:1000 /run/projects/harm
         printf '#!/bin/bash\neval "$1"\n' >ch00-process
         printf '#!/bin/sh\necho "{\"target\":{\"name\":\"ch00-process\"},\"executable\":\"/run/programs/ch00-process\"}"\n' >cargo
         chmod 755 . ch00-process cargo"#);
    let coracle = coracle(&host);
    let run = |harm: &str| {
        let mut command = host.command(who, "timeout");
        command.args(["300", "env", "-C", "/run/projects/harm", "CARGO=/run/programs/cargo"]);
        command.arg(&coracle).args(["run", "00", "--", harm]).output().unwrap()
    };
    // Makes the folders that a first run makes. How many processes root's may be, its cgroup says.
    let (id, processes) = if who == Who::Root { (0, "") } else { (1000, "1000\n") };
    let asked = if who == Who::Root { "id -u" } else { "id -u; ulimit -u" };
    assert_eq!(stdout(&run(asked)), format!("{id}\n{processes}"));
    let before = state(&host);
    for (what, harm) in HARM {
        let output = run(harm);
        assert_ne!(output.status.code(), Some(124), "{what}: {}", stderr(&output));
        let _ = host.sh("rm -f /tmp/full /var/tmp/full");
        assert_same(&before, &state(&host));
    }
}

#[test]
fn a_program_that_hangs_is_ended() {
    let Some(host) = host() else { return };
    let coracle = checker(&host);
    let program = script(&host, "trap '' TERM INT HUP; while :; do sleep 100; done");
    let before = state(&host);
    let mut command = host.command(Who::Root, &coracle);
    let output = command.args(["check", "00", "--json", "--bin"]).arg(&program).output().unwrap();
    assert!(stdout(&output).contains("\"kind\":\"hung\""), "{}", stdout(&output));
    assert_same(&before, &state(&host));
}

#[test]
fn ctrl_c_and_kill_end_a_check_and_all_that_it_has_started() {
    let Some(host) = host() else { return };
    let coracle = checker(&host);
    let program = script(&host, "sleep 1000");
    for signal in ["INT", "TERM", "KILL"] {
        let before = state(&host);
        let mut command = host.command(Who::Root, "timeout");
        command
            .args(["--foreground", "-s", signal, "1"])
            .arg(&coracle)
            .args(["check", "00", "--bin"]);
        let _ = command.arg(&program).output().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let mut after = state(&host);
        // Whoever was killed can't clear up; the next one does.
        if signal == "KILL" {
            let mut command = host.command(Who::Root, &coracle);
            let _ = command.args(["check", "00", "--bin", "/bin/false"]).output().unwrap();
            after = state(&host);
        }
        assert_same(&before, &after);
    }
}
