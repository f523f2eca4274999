//! A layer's format: tar.
//!
//! A tar archive is a row of blocks of 512 bytes: for each entry a header, then its content, filled
//! up to a whole block; at the end blocks of zeroes. The format is from 1979 and its fields are
//! short. So each generation has found a way to say more: in extra entries in front of the real one
//! (POSIX's `x`, GNU's `L` and `K`), or in other ways to write a number. The `tar` crate knows
//! where in a header each field is; what follows from them is here, since every length is what
//! somebody else claims, and is held against a limit before anything is reserved for it.
//!
//! POSIX: "pax Interchange Format" in `pax`(1p); GNU: the manual of `tar`, "Basic Tar Format".
//! Where the two leave something open this reads as Go's `archive/tar` does, since every other
//! container engine reads by that: only files have content, whatever size another entry claims, and
//! an extra entry for *all* that follow (`g`) is ignored.

use std::io::{self, BufRead, Read};

use anyhow::{Context, Result, bail, ensure};

use super::attributes::Attributes;
use super::extended::Extended;
use super::sparse::{self, Part};
use crate::texts::unpack as texts;

/// A block, in bytes.
pub const BLOCK: usize = 512;

/// The most that one layer may unpack to, holes included, in bytes.
const MOST_BYTES: u64 = 256 << 30;

/// The most entries in one layer.
const MOST_ENTRIES: u64 = 10_000_000;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file, with the parts of it that are not zeroes.
    File(Vec<Part>),
    /// A folder.
    Folder,
    /// A second name for the file with this name in the archive.
    HardLink(Vec<u8>),
    /// A link that says this.
    Link(Vec<u8>),
    /// A character device: major and minor number.
    Character(u32, u32),
    /// A block device: major and minor number.
    Block(u32, u32),
    /// A named pipe.
    Pipe,
}

/// What an entry's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, as it stands there.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// How large the file is, holes included, in bytes.
    pub size: u64,
    /// Mode, owner, time and attributes.
    pub attributes: Attributes,
}

/// The entries of an archive, one after the other.
pub struct Archive<R> {
    from: R,
    /// How much of the present entry's content has not been read, in bytes; and of its last block.
    left: u64,
    padding: u64,
    entries: u64,
    /// What all files so far take, in bytes: with their holes, and on the disk.
    bytes: u64,
    stored: u64,
    /// How much there is room for on the disk, in bytes.
    room: u64,
}

impl<R: BufRead> Archive<R> {
    /// The archive in `from`; it is to be unpacked where there is room for `room` bytes.
    pub fn new(from: R, room: u64) -> Self {
        Self { from, left: 0, padding: 0, entries: 0, bytes: 0, stored: 0, room }
    }

