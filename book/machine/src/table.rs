//! What the machine has of Debian's programs.

/// The release that they are from: the last one for 32 bits, and the one of the book's recordings.
pub(crate) const SUITE: &str = "bookworm";

/// Packages, and the programs that are taken of each: what the book's sessions type, and what a
/// curious reader may. Their libraries come by themselves. What is not here, busybox does.
pub(crate) const PROGRAMS: [(&str, &[&str]); 17] = [
    ("attr", &["getfattr"]),
    ("bash", &["bash"]),
    ("busybox", &["busybox"]),
    (
        "coreutils",
        &[
            "cat", "chroot", "dd", "id", "ls", "mkdir", "mknod", "readlink", "rm", "rmdir", "stat",
            "timeout", "touch", "uname",
        ],
    ),
    ("dash", &["dash"]),
    ("hostname", &["hostname", "domainname"]),
    ("iproute2", &["ip"]),
    ("iputils-ping", &["ping"]),
    ("libc-bin", &["ldd"]),
    ("libcap2-bin", &["capsh", "getpcaps"]),
    ("mount", &["mount", "umount"]),
    ("ncurses-base", &[]),
    ("nftables", &["nft"]),
    ("procps", &["pgrep", "pkill", "ps", "top"]),
    ("seabios", &[]),
    ("strace", &["strace"]),
    (
        "util-linux",
        &[
            "dmesg",
            "findmnt",
            "ipcmk",
            "ipcs",
            "lsns",
            "nsenter",
            "pivot_root",
            "setpriv",
            "setsid",
            "unshare",
        ],
    ),
];

/// Single files, and the packages that they are of.
pub(crate) const FILES: [(&str, &str); 3] = [
    ("libc-bin", "usr/lib/locale/C.utf8/LC_CTYPE"),
    ("ncurses-base", "lib/terminfo/x/xterm-256color"),
    ("ncurses-base", "lib/terminfo/x/xterm"),
];

/// Names that packages' installation would choose.
pub(crate) const LINKS: [(&str, &str); 1] = [("usr/bin/sh", "dash")];

/// What an installation would write.
pub(crate) const SETTINGS: [(&str, &str); 4] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    ("etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ("etc/resolv.conf", "nameserver 127.0.0.1\n"),
];

/// Folders to mount on, and homes.
pub(crate) const FOLDERS: [&str; 12] = [
    "dev",
    "etc",
    "home",
    "mnt",
    "opt/coracle/target/release",
    "proc",
    "root",
    "run",
    "sys",
    "tmp",
    "usr/sbin",
    "var",
];

/// The names of our own program.
pub(crate) const NAMES: [&str; 9] = [
    "coracle",
    "coracle-probe",
    "sol00-process",
    "sol01-chroot-jail",
    "sol02-pid-namespace",
    "sol03-uts-net",
    "sol04-cgroup-limits",
    "sol05-overlay-layers",
    "sol06-image-pull",
];
