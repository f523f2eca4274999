//! Debian's programs on a disk.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

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
    }
    Ok(image)
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
