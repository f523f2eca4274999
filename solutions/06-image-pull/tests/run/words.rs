//! The command, its environment and the folder that it begins in.

use testbed::{BOTH, Who, stderr, stdout};

use crate::machine::{self, Layer, Machine};

#[test]
fn the_image_says_what_to_run_and_the_user_otherwise() {
    let Some(machine) = Machine::new() else { return };
    let both = machine.image(r#"{"Entrypoint":["echo","begin"],"Cmd":["a","b"]}"#);
    let cmd = machine.image(r#"{"Cmd":["echo","cmd"]}"#);
    for who in BOTH {
        let prints = |words: &[&str]| machine.prints(who, words);
        assert_eq!(prints(&[&both]), "begin a b\n");
        assert_eq!(prints(&[&both, "c"]), "begin c\n");
        assert_eq!(prints(&["--entrypoint", "pwd", &both]), "/\n");
        assert_eq!(prints(&["--entrypoint", "echo", &both, "-n", "x"]), "x");
        assert_eq!(prints(&["--entrypoint", "", &both, "echo", "y"]), "y\n");
        assert_eq!(prints(&[&cmd]), "cmd\n");
        assert_eq!(prints(&[&cmd, "pwd"]), "/\n");
    }
}

#[test]
fn options_behind_the_image_are_the_commands() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"Entrypoint":["echo"]}"#);
    for words in [["-p", "80"], ["--init", "-e"], ["--help", "-v"], ["--", "x"]] {
        let printed = machine.prints(Who::Root, &[&image, words[0], words[1]]);
        assert_eq!(printed, format!("{}\n", words.join(" ")));
    }
    let error = machine.fails(Who::Root, &["--nonsense", &image], 125);
    assert!(error.contains("no option --nonsense"), "{error}");
}

#[test]
fn without_any_command_there_is_a_sentence() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image("{}");
    let error = machine.fails(Who::Root, &[&image], 125);
    assert!(error.contains("does not say what to run"), "{error}");
    let entrypoint = machine.image(r#"{"Entrypoint":["echo"]}"#);
    machine.fails(Who::Root, &["--entrypoint", "", &entrypoint], 125);
}

#[test]
fn the_environment_is_the_images_and_the_users() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(
        r#"{"Env":["A=of the image","B=b=b","PATH=/opt/tools:/bin","SECRET","=x"],"Cmd":["env"]}"#,
    );
    let plain = machine.image(r#"{"Cmd":["env"]}"#);
    for who in BOTH {
        let env = |options: &[&str], image: &str| {
            let words = [&["--network", "none", "--hostname", "box"], options, &[image]].concat();
            let mut command = machine.command(who, &words);
            command.env("SECRET", "of the host").env("MINE", "of the user").env("TERM", "vt100");
            command.env_remove("B");
            let output = command.output().expect("it starts");
            assert!(output.status.success(), "{}", stderr(&output));
            let mut lines: Vec<_> = stdout(&output).lines().map(String::from).collect();
            lines.sort();
            lines
        };
        assert_eq!(
            env(&[], &image),
            ["A=of the image", "B=b=b", "HOME=/root", "HOSTNAME=box", "PATH=/opt/tools:/bin"]
        );
        let options = ["-e", "A=mine", "-e", "MINE", "--env", "HOME=/h", "-e", "B", "-e", "E="];
        assert_eq!(
            env(&options, &image),
            ["A=mine", "E=", "HOME=/h", "HOSTNAME=box", "MINE=of the user", "PATH=/opt/tools:/bin",]
        );
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        assert_eq!(env(&[], &plain), ["HOME=/root", "HOSTNAME=box", path]);
        for nameless in ["=x", ""] {
            let error = machine.fails(who, &["-e", nameless, &plain], 125);
            assert!(error.contains("NAME=VALUE"), "{error}");
        }
    }
}

#[test]
fn the_command_is_searched_in_the_containers_path() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"Env":["PATH=/nowhere:/opt/tools:/bin"],"Cmd":["tool","1"]}"#);
    for who in BOTH {
        assert_eq!(machine.prints(who, &[&image]), "tool 1\n");
        let error = machine.fails(who, &["-e", "PATH=/bin", &image], 127);
        assert!(error.contains("PATH"), "{error}");
        machine.fails(who, &[&image, "/etc/passwd"], 126);
        machine.fails(who, &[&image, "/etc"], 126);
        machine.fails(who, &[&image, "/missing"], 127);
    }
}

