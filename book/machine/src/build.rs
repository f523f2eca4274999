//! A kernel from Debian's source package.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};
use vm::packages::{Release, unpack};
use vm::tool;

/// What the kernel's build calls besides a C compiler and make. They are unpacked beside the source,
/// with the libraries that they need, and installed nowhere.
const TOOLS: [&str; 7] = ["bc", "bison", "flex", "libreadline8", "libsigsegv2", "libtinfo6", "m4"];

/// Builds the kernel of a source package for a 32-bit PC, with exactly what `config` names: `bzImage`
/// in `folder`.
pub(crate) fn build(package: &Path, config: &str, folder: &Path) -> Result<()> {
    let work = folder.join("work");
    fs::create_dir(&work)?;
    unpack(package, &work)?;
    let archive = vm::kernel::one_file(&work.join("usr/src"), "linux-source-")?;
    tool::output(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&work))?;
    let source = vm::kernel::one_file(&work, "linux-source-")?;
    let tools = work.join("tools");
    // Packages of this release still unpack libraries into the old folder.
    fs::create_dir_all(tools.join("usr/lib"))?;
    symlink("usr/lib", tools.join("lib"))?;
    let release = Release::open_for("bookworm", &["amd64"])?;
    for package in release.download_these(&TOOLS)? {
        unpack(&package, &tools)?;
    }
    release.clear()?;

    let path = work.join("kernel.config");
    fs::write(&path, config)?;
    let made = work.join("made");
    let jobs = format!("-j{}", available_parallelism()?);
    make(&source, &made, &tools, &["allnoconfig"], Some(&path))?;
    verify(config, &fs::read_to_string(made.join(".config"))?)?;
    eprintln!("browser-vm: compiling the kernel takes ten minutes of a processor");
    make(&source, &made, &tools, &[&jobs, "bzImage"], None)?;
    fs::rename(made.join("arch/x86/boot/bzImage"), folder.join("bzImage"))?;
    fs::remove_dir_all(&work)?;
    Ok(())
}

fn make(
    source: &Path,
    made: &Path,
    tools: &Path,
    words: &[&str],
    config: Option<&Path>,
) -> Result<()> {
    let path = env::var("PATH").unwrap_or_default();
    let mut make = Command::new("make");
    make.arg("-s").arg("-C").arg(source).arg(format!("O={}", made.display()));
    make.args(["ARCH=i386", "KBUILD_BUILD_USER=coracle", "KBUILD_BUILD_HOST=book"]).args(words);
    make.env("PATH", format!("{}:{path}", tools.join("usr/bin").display()));
    make.env("BISON_PKGDATADIR", tools.join("usr/share/bison"));
    make.env("M4", tools.join("usr/bin/m4"));
    make.env("LD_LIBRARY_PATH", tools.join("usr/lib/x86_64-linux-gnu"));
    if let Some(config) = config {
        make.env("KCONFIG_ALLCONFIG", config);
    }
    make.stdin(Stdio::null());
    tool::output(&mut make).context("the kernel's build (it needs gcc and make)").map(drop)
}

/// A name that this kernel does not have, or that lacks what it depends on, is left out silently.
fn verify(config: &str, made: &str) -> Result<()> {
    for line in config.lines().filter(|line| line.starts_with("CONFIG_")) {
        if !made.lines().any(|it| it == line) {
            bail!("kernel.config has {line}, and the kernel's own configuration did not take it");
        }
    }
    Ok(())
}
