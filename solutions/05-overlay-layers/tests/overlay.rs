//! Layers: what a container sees on them, what it leaves, and what it can't touch.

use std::process::{Output, Stdio};
use std::time::Duration;

use testbed::{BOTH, Host, Who, assert_same, reachable, refusals, stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sol05-overlay-layers");

fn data(who: Who) -> &'static str {
    match who {
        Who::Root => "/run/data",
        Who::User => "/run/user-home/data",
    }
}

fn program(host: &Host, who: Who, words: &[&str]) -> std::process::Command {
    let mut command = host.command(who, reachable(host, PROGRAM));
    command.args(words);
    command
}

fn call(host: &Host, who: Who, words: &[&str]) -> Output {
    program(host, who, words).output().expect("the program starts")
}

/// Runs a shell script on layers.
fn run(host: &Host, who: Who, options: &[&str], script: &str) -> Output {
    let words = [&["run", "--network", "none"], options, &["--", "sh", "-c", script]].concat();
    call(host, who, &words)
}

/// Those for whom this kernel mounts layers. An ordinary user's are copied before Linux 5.11, and
/// there is no `--upper` for him.
fn who_mounts(host: &Host) -> Vec<Who> {
    let script = "cd /run/user-home && mkdir -p try/lower try/upper try/work
         cd try && mount -t overlay -o userxattr,lowerdir=lower,upperdir=upper,workdir=work try lower
         status=$?; umount lower; rm -r ../try; exit $status";
    let mut command = host.command(Who::User, "unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
    if command.output().expect("unshare(1)").status.success() {
        return BOTH.into();
    }
    testbed::skipped("this kernel mounts no layers for an ordinary user");
    vec![Who::Root]
}

/// Three layers on this host, made by a shell script, from the static busybox. They belong to
/// whoever runs containers on them.
fn layers(host: &Host, who: Who) -> [String; 3] {
    // Not every kernel's `/tmp` keeps an ordinary user's attributes.
    let base = match who {
        Who::Root => "/tmp/layers-Root",
        Who::User => "/run/user-home/layers",
    };
    let owner = if who == Who::User { "1000:1000" } else { "0:0" };
    let _ = host.sh(&format!(
        "mkdir -p {base}/1/bin {base}/1/etc/d {base}/1/old {base}/2/etc {base}/2/bin {base}/3/etc
         cd {base}/1 && cp \"$(command -v busybox)\" bin/busybox
         for name in sh ls cat rm rmdir mkdir touch mv chmod ln echo stat grep find sleep readlink kill; do
           ln -s busybox bin/$name; done
         echo 1 >etc/one; echo 1 >etc/two; echo 1 >etc/three; echo d >etc/d/file; echo old >old/file
         echo 2 >../2/etc/two; echo 2 >../2/etc/three; mkdir ../2/new; echo 2 >../2/new/file
         echo 3 >../3/etc/three
         chown -R {owner} {base}"
    ));
    [1, 2, 3].map(|number| format!("{base}/{number}"))
}

fn options(layers: &[String]) -> Vec<&str> {
    layers.iter().flat_map(|layer| ["--layer", layer.as_str()]).collect()
}

/// Everything in a folder: kinds, modes, sizes, contents.
fn content(host: &Host, folder: &str) -> String {
    host.sh(&format!("cd '{folder}' && find . -printf '%p %y %m %s %T@ %l\\n' | sort; find . -type f | sort | xargs sha256sum"))
}

#[test]
fn the_topmost_file_is_seen_and_no_layer_changes() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let layers = layers(&host, who);
        let before: Vec<String> = layers.iter().map(|layer| content(&host, layer)).collect();
        let script = "cat /etc/one /etc/two /etc/three /new/file
             echo changed >/etc/one; rm /etc/two; rm -r /old; mkdir /old; ls /old
             chmod 600 /etc/three; ln /new/file /new/link; ls /etc; cat /etc/one";
        let output = run(&host, who, &options(&layers), script);
        assert!(output.status.success(), "{}", stderr(&output));
        let seen = stdout(&output);
        assert!(seen.starts_with("1\n2\n3\n2\n"), "{seen}");
        assert!(seen.contains("one\nresolv.conf\nthree\nchanged\n"), "{seen}");
        let after: Vec<String> = layers.iter().map(|layer| content(&host, layer)).collect();
        assert_eq!(before, after);
        // The next one starts afresh.
        let output = run(&host, who, &options(&layers), "cat /etc/one /old/file");
        assert_eq!(stdout(&output), "1\nold\n", "{}", stderr(&output));
    }
}

