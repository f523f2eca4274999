//! Where something waits for TCP connections (`sock_diag(7)`).
//!
//! `/proc/net/tcp` tells that as well, but goes through the machine's whole table of connections for
//! it, which takes milliseconds. This question is for listening sockets alone; `ss -ltn` asks the
//! same one.
//!
//! ```text
//! length  kind  flags  sequence  port   the envelope (netlink(7))
//!     72    20  0x301         1     0
//! family  protocol  extensions  -  states  socket    struct inet_diag_req_v2
//!     2         6           0   0  1<<10   48 zeroes
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Result, anyhow};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use nix::errno::Errno;
use nix::libc::{AF_INET, AF_INET6, IPPROTO_TCP, NLM_F_DUMP, NLM_F_REQUEST};
use process::Attempt;

use super::texts;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const TCP_LISTEN: u32 = 10;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// In this thread's network namespace, in order.
pub(super) fn here() -> Result<Vec<SocketAddr>> {
    let call = "socket(AF_NETLINK, NETLINK_SOCK_DIAG)";
    let socket = Socket::new(NETLINK_SOCK_DIAG).tried(&texts::NETWORK, call)?;
    let mut found = Vec::new();
    for family in [AF_INET, AF_INET6] {
        let asked = ask(&socket, family as u8, &mut found);
        asked.map_err(|error| anyhow!("SOCK_DIAG_BY_FAMILY: {error}"))?;
    }
    found.sort_unstable();
    Ok(found)
}

fn ask(socket: &Socket, family: u8, found: &mut Vec<SocketAddr>) -> std::io::Result<()> {
    socket.send(&question(family), 0)?;
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        for (kind, message) in messages(&datagram) {
            match kind {
                SOCK_DIAG_BY_FAMILY => found.extend(address(message)),
                // A kernel without IPv6, or built without this question, answers ENOENT.
                NLMSG_ERROR => match number(message) {
                    Some(0) => {}
                    Some(code) if Errno::from_raw(-code) != Errno::ENOENT => {
                        return Err(std::io::Error::from_raw_os_error(-code));
                    }
                    _ => return Ok(()),
                },
                NLMSG_DONE => return Ok(()),
                _ => {}
            }
        }
    }
}

fn question(family: u8) -> Vec<u8> {
    let mut message = Vec::new();
    message.extend(72_u32.to_ne_bytes());
    message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend(((NLM_F_REQUEST | NLM_F_DUMP) as u16).to_ne_bytes());
    message.extend([1_u32, 0].map(u32::to_ne_bytes).concat());
    message.extend([family, IPPROTO_TCP as u8, 0, 0]);
    message.extend((1_u32 << TCP_LISTEN).to_ne_bytes());
    message.resize(72, 0);
    message
}

/// The messages of a datagram: their kinds, and what is in them. Each begins with its length, and is
/// filled up to a multiple of four.
fn messages(datagram: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    let mut rest = datagram;
    while let Some(length) = rest.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes) as usize) {
        let Some(message) = rest.get(..length).filter(|message| message.len() >= 16) else { break };
        found.push((u16::from_ne_bytes([message[4], message[5]]), &message[16..]));
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

fn number(message: &[u8]) -> Option<i32> {
    message.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes))
}

/// The beginning of a `struct inet_diag_msg`: family, three bytes, two ports, and the own address in
/// 16 bytes; ports and addresses as they go over the wire.
fn address(message: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes(*message.get(4..)?.first_chunk()?);
    let address: &[u8; 16] = message.get(8..)?.first_chunk()?;
    let ip: IpAddr = match i32::from(message[0]) {
        AF_INET => Ipv4Addr::from(*address.first_chunk::<4>()?).into(),
        AF_INET6 => Ipv6Addr::from(*address).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_answer_is_harmless() {
        let whole = question(2);
        assert_eq!(whole.len(), 72);
        assert_eq!(messages(&whole), [(SOCK_DIAG_BY_FAMILY, &whole[16..])]);
        for end in 0..whole.len() {
            assert_eq!(messages(&whole[..end]), [], "{end}");
            let _ = address(&whole[..end]);
        }
        for length in 0..20_u32 {
            let mut odd = whole.clone();
            odd[..4].copy_from_slice(&length.to_ne_bytes());
            let _ = messages(&odd);
        }
    }

    #[test]
    fn what_listens_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
        let address = listener.local_addr().expect("its address");
        assert!(here().expect("an answer").contains(&address));
        drop(listener);
        assert!(!here().expect("an answer").contains(&address));
    }
}
