//! For which machine an image is made.
//!
//! A program's instructions are for one kind of processor, so an image that is to run on several
//! exists several times, and an index says which is for whom: operating system, architecture, and
//! for some a variant (`linux/arm/v7`). The words are those of the Go language (OCI image
//! specification, "Image Index": <https://github.com/opencontainers/image-spec/blob/main/image-index.md>).

use std::env::consts;
use std::fmt;
use std::fs;
use std::str::FromStr;

use anyhow::{Error, Result, bail};
use serde::Deserialize;

use crate::texts::manifest as texts;

/// A kind of machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct Platform {
    /// The operating system: `linux`.
    pub os: String,
    /// The processor, by Go's name: `amd64`, `386`, `arm64`, `arm`, `riscv64`, …
    pub architecture: String,
    /// Which kind of it, where it matters: `v7`.
    #[serde(default)]
    pub variant: Option<String>,
}

impl Platform {
    /// The one that this program runs on.
    #[must_use]
    pub fn host() -> Self {
        // Rust's names, and Go's where they differ.
        let (architecture, variant) = match consts::ARCH {
            "x86_64" => ("amd64", None),
            "x86" => ("386", None),
            "aarch64" => ("arm64", None),
            "arm" => ("arm", Some(arm_variant())),
            "powerpc64" if cfg!(target_endian = "little") => ("ppc64le", None),
            "loongarch64" => ("loong64", None),
            other => (other, None),
        };
        let variant = variant.map(String::from);
        Self { os: consts::OS.into(), architecture: architecture.into(), variant }
    }

    /// How well something made for `offered` runs here: not at all (`None`), or the better, the
    /// larger the number is.
    ///
    /// A variant has what the smaller ones have, and more. So an arm/v7 machine runs what is made
    /// for v6, but not the other way round.
    #[must_use]
    pub fn runs(&self, offered: &Self) -> Option<u32> {
        if (&self.os, &self.architecture) != (&offered.os, &offered.architecture) {
            return None;
        }
        match (self.level(), offered.level()) {
            (Some(own), Some(theirs)) => (theirs <= own).then_some(theirs),
            _ => (self.variant == offered.variant).then_some(0),
        }
    }

    /// The variant as a number. An image that names none means the first that there was, or for
    /// arm the one that everybody means.
    fn level(&self) -> Option<u32> {
        match (self.variant.as_deref(), self.architecture.as_str()) {
            (None | Some(""), "arm") => Some(7),
            (None | Some(""), "arm64") => Some(8),
            (None | Some(""), _) => Some(1),
            (Some(variant), _) => variant.strip_prefix('v').unwrap_or(variant).parse().ok(),
        }
    }
}

/// Which instructions a 32-bit arm processor has, from what the kernel calls it: `model name :
/// ARMv6-compatible processor rev 7 (v6l)`. All that are newer have those of v7.
fn arm_variant() -> &'static str {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = |names: &[&str]| names.iter().any(|name| processor.contains(name));
    if named(&["ARMv5", "ARM926"]) {
        "v5"
    } else if named(&["ARMv6"]) {
        "v6"
    } else {
        "v7"
    }
}

impl FromStr for Platform {
    type Err = Error;

    /// Reads `linux/arm/v7`. The other names that processors go by are understood too.
    fn from_str(text: &str) -> Result<Self> {
        let mut words = text.split('/');
        let mut word = || words.next().filter(|word| !word.is_empty()).map(str::to_ascii_lowercase);
        let (Some(os), Some(architecture), variant, None) = (word(), word(), word(), word()) else {
            bail!(texts::bad_platform(text));
        };
        let clean =
            |word: &String| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if text.ends_with('/') || ![&os, &architecture].into_iter().chain(&variant).all(clean) {
            bail!(texts::bad_platform(text));
        }
        let (architecture, variant) = match (architecture.as_str(), variant) {
            ("x86_64", variant) => ("amd64".into(), variant),
            ("i386" | "i686" | "x86", variant) => ("386".into(), variant),
            ("aarch64", variant) => ("arm64".into(), variant),
            ("armhf", None) => ("arm".into(), Some("v7".into())),
            ("armel", None) => ("arm".into(), Some("v6".into())),
            (_, variant) => (architecture, variant),
        };
        Ok(Self { os, architecture, variant })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match self.variant.as_deref() {
            None | Some("") => Ok(()),
            Some(variant) => write!(f, "/{variant}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    #[test]
    fn a_platform_is_read_as_people_write_it() {
        for (text, meant) in [
            ("linux/amd64", "linux/amd64"),
            ("Linux/x86_64", "linux/amd64"),
            ("linux/i686", "linux/386"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64/v8"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/riscv64", "linux/riscv64"),
        ] {
            assert_eq!(platform(text).to_string(), meant);
        }
        for wrong in
            ["", "amd64", "linux/", "linux//v7", "/", "a/b/c/d", "linux/am d", "a/b/", "a/b/c/"]
        {
            assert!(wrong.parse::<Platform>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_machine_runs_its_own_and_older_variants() {
        let best = |own: &str, offered: &[&str]| {
            let runs = |offered: &&&str| platform(own).runs(&platform(offered));
            let best = offered.iter().filter(|offered| runs(offered).is_some()).max_by_key(runs);
            best.map_or("none".to_owned(), |best| (*best).to_owned())
        };
        let arms =
            ["linux/arm/v5", "linux/arm/v7", "linux/arm/v6", "linux/arm64/v8", "windows/arm"];
        assert_eq!(best("linux/arm", &arms), "linux/arm/v7");
        assert_eq!(best("linux/arm/v6", &arms), "linux/arm/v6");
        assert_eq!(best("linux/arm/v6", &["linux/arm/v7"]), "none");
        assert_eq!(best("linux/arm64", &arms), "linux/arm64/v8");
        assert_eq!(best("linux/arm64", &["linux/arm64/v9"]), "none");
        let amds = ["linux/386", "linux/amd64/v3", "linux/amd64", "linux/amd64/strange"];
        assert_eq!(best("linux/amd64", &amds), "linux/amd64");
        assert_eq!(best("linux/amd64/v2", &amds), "linux/amd64");
        assert_eq!(best("linux/amd64/v3", &amds), "linux/amd64/v3");
        assert_eq!(best("linux/amd64/strange", &amds), "linux/amd64/strange");
        assert_eq!(best("freebsd/amd64", &amds), "none");
    }
}
