//! Other programs that this crate calls.

use std::env;
use std::io::{ErrorKind, Write};
use std::process::{Command, Output, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

/// Runs a program to its end; what it wrote to standard output.
///
/// # Errors
///
/// When it is not there, with the package that brings it, or when it fails, with what it said.
pub fn output(command: &mut Command) -> Result<Vec<u8>> {
    output_of(command.stdin(Stdio::null()), b"")
}

/// The same with something on standard input, which the command must have as a pipe.
///
/// # Errors
///
/// As above.
pub fn output_of(command: &mut Command, input: &[u8]) -> Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = match command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(missing(&name)),
        other => other.with_context(|| format!("{name} could not be started"))?,
    };
    let writer = child.stdin.take();
    let Output { status, stdout, stderr } = thread::scope(|scope| {
        // Beside the reading: a program may answer before it has heard everything. One that does
        // not listen says why itself.
        scope.spawn(|| writer.map(|mut writer| writer.write_all(input)));
        child.wait_with_output()
    })?;
    if !status.success() {
        let said = String::from_utf8_lossy(&stderr);
        bail!("{name} failed: {}", said.trim_end());
    }
    Ok(stdout)
}

/// The sentence for a program that is not there. The packages' names are Debian's; most
/// distributions have the same.
pub(crate) fn missing(name: &str) -> String {
    let package = match name {
        "apt-get" | "apt-cache" | "apt-config" => "apt",
        "depmod" => "kmod",
        "node" => "nodejs",
        "dpkg-deb" => "dpkg",
        "mkfs.ext4" | "debugfs" => "e2fsprogs",
        "qemu-system-x86_64" => {
            "qemu-system-x86 (Fedora: qemu-system-x86-core, Arch: qemu-system-x86)"
        }
        "xz" => "xz-utils",
        other => other,
    };
    format!("a virtual machine needs the program `{name}`: install {package}")
}

/// Some programs are for administrators, and not on everybody's `PATH`.
pub(crate) fn with_sbin(command: &mut Command) -> &mut Command {
    let path = env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"))
}
