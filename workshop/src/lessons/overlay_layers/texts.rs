//! What is told about layers beside the claims' own words.

use std::path::Path;

pub(super) const NO_OVERLAY: &str = "the kernel does not let this user mount an overlay here (before Linux 5.11 it never does; on this one it says";

pub(super) fn no_overlay(errno: &str) -> String {
    format!("{NO_OVERLAY} {errno})")
}

pub(super) fn cannot_read(folder: &Path) -> String {
    format!("can't read {folder:?}")
}

pub(super) fn cannot_write(place: &Path) -> String {
    format!("can't write {place:?}")
}

pub(super) fn gone(place: &Path) -> String {
    format!("{} is gone", place.display())
}

pub(super) fn changed(place: &Path) -> String {
    format!("{} was changed (see `stat`)", place.display())
}

pub(super) fn new(place: &Path) -> String {
    format!("{} is new", place.display())
}
