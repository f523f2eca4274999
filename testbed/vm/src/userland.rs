//! Debian's programs on a disk.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::kernel::Architecture;
use crate::packages::{Release, unpack};
use crate::{cache, disk};

/// The release that the programs are from. Any kernel runs them.
const SUITE: &str = "bookworm";

/// What the chapters, their tests and a curious student call. apt adds what these need.
const PACKAGES: [&str; 59] = [
    "attr",
    "base-files",
    "bash",
    "bsdextrautils",
    "bsdutils",
    "bubblewrap",
    "busybox-static",
    "ca-certificates",
    "cgroup-tools",
    "coreutils",
    "crun",
    "curl",
    "dash",
    "debianutils",
    "diffutils",
    "file",
    "findutils",
    "gawk",
    "grep",
    "gzip",
    "hostname",
    "iproute2",
    "iputils-ping",
    "jq",
    "kmod",
    "less",
    "libc-bin",
    "libcap2-bin",
    "login",
    "mount",
    "nano",
    "ncurses-base",
    "ncurses-bin",
    "netbase",
    "netcat-openbsd",
    "nftables",
    "openssl",
    "passt",
    "passwd",
    "patch",
    "perl-base",
    "podman",
    "procps",
    "psmisc",
    "python3-minimal",
    "runc",
    "sed",
    "slirp4netns",
    "strace",
    "sudo",
    "tar",
    "tree",
    "tzdata",
    "uidmap",
    "util-linux",
    "util-linux-extra",
    "xz-utils",
    "zlib1g",
    "zstd",
];

/// What an installation would write: these packages are only unpacked.
const FILES: [(&str, &str); 10] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\nstudent:x:1000:1000:A student:/home/student:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    ("etc/group", "root:x:0:\ntty:x:5:\nstudent:x:1000:\nnogroup:x:65534:\n"),
    ("etc/shadow", "root:*:19000:0:99999:7:::\nstudent:*:19000:0:99999:7:::\n"),
    ("etc/subuid", "student:100000:65536\n"),
    ("etc/subgid", "student:100000:65536\n"),
    ("etc/hostname", "laptop\n"),
    ("etc/hosts", "127.0.0.1 localhost laptop\n::1 localhost\n"),
    ("etc/resolv.conf", "nameserver 127.0.0.1\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"),
    ("etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
];

/// Names that packages' installation would choose (`update-alternatives`).
const LINKS: [(&str, &str); 5] = [
    ("usr/bin/awk", "gawk"),
    ("usr/bin/nc", "nc.openbsd"),
    ("usr/bin/pager", "less"),
    ("usr/bin/editor", "nano"),
    ("usr/bin/which", "which.debianutils"),
];

/// Folders to mount on, and homes.
const FOLDERS: [&str; 10] =
    ["dev", "etc", "home/student", "mnt", "proc", "root", "run", "sys", "tmp", "usr/lib/modules"];

/// The room that a machine has for what it writes, in MiB.
const FREE: u64 = 2048;

/// How long a disk stays that nobody uses.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Where the disk is, or will be. It is named after what it is made of.
pub(crate) fn path(architecture: Architecture) -> Result<PathBuf> {
    let kind = match architecture {
        Architecture::X86_64 => "userland",
        Architecture::I686 => "userland-i386",
    };
    let made_of = format!("{SUITE} {PACKAGES:?} {FILES:?} {LINKS:?} {FOLDERS:?} {FREE} ping");
    let digest = Sha256::digest(made_of.as_bytes());
    let name: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(cache::folder()?.join(format!("{kind}-{name}.ext4")))
}

/// The disk; made if it is not there yet.
///
/// # Errors
///
/// When packages can't be fetched or the disk can't be made.
pub fn image(architecture: Architecture) -> Result<PathBuf> {
    let image = path(architecture)?;
    if !image.exists() {
        eprintln!("vm: fetching the machine's programs");
        let tree = cache::folder()?.join("userland.new");
        let _ = fs::remove_dir_all(&tree);
        make(architecture, &tree, &image).context("the machine's programs")?;
        fs::remove_dir_all(&tree)?;
        forget_unused(&image, SystemTime::now())?;
    }
    // Somebody uses it: a sign for `forget_unused`. Where it is another user's, reading it is one.
    let _ = File::open(&image).and_then(|file| file.set_modified(SystemTime::now()));
    Ok(image)
}