#[test]
fn diff_tells_what_changed() {
    let Some(host) = Host::new() else { return };
    for who in who_mounts(&host) {
        let layers = layers(&host, who);
        let upper = format!("{}-upper", data(who));
        let script = "echo new >/added; mkdir /folder; echo x >/folder/x; echo more >>/etc/one
             rm /etc/two; rm -r /old; mkdir /old; echo y >/old/y; rm -r /etc/d; echo flat >/etc/d
             rm -r /new; touch /tmp/gone; chmod 4755 /bin/busybox; ln -s nowhere /link; ln /added /hard
             mkdir /made; rmdir /made; echo same >/etc/three; rm /etc/three";
        let on_upper = [options(&layers), vec!["--upper", &upper]].concat();
        let output = run(&host, who, &on_upper, script);
        assert!(output.status.success(), "{}", stderr(&output));
        let expected = "A /added\nC /bin\nC /bin/busybox\nC /etc\nC /etc/d\nC /etc/one\nD /etc/three\nD /etc/two\n\
             A /folder\nA /folder/x\nA /hard\nA /link\nD /new\nC /old\nD /old/file\nA /old/y\n";
        let changes = call(&host, who, &["diff", &upper]);
        assert_eq!(stdout(&changes), expected, "{}", stderr(&changes));
        let words = [&["diff"], &options(&layers)[..], &[&upper]].concat();
        assert_eq!(stdout(&call(&host, who, &words)), expected);
        let stored = stdout(&call(&host, who, &["diff", "--stored", &upper]));
        for part in [
            "D /etc/two                               a whiteout: a character device 0, 0",
            "C /old                                   an opaque folder",
            "D /old/file                              not stored",
            "C /etc/one                               the upper folder has all of it, copied up",
        ] {
            assert!(stored.contains(part), "{stored}");
        }
        // The changes are there in the next run on the same folder, and only on the same layers.
        let output = run(&host, who, &on_upper, "cat /added; ls /old");
        assert_eq!(stdout(&output), "new\ny\n", "{}", stderr(&output));
        let output = run(&host, who, &["--layer", &layers[0], "--upper", &upper], "true");
        assert_eq!(output.status.code(), Some(125));
        assert!(stderr(&output).contains("holds changes to other layers"), "{}", stderr(&output));
    }
}

#[test]
fn odd_names_are_names() {
    let Some(host) = Host::new() else { return };
    for who in who_mounts(&host) {
        let [one, two, _] = layers(&host, who);
        let long = format!("{one}-{}", "x".repeat(200));
        let above = format!("{}:up,per", data(who));
        let odd = [format!("{one}:a,b\\c d"), format!("{two}=upperdir,workdir"), long];
        let _ = host.sh(&format!(
            "cp -a {one} '{}'; cp -a {two} '{}'; mkdir '{}'; mkdir -m 777 '{above}'",
            odd[0], odd[1], odd[2]
        ));
        let upper = format!("{above}/dir:x");
        let words = [options(&odd), vec!["--upper", &upper]].concat();
        let output = run(&host, who, &words, "cat /etc/two; echo x >/x");
        assert_eq!(stdout(&output), "2\n", "{}", stderr(&output));
        assert_eq!(stdout(&call(&host, who, &["diff", &upper])), "A /x\n");
    }
}

