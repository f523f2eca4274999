//! What a registry says of an image.
//!
//! Two kinds of documents, both JSON. A *manifest* is one image: its configuration and its layers,
//! each by digest and size. An *index* is a choice of manifests, one for each platform. Each kind
//! has two media types, since there was Docker's before there was the standard
//! (<https://github.com/opencontainers/image-spec/blob/main/manifest.md>,
//! <https://github.com/opencontainers/image-spec/blob/main/image-index.md>,
//! <https://distribution.github.io/distribution/spec/manifest-v2-2/>).
//!
//! What kind a document is, it says itself, and the registry says it too. If they could say
//! different things, two programs could take the same bytes, under the same digest, for two
//! different images (CVE-2021-41190). So they have to agree.

use std::collections::BTreeMap;

use anyhow::{Context, Error, Result, bail, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::compression::Compression;
use crate::digest::Digest;
use crate::platform::Platform;
use crate::texts::manifest as texts;

/// The largest manifest that is read, in bytes: what registries are asked to accept.
pub const MOST_BYTES: u64 = 4 << 20;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// All that are understood. A registry has to be told: it would send something older otherwise, or
/// nothing.
pub const MEDIA_TYPES: [&str; 4] = [OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST];

/// Docker's format before 2016, with and without a signature. It has no digests of the archives.
const SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1+";

const IMAGE_CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// On a manifest of an index that is about another one of them: where the image comes from, who
/// signed it.
const REFERENCE: &str = "vnd.docker.reference.type";

/// Something that a registry has, and how to know it again.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// What it is called.
    pub digest: Digest,
    /// How large it is, in bytes.
    pub size: u64,
    /// For an image of an index: which machine it is for.
    pub platform: Option<Platform>,
    /// Where else it can be had. Windows' base layers are that way; no other should be.
    urls: Option<Vec<String>>,
    annotations: Option<BTreeMap<String, IgnoredAny>>,
}

impl Descriptor {
    /// How a layer is compressed.
    ///
    /// # Errors
    ///
    /// When it is not a layer, or one that has to be fetched from somewhere else.
    pub fn compression(&self) -> Result<Compression> {
        let compression = match self.media_type.as_str() {
            "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar" => Compression::None,
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip" => Compression::Gzip,
            "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Compression::Zstd,
            other if other.contains(".foreign.") || other.contains(".nondistributable.") => {
                bail!(texts::foreign_layer(&self.digest))
            }
            other => bail!(texts::unknown_layer(&self.digest, other)),
        };
        ensure!(self.urls.as_ref().is_none_or(Vec::is_empty), texts::foreign_layer(&self.digest));
        Ok(compression)
    }

    /// Whether it says something about another image, and is none.
    fn is_about_another(&self) -> bool {
        let nowhere = self.platform.as_ref().is_some_and(|platform| platform.os == "unknown");
        nowhere || self.annotations.as_ref().is_some_and(|all| all.contains_key(REFERENCE))
    }
}

/// One image.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// How to run it, and the digests of its layers' archives.
    pub config: Descriptor,
    /// The layers, the bottom one first.
    pub layers: Vec<Descriptor>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// When it is no manifest of an image, or one that can't be unpacked.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        match Document::parse(bytes, None)? {
            (Document::Manifest(manifest), _) => Ok(manifest),
            (Document::Index(_), _) => bail!(texts::INDEX_FOR_MANIFEST),
        }
    }
}

/// The same image for several platforms.
#[derive(Debug, Clone)]
pub struct Index {
    manifests: Vec<Descriptor>,
}

impl Index {
    /// The manifest of the image that suits a platform best; the first of them if several do.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn choose(&self, platform: &Platform) -> Result<&Descriptor> {
        let images = self.manifests.iter().filter(|manifest| !manifest.is_about_another());
        let images: Vec<&Descriptor> = images.collect();
        // With only one there is no choice, and some programs then don't say what it is for.
        if let [only @ Descriptor { platform: None, .. }] = images[..] {
            return Ok(only);
        }
        let offered = || images.iter().filter_map(|image| Some((*image, image.platform.as_ref()?)));
        offered()
            .rev()
            .filter_map(|(image, offered)| Some((platform.runs(offered)?, image)))
            .max_by_key(|(rank, _)| *rank)
            .map(|(_, image)| image)
            .with_context(|| {
                let offered: Vec<String> = offered().map(|(_, it)| it.to_string()).collect();
                texts::not_for_platform(platform, &offered)
            })
    }
}

/// What a registry has under a name.
#[derive(Debug, Clone)]
pub enum Document {
    /// One image.
    Manifest(Manifest),
    /// A choice of images.
    Index(Index),
}

/// Both kinds' fields. Whatever else there is, is none of our business.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    schema_version: u32,
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    fs_layers: Option<IgnoredAny>,
}

