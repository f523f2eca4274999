//! A small image, and how to pull it.

use std::io::Read;
use std::time::{Duration, Instant};

use sol06_image_pull as image_pull;
use testbed::registry::digest;

use image_pull::digest::Verified;
use image_pull::name::Name;
use image_pull::registry::{Environment, Options, Patience, Registry};

use crate::server::{Answer, Request};

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// One layer, one configuration; what is in them is of no interest here.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) layer: Vec<u8>,
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: String,
}

impl Image {
    pub(crate) fn new() -> Self {
        let mut random = 7_u64;
        let byte = |_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 56) as u8
        };
        let layer: Vec<u8> = (0..100_000).map(byte).collect();
        let config = br#"{"architecture":"amd64","os":"linux"}"#.to_vec();
        let manifest = manifest(&digest(&layer), layer.len() as i64, GZIP, "", &config);
        Self { layer, config, manifest }
    }

    /// The image, but for its manifest.
    pub(crate) fn with_manifest(&self, manifest: String) -> Self {
        Self { manifest, ..self.clone() }
    }

    /// What a good registry answers.
    pub(crate) fn answer(&self, request: &Request) -> Answer {
        if request.path == "/v2/" {
            return Answer::new(200);
        }
        if request.is_for("manifests") {
            return Answer::ok(OCI_MANIFEST, self.manifest.as_bytes());
        }
        let bytes = match request.path.ends_with(&digest(&self.layer)) {
            true => &self.layer,
            false if request.path.ends_with(&digest(&self.config)) => &self.config,
            false => return Answer::new(404),
        };
        let range =
            request.header("range").strip_prefix("bytes=").and_then(|it| it.strip_suffix('-'));
        match range.and_then(|from| from.parse::<usize>().ok()) {
            Some(from) => {
                let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
                Answer::new(206).header("Content-Range", &range).body(&bytes[from..])
            }
            None => Answer::ok("application/octet-stream", bytes.as_slice()),
        }
    }
}

/// A manifest with one layer.
pub(crate) fn manifest(
    layer: &str,
    size: i64,
    media_type: &str,
    more: &str,
    config: &[u8],
) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"{media_type}","digest":"{layer}","size":{size}{more}}}]}}"#,
        digest(config),
        config.len(),
    )
}

/// Options that have no patience, and know no variables but these.
pub(crate) fn options(variables: &[(&str, &str)]) -> Options {
    let variables: Vec<(String, String)> =
        variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let read = move |name: &str| {
        let found = variables.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone())
    };
    let patience = Patience {
        attempts: 4,
        pause: Duration::from_millis(1),
        longest: Duration::from_secs(3),
        silence: Duration::from_millis(400),
    };
    Options { patience, environment: Environment::new(read), ..Options::new(false) }
}

/// What a pull brought.
#[derive(Debug)]
pub(crate) struct Pulled {
    pub(crate) from: String,
    pub(crate) config: Vec<u8>,
    pub(crate) layer: Vec<u8>,
}

/// Finds the image and reads its configuration and its layer, or says why that can't be done.
pub(crate) fn pull(name: &str, options: Options) -> Result<Pulled, String> {
    let begun = Instant::now();
    let pulled = try_pull(name, options);
    assert!(begun.elapsed() < Duration::from_secs(20), "{name} took {:?}", begun.elapsed());
    if let Err(error) = &pulled {
        let tame = |c: char| !c.is_control() && error.len() < 1200;
        assert!(error.chars().all(tame), "no sentence: {error:?}");
    }
    pulled
}

/// Finds the image, and no more.
pub(crate) fn find(name: &str, options: Options) -> Result<String, String> {
    let said = |error: anyhow::Error| format!("{error:#}");
    let name: Name = name.parse().map_err(said)?;
    let registry = Registry::with(&name, options).map_err(said)?;
    let found = registry.resolve(&name, &"linux/amd64".parse().map_err(said)?).map_err(said)?;
    Ok(found.digest.to_string())
}

fn try_pull(name: &str, options: Options) -> Result<Pulled, String> {
    let said = |error: anyhow::Error| format!("{error:#}");
    let name: Name = name.parse().map_err(said)?;
    let registry = Registry::with(&name, options).map_err(said)?;
    let resolved = registry.resolve(&name, &"linux/amd64".parse().map_err(said)?).map_err(said)?;
    let read = |what: &image_pull::manifest::Descriptor| {
        let blob = registry.blob(what, 0).map_err(said)?;
        let mut bytes = Vec::new();
        let read = Verified::new(blob, &what.digest, what.size).read_to_end(&mut bytes);
        read.map_err(|error| error.to_string())?;
        Ok::<_, String>(bytes)
    };
    let config = read(&resolved.manifest.config)?;
    let layer = read(&resolved.manifest.layers[0])?;
    assert_eq!(resolved.digest.to_string(), digest(&resolved.bytes));
    Ok(Pulled { from: resolved.from, config, layer })
}
