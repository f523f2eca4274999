//! The tour: what it tells is what the kernel shows, and nothing stays behind.

use testbed::{BOTH, Host, Who, stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_coracle");

#[test]
fn the_whole_story() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let tour = || host.command(who, testbed::reachable(&host, PROGRAM)).arg("tour").output();
        // The first one makes the root folder.
        assert!(tour().unwrap().status.success());
        let before = host.snapshot();
        let output = tour().unwrap();
        let (told, said) = (stdout(&output), stderr(&output));
        assert!(output.status.success(), "{said}");
        assert!(told.lines().all(|line| line.chars().count() <= 80), "80 columns: {told}");
        let stops: Vec<_> = told.split("\n── ").skip(1).collect();
        let [process, jail, pid_namespace, network, limits, layers, image] = stops[..] else {
            panic!("{told}")
        };
        let row = |stop: &str, question: &str| {
            let row = stop.lines().find(|line| line.starts_with(question)).unwrap().to_owned();
            row.split_whitespace().map(String::from).collect::<Vec<_>>()
        };

        assert!(process.contains("Namespaces of its own: none."));
        assert_eq!(row(process, "its number")[2], row(process, "its number")[3]);
        assert!(jail.contains("none: there is no /proc"), "{jail}");
        assert!(jail.contains("Out: / is now"), "the breakout: {jail}");
        assert!(pid_namespace.contains("Namespaces of its own: mnt, pid."), "{pid_namespace}");
        assert_eq!(row(pid_namespace, "its number")[2], "1");
        assert_ne!(row(pid_namespace, "its number")[3], "1");
        assert!(pid_namespace.contains("Still inside: / is"), "{pid_namespace}");
        assert!(network.contains("Namespaces of its own: ipc, mnt, net, pid, uts."), "{network}");
        assert_eq!(row(network, "host name")[2], "box");
        assert!(network.contains("Hello from a container."), "{network}");

        // A user without a cgroup of his own is told how to come by one.
        if limits.contains("Not here: ") {
            assert_eq!(who, Who::User, "{limits}");
        } else {
            assert!(limits.contains("\nKilled: out of memory (64 MiB limit)\n"), "{limits}");
            assert!(limits.contains("ended with status 137"), "{limits}");
            assert_eq!(row(limits, "the limit")[2..], ["67108864", "67108864"], "{limits}");
            assert_eq!(row(limits, "the count")[2..], ["oom_kill", "1", "oom_kill", "1"]);
            assert_eq!(row(limits, "its cgroup")[2], "/");
        }

        assert_eq!(row(layers, "in /srv")[2..], ["greeting", "new", "greeting", "old"]);
        assert_eq!(row(layers, "greeting")[1..], ["ahoy", "hello"]);
        let changes = "  C /srv\n  C /srv/greeting\n  A /srv/new\n  D /srv/old\n";
        assert!(layers.contains(changes), "{layers}");

        let pulled = |what: &str| image.matches(&format!(": {what}\n")).count();
        assert_eq!(pulled("Pull complete"), 3, "{image}");
        assert_eq!(pulled("Already exists"), 1, "the layer that both have: {image}");
        assert!(image.contains("\n  coracle web /srv/www\n"), "{image}");
        assert!(image.contains("Hello from an image of three layers."), "{image}");

        testbed::assert_same(&before, &host.snapshot());
    }
}

#[test]
fn an_ordinary_user_keeps_the_root_folder_at_home() {
    let Some(host) = Host::new() else { return };
    // As on a machine on which root has never used the workshop.
    let _ = host.sh("mount -t tmpfs -o mode=755 cache /var/cache");
    let mut tour = host.command(Who::User, "env");
    tour.args(["-u", "XDG_CACHE_HOME"]).arg(testbed::reachable(&host, PROGRAM)).arg("tour");
    let output = tour.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let places =
        "ls /var/cache; cd /run/user-home/.cache/coracle && ls -d sol01-chroot-jail/current";
    assert_eq!(host.sh(places), "sol01-chroot-jail/current\n");
}