    /// The next entry; none at the archive's end, which is read to the input's end. What is left of
    /// the last one's content is passed over.
    ///
    /// # Errors
    ///
    /// When the archive is damaged, or claims what can't be.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        let mut extended = Extended::default();
        let (mut long_name, mut long_link) = (None, None);
        // How many bytes the extra entries may still have, together.
        let mut room = texts::MOST_NOTE;
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            self.entries += 1;
            ensure!(self.entries <= MOST_ENTRIES, texts::too_many_entries(MOST_ENTRIES));
            let size = unsigned(&header.as_old().size).context(texts::BAD_SIZE)?;
            match header.as_old().linkflag[0] {
                b'x' => extended.read(&self.note(size, &mut room)?)?,
                b'L' => long_name = Some(name(self.note(size, &mut room)?)),
                b'K' => long_link = Some(name(self.note(size, &mut room)?)),
                b'g' => {
                    ensure!(size <= texts::MOST_NOTE, texts::large_note(size));
                    (self.left, self.padding) = (size, padding(size));
                }
                _ => {
                    let path = extended.path.take().or(long_name);
                    let path = path.unwrap_or_else(|| header.path_bytes().into_owned());
                    extended.link = extended.link.take().or(long_link);
                    let entry = self.entry(&header, &path, size, extended);
                    return entry.with_context(|| texts::entry(&path)).map(Some);
                }
            }
        }
    }

    /// The next header; none at the end.
    fn header(&mut self) -> Result<Option<tar::Header>> {
        let rest = self.left + self.padding;
        let passed = io::copy(&mut (&mut self.from).take(rest), &mut io::sink())?;
        ensure!(passed == rest, texts::TRUNCATED);
        (self.left, self.padding) = (0, 0);
        let mut header = tar::Header::new_old();
        let block = header.as_mut_bytes();
        let mut filled = 0;
        while filled < BLOCK {
            match self.from.read(&mut block[filled..])? {
                // Some programs leave the blocks at the end out.
                0 if filled == 0 => return Ok(None),
                0 => bail!(texts::TRUNCATED),
                count => filled += count,
            }
        }
        if block.iter().all(|&byte| byte == 0) {
            // Whatever follows is no part of the archive, but of the layer.
            let passed = io::copy(&mut (&mut self.from).take(MOST_BYTES), &mut io::sink())?;
            ensure!(passed < MOST_BYTES, texts::too_large(passed, MOST_BYTES));
            return Ok(None);
        }
        check_sum(&header)?;
        Ok(Some(header))
    }

    /// The content of an extra entry, which is kept in memory.
    fn note(&mut self, size: u64, room: &mut u64) -> Result<Vec<u8>> {
        *room = room.checked_sub(size).with_context(|| texts::large_note(size))?;
        let mut note = Vec::new();
        (&mut self.from).take(size).read_to_end(&mut note)?;
        ensure!(note.len() as u64 == size, texts::TRUNCATED);
        self.padding = padding(size);
        Ok(note)
    }

    fn entry(
        &mut self,
        header: &tar::Header,
        path: &[u8],
        size: u64,
        extended: Extended,
    ) -> Result<Entry> {
        let flag = header.as_old().linkflag[0];
        let has_content = matches!(flag, 0 | b'0' | b'7' | b'S');
        let size = if has_content { extended.size.unwrap_or(size) } else { 0 };
        self.stored = self.stored.saturating_add(size);
        ensure!(self.stored <= self.room, texts::no_room(self.stored, self.room));
        (self.left, self.padding) = (size, padding(size));

        let (mut real, mut parts) = (size, vec![Part { offset: 0, size }]);
        let map = match (extended.sparse, flag) {
            (_, b'S') => Some(sparse::of_header(header, &mut self.from)?),
            (Some(sparse), _) if has_content => Some(sparse.finish(self)?),
            _ => None,
        };
        if let Some(map) = map {
            sparse::check(&map, self.left)?;
            (real, parts) = (map.size, map.parts);
        }
        self.bytes = self.bytes.saturating_add(real);
        ensure!(self.bytes <= MOST_BYTES, texts::too_large(self.bytes, MOST_BYTES));

        let link = || -> Result<Vec<u8>> {
            let own = || header.link_name_bytes().map(std::borrow::Cow::into_owned);
            let link = extended.link.clone().or_else(own).context(texts::NO_TARGET)?;
            ensure!(!link.contains(&0), texts::NUL_IN_PATH);
            Ok(link)
        };
        let kind = match flag {
            // Before POSIX a folder was a file whose name ended so.
            0 | b'0' | b'7' if path.ends_with(b"/") => Kind::Folder,
            0 | b'0' | b'7' | b'S' => Kind::File(parts),
            b'1' => Kind::HardLink(link()?),
            b'2' => Kind::Link(link()?),
            b'3' => device(header).map(|(major, minor)| Kind::Character(major, minor))?,
            b'4' => device(header).map(|(major, minor)| Kind::Block(major, minor))?,
            b'5' => Kind::Folder,
            b'6' => Kind::Pipe,
            other => bail!(texts::unknown_kind(other)),
        };
        let own = header.as_old();
        let id = |extended: Option<u64>, own: &[u8]| {
            // The last number means "no change" to chown(2).
            let id = extended.or_else(|| unsigned(own)).and_then(|id| u32::try_from(id).ok());
            id.filter(|id| *id != u32::MAX).context(texts::BAD_OWNER)
        };
        let attributes = Attributes {
            mode: (number(&own.mode).context(texts::BAD_NUMBER)? & 0o7777) as u32,
            uid: id(extended.uid, &own.uid)?,
            gid: id(extended.gid, &own.gid)?,
            time: match extended.time {
                Some(time) => time,
                None => (number(&own.mtime).context(texts::BAD_NUMBER)?, 0),
            },
            extended: extended.attributes,
        };
        Ok(Entry { path: path.into(), kind, size: real, attributes })
    }

    /// Some of the present entry's content, at most `most` bytes; empty at its end.
    ///
    /// # Errors
    ///
    /// When the archive ends before.
    pub fn content(&mut self, most: u64) -> Result<&[u8]> {
        let most = most.min(self.left);
        if most == 0 {
            return Ok(&[]);
        }
        let available = self.from.fill_buf()?;
        ensure!(!available.is_empty(), texts::TRUNCATED);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Ok(&available[..available.len().min(most)])
    }

    /// Says that so many bytes of what `content` gave have been used.
    pub fn used(&mut self, count: usize) {
        self.from.consume(count);
        self.left -= count as u64;
    }
}

