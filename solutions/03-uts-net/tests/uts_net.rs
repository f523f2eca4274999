//! What a user relies on: a name and a network of its own, ways in and out of it, and nothing left
//! behind.

mod machine;

use machine::Machine;
use testbed::{BOTH, Host, Who, refusals, stderr, stdout};

#[test]
fn the_name_is_the_containers_alone() {
    let Some(machine) = Machine::new() else { return };
    let before = machine.host.snapshot();
    for who in BOTH {
        let script = "hostname; cat /etc/hostname; dnsdomainname; cat /proc/sys/kernel/domainname";
        let options = ["--network", "none", "--hostname", "box", "--domainname", "example.org"];
        assert_eq!(machine.sh(who, &options, script), "box\nbox\nexample.org\nexample.org\n");
        let name = machine.sh(who, &["--network", "none"], "hostname");
        let is_id = name.trim().len() == 12 && name.trim().chars().all(|c| c.is_ascii_hexdigit());
        assert!(is_id, "{name}");
    }
    machine.assert_unchanged(&before, "afterwards");
}

#[test]
fn a_name_has_at_most_64_bytes() {
    let Some(machine) = Machine::new() else { return };
    for who in BOTH {
        let (longest, longer) = ("n".repeat(64), "n".repeat(65));
        let name = machine.sh(who, &["--network", "none", "--hostname", &longest], "hostname");
        assert_eq!(name.trim(), longest);
        let output = machine.run(who, &["--hostname", &longer, "true"]);
        assert_eq!(output.status.code(), Some(125));
        assert!(stderr(&output).contains("at most 64"), "{}", stderr(&output));
    }
}

#[test]
fn none_is_loopback_and_nothing_else() {
    let Some(machine) = Machine::new() else { return };
    for who in BOTH {
        let links = "ip -o link | grep UP | cut -d: -f2; ls /sys/class/net; ip route";
        assert_eq!(machine.sh(who, &["--network", "none"], links), " lo\nlo\n");
        let _ =
            machine.sh(who, &["--network", "none"], "ping -c 1 127.0.0.1 && ping -c 1 localhost");
    }
}

#[test]
fn host_is_the_hosts_network_and_name() {
    let Some(machine) = Machine::with_neighbour() else { return };
    for who in BOTH {
        let seen = machine.sh(who, &["--network", "host"], "ip -o -4 addr show dev up0; hostname");
        assert!(seen.contains("198.51.100.2/24"), "{seen}");
        assert!(seen.ends_with(&machine.host.sh("hostname")), "{seen}");
        let output = machine.run(who, &["--network", "host", "-p", "8080:80", "true"]);
        assert!(output.status.success() && stderr(&output).contains("-p is ignored"));
    }
}

#[test]
fn shared_memory_is_the_containers_alone() {
    let Some(machine) = Machine::new() else { return };
    let _ = machine.host.sh("ipcmk --shmem 4096");
    for who in BOTH {
        let seen = machine.sh(who, &["--network", "none"], "ipcs -m | grep -c 0x || true");
        assert_eq!(seen, "0\n");
    }
}

#[test]
fn a_page_is_reached_from_everywhere_it_should_be() {
    let Some(machine) = Machine::with_neighbour() else { return };
    reached_from_everywhere(&machine);
}

/// With the module br_netfilter, addresses are rewritten inside the bridge; without it, by routing.
#[test]
fn so_it_is_without_br_netfilter() {
    let Some(machine) = Machine::with_neighbour() else { return };
    let _ = machine
        .host
        .sh("f=/proc/sys/net/bridge/bridge-nf-call-iptables; [ ! -e $f ] || echo 0 > $f");
    reached_from_everywhere(&machine);
}

