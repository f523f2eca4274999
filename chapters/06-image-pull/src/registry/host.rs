//! One host that has images.

use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail, ensure};
use ureq::http::{Uri, header};

use super::blob::Blob;
use super::{Client, Options, Resolved};
use crate::auth::Authorization;
use crate::digest::Digest;
use crate::manifest::{Descriptor, Document, MEDIA_TYPES, MOST_BYTES, Manifest};
use crate::name::{Name, is_loopback};
use crate::platform::Platform;
use crate::texts::registry as texts;
use crate::transport::failure::{Failure, Kind};
use crate::transport::{Answer, Question, origin};

/// The digest that a registry says it sends.
const CONTENT_DIGEST: header::HeaderName = header::HeaderName::from_static("docker-content-digest");

/// A document as it arrived.
struct Source {
    digest: Digest,
    bytes: Vec<u8>,
    media_type: &'static str,
}

/// One host, asked for one repository.
pub(super) struct Host {
    /// As people know it: `docker.io`.
    pub(super) called: String,
    /// Its address without a path, `https://registry-1.docker.io`; set when it is known whether it
    /// is http or https.
    base: OnceLock<String>,
    repository: String,
    client: Client,
    authorization: Authorization,
    pub(super) options: Arc<Options>,
}

impl Host {
    /// A host by its address: `https://host`, `http://host:port`, `host:port`.
    pub(super) fn new(
        called: &str,
        address: &str,
        name: &Name,
        options: &Arc<Options>,
    ) -> Result<Self> {
        let (scheme, place) = match address.split_once("://") {
            Some((scheme, place)) => (Some(scheme), place.trim_end_matches('/')),
            None if options.insecure => (Some("http"), address),
            None if is_loopback(address) => (None, address),
            None => (Some("https"), address),
        };
        let base = OnceLock::new();
        if let Some(scheme) = scheme {
            let _ = base.set(format!("{scheme}://{place}"));
        }
        let known = matches!(scheme, None | Some("http" | "https"));
        ensure!(
            known && uri(&format!("http://{place}"))?.path() == "/",
            texts::bad_address(address)
        );
        // To write http:// is to allow it.
        let insecure = options.insecure || scheme == Some("http");
        Ok(Self {
            called: called.into(),
            base,
            repository: name.repository.clone(),
            client: Client::new(place, insecure, options),
            authorization: Authorization::new(called, &name.repository, options),
            options: Arc::clone(options),
        })
    }

    /// On this machine itself most registries are without encryption, but some have it.
    fn base(&self) -> Result<&str> {
        if let Some(base) = self.base.get() {
            return Ok(base);
        }
        let base = format!("http://{}", self.called);
        let encrypted = match self.client.try_once(&Question::get(&uri(&format!("{base}/v2/"))?)) {
            // "Client sent an HTTP request to an HTTPS server."
            Ok(answer) => answer.status == 400,
            Err(error) => match error.downcast_ref::<Failure>() {
                Some(failure) if failure.kind == Kind::Unreachable => return Err(error),
                _ => true,
            },
        };
        let base = if encrypted { format!("https://{}", self.called) } else { base };
        Ok(self.base.get_or_init(|| base))
    }

    /// Whether a registry is there.
    pub(super) fn is_there(&self) -> bool {
        let answer = self.uri("").and_then(|uri| self.client.try_once(&Question::get(&uri)));
        answer.is_ok_and(|answer| matches!(answer.status, 200 | 401))
    }

    fn uri(&self, path: &str) -> Result<Uri> {
        uri(&format!("{}/v2/{path}", self.base()?))
    }

    /// Asks for something of the repository, and shows what the registry wants to see.
    pub(super) fn get(
        &self,
        path: &str,
        headers: &[(header::HeaderName, String)],
    ) -> Result<Answer> {
        let uri = self.uri(&format!("{}/{path}", self.repository))?;
        let mut asked = false;
        loop {
            let shows = self.authorization.header();
            let authorization = shows.as_deref();
            let headers = headers.to_vec();
            let answer =
                self.client.send(&Question { headers, authorization, ..Question::get(&uri) })?;
            // Whoever we were sent to has no business asking. And who asks twice, does not want us.
            let is_own = origin(&answer.uri) == origin(&uri);
            if answer.status != 401 || !is_own || asked {
                return Ok(answer);
            }
            self.authorization.renew(authorization, &answer, &self.client)?;
            asked = true;
        }
    }

    /// What an answer says that is no success, and what that usually means.
    pub(super) fn refused(&self, what: &str, answer: &mut Answer) -> anyhow::Error {
        let refusal = self.client.refusal(answer);
        let is_password = self.authorization.header().is_some_and(|it| it.starts_with("Basic "));
        anyhow::Error::msg(match answer.status {
            401 if is_password => texts::wrong_password(&self.called),
            401 | 403 => texts::denied(&self.called, &self.repository, &refusal),
            404 => texts::not_found(&self.called, &self.repository, what, &refusal),
            _ => refusal,
        })
    }

    /// Finds the image.
    pub(super) fn resolve(&self, name: &Name, platform: &Platform) -> Result<Resolved> {
        let first = match (&name.digest, &name.tag) {
            (Some(digest), _) => self.document(&digest.to_string(), Some(digest))?,
            (None, tag) => self.document(tag.as_deref().unwrap_or_default(), None)?,
        };
        let index = match first {
            (Document::Manifest(manifest), source) => return Ok(self.resolved(manifest, source)),
            (Document::Index(index), _) => index,
        };
        let Descriptor { digest, size, .. } = index.choose(platform)?;
        match self.document(&digest.to_string(), Some(digest))? {
            (Document::Manifest(manifest), source) => {
                let found = source.bytes.len() as u64;
                ensure!(found == *size, texts::other_size(digest, *size, found));
                Ok(self.resolved(manifest, source))
            }
            (Document::Index(_), _) => bail!(texts::NESTED_INDEX),
        }
    }

    fn resolved(&self, manifest: Manifest, source: Source) -> Resolved {
        let Source { digest, bytes, media_type } = source;
        let (media_type, from) = (media_type.into(), self.called.clone());
        Resolved { digest, manifest, bytes, media_type, from }
    }

    /// Fetches a manifest or an index.
    fn document(&self, reference: &str, digest: Option<&Digest>) -> Result<(Document, Source)> {
        let accept = (header::ACCEPT, MEDIA_TYPES.join(", "));
        let mut answer = self.get(&format!("manifests/{reference}"), &[accept])?;
        if answer.status != 200 {
            return Err(self.refused(reference, &mut answer));
        }
        let bytes = answer.document(MOST_BYTES)?;
        let found = Digest::of(&bytes);
        if let Some(digest) = digest {
            ensure!(found == *digest, texts::other_digest(digest, &found));
        }
        let told = answer.header(header::CONTENT_TYPE);
        let (document, media_type) = Document::parse(&bytes, told)
            .with_context(|| texts::bad_manifest(&self.called, reference))?;
        if let Some(told) = answer.header(CONTENT_DIGEST) {
            ensure!(told == found.to_string(), texts::other_content_digest(told, &found));
        }
        Ok((document, Source { digest: found, bytes, media_type }))
    }

    /// Opens a blob, from byte `offset` on.
    pub(super) fn blob(self: &Arc<Self>, what: &Descriptor, offset: u64) -> Result<Blob> {
        Blob::open(Arc::clone(self), what, offset)
    }
}

fn uri(text: &str) -> Result<Uri> {
    text.parse().with_context(|| texts::bad_address(text))
}
