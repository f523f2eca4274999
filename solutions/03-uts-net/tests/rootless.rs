//! An ordinary user's way out: pasta or slirp4netns, or a sentence.

mod machine;

use machine::Machine;
use testbed::{Who, stderr};

/// Makes `/dev/net/tun` on this host (and only there) what it is elsewhere, or not.
fn tun(machine: &Machine, mode: &str) {
    let _ = machine.host.sh(&format!(
        "mount -t tmpfs -o mode=755,dev tun /dev/net && mknod -m {mode} /dev/net/tun c 10 200"
    ));
}

fn without(machine: &Machine, program: &str) {
    let _ = machine.host.sh(&format!("mount --bind /dev/null $(which {program})"));
}

/// A page is reached through a published port, and the neighbour from the container.
fn both_ways(machine: &Machine) {
    let before = machine.host.snapshot();
    let _ =
        machine.host.sh("nsenter -t $(cat /run/neighbour) -n sh -c 'cd /run; echo world > name; \
         busybox httpd -p 80 -h /run' >/dev/null 2>&1");
    let page = machine.sh(Who::User, &[], &machine::fetch("198.51.100.1"));
    assert_eq!(page, "world\n");
    let _ = machine.host.sh("pkill -x busybox; rm /run/name");

    let options = ["--hostname", "mine", "-p", "8001:80", "-p", "127.0.0.1:8002:80"];
    let server = machine.server(Who::User, &options);
    assert_eq!(machine.page("127.0.0.1:8001"), "mine");
    assert_eq!(machine.page("127.0.0.1:8002"), "mine");
    assert_eq!(machine.page_outside("198.51.100.2:8001"), "mine");
    assert_eq!(machine.page_outside("198.51.100.2:8002"), "");
    server.end();

    let script = "echo ready; exec timeout 5 netcat -u -l -p 53 -W 1";
    let mut server = machine.serve(Who::User, &["-p", "5353:53/udp"], script);
    let _ = machine.host.sh("sleep 0.3; echo hello | nc -u -q 1 127.0.0.1 5353");
    let mut heard = String::new();
    std::io::Read::read_to_string(&mut server.stdout, &mut heard).expect("text");
    assert_eq!(heard, "hello\n");
    server.end();
    machine.assert_unchanged(&before, "afterwards");
}

#[test]
fn pasta_is_a_way_out_and_in() {
    let Some(machine) = Machine::with_neighbour() else { return };
    tun(&machine, "666");
    without(&machine, "slirp4netns");
    both_ways(&machine);
}

#[test]
fn slirp4netns_is_a_way_out_and_in() {
    let Some(machine) = Machine::with_neighbour() else { return };
    tun(&machine, "666");
    without(&machine, "pasta");
    both_ways(&machine);
}

#[test]
fn without_a_way_out_it_says_so_and_goes_on() {
    let Some(machine) = Machine::with_neighbour() else { return };
    tun(&machine, "600");
    let before = machine.host.snapshot();
    let says = |options: &[&str], sentence: &str| {
        let output = machine.run(Who::User, &[options, &["ping", "-c", "1", "10.83.0.1"]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stderr(&output).contains(sentence), "{}", stderr(&output));
    };
    says(&[], "/dev/net/tun may not be opened by you");
    says(&["-p", "8001:80"], "from inside only");
    machine.assert_unchanged(&before, "afterwards");
    let _ = machine.host.sh("umount /dev/net");
    tun(&machine, "666");
    without(&machine, "pasta");
    without(&machine, "slirp4netns");
    says(&[], "neither pasta (package passt) nor slirp4netns is installed");
}
