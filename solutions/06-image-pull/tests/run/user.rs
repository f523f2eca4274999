//! Who the command runs as.

use std::process::Stdio;
use std::time::Duration;

use testbed::{BOTH, Who, stderr};

use crate::machine::{Layer, Machine};

const WHO: &str = "echo $(id -u) $(id -g) $(id -G | tr ' ' '\\n' | sort -n) $HOME $(grep CapEff /proc/self/status | cut -f2)";

#[test]
fn the_user_is_the_images_or_the_users_choice() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"User":"web"}"#);
    for (wanted, expected) in [
        ("", "33 34 34 40 50 /srv"),
        ("33", "33 34 34 40 50 /srv"),
        ("web:log", "33 40 40 /srv"),
        ("web:7", "33 7 7 /srv"),
        ("4242", "4242 0 0 /"),
        ("4242:4343", "4242 4343 4343 /"),
        ("root", "0 0 0 50 /root"),
        (":log", "0 40 40 /root"),
        ("0:0", "0 0 0 /root"),
    ] {
        let chosen: &[&str] = if wanted.is_empty() { &[] } else { &["-u", wanted] };
        for init in [&[][..], &["--init"]] {
            let words = [chosen, init, &[&image, "sh", "-c", WHO]].concat();
            let seen = machine.prints(Who::Root, &words);
            let (numbers, capabilities) = seen.trim().rsplit_once(' ').expect("two words");
            assert_eq!(numbers, expected, "{wanted}");
            let none = capabilities.chars().all(|digit| digit == '0');
            assert_eq!(none, !expected.starts_with("0 "), "{wanted}: {capabilities}");
        }
    }
}

#[test]
fn nobody_runs_as_a_user_who_is_not_there() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image("{}");
    let nobody = machine.image(r#"{"User":"nobody"}"#);
    for who in BOTH {
        let error = machine.fails(who, &[&nobody, "true"], 125);
        assert!(error.contains("unable to find user \"nobody\""), "{error}");
        let error = machine.fails(who, &["-u", "web:none", &image, "true"], 125);
        assert!(error.contains("unable to find group \"none\""), "{error}");
        machine.fails(who, &["-u", "2147483648", &image, "true"], 125);
    }
}

#[test]
fn an_ordinary_user_has_one_number_to_give() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"User":"web"}"#);
    let error = machine.fails(Who::User, &[&image, "true"], 125);
    assert!(error.contains("-u 0"), "{error}");
    let error = machine.fails(Who::User, &["-u", "1000", &image, "true"], 125);
    assert!(error.contains("run as root"), "{error}");
    let seen = machine.prints(Who::User, &["-u", "0", &image, "sh", "-c", "id -u; echo $HOME"]);
    assert_eq!(seen, "0\n/root\n");
}

#[test]
fn hostile_files_of_users_are_read_with_care() {
    let Some(machine) = Machine::new() else { return };
    let _ = machine.host.sh("echo web:x:7:7::/host: >/tmp/passwd");
    let hostile: [(Layer, &str); 5] = [
        // Links stay in the container.
        (Layer::new().link("etc/passwd", "/../../../tmp/passwd"), "unable to find user"),
        (Layer::new().link("etc/passwd", "/etc/passwd"), "unable to find user"),
        (Layer::new().link("etc/passwd", "/dev/zero"), "unable to find user"),
        (Layer::new().pipe("etc/passwd"), "unable to find user"),
        (Layer::new().folder("etc/passwd", 0o755, 0), "unable to find user"),
    ];
    for (layer, expected) in hostile {
        let image = machine.image_with(r#"{"User":"web"}"#, layer);
        let error = machine.fails(Who::Root, &[&image, "true"], 125);
        assert!(error.contains(expected), "{error}");
    }
    // Nobody needs so many users: what stands behind them is not read.
    let noise = b"\xff\0:::\nweb:x\nweb:x:0x0:0::/:\n";
    let noise = [&noise[..], &[b'x'; 3 << 20], b"\nweb:x:33:34::/:\n"].concat();
    let image = machine.image_with("{}", Layer::new().file("etc/passwd", 0o644, 0, &noise));
    machine.fails(Who::Root, &["-u", "web", &image, "true"], 125);
    assert_eq!(machine.prints(Who::Root, &["-u", "33", &image, "id", "-u"]), "33\n");
}

#[test]
fn the_user_may_write_to_its_own_output() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"User":"web"}"#);
    // The test reads through a pipe.
    let words = [&image, "sh", "-c", "echo out >/dev/stdout; echo error >/dev/stderr"];
    let output = machine.run(Who::Root, &words.map(|word| word as &str));
    assert_eq!(testbed::stdout(&output), "out\n", "{}", stderr(&output));
    assert!(stderr(&output).ends_with("error\n"), "{}", stderr(&output));
}

#[test]
fn another_user_dies_with_its_runtime_as_well() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"User":"web"}"#);
    let _ = machine.prints(Who::Root, &[&image, "true"]);
    let before = machine.host.snapshot();
    for options in [&[][..], &["--init"]] {
        let words = [&["run", "--network", "none"], options, &[&image, "sleep", "1000"]].concat();
        let done =
            machine.host.kill_after(Who::Root, Duration::from_secs(1), &machine.program, &words);
        assert!(!done);
        // The kernel kills it at once, but not before `timeout` has ended.
        for _ in 0..100 {
            if machine.host.sh("ps -eo args= | grep '^sleep 1000' || true").is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = machine.prints(Who::Root, &[&image, "true"]);
        machine.assert_unchanged(&before, &format!("{options:?}"));
    }
}

#[test]
fn an_open_file_stays_its_owners() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image(r#"{"User":"web"}"#);
    let path = format!("/proc/{}/root/tmp/log", machine.host.pid());
    let file = std::fs::File::create(&path).expect("a file");
    let mut command = machine.command(Who::Root, &["--network", "none", &image, "echo", "x"]);
    let status = command.stdout(file).stderr(Stdio::null()).status().expect("it starts");
    assert!(status.success());
    assert_eq!(machine.host.sh("cat /tmp/log; stat -c %u /tmp/log"), "x\n0\n");
}
