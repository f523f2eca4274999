//! Whose word counts on who a host is.
//!
//! A host proves by a certificate that it is the one that its name says, and an authority signs
//! that. This machine has a list of authorities that it believes (`ca-certificates`; `SSL_CERT_FILE`
//! and `SSL_CERT_DIR` name another one). A registry with an authority of its own gets it into
//! `certs.d/HOST:PORT/ca.crt`, in the folders that Docker and podman look into.

use std::fs;
use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, PemItem, parse_pem};

use super::failure::Failure;
use crate::registry::Environment;
use crate::texts::registry as texts;

const FOLDERS: [&str; 2] = ["/etc/docker/certs.d", "/etc/containers/certs.d"];
const OWN_FOLDER: &str = ".config/containers/certs.d";

/// The authorities for the talk with a registry.
pub(super) fn authorities(
    registry: &str,
    environment: &Environment,
) -> Result<Vec<Certificate<'static>>, Failure> {
    // Some of a system's certificates may be unreadable; what matters is whether the right one is
    // there, and that the handshake tells.
    let system = rustls_native_certs::load_native_certs().certs;
    let mut all: Vec<_> = system.iter().map(|it| Certificate::from_der(it).to_owned()).collect();
    let home = environment.get("HOME").map(|home| PathBuf::from(home).join(OWN_FOLDER));
    for folder in FOLDERS.iter().map(PathBuf::from).chain(home) {
        // There may be none, and other people's is not for us to read.
        let Ok(entries) = fs::read_dir(folder.join(registry)) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == "crt") {
                all.extend(read(&path)?);
            }
        }
    }
    Ok(all)
}

fn read(path: &Path) -> Result<Vec<Certificate<'static>>, Failure> {
    let unusable = |why: &dyn std::fmt::Display| Failure::hopeless(texts::bad_authority(path, why));
    let pem = fs::read(path).map_err(|error| unusable(&error))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| unusable(&error))? {
            certificates.push(certificate);
        }
    }
    Ok(certificates)
}
