//! The workshop's own root folder: whole at any time, and never out of date.

use std::process::{Command, Output};

use sol01_chroot_jail::host_root::PROGRAMS;
use testbed::{BOTH, Host, Who, stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sol01-chroot-jail");

/// The chapter's program with a cache of this test's own.
fn command(host: &Host, who: Who) -> Command {
    let mut command = host.command(who, testbed::reachable(host, PROGRAM));
    command.env("XDG_CACHE_HOME", format!("/tmp/cache-{who:?}")).arg("run");
    command
}

fn run(host: &Host, who: Who, words: &[&str]) -> Output {
    command(host, who).args(words).output().unwrap()
}

/// Runs `true`, which has to succeed; whether a root folder was made for it.
fn is_made(host: &Host, who: Who) -> bool {
    let output = run(host, who, &["true"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stderr(&output).contains("copying this host's everyday programs")
}

fn cache(who: Who) -> String {
    format!("/tmp/cache-{who:?}/coracle/{}", env!("CARGO_PKG_NAME"))
}

#[test]
fn all_its_programs_start() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let script = "for name in $PROGRAMS; do command -v $name >/dev/null || continue
               case $name in yes|vi|top|less|more|nc) set -- --help;; \\[) set -- 1 ];; ip) set -- -V;; *) set -- --version; esac
               $name \"$@\" </dev/null >/tmp/said 2>&1; status=$?
               if [ $status -ge 126 ] || grep -l 'shared libraries' /tmp/said; then echo $name: $status; cat /tmp/said; fi
             done; ls /usr/bin/env /bin/sh; id -un";
        let mut command = command(&host, who);
        let script = format!("PROGRAMS='{PROGRAMS}'; {script}");
        let output = command.args(["sh", "-c", &script]).output().unwrap();
        assert_eq!(stdout(&output), "/bin/sh\n/usr/bin/env\nroot\n", "{}", stderr(&output));
        let found = run(
            &host,
            who,
            &["sh", "-c", "for n in ls ps ip mount ping grep; do command -v $n; done"],
        );
        assert_eq!(stdout(&found).lines().count(), 6, "{}", stdout(&found));
    }
}

#[test]
fn is_made_once_and_told_once() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        // Eight first uses at the same time: one makes it, all can use it.
        let children: Vec<_> = (0..8)
            .map(|_| {
                let mut command = command(&host, who);
                command.args(["ls", "/usr/bin/env"]).stdout(std::process::Stdio::piped());
                command.stderr(std::process::Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let outputs: Vec<_> =
            children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        for output in &outputs {
            assert_eq!(stdout(output), "/usr/bin/env\n", "{}", stderr(output));
        }
        let told = outputs.iter().filter(|output| stderr(output).contains("First use: ")).count();
        assert_eq!(told, 1);
        assert!(!is_made(&host, who));
        assert_eq!(host.sh(&format!("ls -A {}", cache(who))), "1\ncurrent\nlock\n");
    }
}

#[test]
fn is_made_again_when_the_hosts_programs_change() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        // A program that is not there, for a start.
        let _ = host.sh("mount --bind /dev/null /usr/bin/tac");
        assert!(is_made(&host, who));
        assert!(!is_made(&host, who));
        assert_eq!(run(&host, who, &["tac"]).status.code(), Some(127));
        let _ = host.sh("umount /usr/bin/tac");
        assert!(is_made(&host, who), "a program has come");
        assert_eq!(run(&host, who, &["tac"]).status.code(), Some(0));
        let _ = host
            .sh("cp /usr/bin/tac /tmp/tac; echo >>/tmp/tac; mount --bind /tmp/tac /usr/bin/tac");
        assert!(is_made(&host, who), "a program has changed");
        assert!(!is_made(&host, who));
        let _ = host.sh("umount /usr/bin/tac");
        // The last one and the one before.
        assert_eq!(host.sh(&format!("ls -A {}", cache(who))), "2\n3\ncurrent\nlock\n");
    }
}

#[test]
fn is_made_again_when_somebody_broke_it() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        assert!(is_made(&host, who));
        let harm = ["rm /usr/bin/ls", ": >/usr/bin/ls", "rm /etc/passwd", "rm -rf /usr /bin /etc"];
        for script in harm {
            assert!(run(&host, who, &["sh", "-c", script]).status.success());
            assert!(is_made(&host, who), "{script}");
        }
        // What was added stays.
        assert!(run(&host, who, &["sh", "-c", "echo mine >/root/mine"]).status.success());
        assert_eq!(stdout(&run(&host, who, &["cat", "/root/mine"])), "mine\n");
        let _ = host.sh(&format!("echo garbage >{}/current/list", cache(who)));
        assert!(is_made(&host, who));
    }
}

