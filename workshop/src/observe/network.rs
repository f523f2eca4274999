//! The network that a process sees: interfaces, addresses, routes, and ports on which something
//! listens (`network_namespaces(7)`).
//!
//! The ports stand in `/proc/PID/net/tcp` (`proc_pid_net(5)`), for everybody to read. The rest the
//! kernel tells over rtnetlink, to those in the same network namespace (chapter 03).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Result;
use netlink_packet_route::RouteNetlinkMessage as Message;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType,
};
use serde::{Deserialize, Serialize};
use uts_net::netlink::Netlink;

use super::enter;
use super::namespaces::{Kind, Namespaces};
use super::proc::Proc;

/// What a process sees of the network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Network {
    /// By number; `lo` as a rule is the first.
    pub interfaces: Vec<Interface>,
    /// The main table's routes.
    pub routes: Vec<Route>,
    /// Where something waits for TCP connections.
    pub listening: Vec<SocketAddr>,
}

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Interface {
    /// Its number in this network namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether it is on and something is plugged in at the other end.
    pub running: bool,
    /// `loopback`, `veth`, `bridge`, …; `None` for hardware.
    pub kind: Option<String>,
    /// Its Ethernet address: `02:c0:0a:53:00:02`.
    pub mac: Option<String>,
    /// The longest packet, in bytes.
    pub mtu: u32,
    /// The number of its peer: for a veth the other end of the cable.
    pub peer: Option<u32>,
    /// Which network namespace the peer is in, as this one counts others; `None`: in this one.
    pub peer_namespace: Option<i32>,
    /// The number of the bridge into which it is plugged.
    pub master: Option<u32>,
    /// Its addresses.
    pub addresses: Vec<Address>,
}

/// An address, and how many of its bits belong to its network: `10.83.0.2/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// The bits.
    pub prefix: u8,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// For what; `None` for everything that no other is for.
    pub to: Option<Address>,
    /// Through whom; `None` for who can be reached directly.
    pub gateway: Option<IpAddr>,
    /// The number of the interface.
    pub interface: Option<u32>,
}

impl Network {
    /// The interface of this name.
    #[must_use]
    pub fn interface(&self, name: &str) -> Option<&Interface> {
        self.interfaces.iter().find(|interface| interface.name == name)
    }

    /// The gateway of the default route.
    #[must_use]
    pub fn gateway(&self) -> Option<IpAddr> {
        self.routes.iter().filter(|route| route.to.is_none()).find_map(|route| route.gateway)
    }

    pub(super) fn read(process: &Proc) -> Result<Self> {
        let ours = Namespaces::read(&Proc::own()?)?;
        let mut network = match Namespaces::read(process)?.same(&ours, Kind::Net) {
            Some(true) => Self::here()?,
            _ => enter::within(process, Kind::Net, Self::here)?,
        };
        for file in ["net/tcp", "net/tcp6"] {
            // A kernel without IPv6 has no such file.
            network.listening.extend(listening(&process.text(file).unwrap_or_default()));
        }
        network.listening.sort_unstable();
        Ok(network)
    }

    /// What this thread sees, but for the ports.
    fn here() -> Result<Self> {
        let mut netlink = Netlink::open()?;
        let links = netlink.list(Message::GetLink(LinkMessage::default()), "RTM_GETLINK")?;
        let mut interfaces: Vec<_> = links.iter().filter_map(interface).collect();
        let addresses = Message::GetAddress(AddressMessage::default());
        for answer in netlink.list(addresses, "RTM_GETADDR")? {
            let Message::NewAddress(message) = answer else { continue };
            let of = |interface: &&mut Interface| interface.index == message.header.index;
            let interface = interfaces.iter_mut().find(of);
            if let (Some(interface), Some(address)) = (interface, address(&message)) {
                interface.addresses.push(address);
            }
        }
        interfaces.sort_by_key(|interface| interface.index);
        let routes = netlink.list(Message::GetRoute(RouteMessage::default()), "RTM_GETROUTE")?;
        let routes = routes.iter().filter_map(route).collect();
        Ok(Self { interfaces, routes, listening: Vec::new() })
    }
}

