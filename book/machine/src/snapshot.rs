//! The machine, booted once for all readers.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use vm::{initramfs, tool};

use crate::kernel::Kernel;
use crate::programs::Programs;
use crate::site::{MODULES, V86};
use crate::store;
use crate::table::NAMES;

/// What a session's head says of its stage.
const STAGE: [&str; 5] =
    ["# as: ", "# hostname: ", "# delegate: ", "# all-processes: ", "# setup: "];

/// Boots the machine in Node, and takes its state when the desk is open: `state.zst`.
pub(crate) fn take(kernel: &Kernel, programs: &Programs, guest: &Path) -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts = ["snapshot.js", "../theme/modules/machine.js"].map(|name| here.join(name));
    let read = |path: &Path| fs::read(path).with_context(|| path.display().to_string());
    let stages = stages()?;
    let folder = store::result(
        "snapshot",
        &[
            &read(&kernel.image)?,
            &read(guest)?,
            &read(&scripts[0])?,
            &read(&scripts[1])?,
            programs.tree.as_os_str().as_encoded_bytes(),
            V86.as_bytes(),
            &kernel.memory.to_le_bytes(),
            stages.concat().as_bytes(),
        ],
        |folder| {
            let initrd = folder.join("initrd");
            fs::write(&initrd, first_files(kernel, programs, guest, folder)?)?;
            let state = folder.join("state");
            let mut node = Command::new("node");
            node.arg(&scripts[0]).arg(Path::new(MODULES).join("v86/build")).args(&programs.bios);
            node.arg(&kernel.image).arg(&initrd).arg(kernel.memory.to_string()).arg(&state);
            node.args(&stages);
            tool::output(&mut node)?;
            tool::output(Command::new("zstd").args(["-q", "--ultra", "-22", "--rm"]).arg(&state))?;
            fs::remove_file(initrd)?;
            Ok(())
        },
    )?;
    Ok(folder.join("state.zst"))
}

/// The stages that the book's sessions want: their heads, as far as they say who types, and what is
/// done before. Tasks have the playground's.
fn stages() -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sessions");
    let mut stages = BTreeSet::new();
    for entry in fs::read_dir(&folder)? {
        let text = fs::read_to_string(entry?.path())?;
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("# ")).collect();
        if head.iter().any(|line| line.starts_with("# live: ")) {
            let says = |line: &&&str| STAGE.iter().any(|name| line.starts_with(name));
            let wants: Vec<&str> = head.iter().filter(says).copied().collect();
            stages.insert(format!("# title: Ahead\n{}\n", wants.join("\n")));
        }
    }
    Ok(stages.into_iter().collect())
}

/// The tree and our own program under all its names, as the kernel unpacks it.
fn first_files(
    kernel: &Kernel,
    programs: &Programs,
    guest: &Path,
    folder: &Path,
) -> Result<Vec<u8>> {
    let tree = folder.join("tree");
    // Links to the files: a copy that takes no time.
    tool::output(Command::new("cp").args(["-a", "--link"]).args([&programs.tree, &tree]))?;
    fs::copy(guest, tree.join("init"))?;
    let release = tree.join("opt/coracle/target/release");
    for name in NAMES {
        fs::hard_link(tree.join("init"), release.join(name))?;
    }
    let mut names = Vec::new();
    list(&tree, &tree, &mut names)?;
    let mut archive = initramfs::archive(&tree, &names)?;
    fs::remove_dir_all(&tree)?;
    let mut gzip = Command::new("gzip");
    archive = tool::output_of(gzip.arg("-1n").stdin(Stdio::piped()), &archive)?;
    if let Some(modules) = &kernel.modules {
        // An archive that is not compressed is found at multiples of four alone.
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend(fs::read(modules)?);
    }
    Ok(archive)
}

fn list(folder: &Path, top: &Path, names: &mut Vec<String>) -> Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        names.push(entry.path().strip_prefix(top)?.to_str().context("a name")?.into());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), top, names)?;
        }
    }
    Ok(())
}
