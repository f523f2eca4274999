//! Volumes: the image's, fresh ones, the host's.

use testbed::{BOTH, Who, stderr, stdout};

use crate::machine::{Layer, Machine};

#[test]
fn a_fresh_volume_begins_with_what_the_image_has_there() {
    let Some(machine) = Machine::new() else { return };
    // The one through a link, the other one where the image has nothing.
    let image = machine.image(r#"{"Volumes":{"/var/link":{},"/new":{}}}"#);
    for who in BOTH {
        let _ = machine.prints(who, &[&image, "true"]);
        let before = machine.host.snapshot();
        let script = "cat /var/data/file; stat -c '%a %u:%g %n' /var/data /var/data/file /new
             ls /new; grep -c ' /var/data \\| /new ' /proc/self/mountinfo
             echo changed >/var/data/file && echo new >/new/file && cat /var/data/file /new/file";
        let seen = machine.prints(who, &[&image, "sh", "-c", script]);
        let owner = if who == Who::Root { "33:34" } else { "0:0" };
        assert_eq!(
            seen,
            format!(
                "of the image\n750 {owner} /var/data\n640 {owner} /var/data/file\n755 0:0 /new\n\
                 2\nchanged\nnew\n"
            )
        );
        // It goes with the container.
        machine.assert_unchanged(&before, "afterwards");
        assert_eq!(machine.prints(who, &[&image, "cat", "/var/data/file"]), "of the image\n");
        let own = ["-v", "/var/data", &image, "sh", "-c", "cat /var/data/file; ls /"];
        assert!(machine.prints(who, &own).starts_with("of the image\n"));
    }
}

#[test]
fn the_callers_umask_keeps_nobody_in_the_container_out() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"Volumes":{"/new":{}}}"#);
    let program = machine.program.display();
    let script = "umask; stat -c '%a %n' /new /etc/hosts /etc/hostname /etc/resolv.conf";
    let run = format!("umask 077; {program} run --network none {image} sh -c \"{script}\"");
    assert_eq!(
        machine.host.sh(&run),
        "0022\n755 /new\n644 /etc/hosts\n644 /etc/hostname\n644 /etc/resolv.conf\n"
    );
}

#[test]
fn the_hosts_folders_and_files_can_be_seen() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"Volumes":{"/data":{}}}"#);
    for who in BOTH {
        let _ = machine.host.sh(
            "rm -rf /tmp/work; mkdir -p /tmp/work/sub; echo host >/tmp/work/sub/file; chmod -R a+rwX /tmp/work",
        );
        let run = |options: &[&str], script: &str| {
            let words = [&["--network", "none"], options, &[&image, "sh", "-c", script]].concat();
            let mut command = machine.command(who, &words);
            command.current_dir("/");
            command.output().expect("it starts")
        };
        // In the place of the image's own volume.
        let output = run(&["-v", "/tmp/work/sub:/data"], "cat /data/file; echo c >/data/container");
        assert_eq!(stdout(&output), "host\n", "{}", stderr(&output));
        assert_eq!(machine.host.sh("cat /tmp/work/sub/container"), "c\n");
        let script = "cat /data/file; touch /data/x 2>/dev/null || echo refused";
        let output = run(&["-v", "/tmp/work/sub:/data:ro"], script);
        assert_eq!(stdout(&output), "host\nrefused\n", "{}", stderr(&output));
        let output = run(&["-v", "/tmp/work/sub/file:/some/new/file"], "cat /some/new/file");
        assert_eq!(stdout(&output), "host\n", "{}", stderr(&output));
        // One inside of another, in any order.
        let options = ["-v", "/tmp/work/sub:/a/b/sub:ro", "-v", "/tmp/work:/a/b"];
        let script = "cat /a/b/sub/file; touch /a/b/x && touch /a/b/sub/x 2>/dev/null || echo ro";
        assert_eq!(stdout(&run(&options, script)), "host\nro\n");
        // Docker makes what is missing, and we say so.
        let output = run(&["-v", "/tmp/work/missing/too:/data"], "echo x >/data/x");
        assert!(stderr(&output).contains("has been made"), "{}", stderr(&output));
        assert_eq!(machine.host.sh("cat /tmp/work/missing/too/x"), "x\n");
    }
    // What could not be made is not said to be.
    let _ = machine.host.sh("mkdir -m 700 /tmp/closed");
    let error = machine.fails(Who::User, &["-v", "/tmp/closed/x:/data", &image, "true"], 125);
    assert!(error.contains("not yours") && !error.contains("has been made"), "{error}");
}

#[test]
fn a_relative_folder_is_where_the_user_stands() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image("{}");
    let program = machine.program.display();
    let script = format!(
        "mkdir -p /tmp/here/x && echo 1 >/tmp/here/x/file && cd /tmp/here && \
         {program} run --network none -v ./x:/x {image} cat /x/file 2>/dev/null && \
         {program} run --network none -v .:/x {image} cat /x/x/file"
    );
    assert_eq!(machine.host.sh(&script), "1\n1\n");
}

