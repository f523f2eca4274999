use crate::machine::Machine;
use testbed::{BOTH, stderr, stdout};
#[test]
fn scratch() {
    let Some(machine) = Machine::new() else { return };
    let image = machine.image("{}");
    let _ = machine.host.sh("mkdir /tmp/hostonly; chmod 777 /tmp/hostonly");
    for who in BOTH {
        for fd in 0..30 {
            let dir = format!("/proc/self/fd/{fd}");
            let up = "../".repeat(12);
            let output = machine.run(
                who,
                &["-w", &dir, &image, "sh", "-c", &format!("pwd; ls -d {up}tmp/hostonly {up}work")],
            );
            println!(
                "--- {who:?} {fd} {:?}\n{}{}",
                output.status.code(),
                stdout(&output),
                stderr(&output)
            );
        }
    }
}
