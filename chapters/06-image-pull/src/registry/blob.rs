//! A blob on its way.
//!
//! A large one takes minutes, and much can happen in a minute. When the connection is lost or goes
//! silent, we ask for the rest (`Range`, RFC 9110, 14.2) and go on as if nothing had been. The
//! reader notices nothing but a pause.
//!
//! The server need not send just what was asked for. It may send everything (200 instead of 206),
//! and then we drop what we have; it may send less, and then we ask again.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use anyhow::{Result, anyhow, bail, ensure};
use ureq::BodyReader;
use ureq::http::header;

use super::client::Attempts;
use super::host::Host;
use crate::digest::Digest;
use crate::manifest::Descriptor;
use crate::texts::registry as texts;
use crate::transport::Answer;

/// An attempt that brought so many bytes was not in vain: it does not count as failed.
const PROGRESS: u64 = 1 << 20;

/// A blob that is being read. Its bytes are not verified; [`Verified`](crate::digest::Verified)
/// does that.
pub struct Blob {
    host: Arc<Host>,
    digest: Digest,
    size: u64,
    /// How far it has been read, in bytes.
    at: u64,
    /// Where this connection began, in bytes.
    since: u64,
    attempts: Attempts,
    body: Option<BodyReader<'static>>,
    /// How much of the body we have already, in bytes.
    skip: u64,
}

impl Blob {
    pub(super) fn open(host: Arc<Host>, what: &Descriptor, offset: u64) -> Result<Self> {
        let Descriptor { digest, size, .. } = what;
        let (digest, size, at) = (digest.clone(), *size, offset.min(*size));
        let attempts = Attempts::new(&host.options.patience);
        let mut blob = Self { host, digest, size, at, since: at, attempts, body: None, skip: 0 };
        if at < size || size == 0 {
            blob.connect()?;
        }
        Ok(blob)
    }

    /// Asks for the rest.
    fn connect(&mut self) -> Result<()> {
        let range = (self.at > 0).then(|| (header::RANGE, format!("bytes={}-", self.at)));
        let headers: Vec<_> = range.into_iter().collect();
        let mut answer = self.host.get(&format!("blobs/{}", self.digest), &headers)?;
        self.skip = match answer.status {
            206 if self.at > 0 => {
                let told = answer.header(header::CONTENT_RANGE).unwrap_or_default();
                ensure!(self.is_rest(told), texts::wrong_range(&self.digest, self.at, told));
                0
            }
            200 => {
                self.check_length(&answer)?;
                self.at
            }
            416 => bail!(texts::no_such_range(&self.digest, self.at)),
            _ => return Err(self.host.refused(&self.digest.to_string(), &mut answer)),
        };
        self.since = self.at;
        self.body = Some(answer.body);
        Ok(())
    }

    /// Whether a `Content-Range` is what is missing, or the beginning of that: `bytes 5-9/10`.
    fn is_rest(&self, told: &str) -> bool {
        let parts = told.strip_prefix("bytes ").and_then(|told| {
            let (range, all) = told.trim().split_once('/')?;
            let (first, last) = range.split_once('-')?;
            Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?, all))
        });
        parts.is_some_and(|(first, last, all)| {
            let all_is_right = all == "*" || all.parse() == Ok(self.size);
            first == self.at && (first..self.size).contains(&last) && all_is_right
        })
    }

    fn check_length(&self, answer: &Answer) -> Result<()> {
        let told = answer.header(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        match told {
            Some(told) if told != self.size => {
                bail!(texts::other_size(&self.digest, self.size, told))
            }
            _ => Ok(()),
        }
    }

    /// Something has interrupted us. Asks for the rest, if that is worth it.
    fn go_on(&mut self, why: anyhow::Error) -> Result<()> {
        self.body = None;
        if self.at - self.since >= PROGRESS {
            self.attempts.forget();
        }
        self.attempts.again(why, None)?;
        self.connect()
    }

    fn read_on(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            let Some(body) = &mut self.body else {
                bail!(texts::too_short(self.at, self.size));
            };
            let wanted = if self.skip > 0 { self.skip } else { self.size - self.at };
            let room = usize::try_from(wanted).unwrap_or(usize::MAX).min(buffer.len());
            let why = match body.read(&mut buffer[..room]) {
                Ok(0) => anyhow!(texts::interrupted(&self.digest, self.at, self.size, None)),
                Ok(count) if self.skip > 0 => {
                    self.skip -= count as u64;
                    continue;
                }
                Ok(count) => {
                    self.at += count as u64;
                    return Ok(count);
                }
                Err(error) => {
                    let said = error.to_string();
                    anyhow!(texts::interrupted(&self.digest, self.at, self.size, Some(&said)))
                }
            };
            self.go_on(why)?;
        }
    }

    /// All is here; now nothing should follow.
    fn end(&mut self) -> io::Result<usize> {
        // How the connection ends is of no interest any more.
        match self.body.take().map(|mut body| body.read(&mut [0])) {
            Some(Ok(1..)) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, texts::too_long(self.size)))
            }
            _ => Ok(0),
        }
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.at == self.size {
            return self.end();
        }
        self.read_on(buffer).map_err(|error| io::Error::other(format!("{error:#}")))
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Blob({}, {} of {} bytes)", self.digest, self.at, self.size)
    }
}
