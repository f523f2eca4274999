//! What an image says of how to run it.
//!
//! Beside its layers an image has a configuration, a JSON document (OCI image specification,
//! `config.md`): which command to run, as whom, in which folder, with which environment. All of it
//! is a proposal, and whoever runs the image can decide otherwise. The configuration also names the
//! layers a second time, by the digests of their archives before they were compressed.
//!
//! Docker and others have written these for ten years, and not always by the book: what is missing
//! may be missing, or `null`, or empty.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::digest::Digest;
use crate::platform::Platform;

/// An image's configuration.
#[derive(Debug, Clone, Deserialize)]
pub struct Config {
    /// When it was made (RFC 3339), by its own account.
    #[serde(default)]
    pub created: Option<String>,
    /// The processor that its programs are for, by Go's name: `amd64`, `arm64`.
    #[serde(default, deserialize_with = "or_default")]
    pub architecture: String,
    /// The system that its programs are for: `linux`.
    #[serde(default, deserialize_with = "or_default")]
    pub os: String,
    /// Which generation of that processor, where it matters: `v7`.
    #[serde(default)]
    pub variant: Option<String>,
    /// What to run.
    #[serde(default, deserialize_with = "or_default")]
    pub config: Execution,
    /// The layers.
    pub rootfs: Rootfs,
}

/// What to run, and how.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Execution {
    /// The words that the command begins with.
    #[serde(deserialize_with = "or_default")]
    pub entrypoint: Vec<String>,
    /// The words that follow, if nobody says otherwise.
    #[serde(deserialize_with = "or_default")]
    pub cmd: Vec<String>,
    /// The environment: `NAME=value`.
    #[serde(deserialize_with = "or_default")]
    pub env: Vec<String>,
    /// The folder to begin in.
    #[serde(deserialize_with = "or_default")]
    pub working_dir: String,
    /// As whom: `user`, `user:group`, by name or number.
    #[serde(deserialize_with = "or_default")]
    pub user: String,
    /// The ports that it listens on: `80/tcp`. (JSON has no sets: the values are empty objects.)
    #[serde(deserialize_with = "or_default")]
    pub exposed_ports: BTreeMap<String, Value>,
    /// The folders whose content is not to be part of the container.
    #[serde(deserialize_with = "or_default")]
    pub volumes: BTreeMap<String, Value>,
    /// The signal that asks it to end: `SIGTERM`, `15`.
    #[serde(deserialize_with = "or_default")]
    pub stop_signal: String,
}

/// The layers of an image.
#[derive(Debug, Clone, Deserialize)]
pub struct Rootfs {
    /// The digests of the layers' archives before they were compressed, the bottom one first.
    #[serde(default, deserialize_with = "or_default")]
    pub diff_ids: Vec<Digest>,
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or has no layers, or something in it is of another kind.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Ok(serde_json::from_slice(bytes)?)
    }

    /// What its programs are for.
    #[must_use]
    pub fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
        }
    }
}

/// `null` for a thing means that it is not there.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_may_be_missing_or_null() {
        for text in [
            r#"{"rootfs":{"type":"layers","diff_ids":[]}}"#,
            r#"{"rootfs":{"diff_ids":null},"config":null,"os":null,"created":null}"#,
            r#"{"rootfs":{},"config":{"Cmd":null,"Env":null,"Volumes":null,"User":null,"Other":[1]}}"#,
        ] {
            let config = Config::parse(text.as_bytes()).unwrap();
            assert!(config.config.cmd.is_empty() && config.rootfs.diff_ids.is_empty());
        }
    }

    #[test]
    fn what_is_wrong_is_an_error() {
        for text in ["", "{}", "[]", r#"{"rootfs":{"diff_ids":["sha256:../x"]}}"#] {
            assert!(Config::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
