//! Names from the kernel are bytes, and JSON is text: how the one is shown as the other.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// What is not UTF-8 becomes `\xNN`, so that two different names stay different.
#[must_use]
pub fn shown(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        text += chunk.valid();
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

pub(super) fn name<S: Serializer>(name: impl AsRef<OsStr>, to: S) -> Result<S::Ok, S::Error> {
    shown(name.as_ref()).serialize(to)
}

pub(super) fn path<S: Serializer>(path: impl AsRef<Path>, to: S) -> Result<S::Ok, S::Error> {
    name(path.as_ref(), to)
}

pub(super) fn some_path<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| shown(path.as_os_str())).serialize(to)
}

pub(super) fn names<S: Serializer>(names: &[OsString], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(names.iter().map(|name| shown(name)))
}

pub(super) fn some_names<S: Serializer>(
    names: &Option<Vec<OsString>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    let texts = |names: &Vec<OsString>| names.iter().map(|name| shown(name)).collect::<Vec<_>>();
    names.as_ref().map(texts).serialize(to)
}

pub(super) fn number<S: Serializer>(pid: &nix::unistd::Pid, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_i32(pid.as_raw())
}
