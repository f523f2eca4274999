//! When to look again: `inotify(7)`, or a look every half second where that tells nothing.
//!
//! inotify says that *something* happened in a folder. What it was does not matter here: whoever is
//! told compares the files with those of the last check. So the ways in which editors save (write in
//! place, truncate and write, write another file and rename it) need no special treatment.
//!
//! inotify sees what goes through this kernel. On a shared folder of a virtual machine, on `/mnt/c`
//! of WSL 2 (9p), on NFS and its kind others write behind this kernel's back: these are polled. So is
//! everything where the user's inotify instances or watches are used up.
//!
//! Not the crate `notify`: it would add seven crates and a thread for what are two system calls here,
//! next to the signals and the keys in one `poll(2)`.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::statfs::statfs;

/// How long two looks are apart where there are no events.
pub(super) const PERIOD: Duration = Duration::from_millis(500);

/// File systems that others may write to unseen (`statfs(2)`; `linux/magic.h` and their drivers).
const UNSEEN: [(u32, &str); 12] = [
    (0x0102_1997, "9p"),
    (0x6969, "nfs"),
    (0x517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x6573_5546, "fuse"),
    (0x786f_4256, "vboxsf"),
    (0xbacb_acbc, "vmhgfs"),
    (0x7c7c_6673, "prl_fs"),
    (0x5346_414f, "afs"),
    (0x00c3_6400, "ceph"),
    (0x7375_7245, "coda"),
];

/// What tells of changes below a folder.
pub(super) struct Changes {
    folder: PathBuf,
    inotify: Option<Inotify>,
    /// Why it is polled.
    pub(super) polled: Option<Polled>,
}

/// Why a folder is polled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Polled {
    /// It is on such a file system.
    Unseen(&'static str),
    /// inotify refused.
    Refused(Errno),
}

impl Changes {
    /// Begins to watch `folder` and all below it.
    pub(super) fn new(folder: &Path) -> Self {
        let mut changes = Self { folder: folder.into(), inotify: None, polled: None };
        if let Some(name) = unseen(folder) {
            changes.polled = Some(Polled::Unseen(name));
            return changes;
        }
        match Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK) {
            Ok(inotify) => {
                changes.inotify = Some(inotify);
                changes.follow();
            }
            Err(errno) => changes.poll(errno),
        }
        changes
    }

    /// Watches folders that are new.
    fn follow(&mut self) {
        let Some(inotify) = &self.inotify else { return };
        let events = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_ONLYDIR;
        for folder in folders(&self.folder) {
            match inotify.add_watch(&folder, events) {
                // It has gone meanwhile: its parent will tell.
                Ok(_) | Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(errno) => return self.poll(errno),
            }
        }
    }

    fn poll(&mut self, errno: Errno) {
        self.inotify = None;
        self.polled = Some(Polled::Refused(errno));
    }

    /// What becomes readable when something has happened; `None` where it is polled.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Takes the events off. Each of them has one meaning: look.
    pub(super) fn take(&mut self) {
        if let Some(inotify) = &self.inotify {
            while inotify.read_events().is_ok_and(|events| !events.is_empty()) {}
        }
        self.follow();
    }
}

fn unseen(folder: &Path) -> Option<&'static str> {
    let found = statfs(folder).ok()?.filesystem_type().0;
    UNSEEN.iter().find(|(magic, _)| *magic == found as u32).map(|(_, name)| *name)
}

/// A folder and those below it. Where one can't be read there is nothing that could be watched.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_path_buf()];
    let mut at = 0;
    while at < found.len() {
        let entries = fs::read_dir(&found[at]).into_iter().flatten().flatten();
        // Of the entry itself: no link is followed.
        found.extend(entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()));
        at += 1;
    }
    found
}
