//! Files with holes: what is all zeroes need not be in the archive.
//!
//! An archive has the parts of such a file that are not zeroes, one after the other, and a map of
//! where they belong. GNU tar has written that map in four ways in its time ("Storing Sparse Files"
//! in its manual): in the header, in extra records in two ways, and at the beginning of the content.

use std::io::{BufRead, Read};

use anyhow::{Context, Result, bail, ensure};

use super::archive::{self, Archive, BLOCK};
use super::extended::decimal;
use crate::texts::unpack as texts;

/// A part of a file that is in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub size: u64,
}

/// A file with holes.
#[derive(Debug)]
pub struct Map {
    /// How large the file is, in bytes.
    pub size: u64,
    /// What of it is in the archive.
    pub parts: Vec<Part>,
}

/// The most parts that are believed.
const MOST_PARTS: usize = 1 << 16;

/// What extra records say of a file's holes.
#[derive(Debug, Default)]
pub struct Sparse {
    /// Whether they have named the file.
    pub(super) is_named: bool,
    major: u64,
    size: u64,
    parts: Vec<Part>,
}

impl Sparse {
    /// Takes a record; `key` is what follows `GNU.sparse.`.
    pub(super) fn record(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let number = || decimal(value).context(texts::BAD_RECORD);
        match key {
            b"major" => self.major = number()?,
            b"size" | b"realsize" => self.size = number()?,
            b"offset" => self.parts.push(Part { offset: number()?, size: 0 }),
            b"numbytes" => self.parts.last_mut().context(texts::BAD_MAP)?.size = number()?,
            b"map" => {
                let numbers: Option<Vec<u64>> =
                    value.split(|&byte| byte == b',').map(decimal).collect();
                self.parts = pairs(&numbers.context(texts::BAD_MAP)?)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The map, which may be at the beginning of the content.
    pub(super) fn finish<R: BufRead>(mut self, archive: &mut Archive<R>) -> Result<Map> {
        if self.major == 1 {
            self.parts = of_content(archive)?;
        }
        Ok(Map { size: self.size, parts: self.parts })
    }
}

/// Version 1.0: decimal numbers at the beginning of the content, a line each, filled up to a block.
/// The first says how many pairs follow.
fn of_content<R: BufRead>(archive: &mut Archive<R>) -> Result<Vec<Part>> {
    let mut read = 0_usize;
    let mut line = || -> Result<u64> {
        let mut digits = Vec::new();
        loop {
            let &byte = archive.content(1)?.first().context(texts::BAD_MAP)?;
            archive.used(1);
            read += 1;
            if byte == b'\n' {
                return decimal(&digits).context(texts::BAD_MAP);
            }
            ensure!(digits.len() < 20, texts::BAD_MAP);
            digits.push(byte);
        }
    };
    let count = usize::try_from(line()?).ok().filter(|count| *count <= MOST_PARTS);
    let mut numbers = Vec::new();
    for _ in 0..2 * count.context(texts::BAD_MAP)? {
        numbers.push(line()?);
    }
    for _ in 0..read.wrapping_neg() % BLOCK {
        ensure!(!archive.content(1)?.is_empty(), texts::BAD_MAP);
        archive.used(1);
    }
    pairs(&numbers)
}

fn pairs(numbers: &[u64]) -> Result<Vec<Part>> {
    ensure!(numbers.len() % 2 == 0, texts::BAD_MAP);
    Ok(numbers.chunks_exact(2).map(|pair| Part { offset: pair[0], size: pair[1] }).collect())
}

/// The oldest way: in the header, and in blocks that follow it.
pub(super) fn of_header(header: &tar::Header, from: &mut impl Read) -> Result<Map> {
    let Some(gnu) = header.as_gnu() else { bail!(texts::BAD_MAP) };
    let number = |field: &[u8]| archive::unsigned(field).context(texts::BAD_MAP);
    let mut parts = Vec::new();
    let mut add = |all: &[tar::GnuSparseHeader]| -> Result<()> {
        for part in all.iter().filter(|part| !part.is_empty()) {
            let (offset, size) = (number(&part.offset)?, number(&part.numbytes)?);
            parts.push(Part { offset, size });
        }
        ensure!(parts.len() <= MOST_PARTS, texts::BAD_MAP);
        Ok(())
    };
    add(&gnu.sparse)?;
    let mut more = gnu.is_extended();
    while more {
        let mut block = tar::GnuExtSparseHeader::new();
        from.read_exact(block.as_mut_bytes()).context(texts::TRUNCATED)?;
        add(block.sparse())?;
        more = block.is_extended();
    }
    Ok(Map { size: number(&gnu.realsize)?, parts })
}

/// Holds a map against what there is: the parts follow each other, lie within the file, and are
/// together as long as the content.
pub(super) fn check(map: &Map, content: u64) -> Result<()> {
    let (mut end, mut sum) = (0_u64, 0_u64);
    for part in &map.parts {
        let next = part.offset.checked_add(part.size).filter(|_| part.offset >= end);
        end = next.context(texts::BAD_MAP)?;
        sum += part.size;
        ensure!(end <= map.size, texts::BAD_MAP);
    }
    // No file is larger than what the kernel's signed numbers can say.
    ensure!(sum == content && i64::try_from(map.size).is_ok(), texts::BAD_MAP);
    Ok(())
}