fn reached_from_everywhere(machine: &Machine) {
    let before = machine.host.snapshot();
    // Two that both listen on port 80.
    let one = machine.server(Who::Root, &["--hostname", "one", "-p", "8001:80"]);
    let two = machine.server(Who::Root, &["--hostname", "two", "-p", "198.51.100.2:8002:80"]);

    assert_ne!(one.address(), two.address());
    assert_eq!(machine.page(one.address()), "one");
    assert_eq!(machine.page(two.address()), "two");
    assert_eq!(machine.page("127.0.0.1:8001"), "one");
    assert_eq!(machine.page("198.51.100.2:8001"), "one");
    assert_eq!(machine.page("198.51.100.2:8002"), "two");
    assert_eq!(machine.page_outside("198.51.100.2:8001"), "one");
    assert_eq!(machine.page_outside("198.51.100.2:8002"), "two");
    // From outside, only what is published.
    assert_eq!(machine.page_outside(one.address()), "");

    // A third container reaches the first two, by their addresses and by the host's, more than once;
    // and itself.
    let host = ["198.51.100.2:8001", "198.51.100.2:8002", "198.51.100.2:8001", "198.51.100.2:8003"];
    let script = format!(
        "cp /etc/hostname /tmp/name; httpd -p 80 -h /tmp; ({};{}) | tr '\\n' ' '; echo; sleep 1000",
        machine::fetch(one.address()),
        host.map(machine::fetch).join("\n")
    );
    let three = machine.serve(Who::Root, &["-p", "8003:80", "--hostname", "three"], &script);
    assert_eq!(three.line, "one one two one three");

    one.end();
    two.end();
    three.end();
    machine.assert_unchanged(&before, "afterwards");
}

/// CVE-2020-8558: published ports make the host accept packets for 127.0.0.1 from the bridge.
#[test]
fn the_hosts_own_loopback_is_out_of_reach() {
    let Some(machine) = Machine::new() else { return };
    let _ = machine.host.sh("mkdir /tmp/www; echo secret > /tmp/www/name; \
         busybox httpd -p 127.0.0.1:8090 -h /tmp/www >/dev/null 2>&1");
    let script = format!(
        "ip addr del 127.0.0.1/8 dev lo; mount -o remount,rw /proc/sys 2>/dev/null
         echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet
         ip route add 127.0.0.1/32 via 10.83.0.1 src 10.83.0.2 || exit 1; {}",
        machine::fetch("127.0.0.1:8090")
    );
    assert_eq!(machine.sh(Who::Root, &["-p", "8001:80"], &script), "");
    // The attack is a real one: without the rule it succeeds.
    let script = format!("echo; until [ -e /www/go ]; do sleep 0.1; done; {script}");
    let mut server = machine.serve(Who::Root, &["-p", "8001:80"], &script);
    let _ = machine.host.sh("nft flush chain ip coracle_2 raw; touch /run/root/www/go");
    let mut heard = String::new();
    std::io::Read::read_to_string(&mut server.stdout, &mut heard).expect("text");
    assert_eq!(heard, "secret\n");
    server.end();
}

