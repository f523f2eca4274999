//! Where a program of the host's is.

use std::path::PathBuf;

use nix::unistd::{AccessFlags, access};

/// Finds a program, as a shell would, and in the folders of administrators' programs: on Debian the
/// `PATH` of an ordinary user does not name them.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let places = std::env::split_paths(&path).chain(more).map(|folder| folder.join(name));
    let mut programs =
        places.filter(|file| file.is_file() && access(file, AccessFlags::X_OK).is_ok());
    programs.next()
}
