//! The network that a process sees: interfaces, addresses, routes, and ports on which something
//! listens (`network_namespaces(7)`).
//!
//! The kernel tells all this over netlink, and to those in the same network namespace only
//! (chapter 03).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use anyhow::Result;
use netlink_packet_route::RouteNetlinkMessage as Message;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType,
};
use serde::{Deserialize, Serialize};
use uts_net::netlink::Netlink;

use super::namespaces::{Kind, Namespaces};
use super::proc::Proc;
use super::{enter, listening};

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

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
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
        match Namespaces::read(process)?.same(&ours, Kind::Net) {
            Some(true) => Self::here(),
            _ => enter::within(process, Kind::Net, Self::here),
        }
    }

    /// What this thread sees.
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
        Ok(Self { interfaces, routes, listening: listening::here()? })
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
