//! What the page loads: `target/book/machine`.
//!
//! Names carry a version or a digest, so that a browser may keep what it has. What is a third when it
//! is compressed is compressed here, as the simplest of servers send files as they are.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::json;
use vm::tool;

use crate::kernel::Kernel;
use crate::programs::Programs;
use crate::store::digest;

/// What npm has brought, by `book/package.json`.
pub(crate) const MODULES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/book/tools/npm/node_modules");
/// The emulator's version: a snapshot fits only this one.
pub(crate) const V86: &str = "0.5.462";
const XTERM: &str = "5.5.0";

const SITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/book/machine");

/// Writes all of it.
pub(crate) fn write(kernel: &Kernel, programs: &Programs, state: &Path) -> Result<()> {
    let site = Path::new(SITE);
    let _ = fs::remove_dir_all(site);
    fs::create_dir_all(site)?;
    let modules = Path::new(MODULES);
    let state_content = fs::read(state)?;
    let state_name = format!("state-{}.zst", digest(&[&state_content]));
    fs::write(site.join(&state_name), state_content)?;
    let (major, _) = kernel.package.1.split_once('-').context("the kernel's version")?;
    let bios = programs.packages.iter().find(|it| it.name == "seabios").context("no BIOS")?;
    let bios_version = &bios.version;
    let files = [
        ("emulator", modules.join("v86/build/libv86.mjs"), format!("v86-{V86}.mjs.gz")),
        ("wasm", modules.join("v86/build/v86.wasm"), format!("v86-{V86}.wasm.gz")),
        ("bios", programs.bios[0].clone(), format!("bios-{bios_version}.bin.gz")),
        ("vgabios", programs.bios[1].clone(), format!("vgabios-{bios_version}.bin.gz")),
        ("terminal", modules.join("@xterm/xterm/lib/xterm.js"), format!("xterm-{XTERM}.js.gz")),
        ("style", modules.join("@xterm/xterm/css/xterm.css"), format!("xterm-{XTERM}.css")),
    ];
    let mut names = serde_json::Map::new();
    for (key, from, name) in files {
        let content = fs::read(&from).with_context(|| from.display().to_string())?;
        let content = if name.ends_with(".gz") {
            let mut gzip = Command::new("gzip");
            tool::output_of(gzip.args(["-9n"]).stdin(Stdio::piped()), &content)?
        } else {
            content
        };
        fs::write(site.join(&name), content)?;
        names.insert(key.into(), name.into());
    }
    let mut bytes = 0;
    for name in names.values().filter_map(|name| name.as_str()).chain([state_name.as_str()]) {
        bytes += site.join(name).metadata()?.len();
    }
    let about = json!({
        "state": state_name,
        "memory": kernel.memory,
        "bytes": bytes,
        "kernel": major,
        "files": names,
    });
    fs::write(site.join("machine.json"), serde_json::to_string_pretty(&about)?)?;
    fs::write(site.join("sources.html"), sources(kernel, programs)?)?;
    println!(
        "The machine is in target/book/machine: {:.1} MB.",
        f64::from(u32::try_from(bytes)?) / 1e6
    );
    Ok(())
}

/// Which programs by others these are, and where their sources are.
fn sources(kernel: &Kernel, programs: &Programs) -> Result<String> {
    let mut rows = String::new();
    let (name, version) = &kernel.package;
    let debian = "https://sources.debian.org/src";
    let mut row = |name: &str, version: &str, licences: &str, source: &str| {
        writeln!(
            rows,
            "<tr><td><a href=\"{source}\">{name}</a></td><td>{version}</td><td>{licences}</td></tr>"
        )
    };
    row(name, version, "GPL-2 with the system call note", &format!("{debian}/linux/{version}/"))?;
    for package in &programs.packages {
        let (name, version) = (&package.name, &package.version);
        let source = format!("https://packages.debian.org/bookworm/{name}");
        row(name, version, &package.licences.join(", "), &source)?;
    }
    row("v86", V86, "BSD-2-Clause", "https://github.com/copy/v86")?;
    row("xterm.js", XTERM, "MIT", "https://github.com/xtermjs/xterm.js")?;
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <style>:root {{ color-scheme: light dark; }} body {{ max-width: 60rem; margin: 2rem auto; \
         padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }} th, td {{ text-align: left; \
         padding: .2rem 1rem .2rem 0; vertical-align: top; overflow-wrap: anywhere; }}</style>\n\
         <title>The machine in the page: sources</title>\n\
         <h1>The machine in the page: what it is made of</h1>\n\
         <p>Programs by others run in the machine in the book's pages, unchanged, from Debian's \
         packages for 32-bit PCs. Here are the packages, their versions and their licences. Debian \
         keeps every version's source, with the licences' texts: \
         <a href=\"https://snapshot.debian.org/\">snapshot.debian.org</a>. The kernel is made of \
         Debian's source package and <code>book/machine/kernel.config</code> in the workshop's \
         repository.</p>\n<table>\n<tr><th>Package</th><th>Version</th><th>Licences</th></tr>\n\
         {rows}</table>\n</html>\n"
    ))
}
