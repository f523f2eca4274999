//! What is mounted where, as one process sees it: `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`).
//!
//! ```text
//! 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//! │  │  │    │     │     │          │          │    │         super options
//! │  │  │    │     │     │          │          │    source
//! │  │  │    │     │     │          │          kind of file system
//! │  │  │    │     │     │          propagation: none, one or several words
//! │  │  │    │     │     options of this mount
//! │  │  │    │     where, below the process's root
//! │  │  │    which folder of the file system
//! │  │  device
//! │  the mount below it
//! its number
//! ```
//!
//! Blanks, line ends and backslashes in names are written as `\040`. What lies outside of the
//! process's root is not listed at all.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;
use serde::Serialize;

use super::proc::Proc;
use super::text;

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Its number, on the whole machine, while it lasts.
    pub id: u64,
    /// The number of the mount that it is mounted on. (For a process's root: one that it can't see.)
    pub parent: u64,
    /// The device of its files, as `stat(2)` says it, in two numbers.
    pub device: Device,
    /// Which folder of the file system is seen here.
    #[serde(serialize_with = "text::path")]
    pub root: PathBuf,
    /// Where, as the process itself names it.
    #[serde(serialize_with = "text::path")]
    pub target: PathBuf,
    /// This mount's own: `ro`, `nosuid`, …
    pub options: Vec<String>,
    /// Who hears of what is mounted below it.
    pub propagation: Propagation,
    /// `ext4`, `overlay`, `proc`, …
    pub fs_type: String,
    /// What the file system was made from: a device, or any word.
    #[serde(serialize_with = "text::name")]
    pub source: OsString,
    /// Those of the file system, which all its mounts share: `lowerdir=…`.
    pub super_options: Vec<String>,
}

/// A device's two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Device {
    /// Which driver; 0 for a file system without a device.
    pub major: u32,
    /// Which of the driver's.
    pub minor: u32,
}

/// How mounts below one are passed on (`mount_namespaces(7)`). Nothing of all this: private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Propagation {
    /// Its peers, in any namespace, have the same number: what is mounted below one of them is
    /// mounted below all.
    pub shared: Option<u64>,
    /// It receives what is mounted below the peers with this number, and passes nothing back.
    pub master: Option<u64>,
    /// The nearest master below the process's root, when that is another one.
    pub propagate_from: Option<u64>,
    /// It can't be bound elsewhere.
    pub unbindable: bool,
}

impl Mount {
    /// Whether it has this option: `ro`, `nosuid`, …
    #[must_use]
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|other| other == option)
    }

    /// The value of an option of its file system: `lowerdir`, `upperdir`, `size`, … with its octal
    /// escapes taken away.
    #[must_use]
    pub fn super_option(&self, name: &str) -> Option<OsString> {
        let mut values = self
            .super_options
            .iter()
            .filter_map(|option| option.strip_prefix(name)?.strip_prefix('='));
        values.next().map(|value| unescape(value.as_bytes()))
    }

    pub(super) fn all(process: &Proc) -> Result<Vec<Self>> {
        Ok(parse(&process.read("mountinfo")?))
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let mut words = line.split(|byte| *byte == b' ');
        let mut next = || words.next();
        let (id, parent, device) = (number(next()?)?, number(next()?)?, next()?);
        let (root, target, options) = (next()?, next()?, next()?);
        let mut propagation = Propagation::default();
        loop {
            match next()? {
                b"-" => break,
                word => propagation.add(&String::from_utf8_lossy(word)),
            }
        }
        let (fs_type, source) = (next()?, next()?);
        // A very old kernel may leave out the last one.
        let super_options = next().unwrap_or_default();
        Some(Self {
            id,
            parent,
            device: Device::parse(device)?,
            root: unescape(root).into(),
            target: unescape(target).into(),
            options: list(options),
            propagation,
            fs_type: unescape(fs_type).to_string_lossy().into_owned(),
            source: unescape(source),
            super_options: list(super_options),
        })
    }
}

/// The mounts that a `/proc/PID/mountinfo` lists.
#[must_use]
pub fn parse(mountinfo: &[u8]) -> Vec<Mount> {
    mountinfo.split(|byte| *byte == b'\n').filter_map(Mount::parse).collect()
}

