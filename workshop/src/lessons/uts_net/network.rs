//! What is examined with the host's network, and with a network of the container's own.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Result;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::claims::{self, FROM_HOST, WITH_NFT};
use super::{in_the_end, link, name, own_namespace};
use crate::check::claim::{Finding, Wrong, expect};
use crate::check::exam::Exam;
use crate::check::world::{Door, Host, Running, Trouble, wire};

/// `--network host`.
pub(super) fn of_the_host(exam: &mut Exam, host: &Host, root: &Path) -> Result<()> {
    let call = exam.world.call().root(root).options(&["--network", "host"]);
    let mut running = host.start(&exam.world, &call.probe("/bin/probe", &["hold"]))?;
    let held = running.held();
    let Some(pid) = exam.found("host", held) else { return Ok(()) };
    let (its, hosts) = (link(pid, "ns/net"), host.namespace("net")?);
    exam.finding(
        "host",
        expect(its == hosts, || format!("/proc/{pid}/ns/net -> {its}, and the host's is {hosts}")),
    );
    let outcome = running.release(pid);
    exam.found("host", outcome);
    Ok(())
}

/// A container that listens, as the examiner knows it.
struct Server {
    running: Running,
    pid: Pid,
    at: SocketAddr,
    text: String,
    /// What it asks before it listens, and who is there: the host, and the host's neighbour.
    asks: [String; 2],
    doors: [Door; 2],
}

/// Ends a container, whatever it does.
fn end(running: Running, probe: Pid) {
    let _ = kill(probe, Signal::SIGKILL);
    let _ = running.wait();
}

/// Where containers with a network are tried.
pub(super) struct Wires<'a> {
    pub(super) host: &'a Host,
    pub(super) neighbour: &'a Host,
    pub(super) root: &'a Path,
    /// The name server that the host has, and that containers can reach.
    pub(super) name_server: Option<Ipv4Addr>,
}

/// `--network bridge`, which is what a container gets that asks for nothing.
pub(super) fn bridge(exam: &mut Exam, wires: &Wires) -> Result<()> {
    let ordinary = exam.world.user().is_some();
    for id in FROM_HOST.iter().filter(|_| ordinary) {
        exam.leave_out(id, claims::NO_HOST_NETWORK);
    }
    let nft = chroot_jail::needs::find_system_program("nft").is_some();
    for id in WITH_NFT.iter().filter(|_| !nft) {
        exam.leave_out(id, claims::NO_NFT);
    }
    let Some(mut one) = alone(exam, wires)? else { return Ok(()) };
    if !ordinary {
        reached(exam, wires, &mut one, nft)?;
    }
    if !ordinary && exam.goes_on() && exam.holds("host-to-container") {
        two(exam, wires, &one, nft)?;
    }
    end(one.running, one.pid);
    Ok(())
}

/// One container: its interfaces and its routes. It is left holding still.
fn alone(exam: &mut Exam, wires: &Wires) -> Result<Option<Server>> {
    let Wires { host, neighbour, root, name_server } = *wires;
    let (text, port) = (exam.world.word(), port(exam));
    let doors = [host.listen(wire::HOST)?, neighbour.listen(wire::NEIGHBOUR)?];
    let asks = [doors[0].address()?, doors[1].address()?].map(|it| format!("ask:{it}"));
    let serve = format!("serve:{port}={text}");
    let mut actions = vec!["report", "hold"];
    let ordinary = exam.world.user().is_some();
    // An ordinary user's container may have no way there, and would wait for an answer.
    actions.extend(asks.iter().map(String::as_str).filter(|_| !ordinary));
    actions.push(&serve);
    // Nothing is asked for: neither a name nor a network.
    let call = exam.world.call().root(root).probe("/bin/probe", &actions);
    let mut running = host.start(&exam.world, &call)?;
    let held = running.held();
    let Some(pid) = exam.found("bridge", held) else { return Ok(None) };
    own_namespace(exam, host, pid, "net-namespace", "net")?;
    if !exam.holds("net-namespace") {
        return Ok(None);
    }

    let its = wire::host_name(pid)?;
    let named = !its.is_empty() && its != host.name;
    exam.finding(
        "own-name",
        expect(named, || format!("`nsenter --target {pid} --uts hostname`: {its}")),
    );
    let first = running.facts().text("interfaces").to_owned();
    let routed = |routes: String| routes.lines().any(|line| gateway_of(line).is_some());
    let interfaces = in_the_end(pid, |_| {
        let routes = fs::read_to_string(format!("/proc/{pid}/net/route"));
        first.contains("eth0") || routes.is_ok_and(routed)
    })?;
    let address = inside(exam, pid, &interfaces)?;
    name::loopback(exam, pid, &interfaces);
    name::files(exam, pid, &its, address);
    if let Some(server) = name_server {
        resolv_conf(exam, pid, server);
    }
    let Some(address) = address else { return Ok(None) };
    if exam.holds("default-route") {
        gateway(exam, pid)?;
        if !exam.holds("gateway") {
            end(running, pid);
            return Ok(None);
        }
    }
    exam.finding(
        "ready",
        expect(first.split(' ').any(|it| it == format!("eth0={address}")), || {
            format!("the command's own first look at its interfaces: {first}")
        }),
    );

    let at = SocketAddr::new(address.into(), port);
    Ok(Some(Server { running, pid, at, text, asks, doors }))
}

