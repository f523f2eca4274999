//! Containers and the layers that they share.

use testbed::{BOTH, Who, stderr, stdout};

use crate::machine::{Layer, Machine, Shell};

/// The layers that are unpacked in a user's store.
fn folder(who: Who) -> &'static str {
    match who {
        Who::Root => "/run/data/coracle/solutions/store/layers",
        Who::User => "/run/user-home/data/coracle/solutions/store/layers",
    }
}

/// All that can be told of the files in it.
fn content(machine: &Machine, who: Who) -> String {
    let folder = folder(who);
    machine.host.sh(&format!(
        "cd {folder} && find . -printf '%p %y %m %U:%G %n %T@ %l\\n' | sort &&
         find . -type f -exec sha256sum {{}} + | sort"
    ))
}

fn count(machine: &Machine, who: Who) -> String {
    machine.host.sh(&format!("ls {} | wc -l", folder(who))).trim().into()
}

#[test]
fn two_containers_share_them_and_change_nothing() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"Volumes":{"/var/data":{}}}"#);
    for who in BOTH {
        let before = content(&machine, who);
        let start = || Shell::start(&machine, who, &image);
        let (mut one, mut other) = (start(), start());
        for (shell, word) in [(&mut one, "one"), (&mut other, "other")] {
            let script = "mv /opt /moved && mkdir /opt && rm /bin/nc &&";
            let script = format!("{script} echo {word} | tee /etc/group /var/data/file");
            assert_eq!(shell.line(&script), word);
        }
        for (shell, word) in [(&mut one, "one"), (&mut other, "other")] {
            assert_eq!(shell.line("cat /etc/group"), word);
            assert_eq!(shell.line("cat /var/data/file"), word);
        }
        one.end();
        // The end of one is no end of the other.
        assert_eq!(other.line("cat /etc/group /var/data/file | sort -u"), "other");
        other.end();
        assert_eq!(content(&machine, who), before);
    }
}

#[test]
fn they_stay_as_long_as_a_container_uses_them() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image("{}");
    for who in BOTH {
        assert_eq!(count(&machine, who), "2");
        let mut shell = Shell::start(&machine, who, &image);
        for words in [&["rmi", &image][..], &["prune"]] {
            let output = machine.verb(who, words);
            let told = stderr(&output);
            assert_eq!(told.matches("stays: a container uses it").count(), 2, "{told}");
        }
        assert_eq!(stdout(&machine.verb(who, &["images", "-q"])), "");
        // What it has not looked at yet is there as well.
        assert_eq!(shell.line("/opt/tools/tool 1"), "tool 1");
        shell.end();
        assert_eq!(count(&machine, who), "2");
        let freed = machine.verb(who, &["prune"]);
        assert_eq!(stdout(&freed).matches("Deleted: ").count(), 2, "{}", stdout(&freed));
        assert_eq!(stderr(&freed), "");
        assert_eq!(count(&machine, who), "0");
        // It can be had again.
        assert_eq!(machine.prints(who, &[&image, "echo", "again"]), "again\n");
    }
}

#[test]
fn what_an_upper_one_removes_is_gone() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.stack([
        Layer::new()
            .file("a/removed", 0o644, 0, b"1\n")
            .file("a/kept", 0o644, 0, b"1\n")
            .file("a/back", 0o644, 0, b"1\n")
            .file("opaque/old", 0o644, 0, b"1\n")
            .file("folder/file", 0o644, 0, b"1\n")
            .file("turned", 0o644, 0, b"1\n"),
        Layer::new()
            .file("a/.wh.removed", 0o644, 0, b"")
            .file("a/.wh.back", 0o644, 0, b"")
            .file("opaque/new", 0o644, 0, b"2\n")
            .file("opaque/.wh..wh..opq", 0o644, 0, b"")
            .file("folder", 0o644, 0, b"2\n")
            .file("turned/below", 0o644, 0, b"2\n"),
        Layer::new().file("a/back", 0o644, 0, b"3\n").file("opaque/newest", 0o644, 0, b"3\n"),
    ]);
    let script =
        "cd /; for f in $(ls -A -d a/* opaque/* folder turned/*); do echo $f $(cat $f); done
         rm a/kept; ls a; rm -r opaque && mkdir opaque && ls -A opaque";
    for who in BOTH {
        let seen = machine.prints(who, &[&image, "sh", "-c", script]);
        let expected = "a/back 3\na/kept 1\nfolder 2\nopaque/new 2\nopaque/newest 3\n\
             turned/below 2\nback\n";
        assert_eq!(seen, expected, "{who:?}");
    }
}

#[test]
fn the_newest_is_fetched_only_on_request() {
    let Some(machine) = Machine::new() else { return };
    for who in BOTH {
        let _ = machine.image(r#"{"Cmd":["echo","old"]}"#);
        let name = machine.newest();
        assert_eq!(machine.prints(who, &["--pull", "always", &name]), "old\n");
        let _ = machine.image(r#"{"Cmd":["echo","new"]}"#);
        assert_eq!(machine.prints(who, &[&name]), "old\n");
        assert_eq!(machine.prints(who, &["--pull", "never", &name]), "old\n");
        assert_eq!(machine.prints(who, &["--pull", "always", &name]), "new\n");
        assert_eq!(machine.prints(who, &[&name]), "new\n");
    }
}
