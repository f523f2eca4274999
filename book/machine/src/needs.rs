//! The shared libraries that a program asks for, by their names, and the loader, by its path.

use anyhow::{Context, Result};
use elf::ElfBytes;
use elf::abi::{DT_NEEDED, PT_INTERP};
use elf::endian::AnyEndian;

/// All of them; none for what is no program.
pub(crate) fn of(file: &[u8]) -> Result<Vec<String>> {
    if !file.starts_with(b"\x7fELF") {
        return Ok(Vec::new());
    }
    let elf = ElfBytes::<AnyEndian>::minimal_parse(file)?;
    let mut names = Vec::new();
    for segment in elf.segments().context("no segments")? {
        if segment.p_type == PT_INTERP {
            let path = std::str::from_utf8(elf.segment_data(&segment)?)?;
            names.push(path.trim_end_matches('\0').to_owned());
        }
    }
    let common = elf.find_common_data()?;
    let (Some(dynamic), Some(strings)) = (common.dynamic, common.dynsyms_strs) else {
        return Ok(names);
    };
    for entry in dynamic.iter().filter(|entry| entry.d_tag == DT_NEEDED) {
        let name = strings.get(usize::try_from(entry.d_val())?)?;
        // The loader is there before all libraries.
        if !name.starts_with("ld-linux") {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}
