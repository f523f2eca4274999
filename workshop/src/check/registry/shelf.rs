//! What the registry has, and how it answers (OCI distribution specification, "Pull").

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use image_pull::digest::Digest;
use serde_json::json;

use super::Door;
use super::image::{Blob, Image};
use crate::http::{Answer, Method, Request};

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

/// What somebody has to show at the locked door.
#[derive(Debug, Clone)]
pub struct Token {
    /// Where tokens are given out: a path on the registry.
    pub realm: String,
    /// For which service.
    pub service: String,
    /// For what. Commas may stand in it.
    pub scope: String,
    /// The token itself.
    pub token: String,
}

/// What the registry has.
#[derive(Debug, Default)]
pub struct Shelf {
    /// By repository and reference; with its media type.
    manifests: HashMap<(String, String), (String, Vec<u8>)>,
    blobs: HashMap<String, Vec<u8>>,
    /// What is sent for a blob of one repository instead; if `true`, only the first time.
    wrong: HashMap<(String, String), (Vec<u8>, bool)>,
    /// Blobs of a repository that are elsewhere.
    elsewhere: HashSet<(String, String)>,
    /// What the locked door asks for.
    token: Option<Token>,
    /// Which of `wrong` were sent.
    sent: Mutex<HashSet<(String, String)>>,
}

impl Shelf {
    /// Puts an image here, by a tag and by its digest.
    pub fn put(&mut self, repository: &str, tag: &str, image: &Image) {
        for layer in &image.layers {
            self.blob(&layer.blob);
        }
        self.blob(&image.config);
        self.manifest(repository, tag, image.media_type(), &image.manifest);
    }

    /// Puts a manifest or an index here, by a tag (if there is one) and by its digest.
    pub fn manifest(&mut self, repository: &str, tag: &str, media_type: &str, manifest: &Blob) {
        for reference in [tag.to_owned(), manifest.digest.to_string()] {
            let content = (media_type.to_owned(), manifest.bytes.clone());
            self.manifests.insert((repository.into(), reference), content);
        }
    }

    /// What is sent in place of the manifest that has this digest.
    pub fn swap_manifest(&mut self, repository: &str, digest: &Digest, bytes: Vec<u8>) {
        if let Some(known) = self.manifests.get_mut(&(repository.into(), digest.to_string())) {
            known.1 = bytes;
        }
    }

    fn blob(&mut self, blob: &Blob) {
        self.blobs.insert(blob.digest.to_string(), blob.bytes.clone());
    }

    /// These bytes are sent for a repository's blob, each time or only the first time.
    pub fn swap(&mut self, repository: &str, digest: &Digest, bytes: Vec<u8>, once: bool) {
        self.wrong.insert((repository.into(), digest.to_string()), (bytes, once));
    }

    /// A repository's blob is elsewhere.
    pub fn redirect(&mut self, repository: &str, digest: &Digest) {
        self.elsewhere.insert((repository.into(), digest.to_string()));
    }

    /// What is to be shown at the locked door.
    pub fn lock(&mut self, token: Token) {
        self.token = Some(token);
    }

    /// Answers a request that came to this door; `addresses` are those of all doors.
    #[must_use]
    pub fn answer(&self, request: &Request, door: Door, addresses: [SocketAddr; 3]) -> Answer {
        let path = request.path.as_str();
        if request.method == Method::Other {
            return refusal(405, "UNSUPPORTED");
        }
        if let Some(token) = self.token.as_ref().filter(|_| door == Door::Locked) {
            if token.realm == path {
                return Answer::new(200, JSON, json!({ "token": token.token }).to_string());
            }
            if request.field("Authorization") != Some(&format!("Bearer {}", token.token)) {
                return challenge(token, addresses[door as usize]);
            }
        }
        if path == "/v2/" {
            return Answer::new(200, JSON, "{}");
        }
        let parts = path.strip_prefix("/v2/").and_then(|path| {
            let (rest, last) = path.rsplit_once('/')?;
            let (repository, kind) = rest.rsplit_once('/')?;
            Some((repository, kind, last))
        });
        let Some((repository, kind, last)) = parts else { return refusal(404, "NAME_UNKNOWN") };
        match kind {
            "manifests" => self.give_manifest(repository, last),
            "blobs" => {
                let away = (door != Door::Elsewhere).then(|| addresses[Door::Elsewhere as usize]);
                self.give_blob(request, repository, last, away)
            }
            _ => refusal(404, "UNSUPPORTED"),
        }
    }

    fn give_manifest(&self, repository: &str, reference: &str) -> Answer {
        match self.manifests.get(&(repository.into(), reference.into())) {
            Some((media_type, bytes)) => Answer::new(200, media_type, bytes.clone()),
            None => refusal(404, "MANIFEST_UNKNOWN"),
        }
    }

    fn give_blob(
        &self,
        request: &Request,
        repository: &str,
        digest: &str,
        away: Option<SocketAddr>,
    ) -> Answer {
        let key = (repository.to_owned(), digest.to_owned());
        if let Some(away) = away.filter(|_| self.elsewhere.contains(&key)) {
            let location = format!("http://{away}{}", request.path);
            return Answer::new(307, BYTES, "").with("Location", location);
        }
        if let Some((bytes, once)) = self.wrong.get(&key) {
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            let before = sent.contains(&key);
            if request.method == Method::Get {
                sent.insert(key);
            }
            if !(before && *once) {
                return Answer::new(200, BYTES, bytes.clone());
            }
        }
        match self.blobs.get(digest) {
            Some(bytes) => Answer::new(200, BYTES, bytes.clone()),
            None => refusal(404, "BLOB_UNKNOWN"),
        }
    }
}

/// The parameters in another order than most have them, and commas where a hurried reader takes
/// them for the end.
fn challenge(token: &Token, address: SocketAddr) -> Answer {
    let Token { realm, service, scope, .. } = token;
    let wanted =
        format!("Bearer scope=\"{scope}\",realm=\"http://{address}{realm}\",service=\"{service}\"");
    refusal(401, "UNAUTHORIZED").with("WWW-Authenticate", wanted)
}

fn refusal(status: u16, code: &str) -> Answer {
    let errors = json!({ "errors": [{ "code": code, "message": "" }] });
    Answer::new(status, JSON, errors.to_string())
}
