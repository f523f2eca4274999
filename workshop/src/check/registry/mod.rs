//! A registry of the examiner's own, which writes down what it is asked.
//!
//! What a program does when it pulls an image is to be seen in what it asks for: which paths, with
//! which fields, how often. So claims about the protocol are judged by this record. It listens on
//! the loopback of a [`Host`], where the program under examination looks for it; and some of the
//! images that it has are not what they are said to be.
//!
//! It is a process of its own, since the examiner joins nobody's network. The record lies in memory
//! that both of them share (`memfd_create(2)`): one line of JSON for each request.
//!
//! # Layout
//!
//! - [`archive`]: a layer's archive. [`image`]: layers, configuration, manifest.
//! - [`shelf`]: what the registry has, and how it answers.

pub mod archive;
pub mod image;
pub mod shelf;

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use nix::sys::memfd::{MFdFlags, memfd_create};
use process::{Attempt, Process, sys};
use serde::{Deserialize, Serialize};

use super::texts;
use super::world::Host;
use crate::http::{Method, Request, Server};

pub use archive::Entry;
pub use image::{Blob, Image, Kind, Layer};
pub use shelf::{Shelf, Token};

/// One request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asked {
    /// Whether it was `GET`; else it was `HEAD`, or something that no pull needs.
    pub get: bool,
    /// Of what.
    pub path: String,
    /// The media types that the client takes.
    pub accept: String,
    /// What it shows of itself.
    pub authorization: Option<String>,
    /// The service and the scope that a token is asked for.
    pub service: Option<String>,
    /// The scopes.
    pub scope: Option<String>,
    /// Which door it came to.
    pub door: Door,
    /// The answer's status.
    pub status: u16,
}

/// A registry has three addresses, each for another kind of visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Door {
    /// Everybody gets everything.
    Open,
    /// Nobody gets anything without a token.
    Locked,
    /// The blobs are here that the registry itself sends others away for.
    Elsewhere,
}

impl Door {
    const ALL: [Self; 3] = [Self::Open, Self::Locked, Self::Elsewhere];

    /// The last one is another host's for whoever compares names.
    fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, 0, if self == Self::Elsewhere { 2 } else { 1 })
    }
}

/// A registry that runs on a [`Host`].
#[derive(Debug)]
pub struct Registry {
    process: Process,
    record: File,
    read: u64,
    /// Where it listens, by [`Door`].
    addresses: [SocketAddr; 3],
}

/// As many connections as a client may open.
const THREADS: usize = 8;

impl Registry {
    /// Starts it on `host`, with what lies on `shelf`.
    ///
    /// # Errors
    ///
    /// When it can't listen there.
    pub fn start(host: &Host, shelf: Shelf) -> Result<Self> {
        let record =
            memfd_create("record", MFdFlags::MFD_CLOEXEC).tried(&texts::WORLD, "memfd_create()")?;
        let record = File::from(record);
        let (process, told) = host.keep(|mut tell| {
            sys::die_with_parent().tried(&texts::WORLD, "prctl(PR_SET_PDEATHSIG, SIGKILL)")?;
            let [open, locked, elsewhere] =
                Door::ALL.map(|door| Server::bind((door.address(), 0).into()));
            let servers = [open?, locked?, elsewhere?];
            let addresses = servers.each_ref().map(Server::address);
            let told = serde_json::to_string(&addresses).context(texts::NO_JSON)?;
            let desk = Arc::new(Desk { shelf, record: Mutex::new(record.try_clone()?), addresses });
            for (server, door) in servers.into_iter().zip(Door::ALL) {
                let desk = Arc::clone(&desk);
                server.start(THREADS, move |request| desk.answer(request, door))?;
            }
            writeln!(tell, "{told}").tried(&texts::WORLD, "write(pipe)")?;
            loop {
                nix::unistd::pause();
            }
        })?;
        let addresses = serde_json::from_str(&told).map_err(|_| anyhow!(told))?;
        Ok(Self { process, record, read: 0, addresses })
    }

    /// The full name of an image here: `127.0.0.1:PORT/repository:tag`.
    #[must_use]
    pub fn name(&self, door: Door, image: &str) -> String {
        format!("{}/{image}", self.address(door))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self, door: Door) -> SocketAddr {
        self.addresses[door as usize]
    }

    /// What it has been asked since the last time.
    ///
    /// # Errors
    ///
    /// When the record makes no sense.
    pub fn asked(&mut self) -> Result<Vec<Asked>> {
        let length = self.record.metadata().tried(&texts::WORLD, "fstat(memfd)")?.len();
        let mut bytes = vec![0; (length - self.read) as usize];
        self.record.read_exact_at(&mut bytes, self.read).tried(&texts::WORLD, "pread(memfd)")?;
        self.read = length;
        serde_json::Deserializer::from_slice(&bytes)
            .into_iter()
            .collect::<Result<_, _>>()
            .context(texts::NO_JSON)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.signal(nix::libc::SIGKILL);
        let _ = self.process.wait();
    }
}

/// What the registry's threads share.
struct Desk {
    shelf: Shelf,
    record: Mutex<File>,
    addresses: [SocketAddr; 3],
}

impl Desk {
    /// Answers a request, and writes it down before the client can read the answer.
    fn answer(&self, request: &Request, door: Door) -> crate::http::Answer {
        let answer = self.shelf.answer(request, door, self.addresses);
        let asked = Asked {
            get: request.method == Method::Get,
            path: request.path.clone(),
            accept: request.list("Accept"),
            authorization: request.field("Authorization").map(String::from),
            service: request.parameter("service").map(decoded),
            scope: request.parameter("scope").map(decoded),
            door,
            status: answer.status,
        };
        let line = serde_json::to_string(&asked).unwrap_or_default() + "\n";
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        // Without memory for it, it is the record that is short; nobody can be told here.
        let _ = record.write_all(line.as_bytes());
        answer
    }
}

/// A parameter's value without `%` and `+` (RFC 3986, 2.1).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = after.get(..2).filter(|_| *first == b'%');
        let escaped = escaped.and_then(|two| std::str::from_utf8(two).ok());
        match escaped.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn a_parameter_is_read_as_it_was_meant() {
        for (text, meant) in [
            ("repository%3Aa%2Fb%3Apull", "repository:a/b:pull"),
            ("a+b%2cc", "a b,c"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("", ""),
        ] {
            assert_eq!(decoded(text), meant);
        }
    }
}
