//! The way out works, leaves nothing behind, and knows when it led nowhere.

use std::process::Output;

use testbed::{BOTH, Host, Who, stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sol01-chroot-jail");

fn program(host: &Host, who: Who, words: &[&str]) -> Output {
    host.command(who, testbed::reachable(host, PROGRAM)).args(words).output().unwrap()
}

#[test]
fn gets_out_and_leaves_nothing_behind() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let jail = format!("/tmp/jail-{who:?}");
        assert!(program(&host, who, &["jail", &jail, "sh"]).status.success());
        let before = host.snapshot();
        let output = program(&host, who, &["breakout", "--root", &jail]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        // There is no `ls` in this jail: it is the host's that runs, and it sees the host's root.
        assert_eq!(stdout(&output), host.sh("ls /"), "{who:?}");
        let said = stderr(&output);
        for words in ["In the jail: ", "mkdir(", "chroot(\"", "chdir(\"..\"), 2 times", "Out: / is"]
        {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert_eq!(host.snapshot(), before);

        let words = ["breakout", "--root", &jail, "sh", "-c", "readlink /proc/self/root; exit 3"];
        let output = program(&host, who, &words);
        assert_eq!((stdout(&output), output.status.code()), ("/\n".into(), Some(0)));
        let output = program(&host, who, &["breakout", "--root", &jail, "no-such-program"]);
        assert_eq!(output.status.code(), Some(127));
    }
}

#[test]
fn out_of_the_default_root() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let output = program(&host, who, &["breakout"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
}

#[test]
fn a_root_that_cannot_be_written_to() {
    let Some(host) = Host::new() else { return };
    assert!(program(&host, Who::Root, &["jail", "/tmp/jail", "true"]).status.success());
    let _ = host.sh("mount --bind /tmp/jail /tmp/jail; mount -o remount,bind,ro /tmp/jail");
    for who in BOTH {
        let output = program(&host, who, &["breakout", "--root", "/tmp/jail"]);
        assert_eq!(output.status.code(), Some(125));
        assert!(stderr(&output).contains("that can be written to"), "{}", stderr(&output));
    }
    // With a /tmp in it it goes.
    let _ = host.sh("mount -t tmpfs -o mode=1777 tmp /tmp/jail/tmp");
    for who in BOTH {
        let output = program(&host, who, &["breakout", "--root", "/tmp/jail"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    assert_eq!(host.sh("ls -A /tmp/jail/tmp"), "");
}

#[test]
fn there_is_nothing_above_a_pivoted_root() {
    let Some(host) = Host::new() else { return };
    let us = testbed::reachable(&host, PROGRAM);
    let us = us.to_str().unwrap();
    assert!(
        program(&host, Who::Root, &["jail", "/tmp/jail", "sh", "ls", "umount", "rmdir", us])
            .status
            .success()
    );
    // What chapter 02 does, by hand.
    let script = format!(
        "mount --make-rprivate / && mount --bind /tmp/jail /tmp/jail &&
         mount --rbind /proc /tmp/jail/proc && cd /tmp/jail &&
         mkdir old && pivot_root . old && cd / && umount -l /old && rmdir /old && exec {us} breakout --root / ls /"
    );
    let output =
        host.command(Who::Root, "unshare").args(["-m", "sh", "-c", &script]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("Still inside"), "{}", stderr(&output));
    assert_eq!(stdout(&output), host.sh("ls /tmp/jail"));
    assert_eq!(host.sh("ls -A /tmp/jail | grep way-out || true"), "");
}
