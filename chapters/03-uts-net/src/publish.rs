//! Published ports: `-p [IP:]HOST:CONTAINER[/tcp|/udp]`.
//!
//! Who connects to the host's port gets the container's. The firewall rewrites the packets, so
//! nobody on the host has to listen. But then nobody would notice either that two programs want the
//! same port. So the runtime binds it (`bind(2)`) for the container's life and never accepts: the
//! kernel refuses the next one, and us if we come second.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::str::FromStr;

use anyhow::{Result, bail, ensure};
use nix::errno::Errno;
use process::Attempt;

use crate::texts;

/// TCP or UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `tcp(7)`.
    Tcp,
    /// `udp(7)`.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// One published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// The host's address to be reached at; 0.0.0.0 for every one it has.
    pub address: Ipv4Addr,
    /// The host's port.
    pub host: u16,
    /// The container's port.
    pub container: u16,
    /// What is spoken there.
    pub protocol: Protocol,
}

impl Port {
    /// Whether both ask for the same port of the host's.
    pub(crate) fn is_on_the_same_place(&self, other: &Self) -> bool {
        let every = [self.address, other.address].contains(&Ipv4Addr::UNSPECIFIED);
        (self.host, self.protocol) == (other.host, other.protocol)
            && (every || self.address == other.address)
    }
}

impl FromStr for Port {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (ports, protocol) = match text.split_once('/') {
            None | Some((_, "tcp")) => (text.trim_end_matches("/tcp"), Protocol::Tcp),
            Some((ports, "udp")) => (ports, Protocol::Udp),
            Some((_, other)) => bail!(texts::unknown_protocol(other)),
        };
        ensure!(!ports.contains('['), texts::NO_IPV6);
        let parts: Vec<&str> = ports.split(':').collect();
        let (address, host, container) = match parts[..] {
            [host, container] => ("0.0.0.0", host, container),
            [address, host, container] => (address, host, container),
            [_] => bail!(texts::PORT_MISSING),
            _ => bail!(texts::NO_IPV6),
        };
        let Ok(address) = address.parse() else { bail!(texts::bad_address(address)) };
        Ok(Self { address, host: number(host)?, container: number(container)?, protocol })
    }
}

fn number(text: &str) -> Result<u16> {
    ensure!(!text.is_empty(), texts::PORT_MISSING);
    ensure!(!text.contains('-'), texts::NO_RANGES);
    match text.parse() {
        // `parse` also takes "+80".
        Ok(number) if number > 0 && !text.starts_with('+') => Ok(number),
        _ => bail!(texts::bad_port(text)),
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { address, host, container, protocol } = self;
        if !address.is_unspecified() {
            write!(f, "{address}:")?;
        }
        write!(f, "{host}:{container}/{protocol}")
    }
}

/// A port that nobody else can get as long as this value lives.
#[derive(Debug)]
pub enum Reserved {
    /// A TCP port.
    Tcp(TcpListener),
    /// A UDP port.
    Udp(UdpSocket),
}

impl Reserved {
    /// Reserves the host's port.
    ///
    /// # Errors
    ///
    /// When somebody has it, or when it is not for us.
    pub fn take(port: &Port) -> Result<Self> {
        let place = SocketAddrV4::new(port.address, port.host);
        let bound: io::Result<Self> = match port.protocol {
            Protocol::Tcp => TcpListener::bind(place).map(Self::Tcp),
            Protocol::Udp => UdpSocket::bind(place).map(Self::Udp),
        };
        match bound.as_ref().map_err(|error| error.raw_os_error().map(Errno::from_raw)) {
            Err(Some(Errno::EADDRINUSE)) => bail!(texts::port_taken(port)),
            Err(Some(Errno::EADDRNOTAVAIL)) => bail!(texts::not_our_address(port.address)),
            Err(Some(Errno::EACCES)) => bail!(texts::low_port(port.host)),
            _ => bound.step(&texts::RESERVE, format_args!("bind({place}, {})", port.protocol)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_and_written() {
        for text in ["8080:80/tcp", "53:53/udp", "127.0.0.1:8080:80/tcp", "65535:1/udp"] {
            let port: Port = text.parse().expect(text);
            assert_eq!(port.to_string(), text);
        }
        assert_eq!("1:2".parse::<Port>().ok(), "0.0.0.0:1:2/tcp".parse().ok());
    }

    #[test]
    fn what_is_no_port_is_refused_in_words() {
        let refused = [
            ("", "is missing"),
            ("80", "is missing"),
            (":80", "is missing"),
            ("80:", "is missing"),
            ("127.0.0.1::80", "is missing"),
            ("0:80", "1 to 65535"),
            ("80:65536", "1 to 65535"),
            ("http:80", "1 to 65535"),
            ("+80:80", "1 to 65535"),
            ("80-90:80-90", "Ranges"),
            ("localhost:80:80", "no IPv4 address"),
            ("256.0.0.1:80:80", "no IPv4 address"),
            ("[::1]:80:80", "IPv6"),
            ("::1:80:80", "IPv6"),
            ("80:80/sctp", "tcp or udp"),
            ("80:80/", "tcp or udp"),
        ];
        for (text, says) in refused {
            let error = text.parse::<Port>().expect_err(text).to_string();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }
}
