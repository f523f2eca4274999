//! Results of steps that take long, by what they are made of: `~/.cache/coracle/vm/browser`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use vm::cache;

/// Keeps other calls out.
pub(crate) fn lock() -> Result<impl Drop> {
    cache::lock_in(&folder()?)
}

/// Six bytes of a digest, for names.
pub(crate) fn digest(made_of: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in made_of {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder with the result, which `make` fills the first time.
pub(crate) fn result(
    name: &str,
    made_of: &[&[u8]],
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let result = folder()?.join(format!("{name}-{}", digest(made_of)));
    if !result.exists() {
        eprintln!("browser-vm: {name}");
        let new = result.with_extension("new");
        // Of a call that was interrupted.
        let _ = fs::remove_dir_all(&new);
        fs::create_dir_all(&new)?;
        make(&new).with_context(|| format!("the machine's {name}"))?;
        // Only a whole folder gets the name.
        fs::rename(&new, &result)?;
    }
    Ok(result)
}

fn folder() -> Result<PathBuf> {
    let folder = cache::folder()?.join("browser");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
