//! 03: a name, a cable, a switch.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;
use coracle::check::claim::expect;
use coracle::check::world::wire;
use coracle::lessons::look::{self, link};
use coracle::observe::{self, Interface, Network};
use nix::unistd::Pid;

use crate::look::{Found, Look};
use crate::task::{Promise, Task};
use crate::values;

pub(super) const TASKS: [Task; 3] = [
    Task {
        name: "03-name",
        values: || Ok(values::of([("name", values::name()?), ("seconds", values::seconds()?)])),
        promises: &[
            Promise::Lesson("00", "runs"),
            Promise::Lesson("03", "uts-namespace"),
            Promise::Own("hostname", "it is called {name}"),
            Promise::Lesson("03", "host-keeps-name"),
        ],
        look: |look| look.process("runs", &["sleep", look.value("seconds")?], name),
    },
    Task {
        name: "03-cable",
        values: || Ok(values::of([("seconds", values::seconds()?), ("net", net()?)])),
        promises: &[
            Promise::Lesson("00", "runs"),
            Promise::Lesson("03", "net-namespace"),
            Promise::Own("address", "an interface in there is on, and has the address {net}.2/24"),
            Promise::Own("cable", "it is one end of a cable whose other end is on the host"),
            Promise::Lesson("03", "host-to-container"),
        ],
        look: |look| look.process("runs", &["sleep", look.value("seconds")?], cable),
    },
    Task {
        name: "03-bridge",
        values: || {
            let [one, two] = values::two_seconds()?;
            let name = values::name()?;
            Ok(values::of([("name", name), ("one", one), ("two", two), ("net", net()?)]))
        },
        promises: &[
            Promise::Own("bridge", "the host has a bridge {name}, which is on"),
            Promise::Own("one", "`sleep {one}` has a network of its own, with {net}.1/24"),
            Promise::Own("two", "`sleep {two}` has another one, with {net}.2/24"),
            Promise::Own("plugged", "both cables are plugged into {name}"),
            Promise::Lesson("03", "each-other"),
        ],
        look: bridge,
    },
];

/// The first three numbers of addresses that nobody else uses.
fn net() -> Result<String> {
    Ok(format!("10.{}.{}", values::number(200)? + 20, values::number(250)? + 1))
}

fn name(look: &mut Look, pid: Pid) -> Result<()> {
    let name = look.value("name")?;
    let finding = look::own_namespace(pid, "uts", look.host.link("uts"));
    let right = || format!("/proc/{pid}/ns/uts -> {}.", link(pid, "ns/uts"));
    look.lesson("uts-namespace", finding, right, None);
    let its = wire::host_name(pid)?;
    look.finding(
        "hostname",
        match its == name {
            true => Ok(format!("`nsenter --target {pid} --uts hostname`: {its}.")),
            false => Err(format!(
                "`nsenter --target {pid} --uts hostname`: {its}. The name is set inside, with \
             `hostname {name}`, before the shell becomes `sleep`."
            )),
        },
    );
    let hosts = wire::host_name(Pid::this())?;
    let finding = expect(hosts != name, || format!("`hostname` on the host: {hosts}"));
    let mistake = "You have renamed the host: the name was set without a UTS namespace of its own, \
         or before there was one. Give the host another name again.";
    let right = || format!("`hostname` on the host: {hosts}.");
    look.lesson("host-keeps-name", finding, right, Some(mistake));
    Ok(())
}

fn net_namespace(look: &mut Look, id: &str, pid: Pid) {
    let finding = look::own_namespace(pid, "net", look.host.link("net"));
    let right = || format!("/proc/{pid}/ns/net -> {}.", link(pid, "ns/net"));
    let mistake = "It was started on the host: `ip netns exec NAME sleep …`, `unshare --net` or \
         `nsenter --net` start it elsewhere.";
    look.lesson(id, finding, right, Some(mistake));
}

/// The interface with this address, switched on; or what is wrong.
fn with_address(network: &Network, address: Ipv4Addr) -> Result<&Interface, String> {
    let has = |it: &&Interface| it.addresses.iter().any(|its| its.address == IpAddr::from(address));
    let Some(found) = network.interfaces.iter().find(has) else {
        let all: Vec<_> = network.interfaces.iter().map(shown).collect();
        return Err(format!("In there are {}: none has {address}.", all.join(", ")));
    };
    let prefix = found.addresses.iter().find(|it| it.address == IpAddr::from(address));
    let prefix = prefix.map_or(0, |it| it.prefix);
    if prefix != 24 {
        return Err(format!(
            "{}. With /{prefix} its network is not the one that it shares with the other end: \
             without a /24 behind the address `ip` takes /32.",
            shown(found)
        ));
    }
    if !found.up {
        return Err(format!(
            "{} is off: every interface begins so. `ip link set {} up`.",
            shown(found),
            found.name
        ));
    }
    Ok(found)
}

fn shown(interface: &Interface) -> String {
    let all: Vec<_> = interface.addresses.iter().map(ToString::to_string).collect();
    let addresses = if all.is_empty() { "no address".to_owned() } else { all.join(" ") };
    format!("{} ({addresses})", interface.name)
}

