//! What a file has beside its content: owner, mode, extended attributes, time.
//!
//! They are set in this order, since the kernel takes something away at each step: `chown(2)` the
//! set-user-ID bit and the capabilities, `fsetxattr(2)` of an access list changes the mode, and
//! everything changes the time. The umask has no say, as `chmod(2)` does not ask it.
//!
//! An ordinary user in a namespace of his own has one number to give, his own (chapter 07): what
//! belongs to somebody else in the image belongs to him. Attributes that are for the host's root,
//! and those that the file system has no place for, are left out. Links, devices and pipes get none
//! at all: the kernel allows them no `user.` ones, and no image is known that has others.

use std::cell::Cell;
use std::ffi::{CString, OsStr};
use std::fmt::Display;
use std::os::fd::{AsFd, BorrowedFd};

use anyhow::Result;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::libc::{mode_t, time_t};
use nix::sys::stat::{FchmodatFlags, Mode, UtimensatFlags, fchmod, fchmodat, futimens, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, fchownat, getegid, geteuid};
use overlay_layers::sys;
use process::{Attempt, explain};

use crate::texts::unpack as texts;

/// What an archive says of a file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// The permission bits, set-user-ID and the like included.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// When it was changed: seconds since 1970, and nanoseconds.
    pub time: (i64, u32),
    /// Extended attributes (`xattr(7)`).
    pub extended: Vec<(CString, Vec<u8>)>,
}

/// Sets attributes, as far as this process may.
#[derive(Debug)]
pub struct Setter {
    /// Whose a new file is anyway.
    uid: u32,
    gid: u32,
    is_hosts_root: bool,
    /// Whether it has been told that something was left out: once is enough.
    told: Cell<bool>,
}

impl Setter {
    /// For what this process may set.
    #[must_use]
    pub fn new() -> Self {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        Self { uid, gid, is_hosts_root: sys::is_hosts_root(), told: Cell::new(false) }
    }

    /// Whether this is the host's root, who may make and set everything.
    #[must_use]
    pub fn is_hosts_root(&self) -> bool {
        self.is_hosts_root
    }

    /// Sets the attributes of an open file or folder.
    ///
    /// # Errors
    ///
    /// What the kernel refuses, and is not refused to ordinary users in general.
    pub fn set(&self, file: impl AsFd, attributes: &Attributes) -> Result<()> {
        let (file, Attributes { mode, uid, gid, .. }) = (file.as_fd(), attributes);
        if (*uid, *gid) != (self.uid, self.gid) {
            let given = fchown(file, Some(Uid::from_raw(*uid)), Some(Gid::from_raw(*gid)));
            self.unless_unmapped(given, format_args!("fchown({uid}, {gid})"))?;
        }
        for (name, value) in &attributes.extended {
            match sys::set_attribute(file, name, value) {
                Err(Errno::EPERM) if !self.is_hosts_root => self.tell(texts::ATTRIBUTES_LEFT_OUT),
                Err(Errno::EOPNOTSUPP) => self.tell(texts::ATTRIBUTES_LEFT_OUT),
                set => set.tried(&texts::ATTRIBUTE, format_args!("fsetxattr({name:?})"))?,
            }
        }
        fchmod(file, bits(*mode)).tried(&texts::ENTRY, format_args!("fchmod({mode:o})"))?;
        let time = time(attributes);
        futimens(file, &time, &time).tried(&texts::ENTRY, "futimens()")
    }

    /// Makes a folder of which nothing is known an ordinary one.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn set_plain(&self, folder: impl AsFd) -> Result<()> {
        let owner = (Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)));
        let given = fchown(folder.as_fd(), owner.0, owner.1);
        given.tried(&texts::ENTRY, format_args!("fchown({}, {})", self.uid, self.gid))?;
        fchmod(folder, bits(0o755)).tried(&texts::ENTRY, "fchmod(755)")
    }

    /// As [`set`](Self::set) for what can't be opened, or had better not: a link, a device, a pipe.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn set_at(&self, parent: BorrowedFd, name: &OsStr, attributes: &Attributes) -> Result<()> {
        let Attributes { mode, uid, gid, .. } = attributes;
        if (*uid, *gid) != (self.uid, self.gid) {
            let (owner, group) = (Some(Uid::from_raw(*uid)), Some(Gid::from_raw(*gid)));
            let given = fchownat(parent, name, owner, group, AtFlags::AT_SYMLINK_NOFOLLOW);
            self.unless_unmapped(given, format_args!("fchownat({uid}, {gid})"))?;
        }
        match fchmodat(parent, name, bits(*mode), FchmodatFlags::NoFollowSymlink) {
            // A link has no mode.
            Err(Errno::EOPNOTSUPP) => {}
            set => set.tried(&texts::ENTRY, format_args!("fchmodat({mode:o})"))?,
        }
        let time = time(attributes);
        utimensat(parent, name, &time, &time, UtimensatFlags::NoFollowSymlink)
            .tried(&texts::ENTRY, "utimensat()")
    }

    /// EINVAL: the namespace has no such number. EPERM: it is not ours to give away.
    fn unless_unmapped(&self, given: nix::Result<()>, call: impl Display) -> Result<()> {
        match given {
            Err(Errno::EPERM | Errno::EINVAL) if !self.is_hosts_root => {
                self.tell(texts::OWNERS_LEFT_OUT);
                Ok(())
            }
            given => given.tried(&texts::ENTRY, call),
        }
    }

    fn tell(&self, what: &str) {
        if !self.told.replace(true) {
            explain::note(what);
        }
    }
}

impl Default for Setter {
    fn default() -> Self {
        Self::new()
    }
}

fn bits(mode: u32) -> Mode {
    Mode::from_bits_truncate(mode as mode_t)
}

/// What the file system can't hold the kernel takes for the nearest that it can.
fn time(attributes: &Attributes) -> TimeSpec {
    let (seconds, nanos) = attributes.time;
    let nearest = if seconds < 0 { time_t::MIN } else { time_t::MAX };
    TimeSpec::new(time_t::try_from(seconds).unwrap_or(nearest), nanos as _)
}
