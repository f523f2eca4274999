//! Images of other registries, fetched once and served from then on.
//!
//! Thirty laptops behind one line to the world would fetch one image thirty times, and Docker Hub
//! would refuse the last twenty. So one machine fetches it, with chapter 06's client, and the others
//! ask that machine.
//!
//! What is here already is not asked for again, so a class needs no network at all. Each blob is
//! verified before it gets its name; what an interrupted run has fetched the next one does not fetch
//! again; and an image gets its name when all of it is there.
//!
//! # What is left out
//!
//! Other platforms than this host's. An image for many is an index of manifests; the one manifest
//! for this platform takes its place here, under the same tag.

use std::io;

use anyhow::{Context, Result};
use image_pull::digest::Verified;
use image_pull::manifest::Descriptor;
use image_pull::name::Name;
use image_pull::platform::Platform;
use image_pull::registry::Registry;
use process::{Attempt, explain};

use super::layout::{Layout, familiar};
use crate::texts;

/// Fetches the named images, those of them that are not there. `layout` is locked by the caller.
///
/// # Errors
///
/// When a name is none, or its image can't be fetched. What was fetched before it is served the next
/// time.
pub fn fetch(layout: &Layout, names: &[String]) -> Result<()> {
    // A mistake in the last one is better told before the first is fetched.
    let names = names.iter().map(|name| name.parse()).collect::<Result<Vec<Name>>>()?;
    for name in &names {
        let here = served_as(name);
        if layout.entries()?.iter().any(|entry| entry.is_called(&here)) {
            explain::say(texts::mirrored_already(name));
        } else {
            image(layout, name, &here).with_context(|| texts::cannot_mirror(name))?;
        }
    }
    Ok(())
}

/// The name without its registry: what `docker pull` asks its mirror for.
fn served_as(name: &Name) -> String {
    let repository = familiar(&name.repository);
    match (&name.tag, &name.digest) {
        (Some(tag), _) => format!("{repository}:{tag}"),
        (None, Some(_)) => repository.into(),
        (None, None) => format!("{repository}:latest"),
    }
}

fn image(layout: &Layout, name: &Name, here: &str) -> Result<()> {
    let registry = Registry::new(name, false)?;
    let resolved = registry.resolve(name, &Platform::host())?;
    let manifest = &resolved.manifest;
    for blob in std::iter::once(&manifest.config).chain(&manifest.layers) {
        if !layout.has(&blob.digest) {
            explain::say(texts::mirroring(name, &blob.digest, blob.size));
            fetch_blob(layout, &registry, blob)?;
        }
    }
    let digest = layout.add_bytes(&resolved.bytes)?;
    layout.name(&digest, &resolved.media_type, &[here])
}

fn fetch_blob(layout: &Layout, registry: &Registry, blob: &Descriptor) -> Result<()> {
    layout.add(|file| {
        let from = registry.blob(blob, 0)?;
        let mut verified = Verified::new(from, &blob.digest, blob.size);
        io::copy(&mut verified, file)
            .tried(&texts::LAYOUT, format_args!("read({})", blob.digest))?;
        Ok(blob.digest.clone())
    })?;
    Ok(())
}
