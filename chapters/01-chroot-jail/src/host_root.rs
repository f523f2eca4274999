//! The workshop's own root folder: made from the host's programs, once.
//!
//! A container needs a root folder, and to download one takes a network. But the host has all that
//! it takes. So the first use copies a hundred everyday programs, and later ones find them.
//!
//! What is in the cache, whose place the XDG base directory specification names:
//!
//! ```text
//! coracle/PACKAGE/lock        held by whoever makes a new one (flock(2))
//! coracle/PACKAGE/7/root/     the root folder, its seventh making
//! coracle/PACKAGE/7/list      what it was made from
//! coracle/PACKAGE/current     a link to 7
//! coracle/PACKAGE/new/        one in the making; or, if nobody holds the lock, what a killed one left
//! ```
//!
//! `rename(2)` puts a new one in its place at once, so nobody ever sees half of it. The one before
//! stays: containers may still run in it.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, OpenHow, ResolveFlag, openat2};
use nix::unistd::{AccessFlags, User, access};
use process::{Attempt, explain, rootless};

use crate::list::List;
use crate::needs::{collect, find_system_program};
use crate::{Copied, Tree, around, texts};

/// The programs, those of them that the host has.
pub const PROGRAMS: &str = "\
    [ arch awk base64 basename bash capsh cat chgrp chmod chown chroot clear cmp comm cp cut \
    date dd df diff dirname dmesg du echo env expr false find findmnt free getent getpcaps \
    grep groups gzip head hostname id install ip ipcmk ipcrm ipcs kill less ln ls lsns md5sum \
    mkdir mkfifo mknod mktemp more mount mountpoint mv nc nproc nsenter od pgrep ping pkill \
    printenv printf ps pwd readlink realpath rm rmdir sed seq setpriv setsid sh sha256sum \
    sleep sort ss stat stty sync sysctl tac tail tar tee test timeout top touch tr true \
    truncate tty umount uname uniq unshare vi wc which whoami xargs yes";

/// The workshop's own root folder. The first use makes it, and so does the first one after a program
/// of the host has changed, or after something in the folder was broken.
///
/// # Errors
///
/// When the cache can't be written, or the host has no programs that we could find.
pub fn default_root() -> Result<PathBuf> {
    // Each package has a part of its own: what is yours is yours.
    let cache = Cache { folder: cache_folder()?.join(env!("CARGO_PKG_NAME")) };
    if let Some(root) = cache.current() {
        return Ok(root);
    }
    cache.make()
}

/// Copies the host's everyday programs into `folder`: a root folder for any use.
///
/// # Errors
///
/// When something can't be read or written.
pub fn build_default_root(folder: &Path) -> Result<Copied> {
    let mut tree = Tree::open(folder)?;
    copy_programs(&mut tree)?;
    Ok(tree.copied())
}

/// The names of those that are not there.
fn copy_programs(tree: &mut Tree) -> Result<Vec<&'static str>> {
    let mut missing = Vec::new();
    let mut needed = BTreeSet::new();
    for name in PROGRAMS.split_whitespace() {
        // A program that we may not read, or that does not work on the host either, is left out.
        let program = find_system_program(name).filter(|program| File::open(program).is_ok());
        let with_needs = program.map(|program| (collect(std::slice::from_ref(&program)), program));
        let Some((Ok(files), program)) = with_needs else {
            missing.push(name);
            continue;
        };
        needed.extend(files);
        tree.link_into_path(OsStr::new(name), &program)?;
    }
    if missing.contains(&"sh") {
        bail!(texts::NO_SHELL);
    }
    for file in &needed {
        tree.bring(file)?;
    }
    around::bring(tree, &needed)?;
    Ok(missing)
}

struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The present root folder, if it is as it was made and would be made the same today.
    fn current(&self) -> Option<PathBuf> {
        let version = self.folder.join(fs::read_link(self.folder.join("current")).ok()?);
        let root = version.join("root");
        List::read(&version.join("list"))?.is_still_right(&root).then_some(root)
    }

    /// Makes a new one, unless somebody else has done so by now.
    fn make(&self) -> Result<PathBuf> {
        let folder = &self.folder;
        fs::create_dir_all(folder).tried(&texts::CACHE, format_args!("mkdir({folder:?})"))?;
        let _lock = self.lock()?;
        if let Some(root) = self.current() {
            return Ok(root);
        }
        let again = folder.join("current").exists();
        explain::say(texts::making(folder, again));
        let new = folder.join("new");
        remove(&new)?;
        let made = build(&new);
        if made.is_err() {
            // The reason is worth more than that this failed, too.
            let _ = remove(&new);
        }
        made?;
        self.publish(&new)
    }

    fn lock(&self) -> Result<Flock<File>> {
        let path = self.folder.join("lock");
        let file = File::create(&path).tried(&texts::CACHE, format_args!("open({path:?})"))?;
        let locked = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno);
        locked.tried(&texts::CACHE, format_args!("flock({path:?})"))
    }

    /// Gives the finished folder its number and lets `current` lead to it.
    fn publish(&self, new: &Path) -> Result<PathBuf> {
        let previous = fs::read_link(self.folder.join("current")).ok();
        let previous = previous.and_then(|name| number(name.as_os_str()));
        let numbers = self.numbers()?;
        let next = numbers.iter().max().map_or(1, |last| last + 1);
        let version = self.folder.join(next.to_string());
        rename(new, &version)?;

        let link = self.folder.join("current.new");
        let _ = fs::remove_file(&link);
        symlink(next.to_string(), &link).tried(&texts::CACHE, format_args!("symlink({link:?})"))?;
        rename(&link, &self.folder.join("current"))?;
        for old in numbers.into_iter().filter(|number| Some(*number) != previous) {
            // A container may have left folders or mounts in it. They cost only space.
            let _ = remove(&self.folder.join(old.to_string()));
        }
        Ok(version.join("root"))
    }

    fn numbers(&self) -> Result<Vec<u64>> {
        let call = format!("open({:?})", self.folder);
        let entries = fs::read_dir(&self.folder).tried(&texts::CACHE, &call)?;
        Ok(entries.flatten().filter_map(|entry| number(&entry.file_name())).collect())
    }
}

fn number(name: &OsStr) -> Option<u64> {
    name.to_str()?.parse().ok()
}

/// Makes the root folder and the list of what it was made from.
fn build(new: &Path) -> Result<()> {
    let mut tree = Tree::open(&new.join("root"))?;
    let missing = copy_programs(&mut tree)?;
    List::of(&tree, &missing).write(&new.join("list"))
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).tried(&texts::CACHE, format_args!("rename({from:?}, {to:?})"))
}

/// Removes a folder, if nothing is mounted in it. (A jail shares its mounts with the host. What
/// somebody mounted in there may be his whole disk.)
fn remove(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    if has_mounts(folder) {
        bail!(texts::has_mounts(folder));
    }
    let removed = fs::remove_dir_all(folder);
    removed.tried(&texts::CACHE, format_args!("rmdir({folder:?}, and all in it)"))
}

/// Whether something is mounted in `folder`. When in doubt there is.
fn has_mounts(folder: &Path) -> bool {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_SYMLINKS);
    let (Ok(opened), Ok(mut entries)) = (File::open(folder), fs::read_dir(folder)) else {
        return true;
    };
    entries.any(|entry| match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
        // The kernel tells: it won't go from one mount into another.
        Ok((kind, entry)) if kind.is_dir() => {
            openat2(&opened, entry.file_name().as_os_str(), how).is_err()
                || has_mounts(&entry.path())
        }
        Ok(_) => false,
        Err(_) => true,
    })
}

/// The workshop's part of the cache, for what can be made again.
///
/// # Errors
///
/// When there is no place for it: no home folder.
pub fn cache_folder() -> Result<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || {
        let of_account = || Some(User::from_uid(rootless::caller()).ok()??.dir);
        absolute("HOME").or_else(of_account).map(|home| home.join(".cache"))
    };
    let base = match absolute("XDG_CACHE_HOME") {
        Some(folder) => Some(folder),
        // Not who only believes to be root, in a user namespace: he may not write there.
        None if rootless::caller().is_root()
            && access("/var/cache", AccessFlags::W_OK) != Err(Errno::EACCES) =>
        {
            Some("/var/cache".into())
        }
        None => home(),
    };
    let base = base.ok_or_else(|| anyhow!(texts::NO_CACHE))?;
    Ok(base.join("coracle"))
}
