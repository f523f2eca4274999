//! `-P`: a port of the host's for each that the image says it listens on.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use anyhow::Result;
use process::{Attempt, explain};
use serde_json::Value;
use uts_net::publish::{Protocol, Reserved};
use uts_net::{Mode, Port};

use crate::texts::run as texts;

/// The most ports of an image that are believed.
const MOST: usize = 1000;

/// Chooses a free port of the host's for each port that is not published yet, and says which.
///
/// # Errors
///
/// When there is none left.
pub fn publish_all(
    exposed: &BTreeMap<String, Value>,
    mode: Mode,
    published: &mut Vec<Port>,
) -> Result<()> {
    if mode != Mode::Bridge {
        explain::say(texts::NOTHING_TO_PUBLISH);
        return Ok(());
    }
    // Held until all are chosen, or one could be chosen twice. The network will take them again.
    let mut held = Vec::new();
    for (container, protocol) in exposed.keys().flat_map(|text| read(text)) {
        if held.len() == MOST {
            break;
        }
        // By the user, or because the image names it twice, as `80` and as `80/tcp`.
        let is_it = |port: &Port| (port.container, port.protocol) == (container, protocol);
        if published.iter().any(is_it) {
            continue;
        }
        let (socket, host) = free(protocol).tried(&texts::PORTS, "bind(0.0.0.0:0)")?;
        held.push(socket);
        let port = Port { address: Ipv4Addr::UNSPECIFIED, host, container, protocol };
        explain::say(texts::published(&port));
        published.push(port);
    }
    Ok(())
}

/// A free port: the kernel knows which are.
fn free(protocol: Protocol) -> io::Result<(Reserved, u16)> {
    let any = (Ipv4Addr::UNSPECIFIED, 0);
    match protocol {
        Protocol::Tcp => {
            let socket = TcpListener::bind(any)?;
            let port = socket.local_addr()?.port();
            Ok((Reserved::Tcp(socket), port))
        }
        Protocol::Udp => {
            let socket = UdpSocket::bind(any)?;
            let port = socket.local_addr()?.port();
            Ok((Reserved::Udp(socket), port))
        }
    }
}

/// The ports of `80`, `80/tcp`, `8000-8010/udp`. What makes no sense is none.
fn read(text: &str) -> Vec<(u16, Protocol)> {
    let (ports, protocol) = match text.split_once('/') {
        None => (text, Protocol::Tcp),
        Some((ports, "tcp")) => (ports, Protocol::Tcp),
        Some((ports, "udp")) => (ports, Protocol::Udp),
        Some(_) => return Vec::new(),
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) if first > 0 => (first..=last).map(|port| (port, protocol)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_is_published_once() {
        let exposed =
            ["80", "80/tcp", "080-81/tcp", "53/udp", "53"].map(|text| (text.into(), Value::Null));
        let ports = |published: &[Port]| -> Vec<_> {
            let mut published = published.to_vec();
            publish_all(&exposed.clone().into(), Mode::Bridge, &mut published).unwrap();
            published.iter().map(|port| (port.container, port.protocol)).collect()
        };
        use Protocol::{Tcp, Udp};
        assert_eq!(ports(&[]), [(80, Tcp), (81, Tcp), (53, Tcp), (53, Udp)]);
        let own = "8080:53/udp".parse().unwrap();
        assert_eq!(ports(&[own]), [(53, Udp), (80, Tcp), (81, Tcp), (53, Tcp)]);
    }

    #[test]
    fn exposed_ports_are_read() {
        assert_eq!(read("80/tcp"), [(80, Protocol::Tcp)]);
        assert_eq!(read("80"), [(80, Protocol::Tcp)]);
        assert_eq!(read("53-54/udp"), [(53, Protocol::Udp), (54, Protocol::Udp)]);
        for nothing in ["", "x", "0", "80/sctp", "9-8", "70000", "1-", "-1"] {
            assert_eq!(read(nothing), [], "{nothing}");
        }
    }
}
