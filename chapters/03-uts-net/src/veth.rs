//! The cable between host and container: a pair of virtual Ethernet interfaces (`veth(4)`).
//!
//! What goes into one end comes out of the other, and each end can be in another network namespace.
//! So one end is plugged into the host's bridge, and the other is the container's `eth0`. The host
//! can make it there, in a namespace that it is not in, but no more: addresses and routes only the
//! inside can set up (`network_namespaces(7)`).
//!
//! (An end can also be moved there later, as `ip link set eth0 netns PID` does. It loses its addresses
//! on the way, and the kernel waits until nobody on any CPU looks at it any more: ten times as long.)
//!
//! Names have at most 15 bytes.

use std::net::Ipv4Addr;

use anyhow::Result;
use nix::unistd::Pid;

use crate::bridge::{BRIDGE, Place};
use crate::netlink::{Mac, Netlink};

/// The cable of one container.
#[derive(Debug)]
pub struct Veth {
    /// The host's end.
    name: String,
    place: Place,
}

impl Veth {
    /// The cable for a place on the bridge. Nothing is made yet.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self { name: name(place.number), place }
    }

    /// The host's end: makes the pair, of which the container gets one, and plugs the other in.
    ///
    /// # Errors
    ///
    /// What the kernel refuses.
    pub fn host_end(&self, process: Pid) -> Result<()> {
        let mut netlink = Netlink::open()?;
        let mac = mac(self.place.address);
        // ANCHOR: host_end
        // EXERCISE host_end: lay the cable
        //   Three requests to the kernel; each is a method of `netlink`. `add_veth` makes the pair:
        //   `self.name` here, and in the network namespace of `process` its peer, called "eth0",
        //   with the Ethernet address `mac`. `plug_into` the BRIDGE what is here, and switch it
        //   `up`.
        todo!("host_end: lay the cable")
        // ANCHOR_END: host_end
    }

    /// The host's end of a container with published ports, which may ask for one of its own.
    ///
    /// (Where the module `br_netfilter` is at work, the address is rewritten inside the bridge, and
    /// the packet never leaves it.)
    ///
    /// # Errors
    ///
    /// What the kernel refuses.
    pub fn hairpin(&self) -> Result<()> {
        Netlink::open()?.hairpin(&self.name)
    }

    /// The container's end: in the container, after the host's part.
    ///
    /// # Errors
    ///
    /// What the kernel refuses.
    pub fn container_end(&self) -> Result<()> {
        let mut netlink = Netlink::open()?;
        let Place { subnet, address, gateway, .. } = self.place;
        // ANCHOR: container_end
        // EXERCISE container_end: make the other end work
        //   A new network namespace has one interface, "lo", and it is down. Switch it `up`. Give
        //   "eth0" its address (`add_address`, with `subnet.prefix()` bits of network), and switch
        //   it on. Then `add_default_route` through the gateway, which is the bridge. The order
        //   matters: no route leads through an interface that is down.
        todo!("container_end: make the other end work")
        // ANCHOR_END: container_end
    }
}

/// What the host's end is called.
#[must_use]
pub fn name(number: u8) -> String {
    format!("coracle-{number}")
}

/// An Ethernet address made from the IPv4 address, of the kind that anybody may choose (the second
/// bit). The next container with the same address has the same one, so what others remember about
/// it (their ARP tables) stays true.
#[must_use]
pub fn mac(address: Ipv4Addr) -> Mac {
    let [a, b, c, d] = address.octets();
    [0x02, 0xc0, a, b, c, d]
}
