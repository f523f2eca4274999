//! A small rtnetlink client: interfaces, addresses and routes (`netlink(7)`, `rtnetlink(7)`).
//!
//! The kernel's network is set up by messages on a socket, not by system calls of its own: one
//! message for "make an interface", one for "give it an address", and for each an answer with an
//! error number, or 0. `ip link`, `ip addr` and `ip route` send the same ones; the calls that
//! `--explain` shows are named as in the man page.
//!
//! A socket belongs to the network namespace in which it was made, for ever. So each side opens its
//! own.

use std::ffi::c_int;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoPortKind, InfoVeth, LinkAttribute,
    LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Message};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::unistd::Pid;
use process::{Attempt, Step};

use crate::subnet::Subnet;
use crate::texts;

/// An address of an Ethernet interface.
pub type Mac = [u8; 6];

/// A line to the network part of the kernel.
pub struct Netlink {
    socket: Socket,
    sequence: u32,
}

impl Netlink {
    /// Opens a line to the network namespace that this process is in.
    ///
    /// # Errors
    ///
    /// What `socket(2)` and `connect(2)` refuse.
    pub fn open() -> Result<Self> {
        let socket = Socket::new(NETLINK_ROUTE)
            .tried(&texts::NETLINK, "socket(AF_NETLINK, NETLINK_ROUTE)")?;
        // From the kernel alone, and with an address of our own, which it chooses.
        socket.connect(&SocketAddr::new(0, 0)).tried(&texts::NETLINK, "connect(AF_NETLINK, 0)")?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Whether we may change this network. The kernel looks at that first, so we ask it for
    /// something that is not there to be changed.
    ///
    /// # Errors
    ///
    /// What the socket refuses.
    pub fn may_change(&mut self) -> Result<bool> {
        let mut nothing = LinkMessage::default();
        nothing.header.index = i32::MAX as u32;
        match self.request(Message::DelLink(nothing), 0) {
            Err(Errno::EPERM) => Ok(false),
            Err(Errno::ENODEV) | Ok(()) => Ok(true),
            Err(errno) => Err(errno).tried(&texts::NETLINK, "RTM_DELLINK(no interface)"),
        }
    }

    /// Makes a bridge.
    ///
    /// # Errors
    ///
    /// EEXIST when there is an interface of this name, EOPNOTSUPP without kernel support.
    pub fn add_bridge(&mut self, name: &str, mac: Mac) -> Result<()> {
        let mut link = named(name);
        let info = vec![LinkInfo::Kind(InfoKind::Bridge)];
        link.attributes.extend([LinkAttribute::Address(mac.into()), LinkAttribute::LinkInfo(info)]);
        self.make(Message::NewLink(link), &texts::BRIDGE, &format!("RTM_NEWLINK(bridge {name})"))
    }

    /// Makes a virtual cable with two ends (`veth(4)`): one here, and the other, its peer, in the
    /// network namespace of a process.
    ///
    /// # Errors
    ///
    /// As for a bridge; ESRCH when the process is gone.
    pub fn add_veth(&mut self, name: &str, process: Pid, peer: &str, peer_mac: Mac) -> Result<()> {
        let mut other_end = named(peer);
        other_end.attributes.extend([
            LinkAttribute::Address(peer_mac.into()),
            LinkAttribute::NetNsPid(process.as_raw() as u32),
        ]);
        let mut link = named(name);
        link.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(other_end))),
        ]));
        let call = format!("RTM_NEWLINK(veth {name}, its peer {peer} in process {process})");
        self.make(Message::NewLink(link), &texts::VETH, &call)
    }

    /// Plugs an interface into a bridge.
    ///
    /// # Errors
    ///
    /// ENODEV when one of them is not there.
    pub fn plug_into(&mut self, bridge: &str, name: &str) -> Result<()> {
        let call = format!("RTM_SETLINK({name}, its master {bridge})");
        let index = index(bridge, &texts::PLUG)?;
        let mut link = named(name);
        link.attributes.push(LinkAttribute::Controller(index));
        self.change(Message::SetLink(link), &texts::PLUG, &call)
    }

    /// Lets a bridge send a packet back through the port that it came from (`bridge(8)`, "hairpin").
    ///
    /// # Errors
    ///
    /// ENODEV when the interface is not there.
    pub fn hairpin(&mut self, name: &str) -> Result<()> {
        let mut link = named(name);
        link.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::PortKind(InfoPortKind::Bridge),
            LinkInfo::PortData(InfoPortData::BridgePort(vec![InfoBridgePort::HairpinMode(true)])),
        ]));
        let call = format!("RTM_NEWLINK({name}, hairpin)");
        self.change(Message::NewLink(link), &texts::HAIRPIN, &call)
    }

    /// Switches an interface on.
    ///
    /// # Errors
    ///
    /// ENODEV when it is not there.
    pub fn up(&mut self, name: &str) -> Result<()> {
        let mut link = named(name);
        link.header.flags = LinkFlags::Up;
        link.header.change_mask = LinkFlags::Up;
        self.change(Message::SetLink(link), &texts::UP, &format!("RTM_SETLINK({name}, up)"))
    }

    /// Removes an interface; says whether there was one. A cable goes with either of its ends.
    ///
    /// # Errors
    ///
    /// EOPNOTSUPP for one that can't be removed.
    pub fn delete(&mut self, name: &str) -> Result<bool> {
        match self.request(Message::DelLink(named(name)), 0) {
            Err(Errno::ENODEV) => Ok(false),
            deleted => {
                deleted.step(&texts::DELETE, format_args!("RTM_DELLINK({name})"))?;
                Ok(true)
            }
        }
    }

    /// Gives an interface an address, and with it the route to the rest of the address's network.
    ///
    /// # Errors
    ///
    /// EEXIST when it has it already.
    pub fn add_address(&mut self, name: &str, address: Ipv4Addr, prefix: u8) -> Result<()> {
        let call = format!("RTM_NEWADDR({name}, {address}/{prefix})");
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::Inet;
        message.header.prefix_len = prefix;
        message.header.index = index(name, &texts::ADDRESS)?;
        message.attributes = vec![
            AddressAttribute::Local(address.into()),
            AddressAttribute::Address(address.into()),
            AddressAttribute::Broadcast(Subnet::new(address, prefix).last()),
        ];
        self.make(Message::NewAddress(message), &texts::ADDRESS, &call)
    }

    /// Sends everything that no other route is for to `gateway`.
    ///
    /// # Errors
    ///
    /// ENETUNREACH while nothing leads to the gateway itself: the interface has to be up, and to
    /// have its address, before.
    pub fn add_default_route(&mut self, gateway: Ipv4Addr) -> Result<()> {
        let mut message = RouteMessage::default();
        message.header.address_family = AddressFamily::Inet;
        message.header.table = RouteHeader::RT_TABLE_MAIN;
        message.header.protocol = RouteProtocol::Boot;
        message.header.scope = RouteScope::Universe;
        message.header.kind = RouteType::Unicast;
        message.attributes = vec![RouteAttribute::Gateway(RouteAddress::Inet(gateway))];
        let call = format!("RTM_NEWROUTE(default, via {gateway})");
        self.make(Message::NewRoute(message), &texts::ROUTE, &call)
    }

    /// The IPv4 addresses of one interface, or of all.
    ///
    /// # Errors
    ///
    /// What the socket refuses.
    pub fn addresses(&mut self, of: Option<&str>) -> Result<Vec<Subnet>> {
        let index = of.and_then(|name| if_nametoindex(name).ok());
        let mut question = AddressMessage::default();
        question.header.family = AddressFamily::Inet;
        let answers = self.list(Message::GetAddress(question), "RTM_GETADDR")?;
        let addresses = answers.into_iter().filter_map(|answer| match answer {
            Message::NewAddress(answer) => Some(answer),
            _ => None,
        });
        let wanted = addresses.filter(|found| of.is_none() || Some(found.header.index) == index);
        Ok(wanted.filter_map(|found| subnet_of_address(&found)).collect())
    }

    /// Where the IPv4 routes of this network lead to, but for default routes.
    ///
    /// # Errors
    ///
    /// What the socket refuses.
    pub fn routes(&mut self) -> Result<Vec<Subnet>> {
        let mut question = RouteMessage::default();
        question.header.address_family = AddressFamily::Inet;
        let answers = self.list(Message::GetRoute(question), "RTM_GETROUTE")?;
        Ok(answers.iter().filter_map(subnet_of_route).collect())
    }

    /// Asks for something new.
    fn make(&mut self, message: Message, step: &Step, call: &str) -> Result<()> {
        self.request(message, NLM_F_CREATE | NLM_F_EXCL).step(step, call)
    }

    /// Asks for a change of what there is.
    fn change(&mut self, message: Message, step: &Step, call: &str) -> Result<()> {
        self.request(message, 0).step(step, call)
    }

    /// Sends one request and waits for the kernel's word on it.
    fn request(&mut self, message: Message, flags: u16) -> nix::Result<()> {
        self.send(message, flags | NLM_F_ACK)?;
        loop {
            for answer in self.receive()? {
                if let NetlinkPayload::Error(answer) = answer.payload {
                    return match answer.raw_code() {
                        0 => Ok(()),
                        code => Err(Errno::from_raw(-code)),
                    };
                }
            }
        }
    }

    /// Asks for a list: `Message::GetLink` and the like. `call` is its name in the man page.
    ///
    /// # Errors
    ///
    /// What the socket refuses.
    pub fn list(&mut self, question: Message, call: &str) -> Result<Vec<Message>> {
        self.try_list(question).tried(&texts::NETLINK, call)
    }

    fn try_list(&mut self, question: Message) -> nix::Result<Vec<Message>> {
        self.send(question, NLM_F_DUMP)?;
        let mut list = Vec::new();
        loop {
            for answer in self.receive()? {
                match answer.payload {
                    NetlinkPayload::InnerMessage(message) => list.push(message),
                    NetlinkPayload::Done(_) => return Ok(list),
                    NetlinkPayload::Error(error) => return Err(Errno::from_raw(-error.raw_code())),
                    _ => {}
                }
            }
        }
    }

    fn send(&mut self, message: Message, flags: u16) -> nix::Result<()> {
        self.sequence += 1;
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0).map(drop).map_err(errno)
    }

    /// The messages of one datagram that belong to the latest request.
    fn receive(&mut self) -> nix::Result<Vec<NetlinkMessage<Message>>> {
        let mut datagram = loop {
            match self.socket.recv_from_full().map_err(errno) {
                Err(Errno::EINTR) => {}
                received => break received?.0,
            }
        };
        let mut messages = Vec::new();
        let mut rest = datagram.as_mut_slice();
        // A message begins with its length, and is filled up to a multiple of four.
        while let Some(length) = rest.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes)) {
            let length = (length as usize).min(rest.len());
            if cfg!(target_arch = "x86") {
                hide_short_map(&mut rest[..length]);
            }
            // A newer kernel may say things that the library can't read: they are not for us.
            match NetlinkMessage::deserialize(&rest[..length]) {
                Ok(message) if message.header.sequence_number == self.sequence => {
                    messages.push(message);
                }
                _ => {}
            }
            rest = rest.get_mut(length.next_multiple_of(4).max(4)..).unwrap_or_default();
        }
        Ok(messages)
    }
}

