//! What the names stand for: `index.json` of the OCI image layout (`image-layout.md`).
//!
//! The one file of the store whose content changes. It is replaced as a whole, under a lock: a
//! reader sees the old one or the new one.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use anyhow::{Context, Result};
use process::Attempt;
use serde::{Deserialize, Serialize};

use super::Store;
use crate::digest::Digest;
use crate::name::Name;
use crate::texts::store as texts;

/// The annotation that holds a name (OCI's `annotations.md`).
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A name, and what it stands for.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name in full: `docker.io/library/alpine:latest`.
    pub name: String,
    /// The digest of the image's manifest.
    pub digest: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    #[serde(default)]
    manifests: Vec<Item>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    media_type: String,
    digest: Digest,
    size: u64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Item {
    fn name(&self) -> Option<&str> {
        self.annotations.get(REF_NAME).map(String::as_str)
    }
}

impl Store {
    /// Every name, in the order of the alphabet.
    ///
    /// # Errors
    ///
    /// When the index can't be read.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let entry = |item: &Item| {
            Some(Entry { name: item.name()?.to_owned(), digest: item.digest.clone() })
        };
        let mut entries: Vec<_> = self.index()?.manifests.iter().filter_map(entry).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// What a name stands for.
    ///
    /// # Errors
    ///
    /// When the index can't be read.
    pub fn entry(&self, name: &Name) -> Result<Option<Entry>> {
        let name = name.canonical();
        Ok(self.entries()?.into_iter().find(|entry| entry.name == name))
    }

    /// Lets a name stand for a manifest that is in the store.
    ///
    /// # Errors
    ///
    /// When the index can't be replaced.
    pub fn set_name(
        &self,
        name: &Name,
        media_type: &str,
        digest: &Digest,
        size: u64,
    ) -> Result<()> {
        let name = name.canonical();
        self.change_index(|items| {
            items.retain(|item| item.name() != Some(&name));
            items.push(Item {
                media_type: media_type.into(),
                digest: digest.clone(),
                size,
                annotations: [(REF_NAME.into(), name)].into(),
            });
        })
    }

    /// Forgets a name.
    pub(super) fn remove_name(&self, name: &str) -> Result<()> {
        self.change_index(|items| items.retain(|item| item.name() != Some(name)))
    }

    fn change_index(&self, change: impl FnOnce(&mut Vec<Item>)) -> Result<()> {
        let _alone = self.lock_index()?;
        let mut index = self.index()?;
        change(&mut index.manifests);
        self.replace(&self.folder.join("index.json"), &serde_json::to_vec_pretty(&index)?)
    }

    fn index(&self) -> Result<Index> {
        let path = self.folder.join("index.json");
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Index { schema_version: 2, manifests: Vec::new() });
            }
            read => read.tried(&texts::STORE, format_args!("read({path:?})"))?,
        };
        serde_json::from_slice(&bytes).with_context(|| texts::unreadable_index(&path))
    }
}