impl Document {
    /// Reads a document; `told` is what the registry says it is (`Content-Type`). Gives the media
    /// type as well.
    ///
    /// # Errors
    ///
    /// When it is none, when it contradicts itself or the registry, or when it is not an image.
    pub fn parse(bytes: &[u8], told: Option<&str>) -> Result<(Self, &'static str)> {
        let told = told.map(essence).unwrap_or_default();
        ensure!(told != "text/html", texts::WEB_PAGE);
        ensure!(!told.starts_with(SCHEMA_1), texts::SCHEMA_1);
        // A version 1 has no field of the others.
        let fields = serde_json::from_slice(bytes);
        let fields: Fields = fields.map_err(|error| Error::msg(texts::no_manifest(&error)))?;
        ensure!(fields.schema_version == 2 && fields.fs_layers.is_none(), texts::SCHEMA_1);

        let own = fields.media_type.unwrap_or_default();
        if MEDIA_TYPES.contains(&told.as_str()) && !own.is_empty() {
            ensure!(told == own, texts::two_media_types(&told, &own));
        }
        let media_type = if own.is_empty() { &told } else { &own };
        let Some(media_type) = MEDIA_TYPES.into_iter().find(|known| known == media_type) else {
            // Some registries say only that it is JSON, and the standard's documents need not say
            // more. Then the fields have to do.
            ensure!(is_vague(media_type), texts::unknown_document(media_type));
            let guess = if fields.manifests.is_some() { OCI_INDEX } else { OCI_MANIFEST };
            return Self::of(guess, fields.config, fields.layers, fields.manifests);
        };
        Self::of(media_type, fields.config, fields.layers, fields.manifests)
    }

    fn of(
        media_type: &'static str,
        config: Option<Descriptor>,
        layers: Option<Vec<Descriptor>>,
        manifests: Option<Vec<Descriptor>>,
    ) -> Result<(Self, &'static str)> {
        let is_index = [OCI_INDEX, DOCKER_INDEX].contains(&media_type);
        let document = match (is_index, config, layers, manifests) {
            (true, None, None, Some(manifests)) => Self::Index(Index { manifests }),
            (false, Some(config), Some(layers), None) => {
                let of = config.media_type.as_str();
                ensure!(IMAGE_CONFIGS.contains(&of), texts::no_image(of));
                layers.iter().try_for_each(|layer| layer.compression().map(drop))?;
                Self::Manifest(Manifest { config, layers })
            }
            _ => bail!(texts::contradiction(media_type)),
        };
        Ok((document, media_type))
    }
}

