//! The network: a namespace of one's own, and a way out of it (`network_namespaces(7)`).
//!
//! A network namespace has its own interfaces, addresses, routes, firewall rules and ports. A new
//! one has nothing but a loopback interface, which is down. What more there is depends on
//! `--network`:
//!
//! - `none`: loopback, switched on. Nothing comes in or goes out.
//! - `bridge`: a cable to the host's bridge, and through the host to the world.
//! - `host`: no namespace. The container uses the host's network, with all that listens on it.
//!
//! The namespace goes with its last process, and takes the interfaces in it along. The host's part
//! does not go by itself.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use nix::sched::CloneFlags;
use nix::unistd::{Pid, gethostname};
use process::{Mechanism, explain};

use crate::bridge::{self, Share};
use crate::netlink::Netlink;
use crate::outside::Outside;
use crate::pool::Pool;
use crate::publish::{Port, Reserved};
use crate::state::{RunFolder, State};
use crate::veth::Veth;
use crate::{advertisement, firewall, texts};

/// What `--network` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// A cable to the host's bridge, and through the host to the world
    Bridge,
    /// The host's own network
    Host,
    /// Loopback alone
    None,
}

impl Mode {
    /// The host name of a container that is given none: its number. Docker's exception: a
    /// container in the host's network is called as the host.
    #[must_use]
    pub fn host_name(self, id: &str) -> String {
        let host = || gethostname().ok().and_then(|name| name.into_string().ok());
        match self {
            Self::Host => host().filter(|name| !name.is_empty()).unwrap_or_else(|| id.into()),
            Self::Bridge | Self::None => id.into(),
        }
    }
}

/// The container's address, once [`Network`] is prepared: for mechanisms that come later.
pub type Address = Rc<Cell<Option<Ipv4Addr>>>;

/// The container's network.
#[derive(Debug)]
pub struct Network {
    mode: Mode,
    ports: Vec<Port>,
    address: Address,
    run: PathBuf,
    state: State,
    made: Made,
}

/// What is to be taken down again.
#[derive(Debug, Default)]
struct Made {
    reserved: Vec<Reserved>,
    outside: Option<Outside>,
    share: Option<Share>,
    /// The number of the firewall's table.
    table: Option<u8>,
    veth: Option<Veth>,
}

impl Network {
    /// A network of the given kind, with ports that are published on the host.
    ///
    /// # Errors
    ///
    /// When ports are to be published and there is no network to publish them in.
    pub fn new(run: &RunFolder, mode: Mode, mut ports: Vec<Port>) -> Result<Self> {
        ensure!(mode != Mode::None || ports.is_empty(), texts::NOTHING_TO_PUBLISH);
        for (place, port) in ports.iter().enumerate() {
            let twice = ports[..place].iter().any(|other| other.is_on_the_same_place(port));
            ensure!(!twice, texts::published_twice(port));
        }
        if mode == Mode::Host && !ports.is_empty() {
            explain::say(texts::PORTS_DISCARDED);
            ports.clear();
        }
        let (run, state) = (run.path(), run.state().clone());
        Ok(Self { mode, ports, address: Address::default(), run, state, made: Made::default() })
    }

    /// What `--network` says.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Where the container's address will stand.
    #[must_use]
    pub fn address(&self) -> Address {
        Rc::clone(&self.address)
    }

    /// The host's part of `bridge`, but for the cable, which has to wait for the process.
    fn join_bridge(&mut self) -> Result<()> {
        let nft = firewall::nft();
        ensure!(nft.is_some() || self.ports.is_empty(), texts::NO_NFT_FOR_PORTS);
        let pool = match Netlink::open()?.may_change()? {
            true => self.stay_on_the_host()?,
            false => self.leave_the_host()?,
        };
        let share = self.made.share.insert(Share::new(self.state.clone(), pool));
        let place = share.take(nft.is_some())?;
        self.address.set(Some(place.address));
        self.made.veth = Some(Veth::new(place));
        if nft.is_none() {
            explain::say(texts::NO_NFT);
            return Ok(());
        }
        self.made.table = Some(place.number);
        match firewall::add(&place, &self.ports) {
            Ok(dropping) => {
                for chain in dropping.iter().filter(|chain| !chain.knows_us()) {
                    explain::say(texts::dropped_elsewhere(&chain.table, &chain.chain));
                }
            }
            Err(error) => {
                // A transaction that fails makes nothing, but what failed may have come after it.
                self.made.table = None;
                let _ = firewall::remove(place.number);
                if !self.ports.is_empty() {
                    return Err(error.context(texts::PORTS_NEED_NFT));
                }
                explain::say(texts::no_way_out(&error));
            }
        }
        Ok(())
    }

    /// As root: the ports are ours for as long as we live.
    fn stay_on_the_host(&mut self) -> Result<Pool> {
        for port in &self.ports {
            self.made.reserved.push(Reserved::take(port)?);
        }
        Pool::of_this_network(&self.state)
    }

    /// As an ordinary user: everything happens in a network namespace that is ours to change.
    fn leave_the_host(&mut self) -> Result<Pool> {
        self.made.outside = Some(Outside::enter(&self.run, &self.ports)?);
        for port in &mut self.ports {
            // Which of the host's addresses it is to be, the way in from there has settled.
            port.address = Ipv4Addr::UNSPECIFIED;
        }
        Ok(Pool::of_run(&self.run))
    }
}

impl Mechanism for Network {
    fn namespaces(&self) -> CloneFlags {
        match self.mode {
            Mode::Host => CloneFlags::empty(),
            Mode::Bridge | Mode::None => CloneFlags::CLONE_NEWNET,
        }
    }

    fn prepare(&mut self) -> Result<()> {
        match self.mode {
            Mode::Bridge => self.join_bridge(),
            // Not needed for this one, but what a killed run left is to go at the next occasion.
            Mode::Host | Mode::None => {
                bridge::sweep(&self.state, &Pool::of_this_network(&self.state)?)
            }
        }
    }

    fn attach(&mut self, process: Pid) -> Result<()> {
        let Some(veth) = &self.made.veth else { return Ok(()) };
        veth.host_end(process)?;
        if self.ports.is_empty() { Ok(()) } else { veth.hairpin() }
    }

    fn enter(&mut self) -> Result<()> {
        match (&self.made.veth, self.mode) {
            (Some(veth), _) => {
                advertisement::believe_nobody("eth0")?;
                veth.container_end()
            }
            (None, Mode::Host) => Ok(()),
            (None, Mode::Bridge | Mode::None) => Netlink::open()?.up("lo"),
        }
    }

    fn release(&mut self) -> Result<()> {
        let Made { reserved, outside, share, table, veth: _ } = std::mem::take(&mut self.made);
        // If the rules can't be removed the place is not given back, and the next run tries again.
        let removed = table.map_or(Ok(()), firewall::remove);
        let given_back = match (&removed, share) {
            (Ok(()), Some(mut share)) => share.give_back(),
            _ => Ok(()),
        };
        drop(outside);
        drop(reserved);
        removed.and(given_back)
    }
}