#[test]
fn five_hundred_layers() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let [base, ..] = layers(&host, who);
        let _ = host.sh(&format!(
            "for n in $(seq 499); do mkdir -p {base}-{n}/many; echo $n >{base}-{n}/many/$n; done",
            n = "$n"
        ));
        let mut all: Vec<String> = (1..500).map(|number| format!("{base}-{number}")).collect();
        all.insert(0, base.clone());
        let output = run(&host, who, &options(&all), "ls /many | grep -c .; cat /many/250");
        assert_eq!(stdout(&output), "499\n250\n", "{}", stderr(&output));
        // One more than overlayfs takes: then a copy has to do.
        all.push(format!("{base}-1"));
        let _ = host.sh(&format!("mkdir {base}-500"));
        *all.last_mut().unwrap() = format!("{base}-500");
        let output = run(&host, who, &options(&all), "ls /many | grep -c .");
        assert_eq!(stdout(&output), "499\n", "{}", stderr(&output));
        assert!(stderr(&output).contains("Copying the layers instead"), "{}", stderr(&output));
    }
}

#[test]
fn where_there_can_be_no_overlay_a_copy_does() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let layers = layers(&host, who);
        // As in a dev container: all that one can write to is an overlay already. And the layers
        // have something to be hidden.
        let data = data(who);
        let owner = if who == Who::User { "1000:1000" } else { "0:0" };
        let _ = host.sh(&format!(
            "mkdir -p {data} /tmp/o/{who:?}/u /tmp/o/{who:?}/w && chown {owner} {data} /tmp/o/{who:?}/u &&
             mount -t overlay -o lowerdir={data},upperdir=/tmp/o/{who:?}/u,workdir=/tmp/o/{who:?}/w overlay {data}
             mknod {}/etc/one c 0 0; mkdir {}/etc/d
             setfattr -n trusted.overlay.opaque -v y {}/etc/d; setfattr -n user.overlay.opaque -v y {}/etc/d || true
             chown -h {owner} {}/etc/one {}/etc/d
             printf begin >{}/holes; truncate -s 64M {}/holes; printf end >>{}/holes
             truncate -s 128M {}/holes",
            layers[1], layers[2], layers[2], layers[2], layers[1], layers[2],
            layers[0], layers[0], layers[0], layers[0]
        ));
        let script = "ls /etc/d; cat /etc/two /etc/three; ls /etc/one 2>/dev/null || echo gone; echo x >/x; cat /x
             [ $(stat -c %b /holes) -lt 1000 ] || echo the holes were filled
             stat -c %s /holes; head -c 5 /holes; dd if=/holes bs=1M skip=64 2>/dev/null | head -c 4 | tr '\\0' '.'";
        let output = run(&host, who, &options(&layers), script);
        assert!(stderr(&output).contains("No overlay here: "), "{}", stderr(&output));
        let expected = "2\n3\ngone\nx\n134217728\nbeginend.";
        assert_eq!(stdout(&output), expected, "{}", stderr(&output));
        let upper = format!("{data}/upper");
        let words = [options(&layers), vec!["--upper", &upper]].concat();
        let output = run(&host, who, &words, "true");
        assert_eq!(output.status.code(), Some(125));
        assert!(stderr(&output).contains("can't be an upper folder"), "{}", stderr(&output));
        assert_eq!(host.sh(&format!("ls -A {data}/coracle/solutions/containers")), "lock\n");
    }
}

#[test]
fn one_upper_folder_is_one_containers() {
    let Some(host) = Host::new() else { return };
    let layers = layers(&host, Who::Root);
    let words = [
        &["run", "--network", "none", "--upper", "/run/upper"],
        &options(&layers)[..],
        &["sleep", "4305"],
    ]
    .concat();
    let mut first = program(&host, Who::Root, &words).spawn().unwrap();
    let _ = host.sh("until pgrep -f '^sleep 4305'; do sleep 0.02; done");
    let output = run(
        &host,
        Who::Root,
        &[&options(&layers)[..], &["--upper", "/run/upper"]].concat(),
        "true",
    );
    assert_eq!(output.status.code(), Some(125));
    assert!(
        stderr(&output).contains("another container is writing to \"/run/upper\""),
        "{}",
        stderr(&output)
    );
    let _ = host.sh("pkill -KILL -f '^sleep 4305'");
    assert_eq!(first.wait().unwrap().code(), Some(137));
    let output = run(
        &host,
        Who::Root,
        &[&options(&layers)[..], &["--upper", "/run/upper"]].concat(),
        "true",
    );
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn the_host_sees_no_mount_and_nothing_stays() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let layers = layers(&host, who);
        assert!(run(&host, who, &options(&layers), "true").status.success());
        let before = host.snapshot();
        let words = [
            &["run", "--network", "none"],
            &options(&layers)[..],
            &["sh", "-c", "mkdir -p /a/b; chmod 0 /a/b /a; echo ready; exec sleep 4306"],
        ]
        .concat();
        let mut running = program(&host, who, &words).stdout(Stdio::piped()).spawn().unwrap();
        let _ = host.sh("until pgrep -f '^sleep 4306'; do sleep 0.02; done");
        assert!(!host.sh("cat /proc/1/mountinfo").contains("/merged"));
        let _ = host.sh("pkill -KILL -f '^sleep 4306'");
        assert_eq!(running.wait().unwrap().code(), Some(137));
        assert_same(&before, &host.snapshot());
    }
}