/// How much the last block of a content is filled up by.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

/// The bytes before the first NUL.
fn name(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

/// A header's number: octal digits with blanks or NULs around them, or nothing, which is 0. If it
/// was too large for that, the first bit is set (GNU), and the other bits are the number itself, a
/// signed one.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    if field.first().is_some_and(|first| first & 0x80 != 0) {
        let negative = field[0] & 0x40 != 0;
        let start = i128::from(field[0] & 0x3f) - if negative { 0x40 } else { 0 };
        let value = field[1..].iter().fold(start, |sum, &byte| sum << 8 | i128::from(byte));
        return value.try_into().ok();
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    match text.bytes().all(|digit| digit.is_ascii_digit()) {
        true if text.is_empty() => Some(0),
        true => i64::from_str_radix(text, 8).ok(),
        false => None,
    }
}

/// The same where it can't be negative.
pub(super) fn unsigned(field: &[u8]) -> Option<u64> {
    number(field)?.try_into().ok()
}

fn device(header: &tar::Header) -> Result<(u32, u32)> {
    let gnu = || header.as_gnu().map(|gnu| (gnu.dev_major, gnu.dev_minor));
    let ustar = header.as_ustar().map(|ustar| (ustar.dev_major, ustar.dev_minor));
    let (major, minor) = ustar.or_else(gnu).context(texts::BAD_DEVICE)?;
    // What Linux has room for. What is left when the rest is cut off may be another device.
    let within = |field: [u8; 8], bits: u32| {
        unsigned(&field).and_then(|number| u32::try_from(number).ok()).filter(|it| it >> bits == 0)
    };
    within(major, 12).zip(within(minor, 20)).context(texts::BAD_DEVICE)
}

/// Holds a header against its checksum: the sum of its bytes, with blanks for the sum itself. Some
/// old programs have taken the bytes for signed ones.
fn check_sum(header: &tar::Header) -> Result<()> {
    let bytes = header.as_bytes();
    let others = bytes[..148].iter().chain(&bytes[156..]);
    let sum = others.clone().map(|&byte| i64::from(byte)).sum::<i64>() + 8 * 32;
    let signed = others.map(|&byte| i64::from(byte as i8)).sum::<i64>() + 8 * 32;
    let promised = number(&header.as_old().cksum).context(texts::BAD_SUM)?;
    ensure!(promised == sum || promised == signed, texts::BAD_SUM);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (field, expected) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"644     ", Some(0o644)),
            (b"77777777777\0", Some(0o77_777_777_777)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"        ", Some(0)),
            (b"\x80\0\0\0\0\0\x01\0", Some(256)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", Some(i64::MIN)),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Some(i64::MAX)),
            (b"\x80\0\0\0\x80\0\0\0\0\0\0\0", None),
            (b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"0000888\0", None),
            (b"-000644\0", None),
            (b"+000644\0", None),
            (b"06\0 44\0\0", None),
            (b"\x7f\xff\0\0\0\0\0\0", None),
        ] {
            assert_eq!(number(field), expected, "{field:?}");
        }
    }
}
