//! A file tree as text, a line a path, so that two of them can be compared.

#![allow(unreachable_pub)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use testbed::Host;

/// Every path below a folder, and the folder itself, with all that is to be the same.
pub struct Tree {
    /// Who made it.
    name: &'static str,
    lines: BTreeMap<PathBuf, String>,
    left_out: BTreeSet<PathBuf>,
}

impl Tree {
    /// Reads the tree below `root`, a folder of this host.
    ///
    /// A line has type, mode, owner, size or device number, time of change, content (a hash of it)
    /// or target, the first of all names of the same file, and the extended attributes.
    pub fn read(host: &Host, name: &'static str, root: &str) -> Self {
        let mut attributes = attributes(host, root);
        // What belongs to the host is seen through its PID 1's magic link (proc_pid_root(5)).
        let root = PathBuf::from(format!("/proc/{}/root{root}", host.pid()));
        let mut found = BTreeMap::from([(PathBuf::new(), line(&root))]);
        let mut names = HashMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            let entries =
                fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry"));
            for path in entries.map(|entry| entry.path()) {
                let below = path.strip_prefix(&root).expect("below").to_path_buf();
                let metadata = path.symlink_metadata().expect("metadata");
                if metadata.is_dir() {
                    folders.push(path.clone());
                } else {
                    let file = (metadata.dev(), metadata.ino());
                    names.entry(file).or_insert_with(Vec::new).push(below.clone());
                }
                found.insert(below, line(&path));
            }
        }
        for group in names.values_mut().filter(|group| group.len() > 1) {
            group.sort();
            for path in &*group {
                let line = found.get_mut(path).expect("read above");
                *line += &format!(", same as {:?}", group[0]);
            }
        }
        for (path, line) in &mut found {
            *line += &attributes.remove(path).unwrap_or_default();
        }
        assert!(attributes.is_empty(), "attributes of nothing: {:?}", attributes.keys());
        Self { name, lines: found, left_out: BTreeSet::new() }
    }

    /// Leaves a path out of comparisons.
    pub fn leave_out(&mut self, path: &str) {
        assert!(self.lines.remove(Path::new(path)).is_some(), "{path:?} is not there");
        self.left_out.insert(path.into());
    }

    /// How many paths there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Asserts that another tree is the same.
    #[track_caller]
    pub fn assert_same(&self, other: &Self) {
        let mut differences = String::new();
        let paths: BTreeSet<_> = self.lines.keys().chain(other.lines.keys()).collect();
        for path in paths {
            if self.left_out.contains(path) || other.left_out.contains(path) {
                continue;
            }
            let (mine, others) = (self.lines.get(path), other.lines.get(path));
            if mine != others {
                differences += &format!("{path:?}\n");
                for (tree, line) in [(self, mine), (other, others)] {
                    differences +=
                        &format!("    {:8} {}\n", tree.name, line.map_or("nothing", |line| line));
                }
            }
        }
        assert!(differences.is_empty(), "{} and {} differ:\n{differences}", self.name, other.name);
    }
}

fn line(path: &Path) -> String {
    let metadata = path.symlink_metadata().expect("metadata");
    let kind = metadata.file_type();
    let what = if kind.is_dir() {
        "folder".into()
    } else if kind.is_symlink() {
        format!("link to {:?}", fs::read_link(path).expect("a target"))
    } else if kind.is_file() {
        format!("file of {} bytes, {:016x}", metadata.size(), content(path))
    } else if kind.is_fifo() {
        "fifo".into()
    } else {
        let kind = if kind.is_block_device() { "block device" } else { "character device" };
        format!("{kind} {:#x}", metadata.rdev())
    };
    let (mode, uid, gid) = (metadata.mode(), metadata.uid(), metadata.gid());
    let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
    format!("{what}, {mode:o}, {uid}:{gid}, {seconds}.{nanoseconds:09}")
}

fn content(path: &Path) -> u64 {
    let mut file = fs::File::open(path).expect("readable");
    let mut hasher = DefaultHasher::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).expect("readable");
        if read == 0 {
            return hasher.finish();
        }
        // Byte for byte, however many a read returns.
        hasher.write(&buffer[..read]);
    }
}

/// The extended attributes of every path that has some, by getfattr(1).
fn attributes(host: &Host, root: &str) -> HashMap<PathBuf, String> {
    let mut found = HashMap::new();
    // A block for each file: "# file: NAME", a line an attribute, an empty line. Read as bytes: not
    // all names are UTF-8.
    let script = format!(
        "cd {root} && getfattr --no-dereference --recursive --physical --dump \
                          --encoding=hex --match=- ."
    );
    let output = host.command(testbed::Who::Root, "sh").args(["-c", &script]).output().expect("sh");
    assert!(output.status.success(), "{}", testbed::stderr(&output));
    let mut path = PathBuf::new();
    for line in output.stdout.split(|&byte| byte == b'\n') {
        if let Some(name) = line.strip_prefix(b"# file: ") {
            path = unescaped(name);
        } else if !line.is_empty() {
            let attributes: &mut String = found.entry(path.clone()).or_default();
            *attributes += &format!(", {}", String::from_utf8_lossy(line));
        }
    }
    found
}

/// A name as getfattr writes it: `\` and the ends of lines as three octal digits.
fn unescaped(name: &[u8]) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = name;
    while let [first, after @ ..] = rest {
        rest = after;
        bytes.push(match (first, after) {
            (b'\\', [a, b, c, after @ ..]) => {
                rest = after;
                (a - b'0') * 64 + (b - b'0') * 8 + (c - b'0')
            }
            _ => *first,
        });
    }
    match bytes.as_slice() {
        b"." => PathBuf::new(),
        _ => OsString::from_vec(bytes).into(),
    }
}