#[test]
fn a_killed_run_is_cleared_up_by_the_next() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let layers = layers(&host, who);
        assert!(run(&host, who, &options(&layers), "true").status.success());
        let before = host.snapshot();
        let words = [
            &["run", "--network", "none"],
            &options(&layers)[..],
            &["sh", "-c", "mkdir -p /a/b; chmod 0 /a; sleep 0.02"],
        ]
        .concat();
        for moment in 1..40 {
            let delay = Duration::from_micros(moment * 1500);
            let _ = host.kill_after(who, delay, &reachable(&host, PROGRAM), &words);
        }
        // Whoever was killed is gone only when its container's process is.
        let _ = host.sh("while pgrep -f '[s]h -c mkdir'; do sleep 0.02; done");
        let output = run(&host, who, &options(&layers), "true");
        assert!(output.status.success(), "{}", stderr(&output));
        assert_same(&before, &host.snapshot());
    }
}

#[test]
fn below_a_folder_that_was_replaced_nothing_shows_through() {
    let Some(host) = Host::new() else { return };
    for who in who_mounts(&host) {
        let layers = layers(&host, who);
        let upper = format!("{}-upper", data(who));
        let below = format!("{}/old/sub", layers[0]);
        let _ = host.sh(&format!(
            "mkdir {below}; echo 1 >{below}/one; echo 2 >{below}/two
             chown -R --reference={} {below}",
            layers[0]
        ));
        // The folder that is made inside the new one is no opaque one itself.
        let script = "rm -r /old && mkdir -p /old/sub/in && echo new >/old/sub/one &&
             mkdir -p /closed/in; chmod 0 /closed";
        let words = [&options(&layers)[..], &["--upper", &upper]].concat();
        let output = run(&host, who, &words, script);
        assert!(output.status.success(), "{}", stderr(&output));
        let expected = "A /closed\nA /closed/in\nC /old\nD /old/file\nC /old/sub\nA /old/sub/in\n\
             C /old/sub/one\nD /old/sub/two\n";
        let changes = call(&host, who, &["diff", &upper]);
        assert_eq!(stdout(&changes), expected, "{}", stderr(&changes));
        let stored = stdout(&call(&host, who, &["diff", "--stored", &upper]));
        assert!(!stored.contains("copied up") && !stored.contains("from below"), "{stored}");
    }
}

#[test]
fn a_layers_folder_moves_as_a_copy() {
    let Some(host) = Host::new() else { return };
    for who in who_mounts(&host) {
        let layers = layers(&host, who);
        let upper = format!("{}-upper", data(who));
        let output = run(
            &host,
            who,
            &[&options(&layers)[..], &["--upper", &upper]].concat(),
            "mv /old /moved; cat /moved/file",
        );
        assert_eq!(stdout(&output), "old\n", "{}", stderr(&output));
        let changes = call(&host, who, &["diff", &upper]);
        assert_eq!(stdout(&changes), "A /moved\nA /moved/file\nD /old\n", "{}", stderr(&changes));
    }
}

