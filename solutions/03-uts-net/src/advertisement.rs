//! Router advertisements: how IPv6 tells an interface its way to the world.
//!
//! A router says to everybody on the same switch that it is one, and a machine that is no router
//! itself believes that (`accept_ra`, the kernel's `ip-sysctl.rst`). But on the containers' switch
//! anybody could say so, and would get what the host and the other containers send to the world
//! (CVE-2020-13401). Addresses and routes are given by hand there, so nobody has to be believed.

use std::fs;
use std::io::ErrorKind;

use anyhow::Result;
use process::Attempt;

use crate::texts;

/// From now on `interface`, which is still down, believes no router.
///
/// # Errors
///
/// What `write(2)` refuses, but for a `/proc/sys` that is read-only, as in somebody else's
/// container: there IPv6 has to be seen to from outside.
pub fn believe_nobody(interface: &str) -> Result<()> {
    let switch = format!("/proc/sys/net/ipv6/conf/{interface}/accept_ra");
    match fs::write(&switch, "0") {
        // A kernel without IPv6 has no such file.
        Err(error)
            if [ErrorKind::NotFound, ErrorKind::ReadOnlyFilesystem].contains(&error.kind()) =>
        {
            Ok(())
        }
        written => written.tried(&texts::ADVERTISEMENTS, format_args!("write({switch:?}, \"0\")")),
    }
}
