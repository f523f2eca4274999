//! What programs misbehave without, though nothing in them names it.
//!
//! A C library opens more files than a program's headers tell: `nsswitch.conf(5)` and the modules
//! that it names, to turn 0 into "root"; `passwd(5)`; the cache that says where libraries are
//! (`ld.so(8)`); a locale. Programs that draw on the terminal want to know what kind it is
//! (`terminfo(5)`). Without these, programs start, and then say odd things.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use anyhow::Result;
use process::program::{Interpreter, interpreter};

use crate::Tree;
use crate::needs::libraries;

/// Where the distributions differ: on some of them these are links to others. A script that begins
/// with `#!/bin/sh` needs the link.
const TOP: [&str; 8] =
    ["/bin", "/sbin", "/lib", "/lib64", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64"];

/// Folders that a program may count on, with their modes. The first three are there to be mounted
/// on.
const FOLDERS: [(&str, u32); 12] = [
    ("/proc", 0o555),
    ("/dev", 0o755),
    ("/sys", 0o555),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/mnt", 0o755),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/tmp", 0o1777),
    ("/usr", 0o755),
    ("/var", 0o755),
    ("/var/tmp", 0o1777),
];

/// Not the host's own: who has an account there is nobody's business in a container.
const FILES: [(&str, &str); 4] = [
    (
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    ),
    ("/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
    ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"),
    ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
];

/// Libraries that glibc opens by itself: the modules of `nsswitch.conf`, which are part of libc
/// since glibc 2.34, and what `pthread_cancel(3)` needs.
const OPENED_BY_GLIBC: [&str; 3] = ["libnss_files.so.2", "libnss_dns.so.2", "libgcc_s.so.1"];

/// glibc's locale with all of Unicode and no language.
const LOCALES: [&str; 2] = ["/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8"];

const TERMINFO: [&str; 4] =
    ["/etc/terminfo", "/lib/terminfo", "/usr/lib/terminfo", "/usr/share/terminfo"];

/// The terminals that people have today, besides `$TERM`.
const TERMINALS: [&str; 18] = [
    "alacritty",
    "ansi",
    "dumb",
    "foot",
    "linux",
    "rxvt-unicode-256color",
    "screen",
    "screen-256color",
    "tmux",
    "tmux-256color",
    "vt100",
    "vt220",
    "wezterm",
    "xterm",
    "xterm-256color",
    "xterm-color",
    "xterm-ghostty",
    "xterm-kitty",
];

/// Brings what the given files, which are in the tree already, will look for.
///
/// # Errors
///
/// When something can't be read or written.
pub fn bring(tree: &mut Tree, files: &BTreeSet<PathBuf>) -> Result<()> {
    bring_if_there(tree, TOP.map(Into::into))?;
    for (path, mode) in FOLDERS {
        tree.ensure_folder(path, mode)?;
    }
    for (path, text) in FILES {
        tree.ensure_file(path, text)?;
    }
    for file in files {
        let name = file.file_name().unwrap_or_default();
        if name == "libc.so.6" {
            glibc(tree, file)?;
        } else if name.as_bytes().starts_with(b"ld-musl-") {
            bring_if_there(tree, musl_path_file(name))?;
        } else if name.as_bytes().starts_with(b"libtinfo")
            || name.as_bytes().starts_with(b"libncurses")
        {
            bring_if_there(tree, terminfo())?;
        }
    }
    Ok(())
}

fn bring_if_there(tree: &mut Tree, paths: impl IntoIterator<Item = PathBuf>) -> Result<()> {
    paths.into_iter().filter(|path| path.exists()).try_for_each(|path| tree.bring(&path))
}

/// What glibc opens, whose library is `libc`.
fn glibc(tree: &mut Tree, libc: &Path) -> Result<()> {
    // The library is a program as well (it prints its version), and names its loader.
    if let Some(Interpreter::Loader(loader)) = interpreter(libc) {
        for name in OPENED_BY_GLIBC {
            let library = libc.with_file_name(name);
            if library.exists() {
                bring_if_there(tree, libraries(&loader, &library)?)?;
                tree.bring(&library)?;
            }
        }
    }
    bring_if_there(tree, ["/etc/ld.so.cache".into()])?;
    LOCALES.iter().map(Path::new).filter(|it| it.is_dir()).try_for_each(|it| tree.bring_all(it))
}

/// The file that tells musl's loader where libraries are: `/etc/ld-musl-x86_64.path` for
/// `ld-musl-x86_64.so.1`.
fn musl_path_file(loader: &OsStr) -> Option<PathBuf> {
    let name = loader.as_bytes().strip_suffix(b".so.1")?;
    Some(Path::new("/etc").join(OsString::from_vec([name, b".path"].concat())))
}

/// The descriptions of the terminals, each in a folder named by its first letter.
fn terminfo() -> Vec<PathBuf> {
    let mut names: Vec<OsString> = TERMINALS.map(Into::into).to_vec();
    names.extend(env::var_os("TERM").filter(|name| !name.as_bytes().contains(&b'/')));
    let files = names.iter().filter(|name| !name.is_empty()).flat_map(|name| {
        let letter = OsStr::from_bytes(&name.as_bytes()[..1]);
        TERMINFO.map(|folder| Path::new(folder).join(letter).join(name))
    });
    files.collect()
}
