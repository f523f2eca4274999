//! Why a program can't be executed, told from the file itself.
//!
//! `execve(2)` has one errno for many causes. The most confusing is ENOENT for a file that is
//! there: the kernel means the *interpreter* that the file names, the `#!` line of a script or the
//! dynamic loader of an ELF program (`PT_INTERP`, see `ld.so(8)`). So after a refusal we look.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use elf::ElfStream;
use elf::endian::AnyEndian;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use crate::failure::{self, Failed};
use crate::texts;

/// The sentence and the exit status when `execve` refused `path` with `errno`.
#[must_use]
pub fn refused(path: &CStr, errno: Errno) -> Failed {
    let path = Path::new(OsStr::from_bytes(path.to_bytes()));
    let cause = why(path, errno).map_or(String::new(), |cause| format!("; {cause}"));
    let sentence = format!("execve({path:?}) failed: {}{cause}", failure::said(errno));
    Failed { sentence, exit_code: exit_code(errno) }
}

/// The same when none of the `candidates` for the program `name` was to be had. If one of them is
/// there, that is the one that was meant: it may not be executed, or its interpreter is missing.
#[must_use]
pub fn none_of(name: &CStr, candidates: &[CString]) -> Failed {
    for candidate in candidates {
        let path = Path::new(OsStr::from_bytes(candidate.to_bytes()));
        if path.exists() {
            let executable = path.is_file() && access(path, AccessFlags::X_OK).is_ok();
            return refused(candidate, if executable { Errno::ENOENT } else { Errno::EACCES });
        }
    }
    // A path may lead through a folder that may not be entered; what is behind it can't be told. A
    // folder of PATH that may not be entered is passed over, as shells do.
    let may_be_there =
        name.to_bytes().contains(&b'/') && access(name, AccessFlags::F_OK) == Err(Errno::EACCES);
    let mut failed = refused(name, if may_be_there { Errno::EACCES } else { Errno::ENOENT });
    if !name.to_bytes().contains(&b'/') {
        failed.sentence += &format!("; {}", texts::not_in_path(candidates.len()));
    }
    failed
}

/// Docker's conventions: 127 not found, 126 not executable, 125 the kernel could not.
fn exit_code(errno: Errno) -> u8 {
    match errno {
        Errno::ENOENT | Errno::ENOTDIR => 127,
        Errno::EACCES
        | Errno::EISDIR
        | Errno::ELIBBAD
        | Errno::ELOOP
        | Errno::ENAMETOOLONG
        | Errno::ENOEXEC
        | Errno::ETXTBSY => 126,
        _ => failure::NOT_MADE,
    }
}

/// The interpreter that a file asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Interpreter {
    /// The program in a script's `#!` line.
    Script(PathBuf),
    /// The dynamic loader that an ELF program names.
    Loader(PathBuf),
}

/// Reads which interpreter the program at `path` asks for; `None` for a static program, or for a
/// file that is neither a script nor ELF, or can't be read.
#[must_use]
pub fn interpreter(path: &Path) -> Option<Interpreter> {
    let mut start = Vec::new();
    // A `#!` line is read to its 256th byte at most (execve(2)).
    BufReader::new(File::open(path).ok()?.take(256)).read_until(b'\n', &mut start).ok()?;
    if let Some(line) = start.strip_prefix(b"#!") {
        let program = line.trim_ascii().split(u8::is_ascii_whitespace).next()?;
        return Some(Interpreter::Script(OsStr::from_bytes(program).into()));
    }
    let mut file = ElfStream::<AnyEndian, _>::open_stream(File::open(path).ok()?).ok()?;
    let segment = *file.segments().iter().find(|s| s.p_type == elf::abi::PT_INTERP)?;
    let loader = file.segment_data(&segment).ok()?;
    Some(Interpreter::Loader(OsStr::from_bytes(loader.strip_suffix(b"\0")?).into()))
}

fn why(path: &Path, errno: Errno) -> Option<String> {
    match errno {
        Errno::ENOENT => match interpreter(path)? {
            Interpreter::Script(program) => Some(texts::no_script_interpreter(&program)),
            Interpreter::Loader(loader) => Some(texts::no_loader(&loader)),
        },
        Errno::ENOEXEC => match machine(path) {
            Some(NATIVE) => None,
            Some(other) => Some(texts::wrong_machine(&name(other), &name(NATIVE))),
            None => Some(texts::NO_FORMAT.into()),
        },
        Errno::EACCES if path.is_dir() => Some(texts::IS_FOLDER.into()),
        Errno::EACCES if !path.exists() => Some(texts::CLOSED_FOLDER.into()),
        Errno::EACCES => Some(texts::NOT_EXECUTABLE.into()),
        Errno::ETXTBSY => Some(texts::OPEN_FOR_WRITING.into()),
        _ => None,
    }
}

/// The ELF machine of the program at `path`: the header's 19th and 20th byte (`elf(5)`).
fn machine(path: &Path) -> Option<u16> {
    let mut header = [0; 20];
    File::open(path).ok()?.read_exact(&mut header).ok()?;
    let machine = [header[18], header[19]];
    match (header.starts_with(&elf::abi::ELFMAGIC), header[elf::abi::EI_DATA]) {
        (true, elf::abi::ELFDATA2MSB) => Some(u16::from_be_bytes(machine)),
        (true, _) => Some(u16::from_le_bytes(machine)),
        (false, _) => None,
    }
}

/// The machine that this program was compiled for.
const NATIVE: u16 = if cfg!(target_arch = "x86_64") {
    elf::abi::EM_X86_64
} else if cfg!(target_arch = "x86") {
    elf::abi::EM_386
} else if cfg!(target_arch = "aarch64") {
    elf::abi::EM_AARCH64
} else if cfg!(target_arch = "arm") {
    elf::abi::EM_ARM
} else {
    elf::abi::EM_RISCV
};

fn name(machine: u16) -> String {
    match machine {
        elf::abi::EM_X86_64 => "x86-64".into(),
        elf::abi::EM_386 => "32-bit x86".into(),
        elf::abi::EM_AARCH64 => "aarch64 (64-bit ARM)".into(),
        elf::abi::EM_ARM => "32-bit ARM".into(),
        elf::abi::EM_RISCV => "RISC-V".into(),
        other => elf::to_str::e_machine_to_human_str(other)
            .map_or_else(|| format!("ELF machine {other}"), Into::into),
    }
}