/// The other end of a cable, if that is on the host.
fn other_end<'a>(end: &Interface, hosts: &'a Network) -> Result<&'a Interface, String> {
    if end.kind.as_deref() != Some("veth") {
        let kind = end.kind.as_deref().unwrap_or("no cable");
        return Err(format!("{} is {kind}, and not an end of a veth pair.", shown(end)));
    }
    let is_it = |it: &&Interface| {
        it.kind.as_deref() == Some("veth")
            && Some(it.index) == end.peer
            && it.peer == Some(end.index)
    };
    hosts.interfaces.iter().find(is_it).ok_or_else(|| {
        format!("The other end of {} is not on the host: only one end is moved.", end.name)
    })
}

fn cable(look: &mut Look, pid: Pid) -> Result<()> {
    net_namespace(look, "net-namespace", pid);
    if !look.holds("net-namespace") {
        return Ok(());
    }
    let address: Ipv4Addr = format!("{}.2", look.value("net")?).parse()?;
    let (inside, hosts) = (observe::network(pid)?, observe::network(Pid::this())?);
    let end = match with_address(&inside, address) {
        Ok(end) => end,
        Err(wrong) => {
            look.finding("address", Err(wrong));
            return Ok(());
        }
    };
    look.finding("address", Ok(format!("`nsenter --target {pid} --net ip addr`: {}.", shown(end))));
    let other = match other_end(end, &hosts) {
        Ok(other) => other,
        Err(wrong) => {
            look.finding("cable", Err(wrong));
            return Ok(());
        }
    };
    look.finding("cable", Ok(format!("{} there, {} here.", end.name, shown(other))));
    let answers = wire::answers(Pid::this(), address)?;
    let mistake = if other.up {
        "Does the host's end have an address of the same network, such as .1/24?"
    } else {
        "The host's end is off, and both have to be on: `ip link set NAME up`."
    };
    let finding = expect(answers, || format!("`ping {address}` on the host: nobody answers"));
    let right = || format!("`ping {address}` on the host is answered.");
    look.lesson("host-to-container", finding, right, Some(mistake));
    Ok(())
}

fn bridge(look: &mut Look) -> Result<()> {
    let (name, net) = (look.value("name")?, look.value("net")?);
    let hosts = observe::network(Pid::this())?;
    let bridge = hosts.interface(name);
    look.finding("bridge", is_bridge(bridge, name));
    let mut ends = Vec::new();
    for (id, host) in [("one", 1), ("two", 2)] {
        let address: Ipv4Addr = format!("{net}.{host}").parse()?;
        let pids = std::cell::Cell::new(None);
        look.process(id, &["sleep", look.value(id)?], |look, pid| {
            net_namespace(look, id, pid);
            if !look.holds(id) {
                return Ok(());
            }
            match with_address(&observe::network(pid)?, address) {
                Ok(_) => pids.set(Some(pid)),
                Err(wrong) => look.finding(id, Err(wrong)),
            }
            Ok(())
        })?;
        if let Some(pid) = pids.take() {
            ends.push((pid, address));
        }
    }
    let [(one, _), (two, address)] = ends[..] else { return Ok(()) };
    let Some(bridge) = bridge.filter(|_| look.holds("bridge")) else { return Ok(()) };
    if link(one, "ns/net") == link(two, "ns/net") {
        let same = "Both are in the same network: each needs a network namespace of its own.";
        look.finding("two", Err(same.into()));
        return Ok(());
    }
    for (pid, address) in &ends {
        let network = observe::network(*pid)?;
        let found = with_address(&network, *address)
            .and_then(|end| other_end(end, &hosts))
            .and_then(|other| plugged(other, bridge));
        look.finding("plugged", found);
    }
    if !look.holds("plugged") {
        return Ok(());
    }
    let answers = wire::answers(one, address)?;
    let finding = expect(answers, || {
        format!("`nsenter --target {one} --net ping {address}`: nobody answers")
    });
    let right = || format!("`nsenter --target {one} --net ping {address}` is answered.");
    look.lesson("each-other", finding, right, None);
    Ok(())
}

fn is_bridge(bridge: Option<&Interface>, name: &str) -> Found {
    match bridge {
        None => Err(format!(
            "The host has no interface {name}. A bridge has its own kind: `type bridge`."
        )),
        Some(it) if it.kind.as_deref() != Some("bridge") => {
            let kind = it.kind.as_deref().unwrap_or("hardware");
            Err(format!("{name} is there, but it is a {kind}."))
        }
        Some(it) if !it.up => {
            Err(format!("{name} is off: a switch without power. `ip link set {name} up`."))
        }
        Some(_) => Ok(format!("`ip link show {name}` on the host: a bridge, and on.")),
    }
}

/// The host's end of a cable is in the bridge, and on.
fn plugged(end: &Interface, bridge: &Interface) -> Found {
    if end.master != Some(bridge.index) {
        return Err(format!(
            "{} is on the host, and not plugged in: `ip link set {} master {}`.",
            end.name, end.name, bridge.name
        ));
    }
    if !end.up {
        return Err(format!("{} is plugged in, and off: `ip link set {} up`.", end.name, end.name));
    }
    Ok(format!("{} has {}, and the other one, too.", bridge.name, end.name))
}
