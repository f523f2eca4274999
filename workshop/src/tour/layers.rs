//! The stop of chapter 05: two layers, a container that changes them, and what is left of that.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chroot_jail::host_root::cache_folder;
use chroot_jail::{Tree, default_root};
use overlay_layers::{Overlay, diff};
use process::Command;
use uts_net::RunFolder;

use super::stage::{self, SAID};
use super::{Last, Machine, begin, say, texts, view};
use crate::table::Row;

pub(super) fn layers(last: Last) -> Result<Last> {
    begin(&texts::LAYERS)?;
    let own = layer()?;
    let layers = [default_root()?, own.clone()];
    let folder = RunFolder::new()?;
    let overlay = Overlay::new(&folder, &layers, None)?;
    let upper = overlay.writable().upper();
    let command = Command::new(&["sh", "-c", &script()])?;
    let machine = Machine::new(command, folder, None, Some(overlay))?;
    let (said, (files, greeting, changes)) = stage::watch(machine.container, |_| {
        let greeting = fs::read_to_string(own.join("srv/greeting"));
        Ok((names(&own.join("srv"))?, greeting?, diff(&layers, &upper)?))
    })?;
    let rows = texts::FILES.into_iter().zip(said.lines()).zip([files, greeting]);
    let rows: Vec<_> = rows
        .map(|((question, inside), outside)| {
            let changed = inside != outside.trim_end();
            Row { question, inside: inside.into(), outside, changed }
        })
        .collect();
    say(view::table(&rows))?;
    say(texts::DIFF)?;
    for change in changes {
        say(format_args!("  {change}"))?;
    }
    say(format_args!("\n{}", texts::LAYERS.look))?;
    Ok(last)
}

/// A layer of the tour's own, made once.
fn layer() -> Result<PathBuf> {
    let folder = cache_folder()?.join("tour/layer");
    let mut tree = Tree::open(&folder)?;
    tree.ensure_folder("/srv", 0o755)?;
    for (path, text) in texts::LAYER {
        tree.ensure_file(path, text)?;
    }
    Ok(folder)
}

/// What the container does: it changes a file, removes one, adds one, and says what it then sees.
fn script() -> String {
    format!(
        "cd /srv
         echo 'ahoy' >greeting; rm old; echo 'I am new' >new
         echo $(ls); cat greeting
         echo {SAID}
         exec sleep 600"
    )
}

/// The names of the files in a folder.
fn names(folder: &Path) -> Result<String> {
    let entries = fs::read_dir(folder).with_context(|| crate::texts::cannot_read(folder))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names.join(" "))
}
