//! The project in the machine: its files and its programs, at the paths that they have here.
//!
//! Tests have paths compiled in: of the program that they test, of their own data. So the disk is
//! mounted where the project is on this machine. All of it belongs to the ordinary user, as a
//! student's copy does.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::build::{self, Artifact, Kind};
use crate::kernel::Architecture;
use crate::{cache, disk};

/// Where the machine's disk with the project is, and what is on it.
#[derive(Debug)]
pub struct Project {
    /// The project's folder, here and there.
    pub root: PathBuf,
    /// The folder with the finished programs.
    pub programs: PathBuf,
    /// The test programs: empty if they were not asked for.
    pub tests: Vec<Test>,
    /// The disk.
    pub image: PathBuf,
}

/// A test program.
#[derive(Debug)]
pub struct Test {
    /// Its package.
    pub package: String,
    /// Its name within that: the file's in `tests/`, or the package's own for tests inside the code.
    pub name: String,
    /// The folder in which cargo would start it.
    pub folder: PathBuf,
    /// The program.
    pub program: PathBuf,
}

/// What tests write is written here, too: everything on this disk has room for it (MiB).
const FREE: u64 = 2048;

impl Project {
    /// With the finished programs, and `coracle`.
    ///
    /// # Errors
    ///
    /// When they can't be built.
    pub fn with_programs(architecture: Architecture) -> Result<Self> {
        Self::new("programs", architecture, &programs(architecture)?)
    }

    /// The same and all their tests.
    ///
    /// # Errors
    ///
    /// When they can't be built.
    pub fn with_tests(architecture: Architecture) -> Result<Self> {
        let packages = packages()?;
        let mut arguments = vec!["test", "--no-run"];
        arguments.extend(packages.iter().flat_map(|package| ["--package", package]));
        let mut built = programs(architecture)?;
        let tests = build::cargo(architecture, &arguments)?;
        built.extend(tests.into_iter().filter(|artifact| artifact.kind == Kind::Test));
        Self::new("tests", architecture, &built)
    }

    fn new(name: &str, architecture: Architecture, built: &[Artifact]) -> Result<Self> {
        let root = root()?;
        let mut files = Vec::new();
        list(&root, &mut files)?;
        files.extend(built.iter().map(|artifact| artifact.program.clone()));
        files.sort();
        let program = built.iter().find(|artifact| artifact.kind == Kind::Program);
        let programs = program.and_then(|artifact| artifact.program.parent());
        let programs = programs.context("cargo built no program")?.to_path_buf();
        let tests = built.iter().filter(|artifact| artifact.kind == Kind::Test);
        let tests = tests.map(|artifact| Test {
            package: artifact.package.clone(),
            name: artifact.name.clone(),
            folder: artifact.folder.clone(),
            program: artifact.program.clone(),
        });
        let mut tests: Vec<_> = tests.collect();
        tests.sort_by(|a, b| (&a.package, &a.name).cmp(&(&b.package, &b.name)));
        let folder = root.join("target/vm");
        fs::create_dir_all(&folder)?;
        let image = folder.join(format!("{name}-{}.ext4", architecture.debian()));
        let lock = cache::lock_in(&folder)?;
        make(&root, &files, &image)?;
        drop(lock);
        Ok(Self { root, programs, tests, image })
    }
}

/// The project's folder.
///
/// # Errors
///
/// When it is gone.
pub fn root() -> Result<PathBuf> {
    Ok(build::project().canonicalize()?)
}

/// The finished programs.
fn programs(architecture: Architecture) -> Result<Vec<Artifact>> {
    let packages = packages()?;
    let mut arguments = vec!["build", "--bins"];
    arguments.extend(packages.iter().flat_map(|package| ["--package", package]));
    build::cargo(architecture, &arguments)
}

/// The packages whose programs are for the machine.
fn packages() -> Result<Vec<String>> {
    let solutions = build::project().join("solutions");
    let mut all = vec![String::from("coracle"), String::from("coracle-probe")];
    for entry in fs::read_dir(&solutions).context("the project has no solutions/")? {
        all.push(format!("sol{}", entry?.file_name().to_string_lossy()));
    }
    all.sort();
    Ok(all)
}

/// Every file of the project's, but for what was built and for git's own.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if ![".git", "target"].iter().any(|name| entry.file_name() == *name) {
                list(&entry.path(), files)?;
            }
        } else if kind.is_file() || kind.is_symlink() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Copies a file, or a symbolic link as such.
fn copy(file: &Path, to: &Path) -> io::Result<()> {
    if file.is_symlink() { symlink(fs::read_link(file)?, to) } else { fs::copy(file, to).map(drop) }
}

/// Makes the disk, if it does not hold these very files already.
fn make(root: &Path, files: &[PathBuf], image: &Path) -> Result<()> {
    let mut content = String::new();
    for file in files {
        let about = file.symlink_metadata()?;
        let (time, part) = (about.mtime(), about.mtime_nsec());
        writeln!(content, "{} {} {time}.{part} {:o}", file.display(), about.len(), about.mode())?;
    }
    let key = format!("{:?}", Sha256::digest(content.as_bytes()));
    let held = image.with_extension("key");
    if image.exists() && fs::read_to_string(&held).is_ok_and(|held| held == key) {
        return Ok(());
    }
    let tree = image.with_extension("tree");
    let _ = fs::remove_dir_all(&tree);
    fs::create_dir_all(tree.join("target/tmp"))?;
    for file in files {
        let to = tree.join(file.strip_prefix(root)?);
        fs::create_dir_all(to.parent().unwrap_or(&tree))?;
        // No copy: the disk is one. But a link can't leave a file system, nor be to another user's
        // file.
        fs::hard_link(file, &to)
            .or_else(|_| copy(file, &to))
            .with_context(|| format!("{} can't be put on the disk", file.display()))?;
    }
    let new = image.with_extension("new");
    disk::make(&tree, &new, FREE, &[Path::new("/")])?;
    fs::remove_dir_all(&tree)?;
    // A machine that is running keeps the old one.
    fs::rename(new, image)?;
    fs::write(held, key)?;
    Ok(())
}
