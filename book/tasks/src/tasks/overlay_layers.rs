//! 05: what a change leaves in the upper folder, what a deletion leaves there, and layers as a root.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use coracle::check::claim::expect;
use coracle::lessons::look::{self, identity, shown};
use coracle::observe::{self, Mount};
use nix::unistd::Pid;

use crate::look::{Found, Look};
use crate::task::{Promise, Task};
use crate::values::{self, Values};

pub(super) const TASKS: [Task; 3] = [
    Task {
        name: "05-copy-up",
        values: || {
            let mut values = two_names()?;
            values.insert("word".into(), values::name()?);
            Ok(values)
        },
        promises: &[
            OVERLAY,
            Promise::Own("below", "/tmp/{name}/lower/{file} has text, without {word}"),
            Promise::Own("changed", "through merged, {file} has one more line: {word}"),
            Promise::Lesson("05", "copied-up"),
        ],
        look: copy_up,
    },
    Task {
        name: "05-whiteout",
        values: two_names,
        promises: &[
            OVERLAY,
            Promise::Own("below", "/tmp/{name}/lower/{file} is still there"),
            Promise::Own("gone", "in merged there is no {file}"),
            Promise::Lesson("05", "whiteout"),
        ],
        look: whiteout,
    },
    Task {
        name: "05-root",
        values: || {
            let mut values = two_names()?;
            values.insert("seconds".into(), values::seconds()?);
            Ok(values)
        },
        promises: &[
            Promise::Lesson("00", "runs"),
            Promise::Lesson("05", "overlay"),
            Promise::Own("layers", "at least two layers lie below its upper folder"),
            Promise::Own("writes", "/{file} in it is a file of /tmp/{name}/upper"),
        ],
        look: |look| look.process("runs", &["sleep", look.value("seconds")?], root),
    },
];

const OVERLAY: Promise =
    Promise::Own("overlay", "/tmp/{name}/merged is an overlay of lower and upper");

fn two_names() -> Result<Values> {
    let (name, mut file) = (values::name()?, values::name()?);
    while file == name {
        file = values::name()?;
    }
    Ok(values::of([("name", name), ("file", file)]))
}

/// The folders of a task: lower, upper and merged below its own.
struct Folders {
    top: PathBuf,
    file: String,
}

impl Folders {
    fn of(look: &Look) -> Result<Self> {
        Ok(Self { top: look.folder()?, file: look.value("file")?.into() })
    }

    /// The task's file in one of them.
    fn file(&self, folder: &str) -> PathBuf {
        self.top.join(folder).join(&self.file)
    }
}

/// The folders that an overlay's mount names in an option, as it was given: `lowerdir=a:b`, or a
/// `lowerdir+=` for each.
fn named(mount: &Mount, option: &str) -> Vec<PathBuf> {
    let joined = mount.super_option(option).unwrap_or_default();
    let joined = joined.to_string_lossy().into_owned();
    let each = format!("{option}+=");
    let one_each = mount.super_options.iter().filter_map(|it| it.strip_prefix(&each));
    let joined = joined.split(':').filter(|it| !it.is_empty());
    joined.chain(one_each).map(PathBuf::from).collect()
}

/// Whether a folder that a mount names is this one. Where the name is relative only its end is known.
fn is_folder(named: &Path, folder: &Path) -> bool {
    match named.is_absolute() {
        true => identity(&named.display().to_string()) == identity(&folder.display().to_string()),
        false => folder.ends_with(named),
    }
}

fn overlay(look: &mut Look) -> Result<()> {
    let top = look.folder()?;
    let merged = top.join("merged");
    let mount = look.host.mounted(&merged).next_back();
    let found = match mount {
        None if !merged.is_dir() => Err(format!("There is no folder {}.", merged.display())),
        None => Err(format!(
            "The host's mountinfo has no line for {}. Was it mounted here, and not in another mount \
             namespace?",
            merged.display()
        )),
        Some(mount) if mount.fs_type != "overlay" => {
            Err(format!("{} is {}, and no overlay.", merged.display(), mount.fs_type))
        }
        Some(mount) => options(mount, &top),
    };
    look.finding("overlay", found);
    Ok(())
}

fn options(mount: &Mount, top: &Path) -> Found {
    let (lower, upper) = (named(mount, "lowerdir"), named(mount, "upperdir"));
    let wrong =
        |what: &str| Err(format!("The mount says {}: {what}.", mount.super_options.join(",")));
    if !lower.iter().any(|it| is_folder(it, &top.join("lower"))) {
        return wrong("lower is none of its lower folders");
    }
    match upper.first() {
        None => wrong("without an upper folder nothing can be written"),
        Some(it) if !is_folder(it, &top.join("upper")) => wrong("its upper folder is another one"),
        Some(_) => Ok(format!("The host's mountinfo: overlay on {}.", mount.target.display())),
    }
}