impl Propagation {
    fn add(&mut self, word: &str) {
        let (name, group) = word.split_once(':').unwrap_or((word, ""));
        let group = group.parse().ok();
        match name {
            "shared" => self.shared = group,
            "master" => self.master = group,
            "propagate_from" => self.propagate_from = group,
            "unbindable" => self.unbindable = true,
            // "There may be new ones" (proc_pid_mountinfo(5)).
            _ => {}
        }
    }

    /// Whether nothing goes out from here and nothing comes in.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.shared.is_none() && self.master.is_none()
    }
}

impl Device {
    fn parse(word: &[u8]) -> Option<Self> {
        let colon = word.iter().position(|byte| *byte == b':')?;
        Some(Self { major: number(&word[..colon])?, minor: number(&word[colon + 1..])? })
    }
}

fn number<T: FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn list(word: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(word);
    text.split(',').filter(|option| !option.is_empty()).map(String::from).collect()
}

/// The kernel writes some bytes as a backslash and three octal digits.
pub(super) fn unescape(word: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [first, others @ ..] = rest {
        rest = match others {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', others @ ..] if *first == b'\\' => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                others
            }
            _ => {
                bytes.push(*first);
                others
            }
        };
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "36 35 98:0 /a\\040b /c\\011\\012\\134\\043 rw,noatime shared:7 master:1 \
        propagate_from:2 unbindable new:3 - fuse.x\\040y a\\040b rw,lowerdir=/p\\054q:/r";

    #[test]
    fn a_line_is_read_as_the_man_page_says() {
        let mount = Mount::parse(LINE.as_bytes()).expect("understood");
        assert_eq!((mount.id, mount.parent), (36, 35));
        assert_eq!(mount.device, Device { major: 98, minor: 0 });
        assert_eq!(mount.root, PathBuf::from("/a b"));
        assert_eq!(mount.target, PathBuf::from("/c\t\n\\#"));
        let propagation = Propagation {
            shared: Some(7),
            master: Some(1),
            propagate_from: Some(2),
            unbindable: true,
        };
        assert_eq!(mount.propagation, propagation);
        assert_eq!((mount.fs_type.as_str(), mount.source.to_str()), ("fuse.x y", Some("a b")));
        assert!(mount.has("noatime") && !mount.has("ro"));
        assert_eq!(mount.super_option("lowerdir"), Some("/p,q:/r".into()));
        assert_eq!(mount.super_option("lower"), None);
    }

    #[test]
    fn empty_words_are_words() {
        // A source of "" is nothing between two blanks.
        let mount = Mount::parse(b"1 2 0:5 / /x rw - tmpfs  rw,size=1k").expect("understood");
        assert_eq!((mount.source, mount.super_options.len()), (OsString::new(), 2));
        assert_eq!(mount.propagation, Propagation::default());
    }

    #[test]
    fn any_beginning_of_it_and_any_byte_in_it_are_harmless() {
        for end in 0..LINE.len() {
            let _ = Mount::parse(&LINE.as_bytes()[..end]);
        }
        for place in 0..LINE.len() {
            for byte in [0, b' ', b'\\', b'\n', b'-', b':', 0xff] {
                let mut bytes = LINE.as_bytes().to_vec();
                bytes[place] = byte;
                let _ = parse(&bytes);
            }
        }
    }

    #[test]
    fn what_the_kernel_escapes_comes_back() {
        let mut state = 1_u64;
        for _ in 0..2000 {
            let mut name = Vec::new();
            for _ in 0..12 {
                // A random number generator of one line (Knuth's), so that every run is the same.
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                name.push(b" \t\n\\#0127/ax\xff"[(state >> 33) as usize % 13]);
            }
            let escape = |byte: &u8| match byte {
                b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{byte:03o}").into_bytes(),
                byte => vec![*byte],
            };
            let written: Vec<u8> = name.iter().flat_map(escape).collect();
            assert_eq!(unescape(&written), OsString::from_vec(name));
        }
        assert_eq!(unescape(b"\\"), OsString::from("\\"));
        assert_eq!(unescape(b"\\04"), OsString::from("\\04"));
        assert_eq!(unescape(b"\\777"), OsString::from("\\777"));
    }
}
