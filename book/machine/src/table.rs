//! What the machine has of Debian's programs.

/// The release that they are from: the last one for 32 bits, and the one of the book's recordings.
pub(crate) const SUITE: &str = "bookworm";

/// Packages, and the programs that are taken of each: what the book's sessions type, and what a
/// curious reader may. Their libraries come by themselves. What is not here, busybox does.
pub(crate) const PROGRAMS: [(&str, &[&str]); 25] = [
    ("attr", &["getfattr", "setfattr"]),
    ("bash", &["bash"]),
    ("busybox-static", &["busybox"]),
    (
        "coreutils",
        &[
            "basename",
            "cat",
            "chmod",
            "chown",
            "chroot",
            "cp",
            "cut",
            "date",
            "dd",
            "df",
            "dirname",
            "du",
            "env",
            "head",
            "id",
            "ln",
            "ls",
            "mkdir",
            "mknod",
            "mv",
            "nproc",
            "paste",
            "printf",
            "readlink",
            "rm",
            "rmdir",
            "seq",
            "sha256sum",
            "sleep",
            "sort",
            "stat",
            "sync",
            "tail",
            "tee",
            "timeout",
            "touch",
            "tr",
            "true",
            "uname",
            "uniq",
            "wc",
        ],
    ),
    ("dash", &["dash"]),
    ("diffutils", &["diff"]),
    ("findutils", &["find", "xargs"]),
    ("grep", &["grep"]),
    ("gzip", &["gzip", "gunzip"]),
    ("hostname", &["hostname", "domainname"]),
    ("iproute2", &["ip", "ss"]),
    ("iputils-ping", &["ping"]),
    ("jq", &["jq"]),
    ("less", &["less"]),
    ("libc-bin", &["getent", "ldd"]),
    ("libcap2-bin", &["capsh", "getpcaps", "getcap", "setcap"]),
    ("mount", &["mount", "umount"]),
    ("ncurses-base", &[]),
    ("nftables", &["nft"]),
    ("procps", &["free", "kill", "pgrep", "pkill", "ps", "sysctl", "top", "uptime"]),
    ("seabios", &[]),
    ("sed", &["sed"]),
    ("strace", &["strace"]),
    ("tar", &["tar"]),
    (
        "util-linux",
        &[
            "dmesg",
            "findmnt",
            "ipcmk",
            "ipcrm",
            "ipcs",
            "lsblk",
            "lsns",
            "mountpoint",
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
pub(crate) const LINKS: [(&str, &str); 2] = [("usr/bin/sh", "dash"), ("usr/bin/pager", "less")];

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