/// A media type without its parameters (`; charset=utf-8`).
fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a media type says nothing of what is in the bytes.
fn is_vague(media_type: &str) -> bool {
    matches!(media_type, "" | "application/json" | "application/octet-stream" | "text/plain")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    const CONFIG: &str = IMAGE_CONFIGS[0];

    fn descriptor(media_type: &str, more: &str) -> String {
        let digest = Digest::of(media_type.as_bytes());
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":7{more}}}"#)
    }

    fn manifest(head: &str, config: &str, layers: &[String]) -> String {
        let (config, layers) = (descriptor(config, ""), layers.join(","));
        format!(r#"{{"schemaVersion":2{head},"config":{config},"layers":[{layers}]}}"#)
    }

    fn index(head: &str, manifests: &[String]) -> String {
        format!(r#"{{"schemaVersion":2{head},"manifests":[{}]}}"#, manifests.join(","))
    }

    fn of(media_type: &str) -> String {
        format!(r#","mediaType":"{media_type}""#)
    }

    fn on(os: &str, architecture: &str, variant: &str) -> String {
        let variant = if variant.is_empty() { "null".into() } else { format!("{variant:?}") };
        format!(
            r#","platform":{{"architecture":"{architecture}","os":"{os}","variant":{variant},"os.version":"1"}}"#
        )
    }

    #[test]
    fn all_four_types_are_read() {
        let layers = [descriptor(GZIP, "")];
        for media_type in MEDIA_TYPES {
            let is_index = [OCI_INDEX, DOCKER_INDEX].contains(&media_type);
            let text = |head: &str| match is_index {
                true => index(head, &[descriptor(OCI_MANIFEST, &on("linux", "amd64", ""))]),
                false => manifest(head, CONFIG, &layers),
            };
            let parameter = format!("{media_type}; charset=utf-8");
            for (head, told, expected) in [
                (of(media_type), Some(media_type), Some(media_type)),
                (of(media_type), Some(parameter.as_str()), Some(media_type)),
                (of(media_type), Some("application/json"), Some(media_type)),
                (of(media_type), None, Some(media_type)),
                (String::new(), Some(media_type), Some(media_type)),
                (String::new(), None, None),
            ] {
                let (document, found) = Document::parse(text(&head).as_bytes(), told).unwrap();
                assert!(expected.is_none_or(|expected| expected == found));
                assert_eq!(matches!(document, Document::Index(_)), is_index);
            }
        }
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let good = [descriptor(GZIP, "")];
        let image = manifest("", CONFIG, &good);
        let choice = index("", &[descriptor(OCI_MANIFEST, "")]);
        let both = image.replace(r#","layers""#, r#","manifests":[],"layers""#);
        let urls = [descriptor(GZIP, r#","urls":["http://elsewhere.tld/layer"]"#)];
        let foreign = [descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "")];
        let toto = [descriptor("application/vnd.in-toto+json", "")];
        let twice = image.replace(r#""layers""#, r#""layers":[],"layers""#);
        for (text, told, why) in [
            (both.clone(), None, "contradicts itself"),
            (both.clone(), Some(OCI_INDEX), "contradicts itself"),
            (both, Some(OCI_MANIFEST), "contradicts itself"),
            (image.clone(), Some(OCI_INDEX), "contradicts itself"),
            (choice.clone(), Some(DOCKER_MANIFEST), "contradicts itself"),
            (index(&of(OCI_INDEX), &[]), Some(OCI_MANIFEST), "the registry calls"),
            (
                manifest(&of(DOCKER_MANIFEST), CONFIG, &good),
                Some(OCI_MANIFEST),
                "the registry calls",
            ),
            (manifest(&of("application/wasm"), CONFIG, &good), None, "application/wasm"),
            (image.clone(), Some("application/wasm"), "application/wasm"),
            (image.clone(), Some("text/html; charset=utf-8"), "web page"),
            (image.replace(":2", ":1"), None, "2016"),
            (
                image.clone(),
                Some("application/vnd.docker.distribution.manifest.v1+prettyjws"),
                "2016",
            ),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#.into(), None, "2016"),
            (manifest("", "application/vnd.cncf.helm.config.v1+json", &good), None, "helm"),
            (manifest("", CONFIG, &urls), None, "somewhere else"),
            (manifest("", CONFIG, &foreign), None, "somewhere else"),
            (manifest("", CONFIG, &toto), None, "in-toto"),
            (twice, None, "duplicate field"),
            (image.replace("sha256:", "sha256:../"), None, "digest"),
            (image.replace(":7", ":-7"), None, "-7"),
            (image.replace(":7", ":1e30"), None, "invalid type"),
            (r#"{"schemaVersion":2}"#.into(), None, "contradicts itself"),
            ("[".repeat(100_000), None, "no manifest"),
            ("<html>".into(), None, "no manifest"),
            (String::new(), None, "no manifest"),
        ] {
            let error = format!("{:#}", Document::parse(text.as_bytes(), told).unwrap_err());
            assert!(error.contains(why), "{why}: {error}\n{text:.300}");
        }
        assert!(Manifest::parse(image.as_bytes()).is_ok());
        assert!(Manifest::parse(choice.as_bytes()).is_err());
    }

    #[test]
    fn the_own_platform_is_chosen_and_never_an_attestation() {
        let about = r#","annotations":{"vnd.docker.reference.type":"attestation-manifest"}"#;
        let all = [
            descriptor("a/attestation", &(on("linux", "amd64", "") + about)),
            descriptor("a/unknown", &on("unknown", "unknown", "")),
            descriptor("a/windows", &on("windows", "amd64", "")),
            descriptor("a/v6", &on("linux", "arm", "v6")),
            descriptor("a/v7", &on("linux", "arm", "v7")),
            descriptor("a/first", &on("linux", "amd64", "")),
            descriptor("a/second", &on("linux", "amd64", "")),
            descriptor("a/any", ""),
        ];
        let choose = |all: &[String], platform: &str| {
            let (document, _) = Document::parse(index("", all).as_bytes(), None).unwrap();
            let Document::Index(index) = document else { panic!("no index") };
            match index.choose(&platform.parse().unwrap()) {
                Ok(chosen) => chosen.media_type.clone(),
                Err(error) => error.to_string(),
            }
        };
        assert_eq!(choose(&all, "linux/amd64"), "a/first");
        assert_eq!(choose(&all, "linux/arm"), "a/v7");
        assert_eq!(choose(&all, "linux/arm/v6"), "a/v6");
        let none = choose(&all, "linux/arm/v5");
        assert!(none.contains("windows/amd64, linux/arm/v6, linux/arm/v7"), "{none}");
        assert!(!choose(&all, "unknown/unknown").starts_with("a/"));
        assert_eq!(choose(&[all[0].clone(), all[7].clone()], "linux/s390x"), "a/any");
        assert!(!choose(&all[..2], "linux/amd64").starts_with("a/"));
    }
}
