//! Chapters 05 and 06: is there a place for layers and images, and does overlayfs work on it?
//!
//! Whether it does depends on the file system that the upper folder is on. So it is tried there: in
//! an empty folder of the trial's own, which is bound over the place where the chapters keep their
//! data, in a mount namespace (`mount_namespaces(7)`). What the chapter's own code then makes is in
//! that folder, and is removed with it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{AccessFlags, access, getpid};
use overlay_layers::{Overlay, data_folder, overlay, remove_tree, sys, whiteout};
use pid_namespace::Tree;
use process::{Attempt, Mechanism};
use uts_net::RunFolder;

use super::child::{Child, PATIENCE, Report, as_in_a_chapter};
use super::modules;
use super::namespaces::make_private;
use super::probe::{Findings, Probe, Refusal};
use super::texts;

const NAME: &str = ".coracle-doctor-";

/// A folder on the file system of the chapters' data.
pub(super) struct Trial {
    child: Child,
    folder: PathBuf,
}

/// Begins the trial of overlayfs; what is wrong with the place, if something is.
pub(super) fn begin() -> Result<Trial, Refusal> {
    let made = || -> Result<Trial> {
        let place = data_place()?;
        sweep(&place);
        let folder = place.join(format!("{NAME}{}", getpid()));
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.tried(&texts::TRIAL_DATA, format_args!("mkdir({folder:?})"))?;
        let child = Child::start(PATIENCE, |report| layers(report, &folder, &place));
        match child {
            Ok(child) => Ok(Trial { child, folder }),
            Err(error) => {
                let _ = fs::remove_dir(&folder);
                Err(error)
            }
        }
    };
    made().map_err(|error| Refusal::from(&error))
}

impl Trial {
    /// Waits for its end, and removes the folder.
    pub(super) fn collect(self) -> Findings {
        let Self { child, folder } = self;
        let found = child.collect(&[probe()]);
        // What an ordinary user's child made in its user namespace is that user's.
        let _ = remove_tree(&folder);
        found
    }
}

/// The folder of the chapters' data, or the nearest above it that is there.
pub(super) fn data_place() -> Result<PathBuf> {
    let data = data_folder()?;
    let there = data.ancestors().find(|folder| folder.is_dir()).context(texts::NO_DATA_PLACE)?;
    access(there, AccessFlags::W_OK | AccessFlags::X_OK)
        .tried(&texts::TRIAL_DATA, format_args!("access({there:?}, W_OK)"))?;
    Ok(there.into())
}

/// What is tried: with the attributes that are the host's root's, or those that are anybody's.
fn probe() -> Probe {
    if whiteout::by_user_attributes() { Probe::OverlayUser } else { Probe::Overlay }
}

fn layers(report: &Report, folder: &Path, place: &Path) {
    if as_in_a_chapter().is_err() {
        return;
    }
    // Over the root of all nothing can be bound that a path would then lead to.
    if place == Path::new("/") {
        return;
    }
    let own = unshare(CloneFlags::CLONE_NEWNS).tried(&texts::TRIAL, "unshare(CLONE_NEWNS)");
    if own.and_then(|()| make_private()).is_err() {
        return;
    }
    let probe = probe();
    if modules::come_when_needed(modules::OVERLAY) {
        return report.tell(probe, None);
    }
    if let Ok(context) = sys::fsopen(c"overlay") {
        let known = overlay::takes_layers_one_by_one(&context);
        report.tell(Probe::LayerByLayer, (!known).then(|| Refusal::new(texts::NO_SUCH_OPTION)));
    }
    report.tried(probe, mount_layers(folder, place));
}

fn mount_layers(folder: &Path, place: &Path) -> Result<()> {
    let none = None::<&str>;
    mount(Some(folder), place, none, MsFlags::MS_BIND, none)
        .tried(&texts::TRIAL_MOUNT, format_args!("mount({folder:?}, {place:?}, NULL, MS_BIND)"))?;
    let layers = ["layer-1", "layer-2"].map(|name| place.join(name));
    for layer in &layers {
        fs::create_dir(layer).tried(&texts::TRIAL_DATA, format_args!("mkdir({layer:?})"))?;
    }
    // With an upper folder of its own a run that can't have an overlay says so, and copies nothing.
    let mut overlay = Overlay::new(&RunFolder::new()?, &layers, Some(place.join("upper")))?;
    overlay.prepare()?;
    // Around the refusal stands what to do about an upper folder that one chose oneself.
    let merged = overlay.tree().mount().map_err(|error| match error.chain().nth(1) {
        Some(refusal) => Error::msg(refusal.to_string()),
        None => error,
    });
    // A folder that is removed and made again has to become opaque: some can't, and mount all the
    // same.
    merged.and_then(|_top| {
        let news = overlay.writable().merged().join("news");
        fs::create_dir(&news).tried(&texts::TRIAL_DATA, format_args!("mkdir({news:?})"))
    })
}

/// Removes what a doctor left that was killed.
fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(NAME));
        if number.is_some_and(|number| !Path::new("/proc").join(number).exists()) {
            let _ = remove_tree(&entry.path());
        }
    }
}
