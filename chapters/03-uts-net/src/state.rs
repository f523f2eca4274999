//! What a run notes down on the host, and how the next one finds out that it was killed.
//!
//! A container leaves traces outside of itself: files, an interface, firewall rules. `release`
//! takes them away, but nothing is run for a process that gets SIGKILL. So each run *locks* a file
//! for as long as it lives (`fcntl_locking(2)`). The kernel drops the lock when the process ends,
//! however it ends. Whoever can lock another run's file knows that its owner is gone, and clears up
//! behind it. No process has to stay behind to watch.
//!
//! Of Linux's kinds of lock this is the one that belongs to a *process*. `flock(2)`'s belongs to an
//! open file, which `clone` copies: a half-made container would hold its killed runtime's lock. The
//! price: closing any descriptor of a locked file drops the lock, so a process opens each of these
//! files once, and one process holds one container.
//!
//! ```text
//! /run/coracle/              root's; else $XDG_RUNTIME_DIR/coracle, else /tmp/coracle-UID
//!     lock                   held for the moments in which something here changes
//!     runs/ID/               one run: its lock, and the files of the module `files`
//!     net-NUMBER/            one network namespace: which addresses are taken (module `pool`)
//!     cgroups/ID             a run's cgroups (chapter 04)
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::unistd::{AccessFlags, access, geteuid};
use process::{Attempt, Mechanism, explain, rootless};

use crate::texts;

/// A file that is locked as long as this value lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Locks the file, which is made if it is missing; `None` when another process holds it.
    ///
    /// # Errors
    ///
    /// What `open(2)` refuses.
    pub fn try_take(path: &Path) -> Result<Option<Self>> {
        let file = open(path).tried(&texts::STATE, format_args!("open({path:?})"))?;
        match fcntl(&file, FcntlArg::F_SETLK(&whole_file())) {
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
            locked => {
                locked.tried(&texts::STATE, format_args!("fcntl({path:?}, F_SETLK)"))?;
                Ok(Some(Self { file, path: path.into() }))
            }
        }
    }

    /// Locks the file, waiting for whoever holds it.
    fn wait(file: File, path: &Path) -> Result<Self> {
        loop {
            match fcntl(&file, FcntlArg::F_SETLKW(&whole_file())) {
                Err(Errno::EINTR) => {}
                locked => {
                    locked.tried(&texts::STATE, format_args!("fcntl({path:?}, F_SETLKW)"))?;
                    return Ok(Self { file, path: path.into() });
                }
            }
        }
    }

    /// What the file says. (Whoever opened it a second time for this would lose the lock.)
    ///
    /// # Errors
    ///
    /// What `read(2)` refuses.
    pub fn read(&mut self) -> Result<String> {
        let mut text = String::new();
        self.file
            .read_to_string(&mut text)
            .tried(&texts::STATE, format_args!("read({:?})", self.path))?;
        Ok(text)
    }

    /// Writes into the file, which was empty when it was locked.
    ///
    /// # Errors
    ///
    /// What `write(2)` refuses.
    pub fn write(&mut self, text: &str) -> Result<()> {
        self.file
            .write_all(text.as_bytes())
            .tried(&texts::STATE, format_args!("write({:?})", self.path))
    }

    /// What a file says that another process holds; `None` when nobody does.
    ///
    /// # Errors
    ///
    /// What `open(2)` refuses, but for a file that is not there.
    pub fn read_held(path: &Path) -> Result<Option<String>> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.tried(&texts::STATE, format_args!("open({path:?})"))?,
        };
        let mut holder = whole_file();
        fcntl(&file, FcntlArg::F_GETLK(&mut holder))
            .tried(&texts::STATE, format_args!("fcntl({path:?}, F_GETLK)"))?;
        if i32::from(holder.l_type) == libc::F_UNLCK {
            return Ok(None);
        }
        let mut text = String::new();
        file.read_to_string(&mut text).tried(&texts::STATE, format_args!("read({path:?})"))?;
        Ok(Some(text))
    }

    /// Whether the file is still the one that its path leads to.
    fn is_there(&self) -> bool {
        let (Ok(held), Ok(there)) = (self.file.metadata(), fs::metadata(&self.path)) else {
            return false;
        };
        (held.dev(), held.ino()) == (there.dev(), there.ino())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
}

fn whole_file() -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// The state folder of whoever runs this.
#[derive(Debug, Clone)]
pub struct State(PathBuf);

