//! Messages to the network part of the kernel, in words: `rtnetlink(7)`.
//!
//! A message is a header (length, type, flags, two numbers), then a struct that belongs to the
//! type, then attributes, each with its length and type, and some of them with attributes inside.
//! Everything is padded to four bytes, and in this machine's byte order but for addresses. What
//! does not fit is left out: it came from a program that may be wrong.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::texts;

/// One message that changes something.
pub(super) struct Message {
    /// `RTM_NEWLINK(veth "eth0", peer "veth1")`.
    pub(super) text: String,
    pub(super) meaning: &'static str,
}

const HEADER: usize = 16;

/// The messages that change interfaces, addresses or routes.
pub(super) fn messages(mut bytes: &[u8]) -> Vec<Message> {
    let mut found = Vec::new();
    while let (Some(length), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let Some(body) = bytes.get(HEADER..length as usize) else { break };
        found.extend(message(kind, body));
        bytes = bytes.get(padded(length as usize)..).unwrap_or_default();
    }
    found
}

fn message(kind: u16, body: &[u8]) -> Option<Message> {
    let (name, text, meaning) = match kind {
        16 => link("RTM_NEWLINK", body)?,
        17 => ("RTM_DELLINK", link("", body)?.1, texts::DELETED_LINK),
        19 => link("RTM_SETLINK", body)?,
        20 => ("RTM_NEWADDR", address(body)?, texts::NEW_ADDRESS),
        21 => ("RTM_DELADDR", address(body)?, texts::DELETED_ADDRESS),
        24 => ("RTM_NEWROUTE", route(body)?, texts::NEW_ROUTE),
        25 => ("RTM_DELROUTE", route(body)?, texts::DELETED_ROUTE),
        _ => return None,
    };
    Some(Message { text: format!("{name}({text})"), meaning })
}

/// `struct ifinfomsg`, and the attributes `IFLA_…` of `linux/if_link.h`.
fn link<'a>(name: &'a str, body: &[u8]) -> Option<(&'a str, String, &'static str)> {
    const UP: u32 = 1;
    let (index, flags, change) = (u32_at(body, 4)?, u32_at(body, 8)?, u32_at(body, 12)?);
    let (mut kind, mut rest) = (None, String::new());
    let mut own_name = None;
    let mut meaning = texts::CHANGED_LINK;
    if change & UP != 0 || flags & UP != 0 {
        rest += if flags & UP != 0 { ", up" } else { ", down" };
        meaning = if flags & UP != 0 { texts::LINK_UP } else { texts::LINK_DOWN };
    }
    for (attribute, value) in attributes(body.get(16..)?) {
        match attribute {
            3 => own_name = Some(text(value)),
            4 => rest += &format!(", mtu {}", u32_at(value, 0)?),
            10 => {
                rest += &format!(", master {}", u32_at(value, 0)?);
                meaning = texts::PLUGGED_LINK;
            }
            18 => kind = Some(link_info(value)?),
            19 => {
                rest += &format!(", into the network of process {}", u32_at(value, 0)?);
                meaning = texts::MOVED_LINK;
            }
            28 => {
                rest += &format!(", into the network behind descriptor {}", u32_at(value, 0)?);
                meaning = texts::MOVED_LINK;
            }
            _ => {}
        }
    }
    let mut words: Vec<String> = Vec::new();
    // A change may say what the interface is part of, without its own kind.
    let made = kind.as_ref().filter(|(kind, _)| index == 0 && !kind.is_empty());
    if let Some((kind, _)) = made {
        words.push(kind.clone());
        meaning = match kind.as_str() {
            "veth" => texts::NEW_VETH,
            "bridge" => texts::NEW_BRIDGE,
            _ => texts::NEW_LINK,
        };
    }
    if index != 0 {
        words.push(format!("interface {index}"));
    }
    words.extend(own_name);
    let peer = made.and_then(|(_, peer)| peer.as_deref()).unwrap_or_default();
    Some((name, words.join(" ") + peer + &rest, meaning))
}

/// The kind of an interface, and, for a cable, what is said about its other end.
fn link_info(value: &[u8]) -> Option<(String, Option<String>)> {
    const PEER: u16 = 1;
    let (mut kind, mut peer) = (String::new(), None);
    for (attribute, value) in attributes(value) {
        match attribute {
            1 => kind = String::from_utf8_lossy(until_nul(value)).escape_debug().to_string(),
            2 if kind == "veth" => {
                let other_end = attributes(value).find(|(attribute, _)| *attribute == PEER);
                let (_, other_end, _) = link("", other_end?.1)?;
                peer = Some(format!(", peer {other_end}"));
            }
            _ => {}
        }
    }
    Some((kind, peer))
}

/// `struct ifaddrmsg`, and the attributes `IFA_…`.
fn address(body: &[u8]) -> Option<String> {
    let (prefix, index) = (body.get(1)?, u32_at(body, 4)?);
    let attributes: Vec<_> = attributes(body.get(8..)?).collect();
    // A cable between two has a local address beside the other end's.
    let find = |kind| attributes.iter().find(|(other, _)| *other == kind);
    let (_, value) = find(2).or_else(|| find(1))?;
    Some(format!("{}/{prefix}, interface {index}", ip(value)))
}

/// `struct rtmsg`, and the attributes `RTA_…`.
fn route(body: &[u8]) -> Option<String> {
    let prefix = body.get(1)?;
    let mut words = vec!["default".to_owned()];
    for (attribute, value) in attributes(body.get(12..)?) {
        match attribute {
            1 => words[0] = format!("{}/{prefix}", ip(value)),
            4 => words.push(format!("interface {}", u32_at(value, 0)?)),
            5 => words.push(format!("via {}", ip(value))),
            _ => {}
        }
    }
    Some(words.join(", "))
}

/// The attributes of a message, or of an attribute: type and value.
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    const KIND: u16 = 0x3fff;
    std::iter::from_fn(move || {
        let (length, kind) = (u16_at(bytes, 0)?, u16_at(bytes, 2)?);
        let value = bytes.get(4..length.into())?;
        bytes = bytes.get(padded(length.into())..).unwrap_or_default();
        Some((kind & KIND, value))
    })
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

fn ip(value: &[u8]) -> String {
    match (<[u8; 4]>::try_from(value), <[u8; 16]>::try_from(value)) {
        (Ok(v4), _) => Ipv4Addr::from(v4).to_string(),
        (_, Ok(v6)) => Ipv6Addr::from(v6).to_string(),
        _ => "?".into(),
    }
}

fn text(value: &[u8]) -> String {
    format!("\"{}\"", String::from_utf8_lossy(until_nul(value)).escape_debug())
}

fn until_nul(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
