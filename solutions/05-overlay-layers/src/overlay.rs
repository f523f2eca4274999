//! Folders on top of each other: overlayfs.
//!
//! `overlay` is a file system whose files are in other folders (`mount(8)`, "Mount options for
//! overlay"; kernel documentation, `filesystems/overlayfs.rst`). Looking up a name, it takes the
//! first that it finds, from the top down. The lower folders are only read. Whatever is written goes
//! to the upper one; a file that is there only in a lower one is first copied up, all of it, even if
//! one byte changes. So any number of containers share one copy of an image, and each sees only its
//! own changes.
//!
//! ```text
//!   merged   /bin/sh   /etc/hosts   /etc/motd            what the container sees
//!               │          │            │
//!   upper       │      /etc/hosts       │     (/news gone)  its own; what is gone is marked
//!   layer 2     │                   /etc/motd  /news      shared
//!   layer 1  /bin/sh   /etc/hosts                         shared
//! ```
//!
//! The mount is made with the API of Linux 5.2, which builds it step by step (`fsopen(2)`,
//! `fsconfig(2)`, `fsmount(2)`, `move_mount(2)`). With `mount(2)` all options are one text, in which
//! `:` and `,` have a meaning and which ends at 4095 bytes, after about a hundred layers.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail, ensure};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;
use nix::unistd::chdir;
use pid_namespace::{Root, Tree};
use process::{Attempt, Mechanism, explain, kernel};
use uts_net::RunFolder;

use crate::{Writable, flatten, sys, texts, whiteout};

/// The longest text that `fsconfig(2)` takes, in bytes.
const LONGEST: usize = 255;

/// Some distributions let overlayfs note only that a folder was renamed, or copy up a file without
/// its content. Such an upper folder says nothing without the layers below: it is no layer itself.
const COMPLETE: [(&CStr, &CStr); 2] = [(c"redirect_dir", c"nofollow"), (c"metacopy", c"off")];

/// Layers, and what the container writes on top of them.
#[derive(Debug)]
pub struct Overlay {
    layers: Vec<PathBuf>,
    writable: Writable,
    /// What was made in the upper folder only to be mounted on.
    mount_points: Vec<PathBuf>,
}

impl Overlay {
    /// These layers, the bottom one first. What the container writes goes to `upper`, which then
    /// stays, or to a folder of this run's own.
    ///
    /// # Errors
    ///
    /// When a layer is not a folder, or there is none.
    pub fn new(run: &RunFolder, layers: &[PathBuf], upper: Option<PathBuf>) -> Result<Self> {
        ensure!(!layers.is_empty(), texts::NO_LAYERS);
        let layers = layers.iter().map(|layer| checked(layer)).collect::<Result<_>>()?;
        let writable = Writable::new(run.id(), upper)?;
        Ok(Self { layers, writable, mount_points: Vec::new() })
    }

    /// What `root` makes in this tree only in order to mount something on it does not count as a
    /// change.
    #[must_use]
    pub fn without_mount_points(mut self, root: &Root) -> Self {
        self.mount_points = root.mount_points().map(Into::into).collect();
        self
    }

    /// The folders that it writes to.
    #[must_use]
    pub fn writable(&self) -> &Writable {
        &self.writable
    }

    /// The file tree, for [`Root::of`].
    #[must_use]
    pub fn tree(&self) -> impl Tree + use<> {
        Layers {
            lower: self.layers.clone(),
            upper: self.writable.upper(),
            work: self.writable.work(),
            merged: self.writable.merged(),
            kept: self.writable.is_kept(),
        }
    }
}

fn checked(layer: &Path) -> Result<PathBuf> {
    let found = layer.canonicalize();
    let found = found.tried(&texts::LAYER, format_args!("realpath({layer:?})"))?;
    let metadata = fs::metadata(&found).tried(&texts::LAYER, format_args!("stat({found:?})"))?;
    ensure!(metadata.is_dir(), texts::no_folder(layer));
    Ok(found)
}

impl Mechanism for Overlay {
    fn prepare(&mut self) -> Result<()> {
        explain::call(&texts::WRITABLE, format_args!("mkdir({:?})", self.writable.upper()));
        self.writable.make(&self.layers)
    }

