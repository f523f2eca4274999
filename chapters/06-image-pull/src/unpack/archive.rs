//! A layer's format: tar.
//!
//! A tar archive is a row of blocks of 512 bytes: for each entry a header, then its content, filled
//! up to a whole block; at the end blocks of zeroes. The format is from 1979 and its fields are
//! short. So each generation has found a way to say more: in extra entries in front of the real one
//! (POSIX's `x` and `g`, GNU's `L` and `K`), or in other ways to write a number. The `tar` crate
//! reads the header's fields; what stands between them is here, since every length in it is what
//! somebody else claims, and has to be held against a limit before anything is reserved for it.
//!
//! POSIX: "pax Interchange Format" in `pax`(1p); GNU: the manual of `tar`, "Basic Tar Format".

use std::ffi::CString;
use std::io::{self, BufRead, Read};

use anyhow::{Context, Result, bail, ensure};

use super::extended::Extended;
use super::sparse::{self, Part};
use crate::texts::unpack as texts;

/// A block, in bytes.
pub const BLOCK: usize = 512;

/// The most that one layer may unpack to, in bytes. Files full of zeroes cost nothing in an archive.
const MOST_BYTES: u64 = 64 << 30;

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

/// What a file or folder has beside its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// The permission bits, set-user-ID and the like included.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// When it was changed: seconds since 1970, and nanoseconds.
    pub time: (i64, u32),
    /// Extended attributes (`xattr(7)`).
    pub extended: Vec<(CString, Vec<u8>)>,
}

/// The entries of an archive, one after the other.
pub struct Archive<R> {
    from: R,
    /// What a `g` entry said, for all that follow.
    global: Extended,
    /// How much of the present entry's content has not been read, in bytes; and of its last block.
    left: u64,
    padding: u64,
    entries: u64,
    bytes: u64,
}

impl<R: BufRead> Archive<R> {
    /// The archive in `from`.
    pub fn new(from: R) -> Self {
        let global = Extended::default();
        Self { from, global, left: 0, padding: 0, entries: 0, bytes: 0 }
    }

    /// The next entry; none at the archive's end, which is read to the input's end. What is left of
    /// the last one's content is passed over.
    ///
    /// # Errors
    ///
    /// When the archive is damaged, or claims what can't be.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        let mut extended = self.global.clone();
        let (mut long_name, mut long_link) = (None, None);
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            self.entries += 1;
            ensure!(self.entries <= MOST_ENTRIES, texts::too_many_entries(MOST_ENTRIES));
            let size = number(&header.as_bytes()[124..136]).and_then(|size| size.try_into().ok());
            let size = size.context(texts::BAD_NUMBER)?;
            match header.as_bytes()[156] {
                b'x' => extended.read(&self.note(size)?)?,
                b'g' => {
                    let note = self.note(size)?;
                    self.global.read(&note)?;
                    extended.read(&note)?;
                }
                b'L' => long_name = Some(name(self.note(size)?)),
                b'K' => long_link = Some(name(self.note(size)?)),
                _ => {
                    extended.path = extended.path.or(long_name);
                    extended.link = extended.link.or(long_link);
                    return self.entry(&header, size, extended).map(Some);
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
            io::copy(&mut self.from, &mut io::sink())?;
            return Ok(None);
        }
        check_sum(&header)?;
        Ok(Some(header))
    }

    /// The content of an extra entry, which is kept in memory.
    fn note(&mut self, size: u64) -> Result<Vec<u8>> {
        ensure!(size <= texts::MOST_NOTE, texts::large_note(size));
        let mut note = Vec::new();
        (&mut self.from).take(size).read_to_end(&mut note)?;
        ensure!(note.len() as u64 == size, texts::TRUNCATED);
        self.padding = padding(size);
        Ok(note)
    }