/// Who can talk to whom.
fn reached(exam: &mut Exam, wires: &Wires, server: &mut Server, nft: bool) -> Result<()> {
    let Server { running, pid, at, text, asks, doors } = server;
    running.go_on(*pid);
    let mut said = [String::new(), String::new()];
    for (ask, said) in asks.iter().zip(&mut said) {
        let answer = running.said(ask, || doors.iter_mut().for_each(Door::answer));
        let Some(answer) = exam.found("bridge", answer) else { return Ok(()) };
        *said = answer;
    }
    let held = running.held();
    if exam.found("bridge", held).is_none() {
        return Ok(());
    }
    let told = wires.host.ask(*at)?;
    exam.finding("host-to-container", answered(&told, text, || format!("from the host to {at}")));
    exam.finding(
        "container-to-host",
        expect(!doors[0].guests.is_empty(), || {
            format!(
                "`nsenter --target {pid} --net` and a connection to the host's {}: {}",
                wire::HOST,
                said[0]
            )
        }),
    );
    if !nft {
        return Ok(());
    }
    exam.finding(
        "to-the-world",
        expect(!doors[1].guests.is_empty(), || {
            format!("from the container to {}, the host's neighbour: {}", wire::NEIGHBOUR, said[1])
        }),
    );
    if let Some(from) = doors[1].guests.first() {
        let right = *from == IpAddr::V4(wire::HOST);
        let seen = || {
            format!("to its neighbour the host is {}, and the packet came from {from}", wire::HOST)
        };
        exam.finding("translated", expect(right, seen));
    }
    Ok(())
}

/// The container's own end; its address, if there is one.
fn inside(exam: &mut Exam, pid: Pid, all: &[wire::Interface]) -> Result<Option<Ipv4Addr>> {
    let shown = || {
        let all: Vec<_> = all.iter().map(ToString::to_string).collect();
        format!("`nsenter --target {pid} --net ip addr`: {}", all.join(", "))
    };
    let eth0 = all.iter().find(|it| it.name == "eth0");
    exam.finding("eth0", expect(eth0.is_some(), shown));
    let Some(eth0) = eth0 else { return Ok(None) };
    exam.finding("address", expect(eth0.address.is_some(), shown));
    exam.finding("eth0-up", expect(eth0.up, shown));
    let file = format!("/proc/{pid}/net/route");
    let routes = fs::read_to_string(&file)?;
    let default = routes.lines().any(|line| gateway_of(line).is_some());
    exam.finding(
        "default-route",
        expect(default, || {
            let count = routes.lines().count().saturating_sub(1);
            format!("{file}: {count} lines, and none for the destination 00000000 by eth0")
        }),
    );
    Ok(eth0.address)
}

/// The gateway in a line of `/proc/PID/net/route`, if that is a default route by eth0. The numbers
/// stand there as they lie in memory.
fn gateway_of(line: &str) -> Option<Ipv4Addr> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [name, destination, gateway, ..] = words[..] else { return None };
    let number = u32::from_str_radix(gateway, 16).ok()?;
    (name == "eth0" && destination == "00000000").then(|| number.to_ne_bytes().into())
}

