//! A registry: where images come from.
//!
//! Its protocol has two requests that matter (OCI distribution specification, "Pull":
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull>):
//!
//! ```text
//! GET /v2/REPOSITORY/manifests/TAG      what belongs to the image, as JSON
//! GET /v2/REPOSITORY/blobs/DIGEST       one of these things
//! ```
//!
//! The first may answer with a choice for several platforms, and is then asked again, by the digest
//! of the right one. From there on everything is asked for by its digest, so it does not matter who
//! answers. What does matter is that the answer can be anything: too long, too short, something
//! else, or nothing for a very long time.
//!
//! # Layout
//!
//! - `host`: one host, and what it is asked.
//! - `blob`: a blob on its way, with its interruptions.
//! - `client`: asking again, and when to stop.
//! - `options`: what can be set.
//!
//! Below these: [`auth`](crate::auth) shows the registry who we are, [`transport`](crate::transport)
//! speaks HTTP.

mod blob;
mod client;
mod host;
mod options;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use process::explain;

pub use blob::Blob;
pub(crate) use client::Client;
pub use options::{Environment, Options, Patience, WORKSHOP_REGISTRY};

use crate::digest::Digest;
use crate::manifest::{Descriptor, Manifest};
use crate::name::{DOCKER_HUB, Name};
use crate::platform::Platform;
use crate::texts::registry as texts;
use crate::transport::failure::{Failure, Kind};
use host::Host;

/// Names a registry that is asked before Docker Hub: `192.0.2.7:5000`, `http://192.0.2.7:5555`.
const MIRROR: &str = "CORACLE_REGISTRY";

/// What a name stands for.
#[derive(Debug)]
pub struct Resolved {
    /// The digest of the image's manifest: the image's name by its content.
    pub digest: Digest,
    /// What belongs to the image.
    pub manifest: Manifest,
    /// The manifest as it arrived.
    pub bytes: Vec<u8>,
    /// What kind of manifest it is.
    pub media_type: String,
    /// Who had it: `docker.io`, `127.0.0.1:5555`.
    pub from: String,
}

/// The registry of one image. Several threads may use it at once.
pub struct Registry {
    /// Asked first.
    mirror: Option<Arc<Host>>,
    /// The one in the image's name.
    own: Arc<Host>,
    /// Asked if that can't be reached.
    workshop: Option<Arc<Host>>,
    /// Who had the image; the blobs are there too.
    had_it: Mutex<Arc<Host>>,
}

impl Registry {
    /// The registry that has an image. If `insecure`, it may be asked without encryption.
    ///
    /// # Errors
    ///
    /// When the environment names a registry that has no such address.
    pub fn new(name: &Name, insecure: bool) -> Result<Self> {
        Self::with(name, Options::new(insecure))
    }

    /// As [`new`](Self::new), with other options.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with(name: &Name, options: Options) -> Result<Self> {
        let options = Arc::new(options);
        let host = |called: &str, address: &str| -> Result<Arc<Host>> {
            Host::new(called, address, name, &options).map(Arc::new)
        };
        let (mut mirror, mut workshop) = (None, None);
        let own = if name.registry == DOCKER_HUB {
            match options.environment.get(MIRROR) {
                Some(address) => mirror = Some(host(place(&address), &address)?),
                None => workshop = Some(host(place(&options.workshop), &options.workshop)?),
            }
            host(DOCKER_HUB, &options.hub)?
        } else {
            host(&name.registry, &name.registry)?
        };
        let had_it = Mutex::new(Arc::clone(&own));
        Ok(Self { mirror, own, workshop, had_it })
    }

    /// Finds out what a name stands for on a platform.
    ///
    /// # Errors
    ///
    /// When no registry can be reached, or none has the image, or what it has is no image for that
    /// platform, or makes no sense.
    pub fn resolve(&self, name: &Name, platform: &Platform) -> Result<Resolved> {
        let ask = |host: &Arc<Host>| {
            let resolved = host.resolve(name, platform)?;
            *self.had_it.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(host);
            Ok(resolved)
        };
        if let Some(mirror) = &self.mirror {
            match ask(mirror) {
                Err(error) => {
                    let said = format!("{error:#}");
                    explain::say(texts::mirror_failed(&mirror.called, &self.own.called, &said));
                }
                found => return found,
            }
        }
        let found = ask(&self.own);
        match (&found, &self.workshop) {
            (Err(error), Some(workshop)) if is_unreachable(error) => {
                let said = error.to_string();
                ensure!(workshop.is_there(), texts::no_network(&workshop.called, &said));
                explain::say(texts::asking_workshop(&self.own.called, &workshop.called));
                ask(workshop)
            }
            _ => found,
        }
    }

    /// Opens a blob of the image, from byte `offset` on. The reader has to verify it.
    ///
    /// # Errors
    ///
    /// When the registry does not have it.
    pub fn blob(&self, what: &Descriptor, offset: u64) -> Result<Blob> {
        let host = Arc::clone(&self.had_it.lock().unwrap_or_else(PoisonError::into_inner));
        host.blob(what, offset)
    }
}

/// An address without what it begins with.
fn place(address: &str) -> &str {
    address.split_once("://").map_or(address, |(_, place)| place).trim_end_matches('/')
}

fn is_unreachable(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Failure>().is_some_and(|failure| failure.kind == Kind::Unreachable)
}