/// moby#45610: the address is replaced before the kernel asks whether it may come from outside.
#[test]
fn what_is_published_on_the_loopback_is_the_hosts_alone() {
    let Some(machine) = Machine::with_neighbour() else { return };
    let server = machine.server(Who::Root, &["--hostname", "one", "-p", "127.0.0.1:8001:80"]);
    assert_eq!(machine.page("127.0.0.1:8001"), "one");
    let _ = machine.host.sh("nsenter -t $(cat /run/neighbour) -n sh -c '
        ip addr del 127.0.0.1/8 dev lo; echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet
        ip route add 127.0.0.1/32 via 198.51.100.2 src 198.51.100.1'");
    assert_eq!(machine.page_outside("127.0.0.1:8001"), "");
    // The attack is a real one: without the rule it succeeds.
    let _ = machine.host.sh("nft flush chain ip coracle_2 raw");
    assert_eq!(machine.page_outside("127.0.0.1:8001"), "one");
    server.end();
}

#[test]
fn a_container_reaches_the_world_with_the_hosts_address() {
    let Some(machine) = Machine::with_neighbour() else { return };
    let _ =
        machine.host.sh("nsenter -t $(cat /run/neighbour) -n sh -c 'cd /run; echo world > name; \
         busybox httpd -p 80 -h /run' >/dev/null 2>&1");
    let page = machine.sh(Who::Root, &[], &machine::fetch("198.51.100.1"));
    assert_eq!(page, "world\n");
}

#[test]
fn udp_is_published_too() {
    let Some(machine) = Machine::with_neighbour() else { return };
    for ask in [
        "echo hello | nc -u -q 1 127.0.0.1 5353",
        "echo hello | nsenter -t $(cat /run/neighbour) -n nc -u -q 1 198.51.100.2 5353",
    ] {
        let script = "echo ready; exec timeout 5 netcat -u -l -p 53 -W 1";
        let mut server = machine.serve(Who::Root, &["-p", "5353:53/udp"], script);
        // A datagram that comes before the server listens is lost.
        let _ = machine.host.sh(&format!("sleep 0.3; {ask}"));
        let mut heard = String::new();
        std::io::Read::read_to_string(&mut server.stdout, &mut heard).expect("text");
        assert_eq!(heard, "hello\n", "{ask}");
        server.end();
    }
}

#[test]
fn a_taken_port_is_refused_before_anything_is_made() {
    let Some(machine) = Machine::new() else { return };
    for who in BOTH {
        let _ =
            machine.host.sh("busybox httpd -p 8080; nc -l -u -p 5353 >/dev/null 2>&1 & sleep 0.1");
        let before = machine.host.snapshot();
        for port in ["8080:80", "127.0.0.1:8080:80", "5353:53/udp"] {
            let output = machine.run(who, &["-p", port, "true"]);
            assert_eq!(output.status.code(), Some(125), "{}", stderr(&output));
            assert!(stderr(&output).contains("is taken by"), "{}", stderr(&output));
        }
        machine.assert_unchanged(&before, "afterwards");
        let _ = machine.host.sh("pkill -x busybox; pkill -x nc");
    }
    // And by a container.
    let server = machine.server(Who::Root, &["-p", "8080:80"]);
    let output = machine.run(Who::Root, &["-p", "8080:8080", "true"]);
    assert!(stderr(&output).contains("is taken by"), "{}", stderr(&output));
    server.end();
    // Or twice by oneself.
    for (one, other) in [("8080:80", "8080:81"), ("127.0.0.1:8080:80", "8080:80")] {
        let output = machine.run(Who::Root, &["-p", one, "-p", other, "true"]);
        assert_eq!(output.status.code(), Some(125));
        assert!(stderr(&output).contains("port 8080 of this host is published twice"));
    }
}

#[test]
fn what_is_no_port_ends_with_125() {
    let Some(machine) = Machine::new() else { return };
    for port in ["80", "0:80", "80:65536", "http:80", "80-90:80-90", "[::1]:80:80", "1.2.3.4:80:80"]
    {
        let output = machine.run(Who::Root, &["-p", port, "true"]);
        assert_eq!(output.status.code(), Some(125), "{port}: {}", stderr(&output));
    }
    let output = machine.run(Who::Root, &["--network", "none", "-p", "80:80", "true"]);
    assert_eq!(output.status.code(), Some(125));
}

#[test]
fn fifty_at_once_get_fifty_addresses_and_leave_nothing() {
    let Some(machine) = Machine::new() else { return };
    let before = machine.host.snapshot();
    // The fifo holds all of them until the last one has started.
    let script = "ip -4 -o addr show dev eth0 | awk '{print $4}'; read line";
    let mut children: Vec<_> = (0..50)
        .map(|_| {
            let mut command = machine.command(Who::Root, &["sh", "-c", script]);
            command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
            command.stderr(std::process::Stdio::piped()).spawn().expect("starts")
        })
        .collect();
    let mut addresses = std::collections::BTreeSet::new();
    for child in &mut children {
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("line");
        addresses.insert(line);
    }
    for mut child in children {
        drop(child.stdin.take());
        let output = child.wait_with_output().expect("ends");
        assert_eq!(stderr(&output), "");
    }
    assert_eq!(addresses.len(), 50, "{addresses:?}");
    machine.assert_unchanged(&before, "afterwards");
}

#[test]
fn without_nft_a_container_is_isolated_and_says_what_is_missing() {
    let Some(machine) = Machine::new() else { return };
    let _ = machine.host.sh("mount --bind /dev/null $(readlink -f $(which nft))");
    for who in BOTH {
        let output = machine.run(who, &["ping", "-c", "1", "10.83.0.1"]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stderr(&output).contains("package nftables"), "{}", stderr(&output));
        let output = machine.run(who, &["-p", "8080:80", "true"]);
        assert_eq!(output.status.code(), Some(125));
        assert!(stderr(&output).contains("package nftables"), "{}", stderr(&output));
    }
}

#[test]
fn foreign_rules_stay_and_are_told_of() {
    let Some(machine) = Machine::with_neighbour() else { return };
    let _ = machine.host.sh(
        "echo 'table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; } }' | sed 's/{/{\\n/g; s/}/\\n}/g' | nft -f -
         echo 'table inet mine { chain input { type filter hook input priority 0; tcp dport 9 drop; } }' | sed 's/{/{\\n/g; s/}/\\n}/g' | nft -f -
         echo 'table ip coracle_2 { chain old { } }' | sed 's/{/{\\n/g; s/}/\\n}/g' | nft -f -",
    );
    let rules = machine.host.sh("nft list table ip filter; nft list table inet mine");
    let output = machine.run(Who::Root, &["true"]);
    assert!(output.status.success());
    assert!(stderr(&output).contains("nft insert rule ip filter FORWARD"), "{}", stderr(&output));
    assert_eq!(machine.host.sh("nft list ruleset"), rules);
    // Whoever follows the advice is not told again, and it helps.
    let _ = machine.host.sh("nft insert rule ip filter FORWARD iifname coracle0 accept
         nft insert rule ip filter FORWARD oifname coracle0 accept");
    let output = machine.run(Who::Root, &["ping", "-c", "1", "198.51.100.1"]);
    assert!(output.status.success() && stderr(&output).is_empty(), "{}", stderr(&output));
}

#[test]
fn a_network_that_is_in_use_is_not_taken() {
    let Some(machine) = Machine::with_neighbour() else { return };
    let _ = machine.host.sh("ip route add 10.83.0.0/16 via 198.51.100.1");
    let address = machine.sh(Who::Root, &[], "ip -4 -o addr show dev eth0");
    assert!(address.contains("172.30.83.2/24"), "{address}");
    let _ = machine.host.sh("ip addr add 172.30.83.77/32 dev up0");
    let address = machine.sh(Who::Root, &[], "ip -4 -o addr show dev eth0");
    assert!(address.contains("192.168.183.2/24"), "{address}");
    for route in ["172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8"] {
        let _ = machine.host.sh(&format!("ip route add {route} via 198.51.100.1"));
    }
    let output = machine.run(Who::Root, &["true"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(stderr(&output).contains("in use on this host"), "{}", stderr(&output));
}

#[test]
fn stale_interfaces_are_in_nobodys_way() {
    let Some(machine) = Machine::new() else { return };
    let before = machine.host.snapshot();
    let _ = machine.host.sh(
        "ip link add coracle-2 type veth peer name coracle-2p; ip link add coracle0 type bridge",
    );
    let _ = machine.sh(Who::Root, &[], "ping -c 1 10.83.0.1");
    machine.assert_unchanged(&before, "afterwards");
}

/// CVE-2020-13401: a router advertisement from a container would give the host a default route.
#[test]
fn nobody_on_the_bridge_is_believed_to_be_a_router() {
    let Some(machine) = Machine::new() else { return };
    // A kernel without IPv6 believes nobody.
    let believes = |interface: &str| {
        format!("cd /proc/sys/net; [ ! -e ipv6 ] || grep -v '^0$' ipv6/conf/{interface}/accept_ra")
    };
    for who in BOTH {
        assert_eq!(machine.sh(who, &[], &format!("{}; true", believes("eth0"))), "");
    }
    let server = machine.server(Who::Root, &[]);
    assert_eq!(machine.host.sh(&format!("{}; true", believes("coracle0"))), "");
    server.end();
}

#[test]
fn forwarding_is_put_back_and_never_switched_off_for_others() {
    let Some(machine) = Machine::new() else { return };
    let forwarding = || machine.host.sh("cat /proc/sys/net/ipv4/ip_forward");
    assert_eq!(forwarding(), "0\n");
    let server = machine.server(Who::Root, &[]);
    assert_eq!(forwarding(), "1\n");
    let _ = machine.sh(Who::Root, &[], "true");
    assert_eq!(forwarding(), "1\n");
    server.end();
    assert_eq!(forwarding(), "0\n");
    let _ = machine.host.sh("echo 1 > /proc/sys/net/ipv4/ip_forward");
    let _ = machine.sh(Who::Root, &[], "true");
    assert_eq!(forwarding(), "1\n");
}

#[test]
fn where_forwarding_is_forbidden_the_rest_still_works() {
    let Some(machine) = Machine::new() else { return };
    let _ = machine.host.sh("mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys");
    let output = machine.run(Who::Root, &["ping", "-c", "1", "10.83.0.1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("nothing outside"), "{}", stderr(&output));
}

#[test]
fn names_are_looked_up_where_a_container_can_ask() {
    let Some(machine) = Machine::new() else { return };
    let servers = |options: &[&str]| machine.sh(Who::Root, options, "cat /etc/resolv.conf");
    // Over the file itself, or over nothing where the name is a link that leads nowhere.
    let host_has = |content: &str| {
        machine.host.sh(&format!(
            "umount /etc/resolv.conf 2>/dev/null || true; printf '{content}' > /run/resolv.conf
             mount --bind /run/resolv.conf $(readlink -f /etc/resolv.conf)"
        ))
    };
    let _ = host_has("search lan\\nnameserver 192.0.2.1\\n");
    assert_eq!(servers(&[]), "search lan\nnameserver 192.0.2.1\n");
    let _ = host_has("nameserver 127.0.0.53\\noptions edns0\\n");
    assert_eq!(servers(&["--network", "host"]), "nameserver 127.0.0.53\noptions edns0\n");
    assert!(servers(&[]).ends_with("\noptions edns0\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n"));
    let _ = machine.host.sh(
        "mkdir -p /run/systemd/resolve; echo nameserver 192.0.2.7 > /run/systemd/resolve/resolv.conf",
    );
    assert!(servers(&[]).ends_with("\noptions edns0\nnameserver 192.0.2.7\n"));
    let hosts = machine.sh(Who::Root, &["--hostname", "box"], "cat /etc/hosts; ping -c 1 box");
    assert!(hosts.contains("::1\tlocalhost") && hosts.contains("10.83.0.2\tbox\n"), "{hosts}");
}

#[test]
fn a_state_folder_of_somebody_elses_is_not_trusted() {
    let Some(machine) = Machine::new() else { return };
    let _ = machine.host.sh("mkdir -m 777 /tmp/coracle-1000");
    let mut command = machine.command(Who::User, &["--network", "none", "true"]);
    let output = command.env_remove("XDG_RUNTIME_DIR").output().expect("starts");
    assert_eq!(output.status.code(), Some(125), "{}", stdout(&output));
    assert!(stderr(&output).contains("can't be trusted"), "{}", stderr(&output));
}

/// Lets the calls of a run fail, and expects a sentence for each and an unchanged host after a good
/// run, which clears up behind those that were kept from clearing up themselves.
fn refuse(who: Who, options: &[&str], refusals: impl Fn(&Host, &[&str]) -> Vec<String>) {
    let Some(machine) = Machine::new() else { return };
    let before = machine.host.snapshot();
    let program = [machine.program(), "run", "--root", "/run/root"];
    let wrong = refusals(&machine.host, &[&program, options, &["--", "/bin/true"]].concat());
    assert!(wrong.is_empty(), "{who:?} {options:?}:\n{}", wrong.join("\n"));
    let _ = machine.host.sh("rm -r /tmp/trace-*");
    let _ = machine.sh(who, options, "true");
    machine.assert_unchanged(&before, "after a good run");
}

#[test]
fn every_refused_call_is_one_sentence() {
    let (who, options) = (Who::Root, ["--network", "none"]);
    refuse(who, &options, |host, run| refusals::each_call(host, who, run, ""));
}

#[test]
fn so_it_is_as_an_ordinary_user_and_in_the_hosts_network() {
    for (who, network) in [(Who::User, "none"), (Who::Root, "host")] {
        refuse(who, &["--network", network], |host, run| {
            refusals::each_call_once(host, who, run, "", &[])
        });
    }
}

#[test]
fn so_it_is_with_a_bridge() {
    // What the other networks do as well. (And what posix_spawn(3) does for `nft`.)
    let tried =
        ["close", "mkdirat", "mknodat", "mount", "openat2", "prctl", "rt_sigaction", "symlinkat"];
    let who = Who::Root;
    refuse(who, &["-p", "8080:80"], |host, run| {
        refusals::each_call_once(host, who, run, "", &tried)
    });
}
