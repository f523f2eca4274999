//! Debian's programs: a tree with those that the machine has, and what they need.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use vm::packages::{self, Release, unpack};
use vm::tool;

use crate::absent::{self, Absent};
use crate::table::{FILES, FOLDERS, LINKS, PROGRAMS, SETTINGS, SUITE};
use crate::{needs, store};

/// What has been made of the packages.
pub(crate) struct Programs {
    /// The machine's files, but for our own program.
    pub(crate) tree: PathBuf,
    /// The packages that something is from.
    pub(crate) packages: Vec<Package>,
    /// The BIOS and that of the screen.
    pub(crate) bios: [PathBuf; 2],
}

/// A package of Debian's.
#[derive(Serialize, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// What its licences are called.
    pub(crate) licences: Vec<String>,
}

/// The tree; made of packages the first time.
pub(crate) fn get() -> Result<Programs> {
    let tables = format!("{SUITE} {PROGRAMS:?} {FILES:?} {LINKS:?} {SETTINGS:?} {FOLDERS:?}");
    let code = [include_str!("programs.rs"), include_str!("absent.rs")];
    let made_of = [&tables, code[0], code[1]].map(str::as_bytes);
    let folder = store::result("programs", &made_of, make)?;
    let packages = serde_json::from_slice(&fs::read(folder.join("packages.json"))?)?;
    let bios = ["bios.bin", "vgabios.bin"].map(|name| folder.join(name));
    Ok(Programs { tree: folder.join("tree"), packages, bios })
}

fn make(folder: &Path) -> Result<()> {
    let tree = folder.join("tree");
    for name in ["bin", "lib", "sbin"] {
        fs::create_dir_all(tree.join("usr").join(name))?;
        symlink(format!("usr/{name}"), tree.join(name))?;
    }
    let mut gathered = Gathered {
        unpacked: unpack_all(folder)?,
        tree,
        used: BTreeSet::new(),
        absent: Absent::default(),
    };
    for (package, names) in PROGRAMS {
        for name in names {
            gathered.program(package, name)?;
        }
    }
    for (package, path) in FILES {
        gathered.take(package, Path::new(path))?;
    }
    let Gathered { unpacked, tree, used, absent } = gathered;
    absent.compile(&tree.join("usr/lib/i386-linux-gnu"))?;
    for name in FOLDERS {
        fs::create_dir_all(tree.join(name))?;
    }
    for (name, text) in SETTINGS {
        fs::write(tree.join(name), text)?;
    }
    for (name, target) in LINKS {
        symlink(target, tree.join(name))?;
    }
    applets(&tree)?;
    // The package sets a capability on it; here, too, an ordinary user may use it.
    fs::set_permissions(tree.join("usr/bin/ping"), Permissions::from_mode(0o755))?;

    let seabios = unpacked.join("seabios/usr/share/seabios");
    fs::copy(seabios.join("bios.bin"), folder.join("bios.bin"))?;
    fs::copy(seabios.join("vgabios-stdvga.bin"), folder.join("vgabios.bin"))?;
    let mut packages = Vec::new();
    for name in used.iter().map(String::as_str).chain(["seabios"]) {
        let version = fs::read_to_string(unpacked.join(name).join("version"))?;
        let licences = licences(&unpacked.join(name), name)?;
        packages.push(Package { name: name.into(), version, licences });
    }
    fs::write(folder.join("packages.json"), serde_json::to_vec_pretty(&packages)?)?;
    fs::remove_dir_all(unpacked)?;
    Ok(())
}

/// Each package in a folder of its own: so it is known what is whose, and no link leads astray.
fn unpack_all(folder: &Path) -> Result<PathBuf> {
    let unpacked = folder.join("unpacked");
    let release = Release::open_for(SUITE, &["i386"])?;
    let named = PROGRAMS.map(|(package, _)| package);
    for package in release.download_all(&named)? {
        let name = packages::name(&package)?;
        let to = unpacked.join(&name);
        fs::create_dir_all(&to)?;
        unpack(&package, &to)?;
        fs::write(to.join("version"), packages::version(&package)?)?;
    }
    release.clear()?;
    Ok(unpacked)
}

/// The machine's tree while it grows.
struct Gathered {
    unpacked: PathBuf,
    tree: PathBuf,
    used: BTreeSet<String>,
    absent: Absent,
}

