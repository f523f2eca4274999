//! What is served: an OCI image layout, the folder that the image specification defines for images
//! at rest (image-spec, `image-layout.md`).
//!
//! ```text
//! oci-layout              says that it is one
//! index.json              the manifests: media type, digest, size, and the name of each
//! blobs/sha256/HEX        everything by the hash of its content: manifests, configurations, layers
//! ```
//!
//! The specification leaves open what a name is. Here it is the repository and the tag,
//! `webapp:latest`, so that `skopeo copy oci:FOLDER:webapp:latest …` reads the folder as well.
//!
//! A blob is written under another name, and renamed when it is whole and its hash is right. The
//! index is replaced at once, too, after all that it names is there. So whoever reads the folder,
//! at any time, finds a whole one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use image_pull::digest::{Digest, Hasher};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use process::{Attempt, explain};
use serde::{Deserialize, Serialize};

use crate::texts;

/// The media type of an index (image-spec, `image-index.md`).
pub const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// The annotation that holds a manifest's name.
const NAME: &str = "org.opencontainers.image.ref.name";
/// A manifest that is larger is none: registries allow 4 MiB (distribution-spec).
const MANIFEST_BYTES: u64 = 4 * 1024 * 1024;

/// A folder of images.
#[derive(Debug, Clone)]
pub struct Layout {
    folder: PathBuf,
}

/// The repository's name without `library/`, which Docker Hub puts before the names of its own.
#[must_use]
pub fn familiar(repository: &str) -> &str {
    match repository.strip_prefix("library/") {
        // `library/a/b` is somebody's, and not what `a/b` means.
        Some(official) if !official.contains('/') => official,
        _ => repository,
    }
}

/// One manifest in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Of the manifest.
    pub media_type: String,
    /// Of the manifest.
    pub digest: Digest,
    /// Of the manifest, in bytes.
    pub size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

impl Entry {
    /// Whether this is its name, `webapp:latest`.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.annotations.get(NAME).is_some_and(|other| other == name)
    }

    /// The repository, and the tag if there is one.
    #[must_use]
    pub fn name(&self) -> (&str, Option<&str>) {
        let name = self.annotations.get(NAME).map_or("", String::as_str);
        name.split_once(':').map_or((name, None), |(repository, tag)| (repository, Some(tag)))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    media_type: Option<String>,
    manifests: Vec<Entry>,
}

/// What a manifest names: all that has to be there with it.
#[derive(Deserialize)]
struct Content {
    config: Blob,
    layers: Vec<Blob>,
}

/// A blob as a manifest names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Blob {
    /// Its hash.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
}

impl Layout {
    /// The layout in `folder`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// When it can't be made.
    pub fn open(folder: &Path) -> Result<Self> {
        let layout = Self { folder: folder.into() };
        let blobs = layout.blobs();
        fs::create_dir_all(&blobs).tried(&texts::LAYOUT, format_args!("mkdir({blobs:?})"))?;
        let mark = folder.join("oci-layout");
        if !mark.exists() {
            replace(&mark, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        }
        Ok(layout)
    }

    /// Waits until nobody else changes the layout; holds it as long as the value lives.
    ///
    /// # Errors
    ///
    /// When the folder can't be written to.
    pub fn lock(&self) -> Result<Flock<File>> {
        let path = self.folder.join("lock");
        let file = File::create(&path).tried(&texts::LAYOUT, format_args!("open({path:?})"))?;
        let locked = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Err((file, Errno::EWOULDBLOCK)) => {
                explain::say(texts::WAITING);
                Flock::lock(file, FlockArg::LockExclusive)
            }
            locked => locked,
        };
        locked.map_err(|(_, errno)| errno).tried(&texts::LAYOUT, format_args!("flock({path:?})"))
    }

