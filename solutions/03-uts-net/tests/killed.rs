//! What a run leaves that is killed at any moment, the next one clears up.

mod machine;

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use machine::Machine;
use testbed::Who;

/// Starts a run, kills it with SIGKILL after `delay`, and waits until it has gone.
fn kill_after(machine: &Machine, who: Who, delay: Duration) {
    let mut runs = Vec::new();
    for script in ["sleep 1000", "true"] {
        let mut command = machine.command(who, &["-p", "0.0.0.0:8080:80", "sh", "-c", script]);
        if script == "true" {
            // A second one at the same time, without the port.
            command = machine.command(who, &["sh", "-c", script]);
        }
        command.stdout(Stdio::null()).stderr(Stdio::null());
        runs.push(command.spawn().expect("starts"));
    }
    std::thread::sleep(delay);
    for mut run in runs {
        // The runtime is nsenter's child, once nsenter has forked.
        let children = format!("/proc/{0}/task/{0}/children", run.id());
        let runtime = loop {
            let child = std::fs::read_to_string(&children).unwrap_or_default().trim().to_owned();
            if !child.is_empty() || run.try_wait().is_ok_and(|ended| ended.is_some()) {
                break child;
            }
            std::thread::sleep(Duration::from_micros(100));
        };
        if !runtime.is_empty() {
            let _ = Command::new("kill").args(["-KILL", &runtime]).stderr(Stdio::null()).status();
        }
        let _ = run.wait();
    }
}

fn next_run_clears_up(who: Who, rounds: u32, network: &str) {
    let Some(machine) = Machine::with_neighbour() else { return };
    let before = machine.host.snapshot();
    let mut random = std::fs::File::open("/dev/urandom").expect("random numbers");
    for round in testbed::rounds(rounds) {
        let mut bytes = [0; 2];
        random.read_exact(&mut bytes).expect("random numbers");
        // Most of the setting up is done in the first tenth of a second.
        let delay = Duration::from_micros(u64::from(u16::from_ne_bytes(bytes)) * 2);
        kill_after(&machine, who, delay);
        let _ = machine.sh(who, &["--network", network], "true");
        machine.assert_unchanged(&before, &format!("round {round}, {who:?}, after {delay:?}"));
    }
}

#[test]
fn the_next_run_clears_up_behind_killed_ones() {
    next_run_clears_up(Who::Root, 60, "bridge");
}

#[test]
fn so_does_one_without_a_bridge() {
    next_run_clears_up(Who::Root, 20, "none");
}

#[test]
fn so_does_an_ordinary_users() {
    next_run_clears_up(Who::User, 20, "bridge");
}
