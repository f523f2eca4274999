//! From a registry into the store.
//!
//! A layer is a compressed archive. One could download it, then check it, then decompress it, then
//! unpack it; but each of these has to touch every byte, and they need not wait for each other. So
//! here the bytes flow once, through all of them, in one thread a layer:
//!
//! ```text
//! registry ──▶ file in partial/ ──▶ digest ──▶ gunzip ──▶ digest of the archive ──▶ files
//!                                  (its name)             (its diff ID)
//! ```
//!
//! That means that files are written before the digests are known. It is no risk: they are written
//! to a folder that nobody uses yet, by an unpacker that trusts nothing, and only when both digests
//! are right is the folder moved to its place. A layer never takes more memory than a few buffers.
//!
//! Several layers flow at the same time, the largest first. That they lie on top of each other does
//! not matter yet: only what a layer takes over from those below it waits until they are there
//! ([`Pending`]).

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::compression::decompress;
use crate::config::Config;
use crate::digest::{Digest, Hasher, Verified};
use crate::manifest::{Descriptor, Manifest};
use crate::name::Name;
use crate::platform::Platform;
use crate::progress::{LayerProgress, Progress};
use crate::registry::{Registry, Resolved};
use crate::store::{Incoming, MOST_CONFIG, NewLayer, Store, chain_ids};
use crate::texts::store as texts;
use crate::unpack::{Pending, unpack};

/// How many layers flow at the same time: Docker's number.
const AT_ONCE: usize = 3;

/// What a pull did.
#[derive(Debug)]
pub struct Pulled {
    /// The digest of the image's manifest.
    pub digest: Digest,
    /// Whether the name stood for the same image before.
    pub was_here: bool,
}

/// Brings an image into the store.
///
/// # Errors
///
/// When the registry can't be reached or does not have it; when what it sends is not what its digest
/// says, or can't be unpacked. Layers that did arrive stay, and the next pull has less to do.
pub fn pull(
    store: &Store,
    registry: &Registry,
    name: &Name,
    platform: &Platform,
    progress: &Progress,
) -> Result<Pulled> {
    let _shared = store.share()?;
    let resolved = registry.resolve(name, platform)?;
    let Resolved { digest, manifest, bytes, media_type, .. } = &resolved;
    let _alone = store.lock_image(digest, || progress.line(texts::SAME_IMAGE))?;
    let config = config(store, registry, manifest)?;
    let made_for = config.platform();
    ensure!(
        made_for.os.is_empty() || platform.runs(&made_for).is_some(),
        texts::other_platform(name, &made_for, platform)
    );
    let diff_ids = &config.rootfs.diff_ids;
    let (ids, layers) = (diff_ids.len(), manifest.layers.len());
    ensure!(ids == layers, texts::other_layer_count(ids, layers));

    let work = Work {
        store,
        registry,
        progress,
        layers: layers_of(manifest, &config, progress),
        stop: AtomicBool::new(false),
    };
    work.all()?;

    store.keep_blob(bytes)?;
    let before = store.entry(name)?;
    store.set_name(name, media_type, digest, bytes.len() as u64)?;
    let was_here = before.is_some_and(|before| before.digest == *digest);
    Ok(Pulled { digest: digest.clone(), was_here })
}

/// The image's configuration, from the store or from the registry.
fn config(store: &Store, registry: &Registry, manifest: &Manifest) -> Result<Config> {
    let Descriptor { digest, size, .. } = &manifest.config;
    if !store.has_blob(digest) {
        ensure!(*size <= MOST_CONFIG, texts::config_too_large(*size));
        let mut bytes = Vec::new();
        let blob = registry.blob(&manifest.config, 0)?;
        let read = Verified::new(blob, digest, *size).read_to_end(&mut bytes);
        read.with_context(|| texts::config_failed(digest))?;
        store.keep_blob(&bytes)?;
    }
    store.config(manifest)
}

/// A layer, and what is known of it before it is here.
struct Layer<'a> {
    descriptor: &'a Descriptor,
    /// The digest of the archive in it.
    diff_id: &'a Digest,
    /// What it is called once it is unpacked.
    chain: Digest,
    shown: LayerProgress,
}

/// A layer that lies in a folder, and is not finished until those below it are.
struct Unpacked {
    folder: NewLayer,
    pending: Pending,
}

fn layers_of<'a>(
    manifest: &'a Manifest,
    config: &'a Config,
    progress: &Progress,
) -> Vec<Layer<'a>> {
    let diff_ids = &config.rootfs.diff_ids;
    let each = manifest.layers.iter().zip(diff_ids).zip(chain_ids(diff_ids));
    each.map(|((descriptor, diff_id), chain)| {
        let shown = progress.layer(&descriptor.digest, descriptor.size);
        Layer { descriptor, diff_id, chain, shown }
    })
    .collect()
}