impl Gathered {
    /// A package's program, wherever the package has it.
    fn program(&mut self, package: &str, name: &str) -> Result<()> {
        let folders = ["usr/bin", "bin", "usr/sbin", "sbin"];
        let mut paths = folders.iter().map(|folder| Path::new(folder).join(name));
        let there =
            |path: &PathBuf| self.unpacked.join(package).join(path).symlink_metadata().is_ok();
        let path = paths.find(there).with_context(|| format!("{package} has no {name}"))?;
        self.take(package, &path)
    }

    /// A file of a package, and the libraries that it asks for. A link stays one if it leads to a
    /// neighbour; otherwise the file comes in its place.
    fn take(&mut self, package: &str, path: &Path) -> Result<()> {
        let usr = if path.starts_with("usr") { path.into() } else { Path::new("usr").join(path) };
        let to = self.tree.join(&usr);
        if to.symlink_metadata().is_ok() {
            return Ok(());
        }
        fs::create_dir_all(to.parent().context("no folder")?)?;
        self.used.insert(package.into());
        let from = self.file(package, path)?;
        let content = fs::read(&from).with_context(|| from.display().to_string())?;
        fs::copy(&from, &to)?;
        let needs = needs::of(&content)?;
        self.absent.note(&content, &needs)?;
        for name in &needs {
            self.library(name).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    fn library(&mut self, name: &str) -> Result<()> {
        if absent::is_one(name) {
            return Ok(());
        }
        let folders = ["usr/lib/i386-linux-gnu", "lib/i386-linux-gnu", "lib", "usr/lib"];
        for entry in fs::read_dir(&self.unpacked)? {
            let package = entry?.file_name().to_string_lossy().into_owned();
            // What is a path already stays one.
            for folder in folders {
                let path = Path::new(folder).join(name);
                let path = path.strip_prefix("/").unwrap_or(&path).to_path_buf();
                if self.unpacked.join(&package).join(&path).symlink_metadata().is_ok() {
                    return self.take(&package, &path);
                }
            }
        }
        bail!("no package has {name}")
    }

    /// Where a package's file is, through its own links: one that is absolute is meant from the
    /// package's root, and would lead out of it.
    fn file(&self, package: &str, path: &Path) -> Result<PathBuf> {
        let root = self.unpacked.join(package);
        let mut path = path.to_path_buf();
        for _ in 0..8 {
            let Ok(target) = fs::read_link(root.join(&path)) else { return Ok(root.join(path)) };
            path = inside(path.parent().unwrap_or(Path::new("")), &target);
        }
        bail!("{package} has links that lead nowhere: {}", path.display())
    }
}

/// A link's target as a path from the root.
fn inside(folder: &Path, target: &Path) -> PathBuf {
    let mut path = if target.is_absolute() { PathBuf::new() } else { folder.to_path_buf() };
    for part in target.components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => drop(path.pop()),
            _ => {}
        }
    }
    path
}

/// What nobody else does, busybox does.
fn applets(tree: &Path) -> Result<()> {
    let libraries = tree.join("usr/lib/i386-linux-gnu");
    let mut busybox = Command::new(tree.join("usr/lib/ld-linux.so.2"));
    busybox.arg("--library-path").arg(libraries).arg(tree.join("usr/bin/busybox")).arg("--list");
    let list = tool::output(&mut busybox).context("this machine runs no 32-bit programs")?;
    for name in String::from_utf8(list)?.lines() {
        let places = ["usr/bin", "usr/sbin"].map(|folder| tree.join(folder).join(name));
        if places.iter().all(|place| place.symlink_metadata().is_err()) {
            symlink("busybox", &places[0])?;
        }
    }
    Ok(())
}

/// The licences that a package's list of rights names: as fields, or else by the files in which Debian
/// has their texts.
fn licences(package: &Path, name: &str) -> Result<Vec<String>> {
    let path = package.join("usr/share/doc").join(name).join("copyright");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(Vec::new()) };
    let mut found: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("License:"))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    if found.is_empty() {
        let words = text.split(|it: char| !it.is_ascii_alphanumeric() && !"/.-+".contains(it));
        let files = words.filter_map(|word| word.strip_prefix("/usr/share/common-licenses/"));
        found = files.map(|name| name.trim_end_matches('.').to_owned()).collect();
    }
    Ok(found.into_iter().collect())
}