    /// The manifests, in the order of their names.
    ///
    /// # Errors
    ///
    /// When the index can't be read.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let path = self.folder.join("index.json");
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.tried(&texts::LAYOUT, format_args!("read({path:?})"))?,
        };
        let index: Index =
            serde_json::from_slice(&text).with_context(|| texts::broken_index(&path))?;
        Ok(index.manifests)
    }

    /// The tags of each repository.
    ///
    /// # Errors
    ///
    /// When the index can't be read.
    pub fn repositories(&self) -> Result<BTreeMap<String, BTreeSet<String>>> {
        let mut repositories = BTreeMap::<_, BTreeSet<_>>::new();
        for entry in self.entries()? {
            let (repository, tag) = entry.name();
            let tags = repositories.entry(repository.to_owned()).or_default();
            tags.extend(tag.map(ToOwned::to_owned));
        }
        Ok(repositories)
    }

    /// Opens a blob; `None` if there is no such blob.
    ///
    /// # Errors
    ///
    /// When it can't be read.
    pub fn blob(&self, digest: &Digest) -> Result<Option<File>> {
        let path = self.path(digest);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.tried(&texts::LAYOUT, format_args!("open({path:?})")).map(Some),
        }
    }

    /// Whether a blob is there. (It was verified before it got its name.)
    #[must_use]
    pub fn has(&self, digest: &Digest) -> bool {
        self.path(digest).is_file()
    }

    /// All that an image consists of besides its manifest, the configuration first; `None` for what
    /// is no image's manifest.
    ///
    /// # Errors
    ///
    /// When the manifest is there, but can't be read.
    pub fn blobs_of(&self, manifest: &Digest) -> Result<Option<Vec<Blob>>> {
        let Some(file) = self.blob(manifest)? else { return Ok(None) };
        let content: Option<Content> = serde_json::from_reader(file.take(MANIFEST_BYTES)).ok();
        Ok(content.map(|Content { config, layers }| [vec![config], layers].concat()))
    }

    /// Takes a blob in. `write` is given a file to fill, and returns the hash of what it has written.
    ///
    /// # Errors
    ///
    /// When `write` fails, or the folder can't be written to. Nothing of the blob stays then.
    pub fn add(&self, write: impl FnOnce(&mut File) -> Result<Digest>) -> Result<Digest> {
        let new = self.blobs().join(format!("new-{}", std::process::id()));
        let digest = self.add_as(&new, write);
        if digest.is_err() {
            // The reason is worth more than that this failed, too.
            let _ = fs::remove_file(&new);
        }
        digest
    }

    fn add_as(
        &self,
        new: &Path,
        write: impl FnOnce(&mut File) -> Result<Digest>,
    ) -> Result<Digest> {
        let mut file = File::create(new).tried(&texts::LAYOUT, format_args!("open({new:?})"))?;
        let digest = write(&mut file)?;
        file.sync_all().tried(&texts::LAYOUT, format_args!("fsync({new:?})"))?;
        rename(new, &self.path(&digest))?;
        Ok(digest)
    }

    /// Takes a small blob in.
    ///
    /// # Errors
    ///
    /// When the folder can't be written to.
    pub fn add_bytes(&self, bytes: &[u8]) -> Result<Digest> {
        self.add(|file| {
            file.write_all(bytes).tried(&texts::LAYOUT, "write(a blob)")?;
            Ok(Digest::of(bytes))
        })
    }

    /// Gives a manifest, which is a blob already, its names, `webapp:latest`. Who had one of them
    /// before loses it.
    ///
    /// # Errors
    ///
    /// When a blob that the manifest names is missing, or the index can't be written.
    pub fn name(&self, manifest: &Digest, media_type: &str, names: &[&str]) -> Result<()> {
        let blobs = self.blobs_of(manifest)?.unwrap_or_default();
        if let Some(missing) = blobs.iter().find(|blob| !self.has(&blob.digest)) {
            bail!(texts::blob_missing(&missing.digest));
        }
        let path = self.path(manifest);
        let size = fs::metadata(&path).tried(&texts::LAYOUT, format_args!("stat({path:?})"))?.len();
        let mut entries = self.entries()?;
        entries.retain(|entry| !names.iter().any(|name| entry.is_called(name)));
        entries.extend(names.iter().map(|name| Entry {
            media_type: media_type.into(),
            digest: manifest.clone(),
            size,
            annotations: BTreeMap::from([(NAME.into(), (*name).into())]),
        }));
        entries.sort_by(|one, other| one.annotations.cmp(&other.annotations));
        let media_type = Some(INDEX_TYPE.into());
        let index = Index { schema_version: 2, media_type, manifests: entries };
        let text = serde_json::to_vec_pretty(&index).context(texts::NO_JSON)?;
        replace(&self.folder.join("index.json"), &text)
    }

    /// Removes the blobs that no manifest names, and what a killed run has left.
    ///
    /// # Errors
    ///
    /// When the folder can't be read or written to.
    pub fn sweep(&self) -> Result<()> {
        let mut needed = BTreeSet::new();
        for entry in self.entries()? {
            let blobs = self.blobs_of(&entry.digest)?.unwrap_or_default();
            needed.extend(blobs.into_iter().map(|blob| self.path(&blob.digest)));
            needed.insert(self.path(&entry.digest));
        }
        let blobs = self.blobs();
        let call = format!("getdents64({blobs:?})");
        for entry in fs::read_dir(&blobs).tried(&texts::LAYOUT, &call)? {
            let path = entry.tried(&texts::LAYOUT, &call)?.path();
            if !needed.contains(&path) {
                fs::remove_file(&path).tried(&texts::LAYOUT, format_args!("unlink({path:?})"))?;
            }
        }
        Ok(())
    }

    fn blobs(&self) -> PathBuf {
        self.folder.join("blobs/sha256")
    }

    /// Safe whatever a client sends: a digest holds 64 hexadecimal digits and nothing else.
    fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }
}

/// Writes a small file anew, at once.
fn replace(path: &Path, text: &[u8]) -> Result<()> {
    let new = path.with_extension(format!("new-{}", std::process::id()));
    fs::write(&new, text).tried(&texts::LAYOUT, format_args!("write({new:?})"))?;
    rename(&new, path)
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).tried(&texts::LAYOUT, format_args!("rename({from:?}, {to:?})"))
}

/// Passes bytes on to a file and hashes them on the way.
pub struct Hashing<'a> {
    file: &'a mut File,
    hasher: Hasher,
}

impl<'a> Hashing<'a> {
    /// Begins with nothing.
    pub fn new(file: &'a mut File) -> Self {
        Self { file, hasher: Hasher::new() }
    }

    /// The hash of what was written.
    #[must_use]
    pub fn finish(self) -> Digest {
        self.hasher.finish()
    }
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
