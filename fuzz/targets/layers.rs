//! Layers: whatever is in one, nothing outside its folder changes, what is refused is refused by a
//! sentence, and what is unpacked can be removed.
//!
//! The first byte chooses the compression. Random bytes would never have the right checksum, so each
//! block that looks like a header gets one first.

#![no_main]

use std::cell::RefCell;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use image_pull::compression::{Compression, decompress};
use image_pull::unpack::unpack;
use libfuzzer_sys::fuzz_target;

/// The most that is decompressed, in bytes: a bomb takes time, and finds nothing.
const MOST: u64 = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let mut archive = rest.to_vec();
    let compression = match first {
        b'g' => Compression::Gzip,
        b'z' => Compression::Zstd,
        _ => {
            archive.chunks_exact_mut(512).for_each(give_checksum);
            Compression::None
        }
    };
    CAGE.with_borrow_mut(|cage| {
        let result = decompress(compression, &archive[..])
            .and_then(|layer| unpack(layer.take(MOST), &cage.layer))
            .and_then(|pending| pending.finish(&cage.layer, std::slice::from_ref(&cage.below)));
        if let Err(error) = result {
            let sentence = format!("{error:#}");
            assert!(sentence.len() < 8000, "{sentence:?}");
            assert!(!sentence.contains(char::is_control), "{sentence:?}");
        }
        cage.check();
    });
});

/// Writes the checksum of a header that has POSIX's or GNU's mark.
fn give_checksum(block: &mut [u8]) {
    if &block[257..262] == b"ustar" {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// A folder with the layer's in it, one below, and something that nobody may touch.
struct Cage {
    folder: PathBuf,
    layer: PathBuf,
    below: PathBuf,
    before: Vec<String>,
}

thread_local! {
    static CAGE: RefCell<Cage> = RefCell::new(Cage::new());
}

impl Cage {
    fn new() -> Self {
        let name = format!("coracle-fuzz-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let (layer, below) = (folder.join("layer"), folder.join("below"));
        fs::create_dir_all(&layer).expect("a folder");
        for other in [&below, &folder.join("canary")] {
            fs::create_dir_all(other.join("d/e")).expect("a folder");
            fs::write(other.join("a"), "a").expect("a file");
            fs::write(other.join("d/b"), "b").expect("a file");
        }
        let before = list(&folder);
        Self { folder, layer, below, before }
    }

    /// Removes the layer, and looks at the rest.
    fn check(&self) {
        overlay_layers::remove_tree(&self.layer).expect("the layer is removed");
        fs::create_dir(&self.layer).expect("a folder");
        assert_eq!(list(&self.folder), self.before);
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        let _ = overlay_layers::remove_tree(&self.folder);
    }
}

/// All that lies in a folder: path, mode, owner, size and names.
fn list(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let found = fs::symlink_metadata(&path).expect("an entry");
        let (owner, names) = ((found.uid(), found.gid()), found.nlink());
        if found.is_dir() {
            lines.extend(list(&path));
        }
        // A folder's size and time change by what is made in it and removed again.
        let size = if found.is_dir() { 0 } else { found.len() };
        lines.push(format!("{path:?} {:o} {owner:?} {names} {size}", found.mode()));
    }
    lines.sort();
    lines
}