#[test]
fn the_files_of_the_network_are_there_in_spite_of_volumes() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image("{}");
    let _ = machine.host.sh("mkdir /tmp/etc; echo mine >/tmp/hosts");
    let options = ["--hostname", "box", "-v", "/tmp/etc:/etc", "-v", "/tmp/hosts:/etc/hosts"];
    let words = [&options[..], &[&image, "cat", "/etc/hostname", "/etc/hosts"]].concat();
    assert_eq!(machine.prints(Who::Root, &words), "box\nmine\n");
}

/// What is read in /proc is the kernel's own word, and what is made in /dev is not made on the host.
#[test]
fn links_in_the_image_lead_no_volume_over_proc_and_no_device_to_the_host() {
    let Some(machine) = Machine::new() else { return };
    let layer = Layer::new().link("data", "/proc").link("deep", "proc/self").link("devices", "dev");
    let image = machine.image_with("{}", layer);
    for who in BOTH {
        let _ = machine.host.sh("rm -rf /tmp/given; mkdir -m 777 /tmp/given");
        for target in ["/data", "/data/sys", "/deep/attr"] {
            let volume = format!("/tmp/given:{target}");
            for volume in [volume.as_str(), target] {
                let error = machine.fails(who, &["-v", volume, &image, "true"], 125);
                assert!(error.contains("leads to the container's /proc"), "{volume}: {error}");
            }
        }
        let volume = ["-v", "/tmp/given:/devices", &image, "ls", "/dev"];
        assert_eq!(machine.prints(who, &volume), "");
        assert_eq!(machine.host.sh("ls -A /tmp/given"), "");
    }
}

#[test]
fn links_in_the_image_lead_a_volume_nowhere_else() {
    let Some(machine) = Machine::new() else { return };
    let layer = Layer::new().link("out", "/../../../tmp/victim").link("circle", "circle");
    let layer = layer.link("data", "../../../../etc");
    let image = machine.image_with("{}", layer);
    for who in BOTH {
        let _ = machine.host.sh("rm -rf /tmp/victim /tmp/given; mkdir -p /tmp/victim/x /tmp/given
             echo untouched >/tmp/victim/x/file; echo given >/tmp/given/file
             chown -R 1000 /tmp/victim /tmp/given");
        let _ = machine.prints(who, &[&image, "true"]);
        let before = machine.host.snapshot();
        let words = ["-v", "/tmp/given:/out/x", &image, "cat", "/tmp/victim/x/file"];
        assert_eq!(machine.prints(who, &words), "given\n");
        // Fresh ones take nothing of the host's either.
        let words = ["-v", "/out/x", &image, "ls", "/tmp/victim/x"];
        assert_eq!(machine.prints(who, &words), "");
        machine.fails(who, &["-v", "/circle/x", &image, "true"], 125);
        machine.fails(who, &["-v", "/etc/passwd/x", &image, "true"], 125);
        machine.assert_unchanged(&before, "afterwards");
        // The container's /etc, where its own /etc/hosts is mounted as well.
        let script = "cat /etc/file && echo etc >/data/file && cat /etc/hostname";
        let words = ["--hostname", "box", "-v", "/tmp/given:/data", &image, "sh", "-c", script];
        assert_eq!(machine.prints(who, &words), "given\nbox\n");
        assert_eq!(machine.host.sh("cat /tmp/given/file; ! ls /etc/file 2>/dev/null"), "etc\n");
    }
}

#[test]
fn the_hosts_devices_can_be_seen_and_are_left_alone() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image("{}");
    let before = machine.host.sh("ls -A /dev");
    for who in BOTH {
        let words = ["-v", "/dev:/dev", &image, "sh", "-c", "echo x >/dev/null && ls -A /dev"];
        assert_eq!(machine.prints(who, &words), before);
    }
    assert_eq!(machine.host.sh("ls -A /dev"), before);
}

#[test]
fn what_is_no_volume_is_refused_in_words() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image("{}");
    for (volume, says) in [
        ("name:/data", "chapter 09"),
        ("/a:data", "begin with /"),
        ("/a:/", "neither / itself"),
        ("/a:/x/../y", "without `..`"),
        ("/a:/x:wo", "no option \"wo\""),
        ("/a:/proc/sys", "/proc"),
    ] {
        let error = machine.fails(Who::Root, &["-v", volume, &image, "true"], 125);
        assert!(error.contains(says), "{volume}: {error}");
    }
    // The tree is what it is only when the container is made.
    let _ = machine.host.sh("mkdir /tmp/folder && touch /tmp/file && ln -s none /tmp/dangling");
    for (volume, says) in [
        ("/etc/passwd", "a file can be mounted on a file only"),
        ("/tmp/folder:/etc/passwd", "a file can be mounted on a file only"),
        ("/tmp/file:/bin", "a file can be mounted on a file only"),
        ("/tmp/dangling:/x", "/tmp/dangling"),
    ] {
        let error = machine.fails(Who::Root, &["-v", volume, &image, "true"], 125);
        assert!(error.contains(says), "{volume}: {error}");
    }
    let twice = ["-v", "/tmp:/x", "-v", "/run:/x/", &image, "true"];
    let error = machine.fails(Who::Root, &twice, 125);
    assert!(error.contains("two volumes"), "{error}");
}
