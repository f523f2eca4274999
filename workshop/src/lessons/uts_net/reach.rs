//! Who can talk to whom: the host, its neighbour, and two containers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Result;

use super::network::{Server, Wires, end, port};
use crate::check::claim::{Finding, Wrong, expect};
use crate::check::exam::Exam;
use crate::check::world::{Door, wire};

/// One container, the host, and the world.
pub(super) fn reached(
    exam: &mut Exam,
    wires: &Wires,
    server: &mut Server,
    nft: bool,
) -> Result<()> {
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

/// A second container beside the first, with a published port.
pub(super) fn two(
    exam: &mut Exam,
    wires: &Wires,
    one: &Server,
    mut publishing: bool,
) -> Result<()> {
    let host = wires.host;
    let root = exam.world.root()?;
    let (text, inner) = (exam.world.word(), port(exam));
    // Free: nobody else is on this host.
    let outer = port(exam);
    let ask = format!("ask:{}", one.at);
    let actions = ["hold", &ask, &format!("serve:{inner}={text}")];
    let port = format!("{outer}:{inner}");
    let call = exam.world.call().root(&root);
    let options: &[&str] = if publishing { &["-p", &port] } else { &[] };
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
    let said = running.said(&ask, || ());
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
        published(exam, wires, outer, &text)?;
    }
    end(running, pid);
    Ok(())
}

/// A published port, from outside and from the host itself.
fn published(exam: &mut Exam, wires: &Wires, port: u16, text: &str) -> Result<()> {
    let at = |address: Ipv4Addr| SocketAddr::new(address.into(), port);
    let told = wires.neighbour.ask(at(wire::HOST))?;
    let seen = || format!("from another machine to {}, a published port", at(wire::HOST));
    exam.finding("published", answered(&told, text, seen));
    for address in [wire::HOST, Ipv4Addr::LOCALHOST].iter().filter(|_| told.is_ok()) {
        let told = wires.host.ask(at(*address))?;
        let seen = || format!("from the host itself to {}, a published port", at(*address));
        exam.finding("published-here", answered(&told, text, seen));
    }
    Ok(())
}

fn answered(told: &io::Result<String>, text: &str, way: impl Fn() -> String) -> Finding {
    match told {
        Ok(told) => expect(told == text, || format!("{}: {told:?} answers", way())),
        Err(error) => Err(Wrong::Seen(format!("{}: {error}", way()))),
    }
}
