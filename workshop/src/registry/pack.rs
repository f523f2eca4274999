//! Makes a layer: a folder's files as a tar archive, compressed (image-spec, `layer.md`).
//!
//! An image's parts are named by the hash of their bytes. So the same files have to become the same
//! bytes each time: in the order of their names, all of them root's, from the same minute, and
//! nothing of this host in it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use image_pull::digest::{Digest, Hasher};
use process::Attempt;
use tar::{Builder, EntryType, Header};

use super::layout::{Hashing, Layout};
use crate::texts;

/// A layer that was made.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// The hash of the compressed archive: the blob's name.
    pub(super) digest: Digest,
    /// The hash of the archive itself, which the configuration calls `diff_id`.
    pub(super) diff_id: Digest,
    /// Of the compressed archive, in bytes.
    pub(super) size: u64,
}

/// Packs all that is in `folder`, and takes it into the layout.
///
/// # Errors
///
/// When something can't be read or written, or is neither a file, a folder nor a link.
pub(super) fn layer(layout: &Layout, folder: &Path, compression: Compression) -> Result<Layer> {
    let (mut diff_id, mut size) = (None, 0);
    let digest = layout.add(|file| {
        let mut compressed = Hashing::new(file);
        diff_id = Some(archive(folder, &mut compressed, compression)?);
        let digest = compressed.finish();
        size = file.metadata().tried(&texts::LAYOUT, "stat(a layer)")?.len();
        Ok(digest)
    })?;
    let diff_id = diff_id.unwrap_or_else(|| digest.clone());
    Ok(Layer { digest, diff_id, size })
}

/// Writes the compressed archive; the hash of the uncompressed one.
fn archive(folder: &Path, to: impl Write, compression: Compression) -> Result<Digest> {
    let gzip = GzBuilder::new().mtime(0).write(to, compression);
    let mut archive = Builder::new(Uncompressed { gzip, hasher: Hasher::new() });
    for path in sorted(folder)? {
        append(&mut archive, folder, &path)?;
    }
    let Uncompressed { gzip, hasher } = archive.into_inner().tried(&texts::LAYOUT, "write(tar)")?;
    gzip.finish().tried(&texts::LAYOUT, "write(gzip)")?;
    Ok(hasher.finish())
}

/// All paths below `folder`, each folder before what is in it.
fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let call = format!("getdents64({folder:?})");
    let entries = fs::read_dir(folder).tried(&texts::PACK, &call)?;
    let paths: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.tried(&texts::PACK, &call)?;
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let below = if path.is_dir() && !path.is_symlink() { sorted(&path)? } else { Vec::new() };
        all.push(path);
        all.extend(below);
    }
    Ok(all)
}

fn append(archive: &mut Builder<impl Write>, folder: &Path, path: &Path) -> Result<()> {
    let name = path.strip_prefix(folder).unwrap_or(path);
    let call = format!("lstat({path:?})");
    let found = fs::symlink_metadata(path).tried(&texts::PACK, call)?;
    let mut header = Header::new_gnu();
    header.set_mode(found.permissions().mode() & 0o7777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    let appended = if found.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        fs::read_link(path).and_then(|text| archive.append_link(&mut header, name, text))
    } else if found.is_dir() {
        header.set_entry_type(EntryType::Directory);
        archive.append_data(&mut header, name.join(""), io::empty())
    } else {
        header.set_size(found.len());
        File::open(path).and_then(|file| archive.append_data(&mut header, name, file))
    };
    appended.tried(&texts::PACK, format_args!("read({path:?})"))
}

/// What the archive goes through on its way to the compressor: its hash is taken.
struct Uncompressed<W: Write> {
    gzip: GzEncoder<W>,
    hasher: Hasher,
}

impl<W: Write> Write for Uncompressed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.gzip.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.gzip.flush()
    }
}