#[test]
fn what_is_mounted_in_it_survives() {
    let Some(host) = Host::new() else { return };
    assert!(is_made(&host, Who::Root));
    let first = format!("{}/1/root", cache(Who::Root));
    let _ = host.sh(&format!(
        "mkdir -p /tmp/disk/folder {first}/mnt/deep; echo precious >/tmp/disk/folder/file
         mount --bind /tmp/disk {first}/mnt/deep"
    ));
    for _ in 0..3 {
        assert!(run(&host, Who::Root, &["rm", "/bin/ls"]).status.success());
        assert!(is_made(&host, Who::Root));
    }
    assert_eq!(host.sh("cat /tmp/disk/folder/file"), "precious\n");
    // It goes when it can.
    let _ = host.sh(&format!("umount {first}/mnt/deep"));
    assert!(run(&host, Who::Root, &["rm", "/bin/ls"]).status.success());
    assert!(is_made(&host, Who::Root));
    assert_eq!(host.sh(&format!("ls -A {}", cache(Who::Root))), "4\n5\ncurrent\nlock\n");
}

#[test]
fn a_killed_first_use_is_no_harm() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let us = testbed::reachable(&host, PROGRAM);
        // From its first milliseconds to the end of the copying.
        let script = format!(
            "export XDG_CACHE_HOME=/tmp/cache-{who:?}
             for n in $(seq 1 40); do
               timeout -s KILL 0.0$((n / 10))$((n % 10))5 {0} run true
               [ $((n % 8)) != 0 ] || {{ {0} run ls /usr/bin/env && rm -rf $XDG_CACHE_HOME/coracle/*/current; }}
             done 2>/dev/null",
            us.display(),
        );
        let output = host.command(who, "bash").args(["-c", &script]).output().unwrap();
        assert_eq!(stdout(&output), "/usr/bin/env\n".repeat(5), "{}", stderr(&output));
        let _ = is_made(&host, who);
        let left = host.sh(&format!("ls -A {}", cache(who)));
        assert!(!left.contains("new"), "{left}");
    }
}

#[test]
fn its_place_is_the_users() {
    let Some(host) = Host::new() else { return };
    let us = testbed::reachable(&host, PROGRAM);
    let run = |value: Option<&str>| {
        let mut command = host.command(Who::User, &us);
        match value {
            Some(value) => command.env("XDG_CACHE_HOME", value),
            None => command.env_remove("XDG_CACHE_HOME"),
        };
        command.args(["run", "true"]).output().unwrap()
    };
    assert!(run(None).status.success());
    assert!(host.sh("ls /run/user-home/.cache/coracle").starts_with("sol01-chroot-jail"));
    // The specification: a relative path is to be ignored.
    let output = run(Some("relative"));
    assert!(output.status.success() && !stderr(&output).contains("First use"), "{output:?}");
    for folder in ["/proc", "/", "/dev/null"] {
        let output = run(Some(folder));
        assert_eq!(output.status.code(), Some(125), "{folder}");
        let said = stderr(&output);
        assert!(said.lines().count() == 1 && said.contains("mkdir(\""), "{said}");
    }
}

#[test]
fn a_full_disk_is_told() {
    let Some(host) = Host::new() else { return };
    let _ = host.sh("mkdir /tmp/cache-Root; mount -t tmpfs -o size=1M small /tmp/cache-Root");
    let output = run(&host, Who::Root, &["true"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(stderr(&output).contains("the disk is full"), "{}", stderr(&output));
    assert_eq!(host.sh(&format!("ls -A {}", cache(Who::Root))), "lock\n");
}

#[test]
fn works_on_a_host_with_next_to_nothing() {
    let Some(host) = Host::new() else { return };
    // No /proc, no /dev/null, one program with many names.
    let us = testbed::reachable(&host, PROGRAM);
    let mut command = host.command(Who::Root, &us);
    let output = command.args(["jail", "/tmp/host", "busybox"]).arg(&us).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let _ = host.sh("cd /tmp/host/bin/; for name in sh ls id; do ln -s busybox $name; done");
    let inside = |words: &[&str]| {
        let mut command = host.command(Who::Root, "chroot");
        command.env_remove("XDG_CACHE_HOME").current_dir("/");
        let output = command.arg("/tmp/host").arg(&us).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", stderr(&output));
        output
    };
    assert!(stderr(&inside(&["run", "id"])).contains("to \"/var/cache/coracle/"));
    assert_eq!(stdout(&inside(&["run", "ls", "/bin/sh", "/etc/passwd"])), "/bin/sh\n/etc/passwd\n");
    let _ = inside(&["jail", "/jail", us.to_str().unwrap(), "ls"]);
    assert!(stdout(&inside(&["run", "--root", "/jail", "ls", "/bin/"])).contains("busybox\nls\n"));
    assert!(stderr(&inside(&["breakout", "--root", "/jail"])).contains("Out: "));
}