struct Work<'a> {
    store: &'a Store,
    registry: &'a Registry,
    progress: &'a Progress,
    /// The bottom one first.
    layers: Vec<Layer<'a>>,
    /// One has failed: the others need not go on.
    stop: AtomicBool,
}

impl Work<'_> {
    /// Brings every layer that is not here yet.
    fn all(&self) -> Result<()> {
        let mut order: Vec<usize> = (0..self.layers.len()).collect();
        order.sort_by_key(|&layer| self.layers[layer].descriptor.size);
        let left = Mutex::new(order);
        let unpacked: Mutex<Vec<Option<Unpacked>>> =
            Mutex::new(self.layers.iter().map(|_| None).collect());
        let failure = Mutex::new(None);
        let worker = || {
            // Only one of them can poison a lock, by a panic; the others then end with it.
            while let Some(layer) = left.lock().ok().and_then(|mut left| left.pop()) {
                match self.one(&self.layers[layer]) {
                    Ok(done) => {
                        if let Ok(mut unpacked) = unpacked.lock() {
                            unpacked[layer] = done;
                        }
                    }
                    Err(error) => {
                        if !self.stop.swap(true, Ordering::Relaxed) {
                            if let Ok(mut failure) = failure.lock() {
                                *failure = Some(error);
                            }
                        }
                    }
                }
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> =
                (0..AT_ONCE.min(self.layers.len())).map(|_| scope.spawn(worker)).collect();
            // `scope` would wait for them as well, but not until the kernel has removed them, and
            // the frame clones no process that has several threads.
            workers.into_iter().for_each(|worker| {
                if let Err(panic) = worker.join() {
                    std::panic::resume_unwind(panic);
                }
            });
        });
        let mut unpacked = unpacked.into_inner().unwrap_or_default();
        // What did arrive is kept, also when another layer failed.
        let finished = self.finish(&mut unpacked);
        match failure.into_inner() {
            Ok(Some(error)) => Err(error),
            _ => finished,
        }
    }

    /// Brings one layer; `None` when it is here, unpacked.
    fn one(&self, layer: &Layer) -> Result<Option<Unpacked>> {
        let Layer { descriptor, chain, shown, .. } = layer;
        let digest = &descriptor.digest;
        let unpacked = self.store.has_layer(chain);
        if unpacked && self.store.has_blob(digest) {
            shown.exists();
            return Ok(None);
        }
        if self.stop.load(Ordering::Relaxed) {
            bail!(texts::ANOTHER_LAYER_FAILED);
        }
        let brought = match self.store.receive(digest, || shown.waiting())? {
            Some(incoming) => self.download(layer, incoming),
            None => self.reuse(layer),
        };
        match brought {
            Ok(_) => shown.done(),
            Err(_) => shown.failed(),
        }
        brought.with_context(|| texts::layer_failed(digest))
    }

    /// Downloads a layer, or the rest of it, and unpacks it while it arrives.
    fn download(&self, layer: &Layer, incoming: Incoming) -> Result<Option<Unpacked>> {
        layer.shown.begin();
        let received = incoming.received()?;
        let mut flowed = self.flow(layer, received, &incoming);
        if received > 0 && matches!(flowed, Err(Broken::Content(_))) {
            // Perhaps it was the part that lay here.
            incoming.begin_anew()?;
            layer.shown.begin();
            flowed = self.flow(layer, 0, &incoming);
        }
        match flowed {
            Ok(unpacked) => {
                incoming.keep()?;
                Ok(unpacked)
            }
            Err(Broken::Content(error)) => {
                incoming.discard();
                Err(error)
            }
            // What has arrived is good as far as we know; the next pull goes on with it.
            Err(Broken::Source(error)) => Err(error),
        }
    }

    fn flow(
        &self,
        layer: &Layer,
        received: u64,
        incoming: &Incoming,
    ) -> Result<Option<Unpacked>, Broken> {
        let mut file = incoming.file();
        io::Seek::rewind(&mut file).map_err(Broken::source)?;
        let rest = self.registry.blob(layer.descriptor, received).map_err(Broken::Source)?;
        let source = file.take(received).chain(Kept { from: rest, to: incoming.file() });
        self.through(layer, source)
    }

    /// Unpacks a layer whose blob is here.
    fn reuse(&self, layer: &Layer) -> Result<Option<Unpacked>> {
        layer.shown.begin();
        let blob = self.store.open_blob(&layer.descriptor.digest)?;
        match self.through(layer, blob) {
            Ok(unpacked) => Ok(unpacked),
            Err(Broken::Content(error)) => {
                // What a damaged disk did to it, the next pull will not find.
                self.store.discard_blob(&layer.descriptor.digest);
                Err(error)
            }
            Err(Broken::Source(error)) => Err(error),
        }
    }

    /// Lets the bytes of a layer flow through everything.
    fn through(&self, layer: &Layer, from: impl Read) -> Result<Option<Unpacked>, Broken> {
        let Descriptor { digest, size, .. } = layer.descriptor;
        let from = Verified::new(from, digest, *size);
        let mut source = Source { from, shown: &layer.shown, stop: &self.stop, failed: None };
        let result = match self.store.has_layer(&layer.chain) {
            // Only the blob is missing.
            true => io::copy(&mut source, &mut io::sink()).map(|_| None).map_err(Into::into),
            false => self.unpack(layer, &mut source).map(Some),
        };
        // If what arrived was wrong, that comes before what was found in it. And a good blob has
        // to be whole before it can be kept.
        let whole = io::copy(&mut source, &mut io::sink());
        match (source.failed, whole, result) {
            (Some(io::ErrorKind::InvalidData), Err(error), _) => Err(Broken::Content(error.into())),
            (Some(io::ErrorKind::InvalidData), Ok(_), Err(error)) => Err(Broken::Content(error)),
            (_, Err(error), _) => Err(Broken::source(error)),
            (Some(_), _, Err(error)) => Err(Broken::Source(error)),
            (_, Ok(_), result) => result.map_err(Broken::Content),
        }
    }

    fn unpack(&self, layer: &Layer, source: &mut impl Read) -> Result<Unpacked> {
        let folder = self.store.new_layer(&layer.chain)?;
        let archive = decompress(layer.descriptor.compression()?, source)?;
        let mut archive = Hashed { from: archive, hasher: Hasher::new() };
        let pending = unpack(&mut archive, &folder.files())?;
        io::copy(&mut archive, &mut io::sink())?;
        let found = archive.hasher.finish();
        ensure!(found == *layer.diff_id, texts::other_diff_id(layer.diff_id, &found));
        Ok(Unpacked { folder, pending })
    }

    /// Finishes the layers from the bottom up, as far as they are here.
    fn finish(&self, unpacked: &mut [Option<Unpacked>]) -> Result<()> {
        // The topmost first: that is where a file is looked for first.
        let mut below: Vec<PathBuf> = Vec::new();
        let mut left_out = 0;
        for (layer, unpacked) in self.layers.iter().zip(unpacked) {
            if let Some(Unpacked { folder, pending }) = unpacked.take() {
                let size = pending.size();
                left_out += pending.left_out();
                let finished = pending.finish(&folder.files(), &below);
                finished.with_context(|| texts::layer_failed(&layer.descriptor.digest))?;
                folder.keep(size)?;
            }
            if !self.store.has_layer(&layer.chain) {
                break;
            }
            below.insert(0, self.store.layer_folder(&layer.chain));
        }
        if left_out > 0 {
            self.progress.line(&texts::devices_left_out(left_out));
        }
        Ok(())
    }
}