#[test]
fn what_a_program_may_do_is_a_change() {
    let Some(host) = Host::new() else { return };
    let layers = layers(&host, Who::Root);
    // To set the mode that a file has already is a change to the kernel, and none to `diff`.
    let script = "chmod 755 /bin/busybox";
    let output = run(
        &host,
        Who::Root,
        &[&options(&layers)[..], &["--upper", "/run/upper"]].concat(),
        script,
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let _ = host.sh("test -f /run/upper/bin/busybox");
    assert_eq!(stdout(&call(&host, Who::Root, &["diff", "/run/upper"])), "");
    // CAP_NET_RAW, as setcap(8) writes it.
    let _ = host.sh(
        "setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 /run/upper/bin/busybox",
    );
    let changes = call(&host, Who::Root, &["diff", "/run/upper"]);
    assert_eq!(stdout(&changes), "C /bin\nC /bin/busybox\n");
}

#[test]
fn the_root_folder_is_the_topmost_layers() {
    let Some(host) = Host::new() else { return };
    for who in who_mounts(&host) {
        let layers = layers(&host, who);
        let upper = format!("{}-upper", data(who));
        let _ = host.sh(&format!("chmod 751 {}", layers[2]));
        for kept in [vec![], vec!["--upper", &upper]] {
            let words = [options(&layers), kept].concat();
            let words =
                [&["run", "--network", "none"], &words[..], &["stat", "-c", "%a", "/"]].concat();
            let script = "umask 077; exec \"$@\"";
            let mut command = host.command(who, "sh");
            command.args(["-c", script, "sh"]).arg(reachable(&host, PROGRAM)).args(words);
            let output = command.output().unwrap();
            assert_eq!(stdout(&output), "751\n", "{}", stderr(&output));
        }
    }
}

#[test]
fn older_kernels_take_one_text() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let [base, ..] = layers(&host, who);
        let _ = host.sh(&format!(
            "for n in $(seq 499); do mkdir -p '{base}:,-'$n/many; echo $n >'{base}:,-'$n/many/$n; done"
        ));
        let mut all: Vec<String> = (1..500).map(|number| format!("{base}:,-{number}")).collect();
        all.insert(0, base);
        // Before Linux 6.5 any option is accepted at first; before 5.2 there is no such call.
        for (as_if, missing) in
            [("fsconfig:retval=0:when=1", "(lowerdir+)"), ("fsopen:error=ENOSYS", "(fsopen)")]
        {
            let inject = format!("inject={as_if}");
            let mut command = host.command(who, "strace");
            command.args(["-f", "-b", "execve", "-qq", "-o", "/dev/null", "-e", &inject]);
            command.arg(reachable(&host, PROGRAM)).args(["run", "--explain", "--network", "none"]);
            command.args(options(&all)).args(["sh", "-c", "ls /many | grep -c .; cat /many/250"]);
            let output = command.output().unwrap();
            assert_eq!(stdout(&output), "499\n250\n", "{as_if}: {}", stderr(&output));
            let mounted = stderr(&output).contains("mount(\"overlay\", ");
            assert!(mounted, "{as_if}: {}", stderr(&output));
            assert!(stderr(&output).contains(missing), "{as_if}: {}", stderr(&output));
        }
    }
}

#[test]
fn folders_without_end_are_removed() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let layers = layers(&host, who);
        assert!(run(&host, who, &options(&layers), "true").status.success());
        let before = host.snapshot();
        // 3000 folders inside of each other, and a process that may open 200 files.
        let script = "p=d; for i in 1 2 3 4 5 6 7 8 9; do p=$p/d; done; p=$p/$p/$p/$p/$p; p=$p/$p/$p/$p
             for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do mkdir -p $p && cd $p; done 2>/dev/null; echo x >end";
        let limited = "ulimit -n 200; exec \"$@\"";
        let mut command = host.command(who, "sh");
        command.args(["-c", limited, "sh"]).arg(reachable(&host, PROGRAM)).args([
            "run",
            "--network",
            "none",
        ]);
        let output = command.args(options(&layers)).args(["sh", "-c", script]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert_same(&before, &host.snapshot());
    }
}

