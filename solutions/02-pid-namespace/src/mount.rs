//! What is mounted in the new root.
//!
//! `mount(2)` does one of two things here. It makes a *fresh* file system that lives in the kernel
//! (`proc`, `sysfs`, `tmpfs`, `devpts`), or it *binds* a file or folder that is mounted elsewhere to
//! a second place. Some fresh file systems show the namespaces of the process that mounts them:
//! `proc` its PID namespace, `sysfs` its network. So they are mounted from inside.
//!
//! The list, the flags and the sizes are Docker's (and the runtime specification's, "Default
//! Filesystems").

use std::fmt;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use process::{Attempt, Step, explain};

use crate::inside::{self, Make};
use crate::{sys, texts};

/// One mount in a container's root.
#[derive(Debug, Clone)]
pub struct Mount {
    target: PathBuf,
    what: What,
    step: &'static Step,
    /// What to mount instead where the kernel refuses.
    otherwise: Option<Box<Mount>>,
}

#[derive(Debug, Clone)]
enum What {
    Fresh { kind: &'static str, flags: MsFlags, data: &'static str },
    Bind { source: PathBuf, read_only: bool },
}

const NO_SURPRISES: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

impl Mount {
    /// A fresh file system of the given kind on `target`.
    #[must_use]
    pub fn fresh(kind: &'static str, target: &str, flags: MsFlags, data: &'static str) -> Self {
        let what = What::Fresh { kind, flags, data };
        Self { target: target.into(), what, step: &texts::FRESH, otherwise: None }
    }

    /// The host's file or folder `source`, seen at `target` as well.
    #[must_use]
    pub fn bind(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        let what = What::Bind { source: source.into(), read_only: false };
        Self { target: target.into(), what, step: &texts::BIND, otherwise: None }
    }

    /// The same, but it can't be written to through this mount. (For a bind mount.)
    #[must_use]
    pub fn read_only(mut self) -> Self {
        if let What::Bind { read_only, .. } = &mut self.what {
            *read_only = true;
        }
        self
    }

    /// The path in the container on which it is mounted.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    fn because(mut self, step: &'static Step) -> Self {
        self.step = step;
        self
    }

    fn or(mut self, otherwise: Self) -> Self {
        self.otherwise = Some(Box::new(otherwise));
        self
    }

    /// What every container gets, in this order.
    #[must_use]
    pub fn standard() -> Vec<Self> {
        let device_folder = MsFlags::MS_NOSUID | MsFlags::MS_STRICTATIME;
        let terminals = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        let temporary = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        vec![
            Self::fresh("proc", "/proc", NO_SURPRISES, "").because(&texts::PROC),
            Self::fresh("tmpfs", "/dev", device_folder, "mode=755,size=65536k")
                .because(&texts::DEV),
            // Group 5 is `tty` on every distribution. Where only one group is mapped there is none.
            Self::fresh(
                "devpts",
                "/dev/pts",
                terminals,
                "newinstance,ptmxmode=0666,mode=0620,gid=5",
            )
            .or(Self::fresh("devpts", "/dev/pts", terminals, "newinstance,ptmxmode=0666,mode=0620"))
            .because(&texts::DEVPTS),
            Self::fresh("tmpfs", "/dev/shm", NO_SURPRISES, "mode=1777,size=65536k")
                .because(&texts::SHM),
            // A fresh sysfs is for those who own the network namespace that it shows.
            Self::fresh("sysfs", "/sys", NO_SURPRISES | MsFlags::MS_RDONLY, "")
                .or(Self::bind("/sys", "/sys").read_only())
                .because(&texts::SYSFS),
            Self::fresh("tmpfs", "/tmp", temporary, "mode=1777").because(&texts::TMP),
        ]
    }

    /// Mounts it inside `root`. The target is made if it is not there.
    ///
    /// # Errors
    ///
    /// What the kernel refuses; with an alternative, what it refuses of that. When the target lies
    /// in the container's `/proc`, wherever its name said that it is.
    pub fn make(&self, root: BorrowedFd) -> Result<()> {
        let target = inside::open_or_make(root, &self.target, self.kind_of_target()?)?;
        self.check_target(target.as_fd())?;
        // mount(2) takes a path. This one leads to the place that was found, wherever its names
        // point by now (proc_pid_fd(5)).
        let place = PathBuf::from(format!("/proc/self/fd/{}", target.as_raw_fd()));
        match (self.try_at(&place), &self.otherwise) {
            (Err(errno), Some(otherwise)) if [Errno::EPERM, Errno::EINVAL].contains(&errno) => {
                explain::note(texts::instead(&self.to_string(), errno, &otherwise.to_string()));
                return otherwise.make(root);
            }
            (result, _) => result.step(self.step, self)?,
        }
        match self.what {
            What::Bind { read_only: true, .. } => self.make_read_only(root),
            _ => Ok(()),
        }
    }

    /// Nothing is mounted over `/proc`: what is read there has to be the kernel's own word. A link in
    /// the root can give that place any name, so the place itself is asked.
    fn check_target(&self, target: BorrowedFd) -> Result<()> {
        let path = &self.target;
        let found = fstatfs(target).tried(&texts::INSIDE, format_args!("fstatfs({path:?})"))?;
        let is_proc = matches!(self.what, What::Fresh { kind: "proc", .. });
        ensure!(is_proc || found.filesystem_type() != PROC_SUPER_MAGIC, texts::over_proc(path));
        Ok(())
    }

    fn try_at(&self, place: &Path) -> nix::Result<()> {
        let none = None::<&str>;
        match &self.what {
            What::Fresh { kind, flags, data } => {
                mount(Some(*kind), place, Some(*kind), *flags, Some(*data))
            }
            What::Bind { source, .. } => {
                mount(Some(source), place, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)
            }
        }
    }

    /// A bind mount can be made read-only only once it is there.
    fn make_read_only(&self, root: BorrowedFd) -> Result<()> {
        let target = &self.target;
        // The target that was opened before is below the new mount; the path leads to its top.
        let mounted = inside::open(root, target)
            .tried(&texts::INSIDE, format_args!("openat2({target:?}, O_PATH, RESOLVE_IN_ROOT)"))?;
        sys::make_read_only(mounted.as_fd()).step(
            &texts::READ_ONLY,
            format_args!("mount_setattr({target:?}, AT_RECURSIVE, MOUNT_ATTR_RDONLY)"),
        )
    }

    fn kind_of_target(&self) -> Result<Make> {
        let What::Bind { source, .. } = &self.what else { return Ok(Make::Folder) };
        let found = fs::metadata(source).tried(self.step, format_args!("stat({source:?})"))?;
        Ok(if found.is_dir() { Make::Folder } else { Make::File })
    }
}

impl fmt::Display for Mount {
    /// The call, with the target as the container will see it.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let target = &self.target;
        match &self.what {
            What::Fresh { kind, flags, data } => {
                write!(f, "mount({kind:?}, {target:?}, {kind:?}, {}, {data:?})", names(*flags))
            }
            What::Bind { source, .. } => {
                write!(f, "mount({source:?}, {target:?}, NULL, MS_BIND|MS_REC)")
            }
        }
    }
}

fn names(flags: MsFlags) -> String {
    flags.iter_names().map(|(name, _)| name).collect::<Vec<_>>().join("|")
}
