//! The stop of chapter 06: an image is pulled layer by layer from a registry, and run.
//!
//! The registry is `coracle registry`, in a process of its own: it has threads, and the frame starts
//! no container from a process that has several.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chroot_jail::host_root::cache_folder;
use image_pull::name::Name;
use image_pull::platform::Platform;
use image_pull::progress::{Progress, To};
use image_pull::pull::pull;
use image_pull::registry::Registry;
use image_pull::store::Store;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::libc::SIGTERM;
use nix::sched::CloneFlags;
use nix::unistd::{dup2_stdout, pipe2};
use overlay_layers::{Overlay, data_folder, remove_tree};
use process::{Command, Process, failure, sys};
use uts_net::RunFolder;

use super::{Last, Machine, begin, fetch, say, stage, texts};

pub(super) fn image(last: Last) -> Result<Last> {
    begin(&texts::IMAGE)?;
    let folder = Scratch::new()?;
    let store = Store::at(&folder.store)?;
    let registry = OwnRegistry::start()?;
    for (name, told) in texts::PULLS {
        say(format_args!("\n{told}\n"))?;
        let name: Name = format!("{}/{name}", registry.address).parse()?;
        let from = Registry::new(&name, false)?;
        pull(&store, &from, &name, &Platform::host(), &Progress::new(To::Output))?;
    }
    let name = format!("{}/{}", registry.address, texts::WEBAPP).parse()?;
    drop(registry);

    let image = store.image(&name)?.context(texts::NOT_PULLED)?;
    let proposed = &image.config.config;
    let command = Command::new(&[&proposed.entrypoint[..], &proposed.cmd].concat())?;
    say(texts::runs(&command))?;
    let run = RunFolder::new()?;
    let overlay = Overlay::new(&run, &image.layers, None)?;
    let Machine { container, address } = Machine::new(command, run, None, Some(overlay))?;
    // It says where it listens, once it does.
    let (_, page) = stage::watch_until(container, |_| true, |_| Ok(fetch(&address)))?;
    say(page)?;
    say(format_args!("\n{}", texts::IMAGE.look))?;
    Ok(last)
}

/// The tour's own store, so that there is always something to pull. It is removed in the end, and
/// one that a killed tour has left at the beginning.
struct Scratch {
    store: PathBuf,
    _alone: Flock<File>,
}

impl Scratch {
    fn new() -> Result<Self> {
        // Where images are kept: the cache may be a place on which overlayfs makes no whiteouts.
        let folder = data_folder()?.join("tour");
        let cannot_write = || crate::texts::cannot_write(&folder);
        fs::create_dir_all(&folder).with_context(cannot_write)?;
        let lock = File::create(folder.join("lock")).with_context(cannot_write)?;
        // Another tour has the store: it needs a few seconds.
        let locked = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| errno);
        let alone = locked.with_context(cannot_write)?;
        let store = folder.join("store");
        remove_if_there(&store)?;
        Ok(Self { store, _alone: alone })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // If it can't be removed, the next tour says so.
        let _ = remove_if_there(&self.store);
    }
}

fn remove_if_there(folder: &Path) -> Result<()> {
    if folder.exists() { remove_tree(folder) } else { Ok(()) }
}

/// A `coracle registry` on a free port. It ends with this value, and with this process.
struct OwnRegistry {
    process: Process,
    address: String,
}

impl OwnRegistry {
    fn start() -> Result<Self> {
        let program = env::current_exe().context(texts::PIPE)?;
        // In a user namespace it would take itself for root, and look for the cache elsewhere.
        let cache = cache_folder()?.parent().map(Path::to_path_buf).unwrap_or_default();
        let listen = ["registry", "--listen", "127.0.0.1:0"].map(OsStr::new);
        let words = [&[program.as_os_str()], &listen[..]].concat();
        let command = Command::new(&words)?.env("XDG_CACHE_HOME", cache);
        let (output, input) = pipe2(OFlag::O_CLOEXEC).context(texts::PIPE)?;
        let process = Process::spawn(CloneFlags::empty(), None, || {
            let became = sys::die_with_parent().and_then(|()| dup2_stdout(&input));
            let why = became.map_or_else(Into::into, |()| command.exec());
            process::explain::say(format_args!("{why:#}"));
            failure::NOT_MADE
        })?;
        let mut started = Self { process, address: String::new() };
        drop(input);
        for line in BufReader::new(File::from(output)).lines() {
            let line = line.context(texts::PIPE)?;
            if let Some(rest) = line.strip_prefix(crate::texts::REGISTRY_LISTENS) {
                started.address = rest.split(". ").next().unwrap_or(rest).to_owned();
                return Ok(started);
            }
        }
        // It has said why on standard error.
        Err(anyhow::anyhow!(texts::NO_REGISTRY))
    }
}

impl Drop for OwnRegistry {
    fn drop(&mut self) {
        let _ = self.process.signal(SIGTERM);
        let _ = self.process.wait();
    }
}