/// Somebody has to be there: the host's end of the cable, in whichever way it is plugged in.
fn gateway(exam: &mut Exam, pid: Pid) -> Result<()> {
    let routes = fs::read_to_string(format!("/proc/{pid}/net/route"))?;
    let gateway = routes.lines().find_map(gateway_of).filter(|it| !it.is_unspecified());
    // A route may also lead to the cable itself, where the other end takes everything.
    let answers = gateway.map_or(Ok(true), |gateway| wire::answers(pid, gateway))?;
    exam.finding(
        "gateway",
        expect(answers, || {
            let gateway = gateway.unwrap_or(Ipv4Addr::UNSPECIFIED);
            format!("`nsenter --target {pid} --net ping {gateway}`: no packet comes back")
        }),
    );
    Ok(())
}

fn resolv_conf(exam: &mut Exam, pid: Pid, server: Ipv4Addr) {
    let file = format!("/proc/{pid}/root/etc/resolv.conf");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| error.to_string());
    let servers: Vec<_> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter_map(|word| word.trim().parse::<IpAddr>().ok())
        .collect();
    let right = servers.contains(&server.into()) && !servers.iter().any(IpAddr::is_loopback);
    exam.finding("resolv-conf", expect(right, || format!("{file}: {text:?}")));
}

/// A second container beside the first, with a published port.
fn two(exam: &mut Exam, wires: &Wires, one: &Server, mut publishing: bool) -> Result<()> {
    let Wires { host, neighbour, .. } = *wires;
    let root = exam.world.root()?;
    let (text, inner) = (exam.world.word(), port(exam));
    // Free: nobody else is on this host.
    let outer = port(exam);
    let ask = format!("ask:{}", one.at);
    let actions = ["hold", &ask, &format!("serve:{inner}={text}")];
    let published = format!("{outer}:{inner}");
    let call = exam.world.call().root(&root);
    let options: &[&str] = if publishing { &["-p", &published] } else { &[] };
    let with = call.clone().options(options).probe("/bin/probe", &actions);
    let mut running = host.start(&exam.world, &with)?;
    let mut held = running.held();
    if let (Err(trouble), true) = (&held, publishing) {
        // Was it the second container that failed, or the port?
        running = host.start(&exam.world, &call.probe("/bin/probe", &actions))?;
        let without = running.held();
        if without.is_ok() {
            exam.finding("published", Err(Wrong::Trouble(trouble.clone())));
            publishing = false;
            held = without;
        }
    }
    let Some(pid) = exam.found("two-at-once", held) else { return Ok(()) };
    let interfaces = wire::interfaces(pid)?;
    let address = interfaces.iter().find(|it| it.name == "eth0").and_then(|it| it.address);
    let (its, other) = (address.map(IpAddr::from), one.at.ip());
    exam.finding(
        "two-at-once",
        expect(its.is_some_and(|it| it != other), || {
            let its = its.map_or("none".into(), |it| it.to_string());
            let (pid, first) = (pid, one.pid);
            format!("`ip addr` in the network of {first}: {other}; of {pid}: {its}")
        }),
    );
    // The first is still reached, although there is a second one.
    let told = host.ask(one.at)?;
    exam.finding(
        "two-at-once",
        answered(&told, &one.text, || format!("from the host to {}", one.at)),
    );
    running.go_on(pid);
    let said: Result<_, Trouble> = running.said(&ask, || ());
    let Some(said) = exam.found("each-other", said) else { return Ok(()) };
    exam.finding(
        "each-other",
        expect(said == one.text, || format!("from one container to {}: {said}", one.at)),
    );
    let held = running.held();
    if exam.found("two-at-once", held).is_none() {
        return Ok(());
    }
    if publishing {
        let at = |address: Ipv4Addr| SocketAddr::new(address.into(), outer);
        let told = neighbour.ask(at(wire::HOST))?;
        let seen = || format!("from another machine to {}, with -p {published}", at(wire::HOST));
        exam.finding("published", answered(&told, &text, seen));
        for address in [wire::HOST, Ipv4Addr::LOCALHOST] {
            if !exam.holds("published") {
                break;
            }
            let told = host.ask(at(address))?;
            let seen = || format!("from the host itself to {}, with -p {published}", at(address));
            exam.finding("published-here", answered(&told, &text, seen));
        }
    }
    end(running, pid);
    Ok(())
}

/// A port that nobody can know in advance, and that no kernel gives away by itself.
fn port(exam: &Exam) -> u16 {
    exam.world.number(20_000) as u16 + 10_000
}

fn answered(told: &std::io::Result<String>, text: &str, way: impl Fn() -> String) -> Finding {
    match told {
        Ok(told) => expect(told == text, || format!("{}: {told:?} answers", way())),
        Err(error) => Err(Wrong::Seen(format!("{}: {error}", way()))),
    }
}