/// Where a 32-bit Intel kernel tells of an interface, one attribute, `IFLA_MAP`, lacks the padding
/// that all others have; the library, which expects it, would reject the whole message. It is about
/// hardware, and nobody asks for it here: it gets the number that stands for nothing.
fn hide_short_map(message: &mut [u8]) {
    const RTM_NEWLINK: [u8; 2] = 16_u16.to_ne_bytes();
    const IFLA_MAP: [u8; 2] = 14_u16.to_ne_bytes();
    /// `struct nlmsghdr` and `struct ifinfomsg`.
    const HEADERS: usize = 32;
    if message.get(4..6) != Some(&RTM_NEWLINK) {
        return;
    }
    let mut rest = message.get_mut(HEADERS..).unwrap_or_default();
    while let Some(&mut [low, high, ref mut kind @ ..]) = rest.first_chunk_mut::<4>() {
        if *kind == IFLA_MAP {
            *kind = [0, 0];
        }
        let length = usize::from(u16::from_ne_bytes([low, high]));
        rest = rest.get_mut(length.next_multiple_of(4).max(4)..).unwrap_or_default();
    }
}

fn named(name: &str) -> LinkMessage {
    let mut link = LinkMessage::default();
    link.attributes.push(LinkAttribute::IfName(name.into()));
    link
}