fn copy_up(look: &mut Look) -> Result<()> {
    overlay(look)?;
    let (folders, word) = (Folders::of(look)?, look.value("word")?);
    if !look.holds("overlay") {
        return Ok(());
    }
    let read = |folder: &str| fs::read_to_string(folders.file(folder));
    let place = folders.file("lower");
    let below = match read("lower") {
        Err(_) => Err(format!("{}.", shown(&place))),
        Ok(text) if text.is_empty() => Err(format!("{} is empty.", place.display())),
        Ok(text) if text.contains(word) => Err(format!(
            "{} has {word}: a layer was changed, and every container on it would see that. Write \
             through merged.",
            place.display()
        )),
        Ok(_) => Ok(format!("{}.", shown(&place))),
    };
    look.finding("below", below);
    let Ok(lower) = read("lower") else { return Ok(()) };
    let whole = format!("{lower}{word}\n");
    let place = folders.file("merged");
    let merged = read("merged").unwrap_or_default();
    look.finding(
        "changed",
        match merged == whole {
            true => Ok(format!("{}: what lower has, and {word}.", place.display())),
            false if merged == format!("{word}\n") => Err(format!(
                "{} has {word} alone: `>` begins a file anew, `>>` adds to it.",
                place.display()
            )),
            false => Err(format!("{}: {merged:?}, expected {whole:?}.", place.display())),
        },
    );
    if look.holds("changed") {
        let place = folders.file("upper");
        let right = format!("{} has the whole file.", place.display());
        look.lesson("copied-up", look::holds_text(&place, &whole), || right, None);
    }
    Ok(())
}

fn whiteout(look: &mut Look) -> Result<()> {
    overlay(look)?;
    let folders = Folders::of(look)?;
    if !look.holds("overlay") {
        return Ok(());
    }
    let place = folders.file("lower");
    look.finding(
        "below",
        match fs::symlink_metadata(&place) {
            Ok(_) => Ok(format!("{}.", shown(&place))),
            Err(_) => Err(format!(
                "{}. It is to be in the layer, and to be deleted in merged only.",
                shown(&place)
            )),
        },
    );
    let place = folders.file("merged");
    look.finding(
        "gone",
        match fs::symlink_metadata(&place) {
            Err(_) => Ok(format!("{}.", shown(&place))),
            Ok(_) => Err(format!("{}. It shows through from below.", shown(&place))),
        },
    );
    let place = folders.file("upper");
    let right = format!("{} is a character device 0, 0.", place.display());
    look.lesson("whiteout", look::is_whiteout(&place), || right, None);
    Ok(())
}

fn root(look: &mut Look, pid: Pid) -> Result<()> {
    let right = || format!("`stat -f -c %T /proc/{pid}/root`: overlayfs.");
    look.lesson("overlay", look::is_overlay(pid), right, None);
    if !look.holds("overlay") {
        return Ok(());
    }
    let mounts = observe::mounts(pid)?;
    let id = observe::root(pid)?.place.and_then(|place| place.mount);
    let Some(mount) = mounts.iter().find(|it| Some(it.id) == id && it.fs_type == "overlay") else {
        let seen = format!("/proc/{pid}/mountinfo does not have the overlay in which its root is.");
        look.finding("layers", Err(seen));
        return Ok(());
    };
    let count = named(mount, "lowerdir").len();
    let seen = format!("/proc/{pid}/mountinfo: {count} in lowerdir");
    look.finding(
        "layers",
        match count {
            0 | 1 => Err(format!("{seen}. Several stand one behind another, with colons: `A:B`.")),
            _ => Ok(format!("{seen}.")),
        },
    );
    let folders = Folders::of(look)?;
    let (inside, place) = (format!("/proc/{pid}/root/{}", folders.file), folders.file("upper"));
    let found = if fs::symlink_metadata(&inside).is_err() {
        Err(format!("There is no /{} in it.", folders.file))
    } else if named(mount, "upperdir").is_empty() {
        Err("The overlay has no upper folder: nothing can be written in it.".into())
    } else {
        match expect(place.is_file(), || shown(&place)) {
            Ok(()) => Ok(format!("{}.", shown(&place))),
            Err(_) => Err(format!(
                "{}. /{} is in the container, but it comes from a layer.",
                shown(&place),
                folders.file
            )),
        }
    };
    look.finding("writes", found);
    Ok(())
}