    fn entry(&mut self, header: &tar::Header, size: u64, extended: Extended) -> Result<Entry> {
        let path = extended.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let bytes = header.as_bytes();
        let number = |from: usize, to: usize| {
            number(&bytes[from..to]).with_context(|| texts::entry_number(&path))
        };
        let size = extended.size.unwrap_or(size);
        let kind = bytes[156];
        let has_content = matches!(kind, b'0' | 0 | b'7' | b'S');
        // Others have no content, whatever they claim; but it would be there.
        ensure!(size <= MOST_BYTES, texts::too_large(size, MOST_BYTES));
        (self.left, self.padding) = (size, padding(size));

        let (mut real, mut parts) = (size, vec![Part { offset: 0, size }]);
        let map = match (extended.sparse, kind) {
            (_, b'S') => Some(sparse::of_header(header, &mut self.from)?),
            (Some(sparse), _) if has_content => Some(sparse.finish(self)?),
            _ => None,
        };
        if let Some(map) = map {
            sparse::check(&map, self.left)?;
            (real, parts) = (map.size, map.parts);
        }
        self.bytes = self.bytes.saturating_add(if has_content { real } else { 0 });
        ensure!(self.bytes <= MOST_BYTES, texts::too_large(self.bytes, MOST_BYTES));

        let link = || -> Result<Vec<u8>> {
            let own = header.link_name_bytes().map(std::borrow::Cow::into_owned);
            extended.link.clone().or(own).with_context(|| texts::no_target(&path))
        };
        let device = || -> Result<(u32, u32)> {
            let (major, minor) = (number(329, 337)?.try_into(), number(337, 345)?.try_into());
            major.ok().zip(minor.ok()).with_context(|| texts::entry_number(&path))
        };
        let kind = match kind {
            // Before POSIX a folder was a file whose name ended so.
            0 | b'0' | b'7' if path.ends_with(b"/") => Kind::Folder,
            0 | b'0' | b'7' | b'S' => Kind::File(parts),
            b'1' => Kind::HardLink(link()?),
            b'2' => Kind::Link(link()?),
            b'3' => device().map(|(major, minor)| Kind::Character(major, minor))?,
            b'4' => device().map(|(major, minor)| Kind::Block(major, minor))?,
            b'5' => Kind::Folder,
            b'6' => Kind::Pipe,
            other => bail!(texts::unknown_kind(&path, other)),
        };
        let id = |extended: Option<u64>, from| -> Result<u32> {
            let id = extended.map_or_else(|| number(from, from + 8), |id| Ok(id.into()))?;
            // The last number means "no change" to chown(2).
            let id = u32::try_from(id).ok().filter(|id| *id != u32::MAX);
            id.with_context(|| texts::bad_owner(&path))
        };
        let attributes = Attributes {
            mode: (number(100, 108)? & 0o7777) as u32,
            uid: id(extended.uid, 108)?,
            gid: id(extended.gid, 116)?,
            time: match extended.time {
                Some(time) => time,
                // Before 1970 it is negative. What no clock can show is as late as one can.
                None => (number(136, 148)?.try_into().unwrap_or(i64::MAX), 0),
            },
            extended: extended.attributes,
        };
        Ok(Entry { path: path.clone(), kind, size: real, attributes })
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

/// A number in a header: octal digits, between blanks and NULs; nothing for 0; or, with the highest
/// bit set, a number in two's complement, the way in which GNU tar writes what is too large.
fn number(field: &[u8]) -> Option<i128> {
    if field[0] & 0x80 != 0 {
        // The second bit is the sign.
        let first = i128::from((field[0] << 1) as i8 >> 1);
        return Some(field[1..].iter().fold(first, |sum, &byte| sum << 8 | i128::from(byte)));
    }
    let blank = |byte: &u8| matches!(byte, b' ' | 0);
    let digits = field.iter().skip_while(|byte| blank(byte)).take_while(|byte| !blank(byte));
    digits.copied().try_fold(0, |sum, digit| match digit {
        b'0'..=b'7' => Some(sum << 3 | i128::from(digit - b'0')),
        _ => None,
    })
}

/// The bytes before the first NUL.
fn name(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

/// Holds a header against its checksum: the sum of its bytes, with blanks for the sum itself. Some
/// old programs have taken the bytes for signed ones.
fn check_sum(header: &tar::Header) -> Result<()> {
    let bytes = header.as_bytes();
    let others = bytes[..148].iter().chain(&bytes[156..]);
    let sum: u32 = others.clone().map(|&byte| u32::from(byte)).sum::<u32>() + 8 * 32;
    let signed: i32 = others.map(|&byte| i32::from(byte as i8)).sum::<i32>() + 8 * 32;
    let promised = number(&bytes[148..156]).context(texts::BAD_SUM)?;
    ensure!(promised == i128::from(sum) || promised == i128::from(signed), texts::BAD_SUM);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers() {
        for (field, expected) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"  644 \0\0", Some(0o644)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"77777777", Some(0o77_777_777)),
            (b"\x80\0\0\0\0\0\x01\0", Some(256)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Some((1 << 94) - 1)),
            (b"0000648\0", None),
            (b"-000001\0", None),
        ] {
            assert_eq!(number(field), expected, "{field:?}");
        }
    }
}