/// The number that an interface has in this network namespace.
fn index(name: &str, step: &Step) -> Result<u32> {
    if_nametoindex(name).tried(step, format_args!("if_nametoindex({name:?})"))
}

fn subnet_of_address(message: &AddressMessage) -> Option<Subnet> {
    // On a point-to-point link "address" is the other end's, "local" ours.
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(IpAddr::V4(address)) => Some(*address),
        _ => None,
    });
    local.map(|address| Subnet::new(address, message.header.prefix_len))
}

fn subnet_of_route(message: &Message) -> Option<Subnet> {
    let Message::NewRoute(message) = message else { return None };
    message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(address)) => {
            Some(Subnet::new(*address, message.header.destination_prefix_length))
        }
        _ => None,
    })
}

fn errno(error: io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as c_int))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Linux 6.12 for 32-bit Intel says of `lo`, shortened: the name, and a map of 28 bytes.
    fn short_map() -> Vec<u8> {
        let mut message = vec![0; 32];
        message[4..6].copy_from_slice(&16_u16.to_ne_bytes());
        for (kind, content) in [(3_u16, b"lo\0".as_slice()), (14, &[0; 28])] {
            let length = u16::try_from(4 + content.len()).unwrap();
            message.extend(length.to_ne_bytes());
            message.extend(kind.to_ne_bytes());
            message.extend(content);
            message.resize(message.len().next_multiple_of(4), 0);
        }
        let length = u32::try_from(message.len()).unwrap();
        message[..4].copy_from_slice(&length.to_ne_bytes());
        message
    }

    #[test]
    fn a_32_bit_kernel_is_understood() {
        let mut bytes = short_map();
        // Once the library reads it, nothing need be hidden.
        assert!(NetlinkMessage::<Message>::deserialize(&bytes).is_err());
        hide_short_map(&mut bytes);
        let message = NetlinkMessage::<Message>::deserialize(&bytes).unwrap();
        let NetlinkPayload::InnerMessage(Message::NewLink(link)) = message.payload else {
            panic!("{message:?}");
        };
        assert!(link.attributes.contains(&LinkAttribute::IfName("lo".into())));
    }

    #[test]
    fn a_message_that_ends_early_is_no_harm() {
        let whole = short_map();
        for length in 0..whole.len() {
            hide_short_map(&mut whole[..length].to_vec());
        }
    }
}
