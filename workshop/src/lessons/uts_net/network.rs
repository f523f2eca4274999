//! What a container's network looks like: the host's, or one of its own.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Result;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::claims::{self, FROM_HOST, WITH_NFT};
use super::{in_the_end, link, name, own_namespace, reach};
use crate::check::claim::expect;
use crate::check::exam::Exam;
use crate::check::world::{Door, Host, Running, wire};

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
pub(super) struct Server {
    pub(super) running: Running,
    pub(super) pid: Pid,
    pub(super) at: SocketAddr,
    pub(super) text: String,
    /// What it asks before it listens, and who is there: the host, and the host's neighbour.
    pub(super) asks: [String; 2],
    pub(super) doors: [Door; 2],
}

/// Ends a container, whatever it does.
pub(super) fn end(running: Running, probe: Pid) {
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
        reach::reached(exam, wires, &mut one, nft)?;
    }
    if !ordinary && exam.goes_on() && exam.holds("host-to-container") {
        reach::two(exam, wires, &one, nft)?;
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

/// A port that nobody can know in advance, and that no kernel gives away by itself.
pub(super) fn port(exam: &Exam) -> u16 {
    exam.world.number(20_000) as u16 + 10_000
}
