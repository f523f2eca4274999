//! What the layers of an image become.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

use anyhow::Result;
use nix::unistd::Pid;
use serde_json::json;

use super::stage::{Stage, has, is_gone, seen_by, worked};
use crate::check::claim::{Finding, Wrong, expect};
use crate::check::exam::Exam;
use crate::check::registry::{Entry, Image, Layer, Shelf};
use crate::check::world::World;

pub(super) struct Images {
    name: String,
    /// The folder that all of the following is in.
    top: String,
    /// What the lower layer has in a file, and the upper one.
    old: String,
    new: String,
    owner: (u32, u32),
    modes: Vec<(String, u32)>,
    links: Vec<(String, String)>,
    /// The names in an opaque folder that are to be there.
    kept: [String; 2],
    /// Images with one thing of all these each, and the claim about it.
    single: Vec<(&'static str, String)>,
}

/// The claims that are tried one by one when an image with all of it can't be pulled.
const SINGLE: [&str; 7] =
    ["whiteout", "whiteout-folder", "opaque", "replaced", "hard-link", "symlink", "pipe"];

/// Two layers in which there is nothing but this.
fn alone(id: &str) -> [Vec<Entry>; 2] {
    let lower = vec![Entry::folder("a"), Entry::file("a/b", "x"), Entry::file("c", "x")];
    let upper = match id {
        "whiteout" => vec![Entry::file(".wh.c", "")],
        "whiteout-folder" => vec![Entry::file(".wh.a", "")],
        "opaque" => vec![Entry::folder("a"), Entry::file("a/.wh..wh..opq", "")],
        "replaced" => vec![Entry::file("a", "x"), Entry::folder("c"), Entry::file("c/d", "x")],
        "hard-link" => vec![Entry::file("d", "x"), Entry::hard_link("e", "d")],
        "symlink" => vec![Entry::link("d", "/c")],
        _ => vec![Entry::pipe("d")],
    };
    [lower, upper]
}

impl Images {
    pub(super) fn new(world: &World, base: &Layer, shelf: &mut Shelf) -> Self {
        let (name, top) = (world.word(), world.word());
        let (old, new) = (world.word(), world.word());
        let owner = (2000 + world.number(1000) as u32, 4000 + world.number(1000) as u32);
        let modes = [0o4755, 0o2711, 0o666, 0o600].map(|mode| (world.word(), mode)).into();
        let links: Vec<_> = [
            format!("/{}/{}", world.word(), world.word()),
            format!("../{}", world.word()),
            format!("../../../../{}", world.word()),
        ]
        .map(|target| (world.word(), target))
        .into();
        let kept = [world.word(), world.word()];
        let single = Vec::new();
        let mut images = Self { name, top, old, new, owner, modes, links, kept, single };
        let (lower, upper) = (Layer::new(&images.lower()), Layer::new(&images.upper()));
        shelf.put(&images.name, "latest", &Image::new(&[base, &lower, &upper], &json!({})));
        images.single = SINGLE.map(|id| (id, world.word())).into();
        for (id, name) in &images.single {
            let layers = alone(id).map(|entries| Layer::new(&entries));
            shelf.put(name, "latest", &Image::new(&layers.each_ref(), &json!({})));
        }
        images
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.top)
    }

    fn lower(&self) -> Vec<Entry> {
        let file = |name: &str| Entry::file(self.path(name), self.old.as_str());
        let folder = |name: &str| Entry::folder(self.path(name));
        let mut all = vec![
            Entry::folder(&self.top),
            file("both"),
            file("gone"),
            folder("gone-folder"),
            file("gone-folder/file"),
            folder("gone-folder/folder"),
            file("gone-folder/folder/file"),
            folder("made-anew"),
            file("made-anew/old"),
            folder("opaque"),
            file("opaque/old"),
            folder("opaque/folder"),
            file("opaque/folder/old"),
            folder("to-file"),
            file("to-file/old"),
            file("to-folder"),
            file("one"),
            Entry::hard_link(self.path("two"), self.path("one")),
            Entry::pipe(self.path("pipe")),
            folder("wide").mode(0o1777),
            folder("closed").mode(0o555),
            file("closed/file"),
            file("owned").owner(self.owner.0.into(), self.owner.1.into()),
        ];
        all.extend(self.links.iter().map(|(name, to)| Entry::link(self.path(name), to)));
        all.extend(self.modes.iter().map(|(name, mode)| file(name).mode(*mode)));
        all
    }

    fn upper(&self) -> Vec<Entry> {
        let file = |name: &str| Entry::file(self.path(name), self.new.as_str());
        let folder = |name: &str| Entry::folder(self.path(name));
        vec![
            Entry::folder(&self.top),
            file("both"),
            file(".wh.gone"),
            file(".wh.gone-folder"),
            file(".wh.made-anew"),
            folder("made-anew"),
            file("made-anew/new"),
            folder("opaque"),
            file(&format!("opaque/{}", self.kept[0])),
            file("opaque/.wh..wh..opq"),
            file(&format!("opaque/{}", self.kept[1])),
            file("to-file"),
            folder("to-folder"),
            file("to-folder/new"),
        ]
    }

