//! What is told about layers beside the claims' own words.

use std::path::Path;

pub(super) fn no_overlay(said: &str) -> String {
    format!(
        "the kernel gives this user no overlay with all its functions ({said}); since Linux 5.11 it \
         can, and since 6.6 in a file system in memory, too"
    )
}

pub(super) fn no_changes(command: &str, folder: &str) -> String {
    format!("`{command}`: no line about {folder}")
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
