//! Images of the examiner's own: layers, a configuration, a manifest (OCI image specification,
//! `manifest.md`, `config.md`).

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use image_pull::digest::Digest;
use image_pull::platform::Platform;
use serde_json::{Value, json};

use super::archive::{Entry, archive};

/// An index, as the OCI calls its kind.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// A manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// What Docker calls an index.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// What Docker calls a manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const OCI_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Bytes, and what they are called.
#[derive(Debug, Clone)]
pub struct Blob {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
}

impl Blob {
    /// These bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let digest = Digest::of(&bytes);
        Self { bytes, digest }
    }

    /// How others refer to them.
    #[must_use]
    pub fn descriptor(&self, media_type: &str) -> Value {
        let size = self.bytes.len();
        json!({ "mediaType": media_type, "digest": self.digest.to_string(), "size": size })
    }
}

/// A layer.
#[derive(Debug, Clone)]
pub struct Layer {
    /// As it is sent.
    pub blob: Blob,
    /// The digest of the archive in it.
    pub diff_id: Digest,
    gzip: bool,
}

impl Layer {
    /// These entries, compressed.
    #[must_use]
    pub fn new(entries: &[Entry]) -> Self {
        let archive = archive(entries);
        // Writing to memory does not fail.
        let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
        let _ = gzip.write_all(&archive);
        let blob = Blob::new(gzip.finish().unwrap_or_default());
        Self { blob, diff_id: Digest::of(&archive), gzip: true }
    }

    /// These entries as they are.
    #[must_use]
    pub fn plain(entries: &[Entry]) -> Self {
        let blob = Blob::new(archive(entries));
        Self { diff_id: blob.digest.clone(), blob, gzip: false }
    }

    fn media_type(&self, kind: Kind) -> &'static str {
        match (kind, self.gzip) {
            (Kind::Docker, _) => DOCKER_GZIP,
            (Kind::Oci, true) => OCI_GZIP,
            (Kind::Oci, false) => OCI_TAR,
        }
    }
}

/// Whose words a manifest uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The Open Container Initiative's.
    Oci,
    /// Docker's, "version 2, schema 2".
    Docker,
}

/// An image, ready to be sent.
#[derive(Debug, Clone)]
pub struct Image {
    /// The bottom one first.
    pub layers: Vec<Layer>,
    /// How to run it.
    pub config: Blob,
    /// What all that is called.
    pub manifest: Blob,
    kind: Kind,
}

impl Image {
    /// For this machine: these layers, the bottom one first, and how to run them: the inner part of
    /// the configuration.
    #[must_use]
    pub fn new(layers: &[&Layer], how: &Value) -> Self {
        Self::of(Kind::Oci, layers, how)
    }

    /// The same in those words.
    #[must_use]
    pub fn of(kind: Kind, layers: &[&Layer], how: &Value) -> Self {
        let layers: Vec<Layer> = layers.iter().copied().cloned().collect();
        let ids = layers.iter().map(|layer| layer.diff_id.to_string()).collect();
        Self::with(kind, layers, ids, how)
    }

    /// The same, but its configuration calls the top layer's archive by another digest.
    #[must_use]
    pub fn mistaken(layers: &[&Layer], other: &Digest, how: &Value) -> Self {
        let layers: Vec<Layer> = layers.iter().copied().cloned().collect();
        let mut ids: Vec<_> = layers.iter().map(|layer| layer.diff_id.to_string()).collect();
        ids.pop();
        ids.push(other.to_string());
        Self::with(Kind::Oci, layers, ids, how)
    }

    fn with(kind: Kind, layers: Vec<Layer>, diff_ids: Vec<String>, how: &Value) -> Self {
        let Platform { os, architecture, variant } = Platform::host();
        let mut config = json!({
            "architecture": architecture,
            "os": os,
            "config": how,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        if let Some(variant) = variant {
            config["variant"] = variant.into();
        }
        let config = Blob::new(config.to_string().into_bytes());
        let its_type = if kind == Kind::Oci { OCI_CONFIG } else { DOCKER_CONFIG };
        let each = layers.iter().map(|layer| layer.blob.descriptor(layer.media_type(kind)));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": if kind == Kind::Oci { OCI_MANIFEST } else { DOCKER_MANIFEST },
            "config": config.descriptor(its_type),
            "layers": each.collect::<Vec<_>>(),
        });
        Self { layers, config, manifest: Blob::new(manifest.to_string().into_bytes()), kind }
    }

    /// The manifest's kind.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        if self.kind == Kind::Oci { OCI_MANIFEST } else { DOCKER_MANIFEST }
    }

    /// An index that offers `others` for machines that are not this one, then this image.
    #[must_use]
    pub fn index(&self, others: &Self) -> Blob {
        let Platform { os, architecture, variant } = Platform::host();
        let mut ours = json!({ "os": os, "architecture": architecture });
        if let Some(variant) = variant {
            ours["variant"] = variant.into();
        }
        let other = if architecture == "s390x" { "ppc64le" } else { "s390x" };
        let entry = |image: &Self, platform: Value| {
            let mut entry = image.manifest.descriptor(image.media_type());
            entry["platform"] = platform;
            entry
        };
        let index = json!({
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [
                entry(others, json!({ "os": "linux", "architecture": other })),
                entry(self, ours),
            ],
        });
        Blob::new(index.to_string().into_bytes())
    }
}