fn interface(message: &Message) -> Option<Interface> {
    let Message::NewLink(message) = message else { return None };
    let flags = message.header.flags;
    let mut interface = Interface {
        index: message.header.index,
        up: flags.contains(LinkFlags::Up),
        running: flags.contains(LinkFlags::Running),
        kind: flags.contains(LinkFlags::Loopback).then(|| "loopback".into()),
        ..Interface::default()
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => interface.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => interface.mtu = *mtu,
            LinkAttribute::Controller(master) => interface.master = Some(*master),
            LinkAttribute::Link(peer) => interface.peer = Some(*peer),
            LinkAttribute::LinkNetNsId(namespace) => interface.peer_namespace = Some(*namespace),
            LinkAttribute::Address(bytes) if bytes.len() == 6 => {
                let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                interface.mac = Some(digits.join(":"));
            }
            LinkAttribute::LinkInfo(info) => {
                let kind = info.iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind.to_string()),
                    _ => None,
                });
                interface.kind = kind.or(interface.kind);
            }
            _ => {}
        }
    }
    Some(interface)
}

fn address(message: &AddressMessage) -> Option<Address> {
    let (mut local, mut other) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(address) => local = Some(*address),
            AddressAttribute::Address(address) => other = Some(*address),
            _ => {}
        }
    }
    // On a point-to-point link "address" is the other end's. IPv6 has no "local" otherwise.
    Some(Address { address: local.or(other)?, prefix: message.header.prefix_len })
}

fn route(message: &Message) -> Option<Route> {
    let Message::NewRoute(message) = message else { return None };
    let header = &message.header;
    if header.table != RouteHeader::RT_TABLE_MAIN || header.kind != RouteType::Unicast {
        return None;
    }
    let mut route = Route { to: None, gateway: None, interface: None };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(to) => {
                let prefix = header.destination_prefix_length;
                route.to = ip(to).map(|address| Address { address, prefix });
            }
            RouteAttribute::Gateway(gateway) => route.gateway = ip(gateway),
            RouteAttribute::Oif(index) => route.interface = Some(*index),
            _ => {}
        }
    }
    Some(route)
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

/// The sockets of `/proc/PID/net/tcp` in state 0A, which is LISTEN. An address is written as the
/// 32-bit numbers that it has in memory: `0100007F:0050` is 127.0.0.1:80 on most machines.
fn listening(table: &str) -> Vec<SocketAddr> {
    let address = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next()?, words.nth(1)?);
        let (address, port) = local.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        (state == "0A").then_some(())?;
        let word = |from: usize| {
            let digits = address.get(from..from + 8)?;
            Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
        };
        let ip: IpAddr = match address.len() {
            8 => Ipv4Addr::from(word(0)?).into(),
            32 => {
                let words = [word(0)?, word(8)?, word(16)?, word(24)?];
                let bytes: [u8; 16] = words.concat().try_into().ok()?;
                Ipv6Addr::from(bytes).into()
            }
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    };
    table.lines().skip(1).filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_stands_in_a_table() {
        let number = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        let (v4, v6) = (number([127, 0, 0, 1]), number([0, 0, 0, 1]));
        let zero = "00000000";
        let table = format!(
            "  sl  local_address rem_address   st …\n\
             0: {v4}:0050 {zero}:0000 0A 0 0\n\
             1: {v4}:0051 {zero}:0000 01 0 0\n\
             2: {zero}{zero}{zero}{v6}:FFFF {zero}:0000 0A\n\
             3: é:0050 x 0A\n\
             4: 00000000:FFFFF x 0A\n5:\n"
        );
        let expected = ["127.0.0.1:80", "[::1]:65535"].map(|it| it.parse().expect("an address"));
        assert_eq!(listening(&table), expected);
    }
}
