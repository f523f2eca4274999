//! Network address translation, in rules of nftables (`nft(8)`).
//!
//! The container's address means nothing outside this host. So a packet that leaves gets the host's
//! address instead ("masquerade"), and one that comes to a published port gets the container's
//! ("dnat"). The kernel's connection tracking undoes both for the answers.
//!
//! Each container has a *table* of its own, made by one transaction and removed by another: there is
//! never half of it, nothing to search for, and nobody else's rules are touched. `nft -f -` reads
//! the transaction from standard input; `--explain` shows it, and `nft list ruleset` what became of
//! it.
//!
//! Of several tables with rules for the same packet, each one is asked. "Drop" in one of them is
//! final, "accept" only ends the asking in that table. So nothing here can make a packet pass that
//! another table drops, as Docker's and ufw's do with what is forwarded: that can only be said.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use chroot_jail::needs::find_program;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use process::{Attempt, explain};

use crate::bridge::{BRIDGE, Place};
use crate::publish::Port;
use crate::texts;

/// The program; `None` where it is not installed.
#[must_use]
pub fn nft() -> Option<PathBuf> {
    find_program("nft")
}

/// Makes a container's table. Says what else on this host drops forwarded packets.
///
/// # Errors
///
/// What `nft` says.
pub fn add(place: &Place, ports: &[Port]) -> Result<Vec<Dropping>> {
    // The lists are asked for in the same breath: to start a program takes longer than the rules.
    let chains = run(&format!("{}list chains\n", table(place, ports)))?;
    if !ports.is_empty() {
        // After the rules, one of which keeps this from being a hole.
        let switch = format!("/proc/sys/net/ipv4/conf/{BRIDGE}/route_localnet");
        std::fs::write(&switch, "1")
            .step(&texts::LOCALNET, format_args!("write({switch:?}, \"1\")"))?;
    }
    Ok(dropping(&chains))
}

/// Removes a container's table, if there is one.
///
/// # Errors
///
/// What `nft` says.
pub fn remove(number: u8) -> Result<()> {
    if nft().is_none() {
        return Ok(());
    }
    // To add what is there already is no error, to delete what is not there would be one.
    run(&format!("add table ip coracle_{number}\ndelete table ip coracle_{number}\n")).map(drop)
}

/// The transaction that makes a container's table.
fn table(place: &Place, ports: &[Port]) -> String {
    let Place { number, subnet, address, .. } = place;
    let mut redirects = String::new();
    for port in ports {
        let Port { host, container, protocol, .. } = port;
        let to = match port.address.is_unspecified() {
            true => "fib daddr type local".into(),
            false => format!("ip daddr {}", port.address),
        };
        let _ =
            writeln!(redirects, "    {to} {protocol} dport {host} dnat to {address}:{container}");
    }
    // `raw` comes before everything else: nobody but the host itself may ask for 127.0.0.1. With
    // route_localnet the host would take such a packet from the bridge, and anybody there could talk
    // to programs that only listen to the host itself (CVE-2020-8558). And what is published on
    // 127.0.0.1, `prerouting` would pass on to the container, whoever in the local network asks,
    // before the kernel looks where the packet comes from (moby#45610).
    // `forward`: from outside only what is published.
    // `output` is for connections from the host itself: locally generated packets do not pass
    // `prerouting`.
    // `postrouting`: the container's packets leave as the host's. And whoever comes from 127.0.0.1
    // or from another container through a published port has to be answered through the host.
    format!(
        "add table ip coracle_{number}
delete table ip coracle_{number}
table ip coracle_{number} {{
  chain raw {{
    type filter hook prerouting priority -300
    iifname != \"lo\" ip daddr 127.0.0.0/8 drop
  }}
  chain forward {{
    type filter hook forward priority 0
    ip daddr {address} ct state established,related accept
    ip daddr {address} ct status dnat accept
    ip daddr {address} iifname != {BRIDGE} drop
  }}
  chain prerouting {{
    type nat hook prerouting priority -100
{redirects}  }}
  chain output {{
    type nat hook output priority -100
{redirects}  }}
  chain postrouting {{
    type nat hook postrouting priority 100
    ip saddr {address} oifname != {BRIDGE} masquerade
    ip saddr 127.0.0.0/8 ip daddr {address} masquerade
    ip saddr {subnet} ip daddr {address} ct status dnat masquerade
  }}
}}
"
    )
}

/// A chain of somebody else's that drops forwarded packets unless it is told otherwise.
#[derive(Debug, PartialEq, Eq)]
pub struct Dropping {
    /// Family and name of the table, `ip filter`.
    pub table: String,
    /// The chain's name.
    pub chain: String,
}

impl Dropping {
    /// Whether some rule in the same table knows our bridge. Then the owner has seen to it.
    #[must_use]
    pub fn knows_us(&self) -> bool {
        run(&format!("list table {}\n", self.table)).is_ok_and(|table| table.contains(BRIDGE))
    }
}

/// Reads `list chains`.
fn dropping(chains: &str) -> Vec<Dropping> {
    let (mut table, mut chain, mut found) = ("", "", Vec::new());
    for line in chains.lines().map(str::trim) {
        let name = |kind| line.strip_prefix(kind).and_then(|rest| rest.strip_suffix(" {"));
        if let Some(name) = name("table ") {
            table = name;
        } else if let Some(name) = name("chain ") {
            chain = name;
        } else if line.contains("hook forward") && line.contains("policy drop") {
            found.push(Dropping { table: table.into(), chain: chain.into() });
        }
    }
    // Other families never see our packets.
    found.retain(|chain| chain.table.starts_with("ip ") || chain.table.starts_with("inet "));
    found
}

/// Gives one transaction to `nft`, and returns what it prints.
fn run(script: &str) -> Result<String> {
    let program = nft().context(texts::NO_NFT)?;
    explain::call(&texts::FIREWALL, "nft -f -");
    script.lines().for_each(explain::note);
    // One pipe for its answer and its complaints: of two, each would have to be read in turn.
    let (answer, writer) = pipe2(OFlag::O_CLOEXEC).tried(&texts::FIREWALL, "pipe2(O_CLOEXEC)")?;
    let complaints = writer.try_clone().tried(&texts::FIREWALL, "fcntl(F_DUPFD_CLOEXEC)")?;
    let mut child = Command::new(program)
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(writer)
        .stderr(complaints)
        .spawn()
        .tried(&texts::FIREWALL, "posix_spawn(nft)")?;
    // It reads all before it answers, so neither can wait for the other.
    let asked = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(script.as_bytes()));
    let mut said = String::new();
    let answered = File::from(answer).read_to_string(&mut said);
    // Also where we could not hear it out: nothing of it is to happen later.
    let status = child.wait().tried(&texts::FIREWALL, "wait4(nft)")?;
    answered.tried(&texts::FIREWALL, "read(from nft)")?;
    if !status.success() {
        bail!(texts::nft_failed(said.lines().next().unwrap_or("nothing")));
    }
    asked.tried(&texts::FIREWALL, "write(to nft)")?;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_that_drop_what_is_forwarded_are_found() {
        let chains = "table ip filter {\n\tchain FORWARD {\n\t\ttype filter hook forward priority \
             filter; policy drop;\n\t}\n}\ntable inet mine {\n\tchain f {\n\t\ttype filter hook \
             forward priority 0; policy accept;\n\t}\n}\n";
        let expected = Dropping { table: "ip filter".into(), chain: "FORWARD".into() };
        assert_eq!(dropping(chains), [expected]);
    }
}
