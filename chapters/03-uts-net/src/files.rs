//! The three files that tell programs about the network: `hostname(5)`, `hosts(5)`,
//! `resolv.conf(5)`.
//!
//! The kernel knows no names. The C library looks them up in these files, and asks the servers that
//! `/etc/resolv.conf` names. An image brings files of its own, or none, and they know nothing of
//! *this* container. So Docker writes all three for each container and binds them over the image's,
//! and so do we: [`Files::mounts`] says what belongs where.
//!
//! The trap is `nameserver 127.0.0.53`. Many hosts run a small name server on their own loopback.
//! The container's loopback is another one, and nobody listens there.

use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use pid_namespace::Mount;
use process::{Attempt, Mechanism, explain};

use crate::network::{Address, Mode, Network};
use crate::state::RunFolder;
use crate::texts;
use crate::uts::Hostname;

/// The files, by their names in `/etc`.
const NAMES: [&str; 3] = ["hostname", "hosts", "resolv.conf"];

/// Where the real name servers stand when the host runs one of its own: systemd, NetworkManager.
const UPSTREAM: [&str; 2] = ["/run/systemd/resolve/resolv.conf", "/run/NetworkManager/resolv.conf"];

/// Docker's answer when there is none at all: Google's public name servers.
const PUBLIC: &str = "nameserver 8.8.8.8\nnameserver 8.8.4.4\n";

/// The three files of a container. After [`Network`] in the list, whose address it writes down.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    hostname: Hostname,
    mode: Mode,
    address: Address,
}

impl Files {
    /// The files for a container of this name, in this network.
    #[must_use]
    pub fn new(run: &RunFolder, hostname: &Hostname, network: &Network) -> Self {
        let (folder, hostname) = (run.path(), hostname.clone());
        Self { folder, hostname, mode: network.mode(), address: network.address() }
    }

    /// What is to be bound into the container's root.
    #[must_use]
    pub fn mounts(&self) -> [Mount; 3] {
        NAMES.map(|name| Mount::bind(self.folder.join(name), Path::new("/etc").join(name)))
    }

    fn hosts(&self) -> String {
        if self.mode == Mode::Host {
            return fs::read_to_string("/etc/hosts").unwrap_or_else(|_| localhost());
        }
        // Without an address the name still has to lead somewhere: Debian's convention.
        let address = self.address.get().unwrap_or(Ipv4Addr::new(127, 0, 1, 1));
        format!("{}{address}\t{}\n", localhost(), self.hostname.names())
    }

    fn resolv_conf(&self) -> String {
        let host = read(Path::new("/etc/resolv.conf"));
        match self.mode {
            // The host's loopback is the container's.
            Mode::Host => host,
            Mode::Bridge | Mode::None => {
                resolv_conf(&host, || UPSTREAM.iter().map(|path| read(Path::new(path))).collect())
            }
        }
    }
}

impl Mechanism for Files {
    fn prepare(&mut self) -> Result<()> {
        let contents = [format!("{}\n", self.hostname.name()), self.hosts(), self.resolv_conf()];
        for (name, content) in NAMES.iter().zip(contents) {
            let path = self.folder.join(name);
            fs::write(&path, content).step(&texts::FILES, format_args!("write({path:?})"))?;
            // Whatever the caller's umask is: every user of the container reads these.
            fs::set_permissions(&path, Permissions::from_mode(0o644))
                .tried(&texts::FILES, format_args!("chmod({path:?}, 0644)"))?;
        }
        Ok(())
    }

    fn release(&mut self) -> Result<()> {
        for name in NAMES {
            // The folder goes with the run in any case.
            let _ = fs::remove_file(self.folder.join(name));
        }
        Ok(())
    }
}

fn localhost() -> String {
    "127.0.0.1\tlocalhost\n\
     ::1\tlocalhost ip6-localhost ip6-loopback\n\
     fe00::\tip6-localnet\n\
     ff00::\tip6-mcastprefix\n\
     ff02::1\tip6-allnodes\n\
     ff02::2\tip6-allrouters\n"
        .into()
}

/// A file that is missing, or not to be read, says nothing.
fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The host's `resolv.conf` with name servers that the container can reach. Everything else in it
/// stays.
fn resolv_conf(host: &str, upstream: impl FnOnce() -> Vec<String>) -> String {
    let mut kept = String::new();
    for line in host.lines().filter(|line| nameserver(line).is_none()) {
        kept += &format!("{line}\n");
    }
    let servers = reachable(host);
    if !servers.is_empty() {
        return kept + &servers;
    }
    let upstream = upstream().iter().map(|text| reachable(text)).find(|found| !found.is_empty());
    match upstream {
        Some(servers) => {
            explain::note(texts::UPSTREAM_USED);
            format!("# {}\n{kept}{servers}", texts::UPSTREAM_USED)
        }
        None => format!("# {}\n{kept}{PUBLIC}", texts::PUBLIC_USED),
    }
}

/// The lines with name servers that can be reached from a container: IPv4, and not the loopback.
fn reachable(text: &str) -> String {
    let address = |line: &str| nameserver(line).and_then(|word| word.parse().ok());
    text.lines()
        .filter(|line| matches!(address(line), Some(IpAddr::V4(ip)) if !ip.is_loopback() && !ip.is_unspecified()))
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn nameserver(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    match words.next() {
        Some("nameserver") => Some(words.next().unwrap_or_default()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_can_be_reached_stay() {
        let host =
            "search a.example\nnameserver 192.0.2.1\nnameserver 127.0.0.1\noptions ndots:2\n";
        assert_eq!(
            resolv_conf(host, Vec::new),
            "search a.example\noptions ndots:2\nnameserver 192.0.2.1\n"
        );
    }

    #[test]
    fn a_stub_on_the_loopback_is_replaced_by_what_it_asks() {
        let stub = "nameserver 127.0.0.53\noptions edns0\nsearch lan\n";
        let found = resolv_conf(stub, || vec!["".into(), "nameserver 192.0.2.7\n".into()]);
        assert!(found.starts_with("# "), "{found}");
        assert!(found.ends_with("options edns0\nsearch lan\nnameserver 192.0.2.7\n"), "{found}");
    }

    #[test]
    fn without_any_server_there_are_the_public_ones() {
        for host in ["", "nameserver ::1\n", "nameserver fe80::1%eth0\n", "nameserver\n"] {
            let found = resolv_conf(host, Vec::new);
            assert!(found.starts_with("# ") && found.ends_with(PUBLIC), "{found}");
        }
    }
}
