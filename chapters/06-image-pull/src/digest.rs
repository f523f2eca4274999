//! What content is called: its own digest.
//!
//! A registry and the store call everything by the SHA-256 digest of its bytes (OCI image
//! specification, "Descriptors": <https://github.com/opencontainers/image-spec/blob/main/descriptor.md>).
//! Whoever knows the digest need not trust whoever sends the bytes: it is enough to compute the
//! digest of what arrived and to compare. One byte that is different gives a digest that is
//! entirely different, and nobody can make other bytes with the same digest.
//!
//! The comparison is worth something only if nobody can pass it by. So the bytes are read through
//! [`Verified`], which keeps the last of them back until the digest of all is right.

use std::fmt::{self, Write};
use std::io::{self, Read};
use std::str::FromStr;

use anyhow::{Error, Result, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::texts::manifest as texts;

const ALGORITHM: &str = "sha256:";

/// A SHA-256 digest. (The specification allows SHA-512 as well; no registry is known to use it.)
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest {
    hex: String,
}

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The digest without the algorithm's name: 64 digits, each 0–9 or a–f. It can't be anything
    /// else, so it is safe as a file's name.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

impl FromStr for Digest {
    type Err = Error;

    /// Reads `sha256:` and 64 digits. It is strict, since a digest becomes a file's name:
    /// `sha256:../../x` is how images wrote outside the store (CVE-2024-3727).
    fn from_str(text: &str) -> Result<Self> {
        let digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let Some(hex) = text.strip_prefix(ALGORITHM) else {
            return Err(Error::msg(texts::unknown_algorithm(text)));
        };
        ensure!(hex.len() == 64 && hex.bytes().all(digit), texts::bad_digest(text));
        Ok(Self { hex: hex.into() })
    }
}

impl TryFrom<String> for Digest {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", self.hex)
    }
}

/// Computes the digest of bytes that come piece by piece.
#[derive(Debug, Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all pieces.
    #[must_use]
    pub fn finish(self) -> Digest {
        let mut hex = String::with_capacity(64);
        for byte in self.0.finalize() {
            // Writing to a string can't fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Digest { hex }
    }
}

/// Passes bytes on, and makes sure that they are those that were promised.
///
/// It never gives more bytes than were promised, and gives the last of them only if the digest of
/// all is right. What is wrong is an error of the kind [`io::ErrorKind::InvalidData`], each time
/// that it is read from.
#[derive(Debug)]
pub struct Verified<R> {
    from: R,
    promised: Digest,
    size: u64,
    /// How many bytes are still to come.
    left: u64,
    hasher: Hasher,
    verdict: Verdict,
}

#[derive(Debug)]
enum Verdict {
    None,
    Right,
    Wrong(String),
}

impl<R: Read> Verified<R> {
    /// Reads `from`, which was promised to have `size` bytes with that digest.
    pub fn new(from: R, promised: &Digest, size: u64) -> Self {
        let (promised, hasher, verdict) = (promised.clone(), Hasher::new(), Verdict::None);
        Self { from, promised, size, left: size, hasher, verdict }
    }

    /// Called when as many bytes as were promised have passed `self.hasher`.
    fn check(&mut self) -> io::Result<()> {
        // ANCHOR: digest
        // EXERCISE digest: hold what arrived against what was promised
        //   Two things can be wrong. `ended(&mut self.from)?` says whether there is nothing more
        //   to read: if there is more, return `Err(wrong(texts::too_long(self.size)))`. And
        //   `self.hasher.clone().finish()` is the digest of what arrived: if it is not
        //   `self.promised`, return `Err(wrong(texts::other_digest(&self.promised, &found)))`.
        //   If both are right, return `Ok(())`.
        todo!("digest: hold what arrived against what was promised")
        // ANCHOR_END: digest
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let mut count = 0;
        if room > 0 {
            count = self.from.read(&mut buffer[..room])?;
            if count == 0 {
                return Err(wrong(texts::too_short(self.size - self.left, self.size)));
            }
            self.hasher.update(&buffer[..count]);
            self.left -= count as u64;
        }
        if self.left == 0 && matches!(self.verdict, Verdict::None) {
            self.verdict = match self.check() {
                Ok(()) => Verdict::Right,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    Verdict::Wrong(error.to_string())
                }
                // The network's: there is no verdict yet.
                Err(error) => return Err(error),
            };
        }
        match &self.verdict {
            Verdict::Wrong(sentence) => Err(wrong(sentence.clone())),
            _ => Ok(count),
        }
    }
}

/// Whether there is nothing more to read.
fn ended(from: &mut impl Read) -> io::Result<bool> {
    Ok(io::copy(&mut from.take(1), &mut io::sink())? == 0)
}

fn wrong(sentence: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 'a boat' | sha256sum`
    const BOAT: &str = "sha256:1cb78dba07d74a7bd0991ee37f386d08bf1b464436976c68ecc4367b8746ac90";

    fn read(bytes: &[u8], digest: &Digest, size: u64) -> Result<Vec<u8>, String> {
        let mut read = Vec::new();
        let mut verified = Verified::new(bytes, digest, size);
        match verified.read_to_end(&mut read) {
            Ok(_) => Ok(read),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                assert!(verified.read(&mut [0; 9]).is_err(), "a second attempt gets by");
                assert!((read.len() as u64) < size.max(1), "the last bytes were given");
                Err(error.to_string())
            }
        }
    }

    #[test]
    fn a_digest_is_what_sha256sum_says() {
        assert_eq!(Digest::of(b"a boat").to_string(), BOAT);
        assert_eq!(BOAT.parse::<Digest>().unwrap(), Digest::of(b"a boat"));
    }

    #[test]
    fn nothing_else_is_a_digest() {
        let hex = Digest::of(b"").hex().to_owned();
        for wrong in [
            String::new(),
            "sha256:".into(),
            hex.clone(),
            "sha256:../../x".into(),
            format!("sha256:{}", hex.to_uppercase()),
            format!("sha256:{hex}0"),
            format!("sha256:{}", &hex[1..]),
            format!(" sha256:{hex}"),
            format!("sha512:{hex}{hex}"),
            format!("sha256:{}é", &hex[2..]),
        ] {
            let error = wrong.parse::<Digest>().unwrap_err().to_string();
            assert!(error.contains("digest"), "{error}");
        }
    }

    #[test]
    fn only_what_was_promised_passes() {
        let boat = Digest::of(b"a boat");
        assert_eq!(read(b"a boat", &boat, 6).unwrap(), b"a boat");
        assert!(read(b"A boat", &boat, 6).unwrap_err().contains("another digest"));
        assert!(read(b"a boat", &boat, 5).unwrap_err().contains("more than the 5 bytes"));
        assert!(read(b"a boat", &boat, 7).unwrap_err().contains("6 of 7 bytes"));
        assert!(read(b"a boat!", &boat, 6).unwrap_err().contains("more than the 6 bytes"));
        assert_eq!(read(b"", &Digest::of(b""), 0).unwrap(), b"");
        assert!(read(b"", &boat, 0).unwrap_err().contains("another digest"));
    }
}
