//! The bridge: a switch in the kernel, which all containers of a host are plugged into.
//!
//! It has an address of its own, so it is also the host's interface to that network, and the
//! containers' gateway. It is made for the first container and removed after the last. All changes
//! happen under the state folder's lock, so that of two runs that begin or end at the same time
//! each finds what it may rely on.

use std::net::Ipv4Addr;

use anyhow::{Result, bail};
use nix::net::if_::if_nametoindex;
use process::explain;

use crate::netlink::Netlink;
use crate::pool::{Lease, Pool};
use crate::state::State;
use crate::subnet::Subnet;
use crate::{advertisement, firewall, forwarding, texts, veth};

/// The bridge's name.
pub const BRIDGE: &str = "coracle0";

/// Where containers live: the first of these that the host does not use otherwise. They are private
/// addresses (RFC 1918) that few others have chosen.
const SUBNETS: [Subnet; 7] = [
    Subnet::new(Ipv4Addr::new(10, 83, 0, 0), 24),
    Subnet::new(Ipv4Addr::new(172, 30, 83, 0), 24),
    Subnet::new(Ipv4Addr::new(192, 168, 183, 0), 24),
    Subnet::new(Ipv4Addr::new(10, 183, 83, 0), 24),
    Subnet::new(Ipv4Addr::new(172, 21, 183, 0), 24),
    Subnet::new(Ipv4Addr::new(192, 168, 213, 0), 24),
    Subnet::new(Ipv4Addr::new(10, 213, 83, 0), 24),
];

/// A container's place on the bridge.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Its number, which is the last part of its address.
    pub number: u8,
    /// The network that all containers of this host are in.
    pub subnet: Subnet,
    /// The container's address.
    pub address: Ipv4Addr,
    /// The bridge's address.
    pub gateway: Ipv4Addr,
}

/// A run's share in the bridge.
#[derive(Debug)]
pub struct Share {
    state: State,
    pool: Pool,
    lease: Option<Lease>,
}

impl Share {
    /// A share for later. Nothing is made yet.
    #[must_use]
    pub fn new(state: State, pool: Pool) -> Self {
        Self { state, pool, lease: None }
    }

    /// Makes the bridge if this is the first container, and takes a place on it.
    ///
    /// # Errors
    ///
    /// What the kernel refuses; when no address is free.
    pub fn take(&mut self, forward: bool) -> Result<Place> {
        let _all = self.state.lock()?;
        sweep_locked(&self.pool)?;
        // First the note, then what it stands for.
        let number = self.lease.insert(self.pool.take()?).number();
        let mut netlink = Netlink::open()?;
        // A name that only the holder of this number may use.
        netlink.delete(&veth::name(number))?;
        let subnet = make(&mut netlink)?;
        if forward {
            // In somebody else's container it may be forbidden. What needs no forwarding still works.
            if let Err(error) = forwarding::switch_on(&self.pool) {
                explain::say(texts::no_forwarding(&error));
            }
        }
        Ok(Place { number, subnet, address: subnet.host(number), gateway: subnet.host(1) })
    }

    /// Gives the place back, with the cable. The last one switches the light off.
    ///
    /// # Errors
    ///
    /// What the kernel refuses.
    pub fn give_back(&mut self) -> Result<()> {
        let Some(lease) = self.lease.take() else { return Ok(()) };
        // The cable goes without the lock: this takes the kernel a while.
        Netlink::open()?.delete(&veth::name(lease.number()))?;
        let _all = self.state.lock()?;
        let (dead, others_live) = self.pool.look_around(Some(lease.number()))?;
        clear_up(dead)?;
        if !others_live {
            remove(&self.pool)?;
        }
        lease.give_back()?;
        self.pool.remove();
        Ok(())
    }
}

/// Clears up behind runs of this network that were killed.
///
/// # Errors
///
/// What the kernel refuses.
pub fn sweep(state: &State, pool: &Pool) -> Result<()> {
    if !pool.exists() {
        return Ok(());
    }
    let _all = state.lock()?;
    sweep_locked(pool)
}

fn sweep_locked(pool: &Pool) -> Result<()> {
    let (dead, others_live) = pool.look_around(None)?;
    if dead.is_empty() && (others_live || !pool.exists()) {
        return Ok(());
    }
    if !others_live {
        remove(pool)?;
    }
    clear_up(dead)?;
    pool.remove();
    Ok(())
}

/// Removes what belonged to runs that were killed.
fn clear_up(dead: Vec<Lease>) -> Result<()> {
    for lease in dead {
        explain::note(texts::swept_number(lease.number()));
        Netlink::open()?.delete(&veth::name(lease.number()))?;
        firewall::remove(lease.number())?;
        lease.give_back()?;
    }
    Ok(())
}

/// Makes the bridge, or what is missing of it, and says which network it is for.
fn make(netlink: &mut Netlink) -> Result<Subnet> {
    let known = |subnet: &Subnet| SUBNETS.into_iter().find(|ours| ours.overlaps(*subnet));
    if if_nametoindex(BRIDGE).is_ok() {
        let addresses = netlink.addresses(Some(BRIDGE))?;
        if let Some(subnet) = addresses.iter().find_map(known) {
            netlink.up(BRIDGE)?;
            return Ok(subnet);
        }
        // Somebody made it half.
        netlink.delete(BRIDGE)?;
    }
    let subnet = choose(netlink)?;
    // With an address of its own: else the bridge takes the lowest of what is plugged in, and
    // changes it when a container comes or goes.
    netlink.add_bridge(BRIDGE, veth::mac(subnet.host(1)))?;
    advertisement::believe_nobody(BRIDGE)?;
    netlink.add_address(BRIDGE, subnet.host(1), subnet.prefix())?;
    netlink.up(BRIDGE)?;
    Ok(subnet)
}

/// A network that none of the host's addresses and routes has to do with.
fn choose(netlink: &mut Netlink) -> Result<Subnet> {
    let mut used = netlink.addresses(None)?;
    used.extend(netlink.routes()?);
    let free = |subnet: &Subnet| !used.iter().any(|other| other.overlaps(*subnet));
    match SUBNETS.into_iter().find(free) {
        Some(subnet) => {
            explain::note(texts::chosen(subnet));
            Ok(subnet)
        }
        None => bail!(texts::NO_SUBNET),
    }
}

/// The last container has gone.
fn remove(pool: &Pool) -> Result<()> {
    Netlink::open()?.delete(BRIDGE)?;
    forwarding::switch_back(pool)
}
