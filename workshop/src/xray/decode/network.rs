//! Host names, and messages to the network part of the kernel: `sendto(2)` and `sendmsg(2)` on a
//! socket of `netlink(7)`. The answers (an error number, or 0) are messages too, and not looked at.

use std::fs;

use super::{Entry, Told, quoted};
use crate::xray::netlink;
use crate::xray::texts::{self, Topic};

/// The longest message that is looked at, in bytes.
const LONGEST: usize = 4096;

pub(in crate::xray) fn sethostname(entry: &Entry) -> Option<Told> {
    name(entry, texts::SETHOSTNAME)
}

pub(in crate::xray) fn setdomainname(entry: &Entry) -> Option<Told> {
    name(entry, texts::SETDOMAINNAME)
}

fn name(entry: &Entry, meaning: &'static str) -> Option<Told> {
    // The kernel takes 64 bytes at most, and needs no NUL behind them.
    let length = (entry.args[1] as usize).min(64);
    let name = entry.memory.bytes(entry.args[0], length);
    let name = name.map_or_else(|| "?".into(), |name| quoted(&name));
    entry.told(&[name, entry.args[1].to_string()], &[&texts::HOST_NAME], meaning)
}

pub(in crate::xray) fn sendto(entry: &Entry) -> Option<Told> {
    let length = (entry.args[2] as usize).min(LONGEST);
    message(entry, entry.int(0), &entry.memory.bytes(entry.args[1], length)?)
}

pub(in crate::xray) fn sendmsg(entry: &Entry) -> Option<Told> {
    gathered(entry, entry.int(0), entry.args[1])
}

/// The first argument says which call, the second points to that call's arguments.
pub(in crate::xray) fn socketcall(entry: &Entry) -> Option<Told> {
    const SENDMSG: u64 = 16;
    let argument = |place| entry.memory.pointer(entry.args[1], place);
    let descriptor = argument(0)? as i32;
    if entry.args[0] == SENDMSG {
        return gathered(entry, descriptor, argument(1)?);
    }
    let length = (argument(2)? as usize).min(LONGEST);
    message(entry, descriptor, &entry.memory.bytes(argument(1)?, length)?)
}

/// `struct msghdr` is, in words: an address and its length, then an array of pieces and how many
/// they are. Each piece is an address and a length.
fn gathered(entry: &Entry, descriptor: i32, header: u64) -> Option<Told> {
    let (pieces, count) = (entry.memory.pointer(header, 2)?, entry.memory.pointer(header, 3)?);
    let mut bytes = Vec::new();
    for piece in 0..count.min(16) as usize {
        let address = entry.memory.pointer(pieces, 2 * piece)?;
        let length = entry.memory.pointer(pieces, 2 * piece + 1)? as usize;
        if bytes.len() + length > LONGEST {
            break;
        }
        bytes.extend(entry.memory.bytes(address, length)?);
    }
    message(entry, descriptor, &bytes)
}

fn message(entry: &Entry, descriptor: i32, bytes: &[u8]) -> Option<Told> {
    let messages = netlink::messages(bytes);
    if messages.is_empty() || !is_route_socket(entry, descriptor) {
        return None;
    }
    let texts: Vec<_> = messages.iter().map(|message| message.text.clone()).collect();
    let mut topics: Vec<&'static Topic> = vec![&texts::INTERFACES];
    if messages.iter().any(|message| message.meaning == texts::MOVED_LINK) {
        topics.push(&texts::NET_NAMESPACE);
    }
    let arguments = [descriptor.to_string(), texts.join(", ")];
    entry.told(&arguments, &topics, messages[0].meaning)
}

/// Whether a socket speaks `rtnetlink(7)`: other parts of the kernel have messages of the same
/// shape. The list is that of the thread's network namespace; a socket of another one is believed.
fn is_route_socket(entry: &Entry, descriptor: i32) -> bool {
    let link = entry.link(descriptor).unwrap_or_default();
    let link = String::from_utf8_lossy(&link).into_owned();
    let Some(inode) = link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) else {
        return false;
    };
    let list = fs::read_to_string(format!("/proc/{}/net/netlink", entry.memory.tid));
    let list = list.unwrap_or_default();
    // Its second column is the protocol, of which 0 is NETLINK_ROUTE; its last one the inode.
    let mut lines = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = lines.find(|columns| columns.last() == Some(&inode));
    found.is_none_or(|columns| columns.get(1) == Some(&"0"))
}