impl State {
    /// Chooses the folder. Nothing is made yet.
    ///
    /// # Errors
    ///
    /// When there is no place that may be written to.
    pub fn find() -> Result<Self> {
        let user = rootless::caller();
        let root = user.is_root().then(|| PathBuf::from("/run/coracle"));
        let session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let session = session.filter(|dir| dir.is_absolute()).map(|dir| dir.join("coracle"));
        let temporary = PathBuf::from(format!("/tmp/coracle-{user}"));
        let places = root.into_iter().chain(session).chain([temporary]);
        let mut writable = places.filter(|place| {
            let nearest = if place.exists() { place } else { place.parent().unwrap_or(place) };
            access(nearest, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
        });
        writable.next().map(Self).context(texts::NO_STATE_FOLDER)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Keeps every other run from changing the folder, until the value is dropped.
    ///
    /// # Errors
    ///
    /// When the folder can't be made, or is somebody else's.
    pub fn lock(&self) -> Result<Lock> {
        let path = self.0.join("lock");
        loop {
            make_private(&self.0)?;
            // The last run to leave removes the folder and the lock in it. Whoever waited for that
            // lock begins anew.
            let file = match open(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                opened => opened.tried(&texts::STATE, format_args!("open({path:?})"))?,
            };
            let lock = Lock::wait(file, &path)?;
            if lock.is_there() {
                return Ok(lock);
            }
        }
    }

    fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    /// Removes the folders of runs that were killed.
    fn sweep(&self, _all: &Lock) -> Result<()> {
        let Ok(runs) = fs::read_dir(self.runs()) else { return Ok(()) };
        for run in runs.flatten().map(|entry| entry.path()) {
            if let Some(_dead) = Lock::try_take(&run.join("lock"))? {
                explain::note(texts::swept(&run));
                remove(&run)?;
            }
        }
        Ok(())
    }

    /// Removes what is empty, up to the folder itself.
    fn tidy(&self, all: &Lock) {
        let _ = fs::remove_dir(self.runs());
        let only_the_lock = fs::read_dir(&self.0).is_ok_and(|entries| entries.count() == 1);
        if only_the_lock {
            let _ = fs::remove_file(&all.path);
            let _ = fs::remove_dir(&self.0);
        }
    }
}

/// Makes the folder, or makes sure that nobody else may touch what is in it: anybody can make a
/// folder of this name in `/tmp` beforehand.
fn make_private(folder: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => return made.tried(&texts::STATE, format_args!("mkdir({folder:?}, 0700)")),
    }
    // What has been removed since then will be made again.
    let Ok(found) = fs::symlink_metadata(folder) else { return Ok(()) };
    let ours = found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0;
    ensure!(ours, texts::not_our_folder(folder));
    Ok(())
}

/// Removes a folder with all that is in it; that it is gone already is no failure.
fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.tried(&texts::STATE, format_args!("unlink({folder:?} and all in it)")),
    }
}

/// This run's folder, and its number. The first mechanism of a list: others keep files in it.
#[derive(Debug)]
pub struct RunFolder {
    id: String,
    state: State,
    held: Option<Lock>,
}

impl RunFolder {
    /// A run with a new number. Nothing is made yet.
    ///
    /// # Errors
    ///
    /// When there is no place for the folder, or no source of random numbers.
    pub fn new() -> Result<Self> {
        Ok(Self { id: random_id()?, state: State::find()?, held: None })
    }

    /// The run's number: 12 hexadecimal digits, as Docker shows a container's.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The run's own folder.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.state.runs().join(&self.id)
    }

    /// The folder that all runs share.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }
}

impl Mechanism for RunFolder {
    fn prepare(&mut self) -> Result<()> {
        let all = self.state.lock()?;
        self.state.sweep(&all)?;
        let path = self.path();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .step(&texts::STATE, format_args!("mkdir({path:?}, 0700)"))?;
        self.held = Lock::try_take(&path.join("lock"))?;
        Ok(())
    }

    fn release(&mut self) -> Result<()> {
        let all = self.state.lock()?;
        let removed = remove(&self.path());
        self.held = None;
        self.state.tidy(&all);
        removed
    }
}

fn random_id() -> Result<String> {
    let mut bytes = [0; 6];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .tried(&texts::STATE, "read(\"/dev/urandom\")")?;
    Ok(bytes.map(|byte| format!("{byte:02x}")).concat())
}
