//! This program, as small as it can be, for the images' web server.
//!
//! An ELF file has two tables (`elf(5)`). The *segments* tell the kernel and the loader what to map
//! into memory; the *sections* tell linkers and debuggers what is what. A process never looks at
//! the latter, and the compiler puts what only debuggers read (names and lines: half of the file
//! and more) behind all segments. So the file is cut where its last segment ends.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use elf::ElfBytes;
use elf::endian::AnyEndian;
use elf::file::Class;
use process::Attempt;

use crate::texts;

/// The bytes of the program at `path` that are needed to run it.
///
/// # Errors
///
/// When it can't be read, or is no ELF program.
pub(crate) fn trimmed(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = fs::read(path).tried(&texts::OUR_PROGRAM, format_args!("read({path:?})"))?;
    let (end, sections) = {
        let file = ElfBytes::<AnyEndian>::minimal_parse(&bytes)
            .with_context(|| texts::no_program_file(path))?;
        let segments = file.segments().with_context(|| texts::no_program_file(path))?;
        let ends = segments.iter().map(|segment| segment.p_offset.saturating_add(segment.p_filesz));
        // Where the header says where the sections are, and how many: `e_shoff`, and `e_shnum` with
        // `e_shstrndx` behind it.
        let sections = match file.ehdr.class {
            Class::ELF32 => [0x20..0x24, 0x30..0x34],
            Class::ELF64 => [0x28..0x30, 0x3c..0x40],
        };
        (ends.max().unwrap_or(u64::MAX), sections)
    };
    for field in sections {
        bytes[field].fill(0);
    }
    bytes.truncate(usize::try_from(end).unwrap_or(usize::MAX));
    Ok(bytes)
}
