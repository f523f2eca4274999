//! Chapter 03, and chapter 06's way to a registry: is there a network to be had?
//!
//! All of it is tried in a network namespace of the trial's own (`network_namespaces(7)`), where
//! the interfaces and the rules go with the process that made them. The host's network is only
//! looked at.

use std::fs::{self, File};
use std::io::Read;
use std::net::{Ipv4Addr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{dup2_stderr, getpid, pipe2};
use process::{Attempt, sys};
use uts_net::bridge::{BRIDGE, Place};
use uts_net::netlink::Netlink;
use uts_net::outside::Outside;
use uts_net::subnet::Subnet;
use uts_net::{RunFolder, firewall};

use super::child::{Report, as_in_a_chapter, silence};
use super::modules;
use super::namespaces::{SCRATCH, make_private, scratch};
use super::probe::{Probe, Refusal};
use super::texts;

const REGISTRY: (&str, u16) = ("registry-1.docker.io", 443);

/// How long to wait for the world: who asks is not to wait for a network that is not there.
pub(super) const PATIENCE: Duration = Duration::from_millis(800);

/// The cable, the switch and the rules.
pub(super) fn bridge(report: &Report) {
    report.tried(Probe::StateFolder, RunFolder::new().map(drop));
    if as_in_a_chapter().is_err() || report.tried(Probe::NetworkNamespace, own_network()).is_none()
    {
        return;
    }
    report.tried(Probe::Forwarding, forward());
    if modules::come_when_needed(modules::BRIDGE) {
        report.tell(Probe::VethBridge, None);
    } else if report.tried(Probe::VethBridge, cable()).is_none() {
        return;
    }
    report.tried(Probe::Nftables, translate());
}

fn own_network() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET).tried(&texts::TRIAL, "unshare(CLONE_NEWNET)")?;
    Netlink::open()?.up("lo")
}

/// The switch for forwarding is one of this network's own, but the file may be read-only.
fn forward() -> Result<()> {
    let switch = "/proc/sys/net/ipv4/ip_forward";
    fs::write(switch, "1").tried(&texts::TRIAL, format_args!("write({switch:?}, \"1\")"))
}

fn cable() -> Result<()> {
    let mut netlink = Netlink::open()?;
    netlink.add_bridge(BRIDGE, [2, 0, 0, 0, 0, 1])?;
    netlink.add_veth("one-end", getpid(), "other-end", [2, 0, 0, 0, 0, 2])?;
    netlink.plug_into(BRIDGE, "one-end")?;
    netlink.up(BRIDGE)
}

/// The rules of a container that publishes nothing.
fn translate() -> Result<()> {
    firewall::nft().context(texts::NO_NFT)?;
    if modules::come_when_needed(modules::NFTABLES) {
        return Ok(());
    }
    let subnet = Subnet::new(Ipv4Addr::new(10, 83, 0, 0), 24);
    let place = Place { number: 2, subnet, address: subnet.host(2), gateway: subnet.host(1) };
    firewall::add(&place, &[]).map(drop)
}

/// The way out of an ordinary user's network: pasta or slirp4netns, really started.
pub(super) fn uplink(report: &Report) {
    if sys::may_administer() || as_in_a_chapter().is_err() {
        return;
    }
    let unmounted = unshare(CloneFlags::CLONE_NEWNS).tried(&texts::TRIAL, "unshare(CLONE_NEWNS)");
    if unmounted.and_then(|()| make_private()).and_then(|()| scratch()).is_err() {
        return;
    }
    report.tried(Probe::Pasta, connect());
}

fn connect() -> Result<()> {
    // That there is no way out is no failure of a run; it is said on standard error.
    let (said, end) = pipe2(OFlag::O_CLOEXEC).tried(&texts::TRIAL, "pipe2(O_CLOEXEC)")?;
    dup2_stderr(&end).tried(&texts::TRIAL, "dup2(the pipe, 2)")?;
    drop(end);
    let connected = Outside::enter(Path::new(SCRATCH), &[]);
    silence()?;
    // The programs that were started have a copy of the pipe's end until they are gone.
    drop(connected?);
    let mut text = String::new();
    File::from(said).read_to_string(&mut text).context(texts::PIPE)?;
    let sentence = text.trim().trim_end_matches('.');
    if sentence.is_empty() { Ok(()) } else { bail!(sentence.to_owned()) }
}

/// Whether Docker Hub answers. Nothing is asked of it.
pub(super) fn registry(report: &Report) {
    let proxy = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    if proxy.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        return;
    }
    // Told beforehand, in case that a name server never answers and the trial is ended.
    report.tell(Probe::RegistryNetwork, Some(Refusal::new(texts::no_answer(REGISTRY.0))));
    report.tried(Probe::RegistryNetwork, reach());
}

fn reach() -> Result<()> {
    let said = |error| anyhow!(texts::no_way_to(REGISTRY.0, &error));
    let addresses = REGISTRY.to_socket_addrs().map_err(said)?;
    let mut last = anyhow!(texts::no_answer(REGISTRY.0));
    for address in addresses.take(2) {
        match TcpStream::connect_timeout(&address, PATIENCE / 2) {
            Ok(_) => return Ok(()),
            Err(error) => last = said(error),
        }
    }
    Err(last)
}
