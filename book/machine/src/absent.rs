//! Stand-ins for libraries that have nothing to say on this machine: `absent.c`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use vm::tool;
use vm::toolchain::{Target, Toolchain};

pub(crate) const SOURCE: &str = include_str!("../absent.c");

/// A library, the word that chooses it in the source, and the version that its functions have.
const LIBRARIES: [(&str, &str, &str); 2] = [
    ("libidn2.so.0", "LIBIDN2", "IDN2_0.0.0"),
    ("libsystemd.so.0", "LIBSYSTEMD", "LIBSYSTEMD_209"),
];

/// Whether a stand-in takes this library's place.
pub(crate) fn is_one(library: &str) -> bool {
    LIBRARIES.iter().any(|(name, ..)| *name == library)
}

/// Compiles them into a folder.
pub(crate) fn compile(folder: &Path) -> Result<()> {
    let compiler = Toolchain::get()?.c_compiler(Target::I686);
    let (source, versions) = (folder.join("absent.c"), folder.join("versions"));
    fs::write(&source, SOURCE)?;
    for (name, word, version) in LIBRARIES {
        fs::write(&versions, format!("{version} {{ global: *; }};\n"))?;
        let mut cc = Command::new(&compiler);
        cc.args(["-shared", "-fPIC", "-nostdlib", "-Os", "-s"]).arg(format!("-D{word}"));
        cc.arg(format!("-Wl,-soname,{name}"));
        cc.arg(format!("-Wl,--version-script,{}", versions.display()));
        tool::output(cc.arg(&source).arg("-o").arg(folder.join(name)))?;
    }
    fs::remove_file(source)?;
    fs::remove_file(versions)?;
    Ok(())
}