/// Removes disks of the same kind that nobody has used for a month: of lists of packages that were
/// changed since. Other copies of the project may still want theirs, and a machine that runs keeps
/// its own.
fn forget_unused(image: &Path, now: SystemTime) -> Result<()> {
    let folder = image.parent().context("a disk in no folder")?;
    for entry in fs::read_dir(folder)? {
        let other = entry?.path();
        if other != image && kind(&other).is_some() && kind(&other) == kind(image) {
            let about = other.metadata()?;
            let used = about.accessed()?.max(about.modified()?);
            if now.duration_since(used).is_ok_and(|unused| unused > KEPT) {
                fs::remove_file(&other)?;
            }
        }
    }
    Ok(())
}

/// The part of a disk's name before what it is made of.
fn kind(image: &Path) -> Option<&str> {
    let name = image.file_name()?.to_str()?.strip_suffix(".ext4")?;
    let (kind, _) = name.rsplit_once('-')?;
    Some(kind)
}

fn make(architecture: Architecture, tree: &Path, image: &Path) -> Result<()> {
    let release = Release::open_for(SUITE, &[architecture.debian()])?;
    let packages = release.download_all(&PACKAGES)?;
    // Folders of programs and libraries are under /usr; packages still unpack into the old ones.
    for name in ["bin", "lib", "lib64", "sbin"] {
        fs::create_dir_all(tree.join("usr").join(name))?;
        symlink(format!("usr/{name}"), tree.join(name))?;
    }
    for package in &packages {
        unpack(package, tree)?;
    }
    release.clear()?;
    // Nobody reads them here, and they are a third of everything.
    for name in ["doc", "man", "locale", "info", "lintian"] {
        let _ = fs::remove_dir_all(tree.join("usr/share").join(name));
    }
    for name in FOLDERS {
        fs::create_dir_all(tree.join(name))?;
    }
    for (name, content) in FILES {
        fs::write(tree.join(name), content)?;
    }
    fs::set_permissions(tree.join("etc/shadow"), Permissions::from_mode(0o640))?;
    // The package has a capability set on it; for a disk that is made without rights this is the way.
    fs::set_permissions(tree.join("usr/bin/ping"), Permissions::from_mode(0o4755))?;
    for (name, target) in LINKS {
        if !tree.join(name).exists() {
            symlink(target, tree.join(name))?;
        }
    }
    // Only a whole disk gets the name.
    let new = image.with_extension("new");
    disk::make(tree, &new, FREE, &[Path::new("/home/student")])?;
    fs::rename(new, image)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::env;

    use nix::unistd::mkdtemp;

    use super::*;

    #[test]
    fn a_new_disk_takes_the_place_of_those_of_its_kind_that_nobody_uses() {
        let folder = mkdtemp(&env::temp_dir().join("coracle-userland-XXXXXX")).unwrap();
        let old = ["userland-1.ext4", "userland-i386-1.ext4", "userland-2.new", "lock"];
        for name in old {
            File::create(folder.join(name)).unwrap();
        }
        let later = SystemTime::now() + KEPT + Duration::from_secs(60);
        let used = File::create(folder.join("userland-3.ext4")).unwrap();
        used.set_modified(later - Duration::from_secs(60)).unwrap();
        let new = folder.join("userland-4.ext4");
        File::create(&new).unwrap();
        forget_unused(&new, later).unwrap();
        let mut left: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name()).collect();
        left.sort();
        fs::remove_dir_all(&folder).unwrap();
        let expected = [
            "lock",
            "userland-2.new",
            "userland-3.ext4",
            "userland-4.ext4",
            "userland-i386-1.ext4",
        ];
        assert_eq!(left, expected);
    }
}