    pub(super) fn examine(&self, exam: &mut Exam, stage: &Stage) -> Result<()> {
        let pulled = stage.pull(exam, &self.name)?;
        let pulled = pulled.map_err(Wrong::from).and_then(|it| worked(&it));
        if pulled.is_err() && exam.goes_on() {
            self.find_out(exam, stage)?;
        }
        let known = SINGLE.iter().any(|id| exam.fails(id));
        if known || exam.found("all-layers", pulled).is_none() {
            return Ok(());
        }
        let mut running = stage.run(exam, &self.name, &[])?;
        let held = running.held();
        let Some(pid) = exam.found("all-layers", held) else { return Ok(()) };
        exam.finding("all-layers", self.is_there(pid, "one"));

        exam.finding("order", has(pid, &self.path("both"), &self.new));
        exam.finding("whiteout", is_gone(pid, &self.path("gone")));
        exam.finding("whiteout", is_gone(pid, &self.path(".wh.gone")));
        exam.finding("whiteout-folder", is_gone(pid, &self.path("gone-folder")));
        exam.finding("whiteout-folder", self.names(pid, "made-anew", &["new"]));
        let kept = self.kept.each_ref().map(String::as_str);
        exam.finding("opaque", self.names(pid, "opaque", &kept));
        exam.finding("replaced", has(pid, &self.path("to-file"), &self.new));
        exam.finding("replaced", self.names(pid, "to-folder", &["new"]));
        exam.finding("hard-link", self.one_file(pid));
        exam.finding("pipe", self.is_pipe(pid));
        for (name, target) in &self.links {
            exam.finding("symlink", self.links_to(pid, name, target));
        }
        for (name, mode) in &self.modes {
            exam.finding("modes", self.has_mode(pid, name, *mode));
        }
        exam.finding("modes", self.has_mode(pid, "wide", 0o1777));
        exam.finding("closed-folder", self.has_mode(pid, "closed", 0o555));
        exam.finding("closed-folder", has(pid, &self.path("closed/file"), &self.old));
        if exam.world.user().is_some() {
            exam.leave_out("owners", "only root may give files away; chapter 07 has a way");
        } else {
            exam.finding("owners", self.is_owned(pid));
        }
        let _ = running.release(pid);
        Ok(())
    }

    /// What the program stumbles over.
    fn find_out(&self, exam: &mut Exam, stage: &Stage) -> Result<()> {
        for (id, name) in &self.single {
            let pulled = stage.pull(exam, name)?.map_err(Wrong::from).and_then(|it| worked(&it));
            if pulled.is_err() {
                exam.finding(id, pulled);
            }
        }
        Ok(())
    }

    /// What `lstat(2)` says of a path.
    fn found(&self, pid: Pid, name: &str) -> Result<(String, fs::Metadata), Wrong> {
        let path = seen_by(pid, &self.path(name));
        let shown = path.display().to_string();
        match path.symlink_metadata() {
            Ok(found) => Ok((shown, found)),
            Err(error) => Err(Wrong::Seen(format!("{shown}: {error}"))),
        }
    }

    fn is_there(&self, pid: Pid, name: &str) -> Finding {
        self.found(pid, name).map(drop)
    }

    /// A folder has these names, and no others.
    fn names(&self, pid: Pid, folder: &str, expected: &[&str]) -> Finding {
        let path = seen_by(pid, &self.path(folder));
        let entries = fs::read_dir(&path).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        let mut expected: Vec<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        names.sort();
        expected.sort();
        expect(names == expected, || {
            let (names, expected) = (names.join(" "), expected.join(" "));
            format!("{} has {names:?}, expected {expected:?}", path.display())
        })
    }

    fn one_file(&self, pid: Pid) -> Finding {
        let ((one, first), (two, second)) = (self.found(pid, "one")?, self.found(pid, "two")?);
        let (first, second) = ((first.dev(), first.ino()), (second.dev(), second.ino()));
        expect(first == second, || format!("inode {} is {one}, {} is {two}", first.1, second.1))?;
        has(pid, &self.path("two"), &self.old)
    }

    fn is_pipe(&self, pid: Pid) -> Finding {
        let (path, found) = self.found(pid, "pipe")?;
        expect(found.file_type().is_fifo(), || format!("{path} is no pipe"))
    }

    fn links_to(&self, pid: Pid, name: &str, target: &str) -> Finding {
        let (path, _) = self.found(pid, name)?;
        let text = fs::read_link(seen_by(pid, &self.path(name)));
        let text = text.map_or_else(|error| error.to_string(), |it| it.display().to_string());
        expect(text == target, || format!("readlink {path}: {text:?}, expected {target:?}"))
    }

    fn has_mode(&self, pid: Pid, name: &str, expected: u32) -> Finding {
        let (path, found) = self.found(pid, name)?;
        let mode = found.permissions().mode() & 0o7777;
        expect(mode == expected, || format!("{path}: mode {mode:04o}, expected {expected:04o}"))
    }

    fn is_owned(&self, pid: Pid) -> Finding {
        let (path, found) = self.found(pid, "owned")?;
        let (owner, expected) = ((found.uid(), found.gid()), self.owner);
        expect(owner == expected, || {
            format!("{path}: {}:{}, expected {}:{}", owner.0, owner.1, expected.0, expected.1)
        })
    }
}
