//! What a user relies on while a container runs, and after one was killed.

mod machine;

use std::io::BufRead;
use std::process::{Command, Stdio};
use std::time::Duration;

use machine::{Machine, Started};
use testbed::{Who, stderr};

/// On each kind of freezer that this machine has.
fn machines() -> impl Iterator<Item = Machine> {
    [Machine::new(), Machine::with_v1_alone(), Machine::with_v2_alone()].into_iter().flatten()
}

/// A container that counts.
fn counting(machine: &Machine) -> Started {
    machine.start(&[], "i=0; while :; do i=$((i+1)); echo $i; done")
}

#[test]
fn a_paused_container_stands_still_and_goes_on() {
    for machine in machines() {
        let before = machine.host.snapshot();
        let mut started = counting(&machine);
        assert_eq!(machine.verb(&["pause", &started.id[..6]]).trim(), started.id);
        let stats = machine.verb(&["stats", "--json", &started.id]);
        assert!(stats.contains("\"cpu_percent\":0.00"), "{stats}");
        let output = machine.command(Who::Root, &["pause", &started.id]).output().expect("starts");
        assert_eq!(output.status.code(), Some(125));
        assert!(stderr(&output).contains("paused already"), "{}", stderr(&output));
        assert_eq!(machine.verb(&["unpause", &started.id]).trim(), started.id);
        // The pipe holds 64 KiB, fewer than these lines.
        let mut line = String::new();
        for _ in 0..50_000 {
            line.clear();
            started.stdout.read_line(&mut line).expect("a line");
        }
        assert!(line.trim().parse::<u64>().is_ok_and(|count| count >= 50_000), "{line}");
        let output =
            machine.command(Who::Root, &["unpause", &started.id]).output().expect("starts");
        assert!(stderr(&output).contains("is not paused"), "{}", stderr(&output));
        assert_eq!(started.end(), Some(143));
        machine.assert_unchanged(&before);
    }
}

#[test]
fn a_paused_container_can_be_ended() {
    for machine in machines() {
        let before = machine.host.snapshot();
        let started = counting(&machine);
        let _ = machine.verb(&["pause", &started.id]);
        assert_eq!(started.end(), Some(143));
        machine.assert_unchanged(&before);
    }
}

#[test]
fn what_a_killed_run_leaves_the_next_one_removes() {
    for machine in machines() {
        let before = machine.host.snapshot();
        for paused in [false, true] {
            let mut started = counting(&machine);
            if paused {
                let _ = machine.verb(&["pause", &started.id]);
            }
            started.signal("-KILL");
            let _ = started.child.wait();
            assert_eq!(machine.verb(&["stats", "--json"]), "");
            let _ = machine.sh(Who::Root, &[], "true");
            machine.assert_unchanged(&before);
        }
    }
}

#[test]
fn so_it_is_at_any_moment() {
    let Some(machine) = Machine::new() else { return };
    let before = machine.host.snapshot();
    for round in 0..20 {
        let mut child = machine
            .command(Who::Root, &["run", "--network", "none", "-m", "64M", "sleep", "1000"])
            .stdout(Stdio::null())
            .spawn()
            .expect("starts");
        // The runtime is nsenter's child, once nsenter has forked.
        let children = format!("/proc/{0}/task/{0}/children", child.id());
        let runtime = loop {
            let found = std::fs::read_to_string(&children).expect("children");
            if !found.is_empty() {
                break found;
            }
        };
        std::thread::sleep(Duration::from_millis(round * 2));
        let _ = Command::new("kill").args(["-KILL", runtime.trim()]).status();
        let _ = child.wait();
        let _ = machine.sh(Who::Root, &[], "true");
        machine.assert_unchanged(&before);
    }
}

#[test]
fn stats_show_what_is_used() {
    let Some(machine) = Machine::new() else { return };
    assert_eq!(machine.verb(&["stats"]).lines().count(), 1);
    let idle = machine.start(&["-m", "64M"], "sleep 1000; true");
    let busy = counting_into_nothing(&machine);
    let rows = machine.verb(&["stats", "--json"]);
    let row = |id: &str| rows.lines().find(|row| row.contains(id)).expect("a row").to_owned();
    let value = |row: &str, key: &str| {
        let rest = row.split_once(&format!("\"{key}\":")).expect("the key").1;
        rest.split([',', '}']).next().and_then(|number| number.parse::<f64>().ok())
    };
    assert!(value(&row(&busy.id), "cpu_percent") > Some(1.0), "{rows}");
    assert!(value(&row(&idle.id), "cpu_percent") < Some(1.0), "{rows}");
    // Init, the shell, and what it runs. (On v2 without these controllers nobody counts.)
    assert!([Some(3.0), None].contains(&value(&row(&idle.id), "pids")), "{rows}");
    assert!([Some(67_108_864.0), None].contains(&value(&row(&idle.id), "memory_limit_bytes")));
    assert_eq!(machine.verb(&["stats", "--no-stream", &idle.id[..5]]).lines().count(), 2);
    let output = machine.command(Who::Root, &["stats", "nobody"]).output().expect("starts");
    assert!(stderr(&output).contains("no running container"), "{}", stderr(&output));
    idle.end();
    busy.end();
}

fn counting_into_nothing(machine: &Machine) -> Started {
    machine.start(&[], "while :; do :; done")
}
