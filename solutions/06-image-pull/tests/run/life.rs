//! How a container from an image begins and ends.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::Duration;

use testbed::registry::Image;
use testbed::{BOTH, Who, stderr, stdout};

use crate::machine::{self, Layer, Machine};

#[test]
fn an_image_that_is_not_here_is_fetched_once() {
    let Some(machine) = Machine::new() else { return };
    let archive = Layer::new().file("busybox", 0o755, 0, &machine::busybox()).archive();
    let image = Image::new(r#"{"Cmd":["/busybox","echo","hello"]}"#).layer(&archive);
    let image = machine.put(&image);
    for who in BOTH {
        machine.fails(who, &["--pull", "never", &image], 125);
        let output = machine.run(who, &[&image]);
        assert_eq!(stdout(&output), "hello\n", "{}", stderr(&output));
        assert!(stderr(&output).contains("not here yet"), "{}", stderr(&output));
        let output = machine.run(who, &["--pull", "never", &image]);
        assert_eq!(stdout(&output), "hello\n", "{}", stderr(&output));
        assert!(!stderr(&output).contains("not here yet"), "{}", stderr(&output));
    }
}

#[test]
fn what_one_container_writes_no_other_sees() {
    let Some(machine) = Machine::new() else { return };
    let layer = Layer::new().file("opt/.wh.tools", 0o644, 0, b"").file("etc/new", 0o644, 0, b"1\n");
    let image = machine.image_with("{}", layer);
    for who in BOTH {
        let _ = machine.prints(who, &[&image, "true"]);
        let before = machine.host.snapshot();
        for _ in 0..2 {
            let script = "ls /opt; cat /etc/new; echo 2 >/etc/new; rm -r /var; cat /etc/new";
            assert_eq!(machine.prints(who, &[&image, "sh", "-c", script]), "1\n2\n");
        }
        machine.assert_unchanged(&before, "afterwards");
    }
}

#[test]
fn the_status_is_the_commands() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image("{}");
    for who in BOTH {
        let _ = machine.prints(who, &[&image, "true"]);
        let before = machine.host.snapshot();
        machine.fails(who, &[&image, "sh", "-c", "exit 3"], 3);
        machine.fails(who, &["--init", &image, "sh", "-c", "kill -9 $$"], 137);
        machine.fails(who, &["--init", &image, "sh", "-c", "kill -15 $$"], 143);
        machine.fails(who, &[&image, "missing"], 127);
        machine.fails(who, &["-u", "nobody", &image, "true"], 125);
        machine.fails(who, &["-w", "/etc/group", &image, "true"], 125);
        machine.assert_unchanged(&before, "afterwards");
    }
}

/// Starts a script that prints a line, sends SIGTERM to the runtime, and returns what the script
/// prints then, and the status.
fn stopped(machine: &Machine, who: Who, image: &str, script: &str) -> (String, Option<i32>) {
    let words = ["--network", "none", image, "sh", "-c", script];
    let mut command = machine.command(who, &words);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    let _ = machine.host.sh("kill -TERM $(pgrep -o -f '[s]ol06-image-pull run')");
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("text");
    (rest, child.wait().expect("it ends").code())
}

