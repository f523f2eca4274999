//! What an image must not touch: everything that is not its own.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Result;
use process::Attempt;
use serde_json::json;

use super::stage::Stage;
use crate::check::claim::{Finding, Wrong, expect};
use crate::check::exam::Exam;
use crate::check::registry::{Entry, Image, Layer, Shelf};
use crate::check::texts;
use crate::check::world::World;

pub(super) struct Images {
    /// The claim, the image, and the folder that the image is after.
    all: Vec<(&'static str, String, PathBuf)>,
}

/// More than there are folders above any image's.
const UP: &str = "../../../../../../../../../..";
/// What is in the folder.
const FILE: &str = "precious";

impl Images {
    pub(super) fn new(world: &World, shelf: &mut Shelf) -> Result<Self> {
        let mut all = Vec::new();
        for (id, layers) in ATTACKS {
            let folder = world.folder("canary")?;
            let file = folder.join(FILE);
            fs::write(&file, world.word()).tried(&texts::WORLD, format_args!("write({file:?})"))?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600))
                .tried(&texts::WORLD, format_args!("chmod({file:?})"))?;
            let layers: Vec<Layer> =
                layers(&folder.display().to_string()).iter().map(|it| Layer::new(it)).collect();
            let image = Image::new(&layers.iter().collect::<Vec<_>>(), &json!({}));
            let name = world.word();
            shelf.put(&name, "latest", &image);
            all.push((id, name, folder));
        }
        Ok(Self { all })
    }

    /// Whether such an image is refused, or made harmless, is the program's business.
    pub(super) fn examine(&self, exam: &mut Exam, stage: &Stage) -> Result<()> {
        let before: Vec<_> = self.all.iter().map(|(_, _, folder)| view(folder)).collect();
        let names: Vec<_> = self.all.iter().map(|(_, name, _)| stage.name(name)).collect();
        let outcomes = stage.pull_each(exam, &names)?;
        for (((id, _, folder), before), outcome) in self.all.iter().zip(&before).zip(outcomes) {
            let after = view(folder);
            let told = outcome.map(drop).or_else(|trouble| match trouble.problem() {
                Some(_) => Err(Wrong::from(trouble)),
                None => Ok(()),
            });
            exam.finding(id, told.and_then(|()| untouched(folder, before, &after)));
        }
        Ok(())
    }
}

type Attack = fn(&str) -> Vec<Vec<Entry>>;

/// Each an image of its own: whoever refuses the first entry does not come to the others.
const ATTACKS: [(&str, Attack); 9] = [
    ("stays-inside", |folder| vec![vec![Entry::file(format!("{UP}{folder}/new"), "x")]]),
    ("stays-inside", |folder| {
        vec![vec![Entry::folder("a"), Entry::file(format!("a/{UP}{folder}/{FILE}"), "x")]]
    }),
    // A link, and a file behind it.
    ("links-inside", |folder| vec![vec![Entry::link("out", folder), Entry::file("out/new", "x")]]),
    // The same in two layers.
    ("links-inside", |folder| {
        vec![vec![Entry::link("out", folder)], vec![Entry::file("out/new", "x")]]
    }),
    // A link, and a file of its own name.
    ("links-inside", |folder| {
        let target = format!("{UP}{folder}/{FILE}");
        vec![vec![Entry::link("out", target), Entry::file("out", "x").mode(0o777)]]
    }),
    // A second name for a file of the host's.
    ("links-inside", |folder| vec![vec![Entry::hard_link("out", format!("{UP}{folder}/{FILE}"))]]),
    // The same, and a file of its own name.
    ("links-inside", |folder| {
        let target = format!("{UP}{folder}/{FILE}");
        vec![vec![Entry::hard_link("out", target), Entry::file("out", "x").mode(0o777)]]
    }),
    ("whiteouts-inside", |folder| {
        vec![vec![Entry::link("out", folder)], vec![Entry::file(format!("out/.wh.{FILE}"), "")]]
    }),
    ("whiteouts-inside", |folder| {
        vec![vec![Entry::link("out", folder)], vec![Entry::file("out/.wh..wh..opq", "")]]
    }),
];

/// All that can be changed about a folder.
fn view(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut lines: Vec<String> = entries
        .map(|entry| {
            let found = entry.path().symlink_metadata();
            let found = found.map_or((0, 0), |it| (it.mode(), it.nlink()));
            let content = fs::read_to_string(entry.path()).unwrap_or_default();
            format!("{} {:o} {} {content:?}", entry.path().display(), found.0, found.1)
        })
        .collect();
    lines.sort();
    let mode = fs::metadata(folder).map_or(0, |it| it.mode());
    lines.push(format!("{} {mode:o}", folder.display()));
    lines
}

fn untouched(folder: &Path, before: &[String], after: &[String]) -> Finding {
    expect(before == after, || {
        let changed: Vec<&str> =
            after.iter().filter(|line| !before.contains(line)).map(String::as_str).collect();
        match changed[..] {
            [] => format!("something of {} is gone", folder.display()),
            _ => format!("new or changed: {}", changed.join(", ")),
        }
    })
}
