//! Which files a program needs before its first line runs.
//!
//! `execve(2)` reads two kinds of programs. A script's first line names its interpreter (`#!`). An
//! ELF program may name one as well (`PT_INTERP`, `elf(5)`): the dynamic loader. The kernel starts
//! the loader, and it is the loader that finds and maps the libraries (`ld.so(8)`).
//!
//! Where a library lies is the loader's secret. It depends on `RPATH`, `RUNPATH`, `$ORIGIN`, a cache
//! file, folders that were compiled in, and even the processor; and musl's loader has other rules
//! than glibc's. So we don't repeat its search, we ask it: `LOADER --list PROGRAM` maps all that
//! the program needs, prints where it found it, and does not run the program. `ldd(1)` does the
//! same. No guess of ours could be as right, or as short.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{self, Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Result, bail};
use process::Attempt;
use process::program::{Interpreter, interpreter};

use crate::texts;

/// Where a system's loader is, on every distribution; the last two are NixOS's and Guix's.
const LOADERS: [&str; 10] = [
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libx32",
    "/nix/store",
    "/gnu/store",
];

/// Where the system's own programs are, and its administrator's. An ordinary user's `PATH` lacks half
/// of it.
const SYSTEM: [&str; 5] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin"];

/// The given files and all that they need, each once.
///
/// # Errors
///
/// When a library or an interpreter is missing.
pub fn collect(files: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    // ANCHOR: collect
    // EXERCISE collect: find everything that is needed
    //   `needs(&file)?` lists what one file needs: a script its interpreter, a program its loader
    //   and its libraries. What it lists may need more: the interpreter of a script is a program.
    //   So keep a list of files to be looked at, and a set of those that are found. Take one off
    //   the list; if it is new in the set, put what it needs on the list; until the list is empty.
    todo!("collect: find everything that is needed")
    // ANCHOR_END: collect
}

/// What one file needs by itself; nothing if it is static, or no program.
///
/// # Errors
///
/// When something that it needs is missing.
pub fn needs(file: &Path) -> Result<Vec<PathBuf>> {
    match interpreter(file) {
        None => Ok(Vec::new()),
        Some(Interpreter::Script(program)) => script(file, program),
        Some(Interpreter::Loader(loader)) => {
            let mut needed = libraries(&loader, file)?;
            needed.push(loader);
            Ok(needed)
        }
    }
}

/// The libraries that `file` needs, and those that they need, as `loader` finds them.
///
/// The loader is run, and the file may come from anywhere and name as its loader whatever it likes.
/// So only one of the system's own is run: it lies in one of the system's folders, in which nobody
/// but root writes.
///
/// # Errors
///
/// When one of them is missing, the loader is not the system's own, or can't be run on this machine.
pub fn libraries(loader: &Path, file: &Path) -> Result<Vec<PathBuf>> {
    let call = format_args!("execve({loader:?}, --list {file:?})").to_string();
    if !is_the_systems(loader).tried(&texts::LOADER, &call)? {
        bail!(texts::foreign_loader(file, loader));
    }
    let output = Command::new(loader)
        .arg("--list")
        .arg(file)
        // LD_LIBRARY_PATH and LD_PRELOAD would not be there in the jail either.
        .env_clear()
        // Else it gets /dev/null, and where that is missing, as in a jail, the error is ENOENT, too.
        .stdin(Stdio::piped())
        .output()
        .tried(&texts::LOADER, call)?;
    if !output.status.success() {
        bail!(texts::unresolved(file, &complaint(&output)));
    }
    Ok(output.stdout.split(|byte| *byte == b'\n').filter_map(listed).collect())
}

/// Whether this is the system's own loader, wherever links to it lie. Whose it is can't be asked: in a
/// user namespace what is root's looks like nobody's.
fn is_the_systems(loader: &Path) -> io::Result<bool> {
    let place = fs::canonicalize(loader)?;
    Ok(LOADERS.iter().any(|folder| place.starts_with(folder)))
}

/// The path in one line of the loader's list: `NAME => PATH (ADDRESS)` or `PATH (ADDRESS)`. The
/// library that the kernel itself maps into every program (`vdso(7)`) has a name but no path.
fn listed(line: &[u8]) -> Option<PathBuf> {
    let line = line.trim_ascii_start();
    let end = line.windows(4).rposition(|part| part == b" (0x")?;
    let line = &line[..end];
    let arrow = line.windows(4).position(|part| part == b" => ");
    let path = &line[arrow.map_or(0, |at| at + 4)..];
    path.starts_with(b"/").then(|| OsStr::from_bytes(path).into())
}

/// What the loader says is wrong: its first line.
fn complaint(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().next().map_or_else(|| output.status.to_string(), Into::into)
}

/// A script's interpreter. `#!/usr/bin/env NAME` is a way of saying "NAME, wherever it is": then
/// that one too.
fn script(file: &Path, interpreter: PathBuf) -> Result<Vec<PathBuf>> {
    if !interpreter.exists() {
        bail!(texts::no_interpreter(file, &interpreter));
    }
    let mut needed = vec![path::absolute(&interpreter).unwrap_or(interpreter)];
    if needed[0].ends_with("env") {
        if let Some(name) = name_for_env(file) {
            needed.push(find(OsStr::from_bytes(&name))?);
        }
    }
    Ok(needed)
}

/// The program in a line like `#!/usr/bin/env -S A=1 NAME -x`.
fn name_for_env(script: &Path) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(File::open(script).ok()?.take(256)).read_until(b'\n', &mut line).ok()?;
    let line = line.strip_prefix(b"#!")?.trim_ascii();
    let mut words = line.split(u8::is_ascii_whitespace).skip(1);
    let is_name = |word: &&[u8]| !word.is_empty() && word[0] != b'-' && !word.contains(&b'=');
    words.find(is_name).map(Into::into)
}

/// The file that a word of the command line means: a path, or the name of a program.
///
/// # Errors
///
/// When there is no such file.
pub fn find(name: &OsStr) -> Result<PathBuf> {
    if !name.as_bytes().contains(&b'/') {
        return match find_program(name) {
            Some(path) => Ok(path),
            None => bail!(texts::no_such_program(name)),
        };
    }
    let file = path::absolute(name).tried(&texts::HOST_FILE, "getcwd()")?;
    let kind = fs::metadata(&file).tried(&texts::HOST_FILE, format_args!("statx({file:?})"))?;
    if !kind.is_file() {
        bail!(texts::no_file(&file));
    }
    Ok(file)
}

/// The program of this name, as `PATH` has it, and else the system's own.
#[must_use]
pub fn find_program(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    program_in(path_folders().chain(SYSTEM.map(PathBuf::from)), name.as_ref())
}

/// The program of this name; the system's own before what `PATH` may have put in front of it.
#[must_use]
pub fn find_system_program(name: &str) -> Option<PathBuf> {
    let folders = SYSTEM.into_iter().map(PathBuf::from).chain(path_folders());
    program_in(folders, OsStr::new(name))
}

fn program_in(mut folders: impl Iterator<Item = PathBuf>, name: &OsStr) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        fs::metadata(path)
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    folders.find_map(|folder| Some(folder.join(name)).filter(is_program))
}

/// The folders of `PATH`, without those that depend on where one stands.
fn path_folders() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default().into_vec();
    let folders: Vec<PathBuf> =
        path.split(|byte| *byte == b':').map(|folder| OsStr::from_bytes(folder).into()).collect();
    folders.into_iter().filter(|folder| folder.is_absolute())
}