#[test]
fn whoever_stops_us_means_the_images_signal() {
    let Some(machine) = Machine::new() else { return };
    let script = "trap 'echo quit; exit 7' QUIT; trap 'echo term; exit 8' TERM; echo ready
        while :; do sleep 0.05; done";
    let quit = machine.image(r#"{"StopSignal":"SIGQUIT"}"#);
    let by_number = machine.image(r#"{"StopSignal":"3"}"#);
    let kill = machine.image(r#"{"StopSignal":"KILL"}"#);
    let plain = machine.image("{}");
    for who in BOTH {
        assert_eq!(stopped(&machine, who, &quit, script), ("quit\n".into(), Some(7)));
        assert_eq!(stopped(&machine, who, &by_number, script), ("quit\n".into(), Some(7)));
        assert_eq!(stopped(&machine, who, &plain, script), ("term\n".into(), Some(8)));
        assert_eq!(stopped(&machine, who, &kill, script), (String::new(), Some(137)));
    }
    let realtime = machine.image(r#"{"StopSignal":"SIGRTMIN+3"}"#);
    let script = format!("trap 'exit 9' {}; echo ready; while :; do sleep 0.05; done", 34 + 3);
    assert_eq!(stopped(&machine, Who::Root, &realtime, &script).1, Some(9));
    let nonsense = machine.image(r#"{"StopSignal":"SIGNONE"}"#);
    let error = machine.fails(Who::Root, &[&nonsense, "true"], 125);
    assert!(error.contains("SIGNONE"), "{error}");
}

#[test]
fn the_ports_that_the_image_names_are_published() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"ExposedPorts":{"80/tcp":{},"53/udp":{},"81":{},"x":{}}}"#);
    // An ordinary user's containers are reached through pasta, which needs this device.
    let _ = machine
        .host
        .sh("mount -t tmpfs -o mode=755,dev tun /dev/net && mknod -m 666 /dev/net/tun c 10 200");
    for who in BOTH {
        let _ = machine.prints(who, &[&image, "true"]);
        let before = machine.host.snapshot();
        let script = "echo $(cat /etc/hostname); nc -l -p 80 -e echo hello";
        let words = ["-P", "-p", "8081:81", &image, "sh", "-c", script];
        let mut command = machine.command(who, &words);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        // Whoever is faster than `nc` tries again.
        let mut told = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut ports = Vec::new();
        while ports.len() < 2 {
            let mut line = String::new();
            assert!(told.read_line(&mut line).expect("text") > 0, "{ports:?}");
            ports.extend(
                line.trim().split_once(" -> 0.0.0.0:").map(|(of, on)| (of.into(), on.into())),
            );
        }
        let [(udp, _), (tcp, port)]: [(String, String); 2] = ports.try_into().expect("two");
        assert_eq!((udp.as_str(), tcp.as_str()), ("53/udp", "80/tcp"));
        let ask = format!(
            "for i in $(seq 100); do busybox nc 127.0.0.1 {port} </dev/null && exit; sleep 0.1; done"
        );
        assert_eq!(machine.host.sh(&ask), "hello\n");
        assert!(child.wait().expect("it ends").success());
        machine.assert_unchanged(&before, "afterwards");
    }
    let output = machine.run(Who::Root, &["-P", &image, "true"]);
    assert!(stderr(&output).contains("-P publishes nothing here"), "{}", stderr(&output));
}

#[test]
fn limits_hold_for_images() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image("{}");
    let _ = machine.prints(Who::Root, &[&image, "true"]);
    let before = machine.host.snapshot();
    let error = machine.fails(Who::Root, &["-m", "16M", &image, "tail", "/dev/zero"], 137);
    assert!(error.contains("out of memory"), "{error}");
    let words = ["--pids-limit", "4", "-u", "web", &image, "sh", "-c"];
    let script = "for i in 1 2 3 4 5 6; do sleep 1 & done";
    let output = machine.run(Who::Root, &[&words[..], &[script]].concat());
    assert!(stderr(&output).contains("can't fork"), "{}", stderr(&output));
    machine.assert_unchanged(&before, "afterwards");
}

#[test]
fn it_explains_itself() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"User":"web","WorkingDir":"/new","Volumes":{"/var/data":{}}}"#);
    let output = machine.run(Who::Root, &["--explain", &image, "echo", "x"]);
    assert_eq!(stdout(&output), "x\n");
    let told = stderr(&output);
    for part in
        ["06#config", "06#user", "setresuid(33, 33, 33)", "06#volumes", "copy(\"/var/data\"", "05#"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn an_image_without_layers_is_one_sentence() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.put(&Image::new(r#"{"Cmd":["true"]}"#));
    let error = machine.fails(Who::Root, &[&image], 125);
    assert!(error.contains("layer"), "{error}");
}

fn next_run_clears_up(who: Who, rounds: u32) {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"Volumes":{"/var/data":{},"/new":{}},"WorkingDir":"/w"}"#);
    let _ = machine.prints(who, &[&image, "true"]);
    let before = machine.host.snapshot();
    for round in testbed::rounds(rounds) {
        // A run takes some hundredths of a second here. All over it, also if the rounds are few.
        let moment = u64::from(round * 7 % rounds);
        let delay = Duration::from_micros(moment * 120_000 / u64::from(rounds) + 2_000);
        let words = ["run", "--network", "none", "-m", "64M", &image, "sleep", "1000"];
        let words: &[&str] =
            if who == Who::User { &[&words[..3], &words[5..]].concat() } else { &words };
        let done = machine.host.kill_after(who, delay, &machine.program, words);
        assert!(!done);
        for _ in 0..2 {
            let _ = machine.prints(who, &[&image, "true"]);
        }
        machine.assert_unchanged(&before, &format!("round {round}, {who:?}, after {delay:?}"));
    }
}

#[test]
fn the_next_run_clears_up_behind_killed_ones() {
    next_run_clears_up(Who::Root, 30);
}

#[test]
fn so_does_an_ordinary_users() {
    next_run_clears_up(Who::User, 15);
}