#[test]
fn what_can_not_be_removed_stops_nobody() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let layers = layers(&host, who);
        assert!(run(&host, who, &options(&layers), "true").status.success());
        let dead = format!("{}/coracle/solutions/containers/0123456789ab", data(who));
        // As if a mount of a container's had reached the host.
        let _ = host.sh(&format!(
            "mkdir -m 777 -p {dead}/merged/home /tmp/home && echo dear >/tmp/home/file &&
             chown -R --reference={} {dead} /tmp/home && mount --bind /tmp/home {dead}/merged/home",
            layers[0]
        ));
        let output = run(&host, who, &options(&layers), "echo well");
        assert_eq!(stdout(&output), "well\n", "{}", stderr(&output));
        assert!(
            stderr(&output).contains("What a killed run wrote stays for now: "),
            "{}",
            stderr(&output)
        );
        assert_eq!(host.sh(&format!("umount {dead}/merged/home; cat /tmp/home/file")), "dear\n");
        let output = run(&host, who, &options(&layers), "echo well");
        assert!(!stderr(&output).contains("stays for now"), "{}", stderr(&output));
    }
}

#[test]
fn runs_begin_while_others_end() {
    let Some(host) = Host::new() else { return };
    let layers = layers(&host, Who::Root);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let output = run(&host, Who::Root, &options(&layers), "echo well");
                    assert_eq!(stdout(&output), "well\n", "{}", stderr(&output));
                }
            });
        }
    });
    assert_eq!(host.sh("ls -A /run/data/coracle/solutions/containers"), "lock\n");
}

#[test]
fn the_story_is_told() {
    let Some(host) = Host::new() else { return };
    let layers = layers(&host, Who::Root);
    let told = |more: &[&str]| {
        let words = [&options(&layers)[..], &["--explain"], more].concat();
        stderr(&run(&host, Who::Root, &words, "true"))
    };
    let story = told(&[]);
    for part in ["book 05#upper", "book 05#mount"] {
        assert!(story.contains(part), "{part}: {story}");
    }
    // Layer by layer, or, before Linux 6.5, in one text, which does without "volatile".
    let by_layer = ["\"lowerdir+\", \"/tmp/layers-Root/3\"", "move_mount("];
    let by_layer = |story: &str| by_layer.iter().all(|part| story.contains(part));
    let in_one_text = |story: &str| story.contains("mount(\"overlay\", ");
    let volatile = story.contains("\"volatile\"");
    assert!(by_layer(&story) && volatile || in_one_text(&story), "{story}");
    // What the user keeps has to reach the disk.
    let story = told(&["--upper", "/run/upper"]);
    assert!(by_layer(&story) || in_one_text(&story), "{story}");
    assert!(!story.contains("volatile"), "{story}");
}

#[test]
fn what_makes_no_sense_is_told() {
    let Some(host) = Host::new() else { return };
    for (wrong, expected) in [
        (vec!["run", "--layer", "/nowhere", "true"], "realpath(\"/nowhere\") failed"),
        (vec!["run", "--layer", "/etc/passwd", "true"], "is not a folder"),
        (vec!["run", "--layer", "/tmp", "--upper", "/", "true"], "has no name that a work folder"),
        (vec!["diff", "/etc"], "nobody noted which layers \"/etc\" belongs to"),
        (vec!["diff", "--layer", "/tmp", "/nowhere"], "opendir(\"/nowhere\") failed"),
    ] {
        let output = call(&host, Who::Root, &wrong);
        assert_eq!(output.status.code(), Some(125), "{wrong:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
}

#[test]
fn every_refused_call_is_one_sentence() {
    let Some(host) = Host::new() else { return };
    let layers = layers(&host, Who::Root);
    let program = reachable(&host, PROGRAM).display().to_string();
    let run = [
        &[program.as_str(), "run", "--network", "none"],
        &options(&layers)[..],
        &["--", "/bin/true"],
    ];
    let _ = host.sh(&format!("ln -s busybox {}/bin/true", layers[0]));
    // What the chapters before do as well.
    let tried = [
        "close",
        "mknodat",
        "mknod",
        "openat2",
        "prctl",
        "rt_sigaction",
        "symlinkat",
        "umount2",
        "sendto",
        "recvfrom",
    ];
    let mut wrong = refusals::each_call_once(&host, Who::Root, &run.concat(), "", &tried);
    // The standard library asks whether a folder is there in order to make it, and says only that
    // it could not.
    wrong.retain(|line| !(line.starts_with("statx") && line.contains("mkdir(")));
    // `nix` panics where an unlock is refused, which the kernel has no reason to do.
    wrong.retain(|line| !line.contains("Failed to remove flock"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
