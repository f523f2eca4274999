//! The shared libraries that a program asks for.

use anyhow::{Context, Result};
use elf::ElfBytes;
use elf::abi::{DT_NEEDED, PT_INTERP};
use elf::endian::AnyEndian;

/// Their names, and the loader's; none for what is no program.
pub(crate) fn of(file: &[u8]) -> Result<Vec<String>> {
    if !file.starts_with(b"\x7fELF") {
        return Ok(Vec::new());
    }
    let elf = ElfBytes::<AnyEndian>::minimal_parse(file)?;
    let mut names = Vec::new();
    for segment in elf.segments().context("no segments")? {
        if segment.p_type == PT_INTERP {
            let path = std::str::from_utf8(elf.segment_data(&segment)?)?.trim_end_matches('\0');
            names.push(path.rsplit('/').next().unwrap_or(path).to_owned());
        }
    }
    let common = elf.find_common_data()?;
    let (Some(dynamic), Some(strings)) = (common.dynamic, common.dynsyms_strs) else {
        return Ok(names);
    };
    for entry in dynamic.iter().filter(|entry| entry.d_tag == DT_NEEDED) {
        names.push(strings.get(usize::try_from(entry.d_val())?)?.to_owned());
    }
    Ok(names)
}