#[test]
fn the_folder_to_begin_in_is_made_if_it_is_missing() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"WorkingDir":"/new/folder","User":"0"}"#);
    let relative = machine.image(r#"{"WorkingDir":"var/data/"}"#);
    let upwards = machine.image(r#"{"WorkingDir":"/../../../run"}"#);
    for who in BOTH {
        let seen = machine.prints(who, &[&image, "sh", "-c", "pwd; stat -c '%u %g %a' ."]);
        assert_eq!(seen, "/new/folder\n0 0 755\n");
        assert_eq!(machine.prints(who, &[&relative, "pwd"]), "/var/data\n");
        assert_eq!(machine.prints(who, &["-w", "/var/link", &image, "pwd"]), "/var/data\n");
        // Up from the root is the root.
        assert_eq!(machine.prints(who, &[&upwards, "sh", "-c", "pwd; ls"]), "/run\n");
        let error = machine.fails(who, &["-w", "data", &image, "pwd"], 125);
        assert!(error.contains("begin with /"), "{error}");
        let error = machine.fails(who, &["-w", "/etc/passwd/x", &image, "pwd"], 125);
        assert!(error.contains("a file is in the way"), "{error}");
    }
}

#[test]
fn no_link_through_proc_leads_out() {
    let Some(machine) = Machine::new() else { return };
    let layer = Layer::new().link("links", "/proc/self/fd").link("etc/passwd", "/proc/self/fd/3");
    let image = machine.image_with(r#"{"WorkingDir":"/proc/self/cwd"}"#, layer);
    let _ = machine.host.sh("mkdir -m 777 /tmp/host; touch /tmp/host/file");
    for who in BOTH {
        let error = machine.fails(who, &[&image, "true"], 125);
        assert!(error.contains("not the container's"), "{error}");
        // Some of these are folders of the host's, open in the process that becomes the command.
        for number in 0..20 {
            let folder = format!("/links/{number}");
            let script = "ls ../../../../../../../../../../../tmp/host";
            let output = machine.run(who, &["-w", &folder, &image, "sh", "-c", script]);
            assert!(!output.status.success(), "{who:?}, {number}");
            assert_eq!(stdout(&output), "", "{who:?}, {number}");
        }
        let words = ["-w", "/proc/self/root/etc", &image, "true"];
        machine.fails(who, &words, 125);
        // /etc/passwd leads nowhere, and that does no harm.
        let _ = machine.prints(who, &["-w", "/", &image, "true"]);
    }
}

#[test]
fn an_image_needs_no_folders_of_its_own() {
    let Some(machine) = Machine::new() else { return };
    let archive = Layer::new().file("busybox", 0o755, 0, &machine::busybox()).archive();
    let config = r#"{"Entrypoint":["/busybox"]}"#;
    let image = machine.put(&testbed::registry::Image::new(config).layer(&archive));
    for who in BOTH {
        let _ = machine.prints(who, &[&image, "true"]);
        let script = "busybox() { /busybox \"$@\"; }; busybox cat /etc/hostname; \
             busybox ls /; echo $HOME; busybox id -u";
        let seen = machine.prints(who, &["--hostname", "box", &image, "sh", "-c", script]);
        assert_eq!(seen, "box\nbusybox\ndev\netc\nproc\nsys\ntmp\n/\n0\n");
    }
}

#[test]
fn a_configuration_that_makes_no_sense_is_one_sentence() {
    let Some(machine) = Machine::new() else { return };
    let plain = machine.image("{}");
    let _ = machine.prints(Who::Root, &[&plain, "true"]);
    for config in [
        r#"{"Cmd":["tr\u0000ue"]}"#,
        r#"{"Cmd":["true","\u0000"]}"#,
        r#"{"Cmd":["true"],"WorkingDir":"/a\u0000b"}"#,
        r#"{"Cmd":["true"],"User":"we\u0000b\n\u001b[2J"}"#,
        r#"{"Cmd":["true"],"User":":::"}"#,
        r#"{"Cmd":["true"],"Volumes":{"/a\u0000b":{}}}"#,
        r#"{"Cmd":["true"],"Volumes":{"data":{}}}"#,
        r#"{"Cmd":["true"],"Volumes":{"/../../tmp":{}}}"#,
        r#"{"Cmd":["true"],"StopSignal":"\u001b[2J"}"#,
        r#"{"Cmd":["true"],"Env":["A\u0000=1"]}"#,
        r#"{"Cmd":["true"],"Env":["A=\u0000"]}"#,
        r#"{"Cmd":[""]}"#,
    ] {
        let image = machine.image(config);
        let before = machine.host.snapshot();
        let error = machine.fails(Who::Root, &[&image], 125);
        // It can neither move the cursor nor add a line.
        assert!(!error.contains(['\0', '\u{1b}']) && error.lines().count() == 1, "{error:?}");
        machine.assert_unchanged(&before, config);
    }
}