/// Why a layer did not arrive.
enum Broken {
    /// It is not what it should be: to ask for it again helps nobody.
    Content(anyhow::Error),
    /// It did not arrive whole.
    Source(anyhow::Error),
}

impl Broken {
    fn source(error: io::Error) -> Self {
        Self::Source(anyhow!(error))
    }
}

/// What comes from the network, kept on the disk as it passes.
struct Kept<'a, R> {
    from: R,
    to: &'a File,
}

impl<R: Read> Read for Kept<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.to.write_all(&buffer[..count])?;
        Ok(count)
    }
}

/// A layer's bytes on their way: they move the bar, and they stop when another layer has failed. How
/// reading failed is remembered, since a decompressor may make something else of it.
struct Source<'a, R> {
    from: R,
    shown: &'a LayerProgress,
    stop: &'a AtomicBool,
    failed: Option<io::ErrorKind>,
}

impl<R: Read> Read for Source<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            self.failed = Some(io::ErrorKind::Other);
            return Err(io::Error::other(texts::ANOTHER_LAYER_FAILED));
        }
        match self.from.read(buffer) {
            Ok(count) => {
                self.shown.add(count as u64);
                Ok(count)
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.failed = Some(error.kind());
                }
                Err(error)
            }
        }
    }
}

/// Computes the digest of what passes.
struct Hashed<R> {
    from: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}