    fn release(&mut self) -> Result<()> {
        self.writable.forget(&self.mount_points, &self.layers);
        self.writable.remove()
    }
}

#[derive(Debug)]
struct Layers {
    /// The bottom one first.
    lower: Vec<PathBuf>,
    upper: PathBuf,
    work: PathBuf,
    merged: PathBuf,
    /// Whether the upper folder outlives the run.
    kept: bool,
}

impl Tree for Layers {
    fn mount(&self) -> Result<OwnedFd> {
        let why = match self.mount_overlay() {
            Ok(()) => return top_of(&self.merged),
            Err(why) => why,
        };
        if self.kept {
            return Err(why.context(texts::unsuitable_upper(&self.upper)));
        }
        explain::say(texts::copying(&why));
        flatten::flatten(&self.lower, &self.upper)?;
        let (from, to) = (&self.upper, &self.merged);
        mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>)
            .step(&texts::COPY, format_args!("mount({from:?}, {to:?}, NULL, MS_BIND)"))?;
        top_of(&self.merged)
    }
}

fn top_of(merged: &Path) -> Result<OwnedFd> {
    open(merged, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
        .tried(&texts::OVERLAY, format_args!("open({merged:?})"))
}

impl Layers {
    fn mount_overlay(&self) -> Result<()> {
        self.probe_attributes()?;
        let context = match sys::fsopen(c"overlay") {
            // EPERM is a filter's answer.
            Err(Errno::ENOSYS | Errno::EPERM) => {
                kernel::MOUNT_API.tell_missing();
                return self.mount_by_one_text();
            }
            opened => opened.step(&texts::OVERLAY, "fsopen(\"overlay\", FSOPEN_CLOEXEC)")?,
        };
        match takes_layers_one_by_one(&context) {
            true => self.mount_layer_by_layer(),
            false => {
                kernel::LAYER_BY_LAYER.tell_missing();
                self.mount_by_one_text()
            }
        }
    }

    fn mount_layer_by_layer(&self) -> Result<()> {
        let said = |context: &OwnedFd, error: anyhow::Error| match sys::message(context.as_fd()) {
            Some(message) => anyhow!(texts::kernel_says(&error, &message)),
            None => error,
        };
        let context = sys::fsopen(c"overlay").tried(&texts::OVERLAY, "fsopen(\"overlay\")")?;
        // A long path is opened, and named by its descriptor: those have to stay open.
        let mut opened = Vec::new();
        let mut short = |path: &Path| -> Result<CString> {
            let (name, file) = self.short(path)?;
            opened.extend(file);
            Ok(name)
        };
        let set = |key, value: &CString| {
            let call = format!("fsconfig(FSCONFIG_SET_STRING, {key:?}, {value:?})");
            sys::set(context.as_fd(), key, value)
                .step(&texts::OVERLAY, call)
                .map_err(|error| said(&context, error))
        };
        for (key, value) in COMPLETE {
            set(key, &value.into())?;
        }
        // The one text does without: Linux before 5.10 would refuse it.
        if !self.kept {
            sys::set_flag(context.as_fd(), c"volatile")
                .step(&texts::VOLATILE, "fsconfig(FSCONFIG_SET_FLAG, \"volatile\")")?;
        }
        // ANCHOR: mount
        // EXERCISE mount: put the layers on top of each other
        //   `set(c"KEY", &short(PATH)?)?` hands over one option. Overlayfs wants its lower folders
        //   from the top down, each as "lowerdir+"; `self.lower` begins with the bottom one. Then
        //   "upperdir" (`self.upper`) and "workdir" (`self.work`). If
        //   `whiteout::by_user_attributes()`, the flag "userxattr" as well:
        //   `sys::set_flag(context.as_fd(), c"userxattr")`, and behind it
        //   `.step(&texts::USER_ATTRIBUTES, "fsconfig(FSCONFIG_SET_FLAG, \"userxattr\")")?`.
        //   `self.place(&context)` makes the file system and gives it its place: the last line is
        //   `self.place(&context).map_err(|error| said(&context, error))`.
        for layer in self.lower.iter().rev() {
            set(c"lowerdir+", &short(layer)?)?;
        }
        set(c"upperdir", &short(&self.upper)?)?;
        set(c"workdir", &short(&self.work)?)?;
        if whiteout::by_user_attributes() {
            sys::set_flag(context.as_fd(), c"userxattr")
                .step(&texts::USER_ATTRIBUTES, "fsconfig(FSCONFIG_SET_FLAG, \"userxattr\")")?;
        }
        self.place(&context).map_err(|error| said(&context, error))
        // ANCHOR_END: mount
    }

    /// Makes the file system that was described, and mounts it on `merged`.
    fn place(&self, context: &OwnedFd) -> Result<()> {
        let merged = &self.merged;
        sys::create(context.as_fd()).step(&texts::OVERLAY, "fsconfig(FSCONFIG_CMD_CREATE)")?;
        let mount =
            sys::fsmount(context.as_fd()).step(&texts::OVERLAY, "fsmount(FSMOUNT_CLOEXEC)")?;
        sys::move_mount(mount.as_fd(), &text(merged)?)
            .step(&texts::OVERLAY, format_args!("move_mount(the mount, {merged:?})"))
    }

    /// The same with `mount(2)`, whose options are one text of at most 4095 bytes. So each folder is
    /// opened and named by its descriptor, a number, in the folder of all descriptors: that is short
    /// enough for all layers that overlayfs takes, and has neither `:` nor `,`.
    fn mount_by_one_text(&self) -> Result<()> {
        let folders = self.lower.iter().rev().chain([&self.upper, &self.work]);
        let opened = folders.map(|folder| open_path(folder)).collect::<Result<Vec<_>>>()?;
        let numbers: Vec<String> = opened.iter().map(|fd| fd.as_raw_fd().to_string()).collect();
        let [lower @ .., upper, work] = &numbers[..] else { bail!(texts::NO_LAYERS) };
        let lower = lower.join(":");
        let mut options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
        for (key, value) in COMPLETE {
            options.push_str(&format!(",{}={}", key.to_string_lossy(), value.to_string_lossy()));
        }
        if whiteout::by_user_attributes() {
            options.push_str(",userxattr");
        }
        let merged = &self.merged;
        chdir("/proc/self/fd").step(&texts::ONE_TEXT, "chdir(\"/proc/self/fd\")")?;
        mount(Some("overlay"), merged, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
            .step(
                &texts::OVERLAY,
                format_args!("mount(\"overlay\", {merged:?}, \"overlay\", 0, {options:?})"),
            )
    }

    /// Overlayfs mounts an upper folder that can't hold its attributes all the same, and fails
    /// later, when a folder is removed.
    fn probe_attributes(&self) -> Result<()> {
        let work = &self.work;
        let folder = File::open(work).tried(&texts::OVERLAY, format_args!("open({work:?})"))?;
        whiteout::make_opaque(folder.as_fd())
            .tried(&texts::ATTRIBUTES, format_args!("fsetxattr({work:?}, \"overlay.opaque\")"))
    }

    /// A path as `fsconfig(2)` takes it: itself, or its descriptor's, which has to stay open.
    fn short(&self, path: &Path) -> Result<(CString, Option<OwnedFd>)> {
        if path.as_os_str().len() <= LONGEST {
            return Ok((text(path)?, None));
        }
        let file = open_path(path)?;
        let name = format!("/proc/self/fd/{}", file.as_raw_fd());
        Ok((text(Path::new(&name))?, Some(file)))
    }
}

/// Whether overlayfs has an option for a single layer ([`kernel::LAYER_BY_LAYER`]). It then looks for
/// the layer at once, and misses this one. Linux 6.5 does not know the option (EINVAL); before that
/// every option is taken, and refused only when the file system is made.
#[must_use]
pub fn takes_layers_one_by_one(context: &OwnedFd) -> bool {
    sys::set(context.as_fd(), c"lowerdir+", c"/proc/self/fd/none") == Err(Errno::ENOENT)
}

fn open_path(path: &Path) -> Result<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
        .tried(&texts::LAYER, format_args!("open({path:?}, O_PATH)"))
}

fn text(path: &Path) -> Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}
