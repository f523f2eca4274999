//! Cgroups of a test's own.
//!
//! There is one tree of cgroups for the whole machine; no namespace gives another one. But a folder
//! of it can be bound over its top: then that folder is all that a [`Host`](crate::Host) sees.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread::sleep;
use std::time::Duration;

/// A folder in each hierarchy; removed with all that is in it when this value is dropped.
pub(crate) struct Cgroups {
    folders: Vec<PathBuf>,
}

const NAME: &str = "coracle-test-";

impl Cgroups {
    /// Makes them where that is allowed; removes those of tests that were killed.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{NAME}{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let mut folders = Vec::new();
        for top in tops() {
            sweep(&top);
            let folder = top.join(&name);
            if fs::create_dir(&folder).is_ok() {
                // A new cgroup of v1's `cpuset` allows no processor and no memory.
                for file in ["cpuset.cpus", "cpuset.mems"] {
                    if let Ok(all) = fs::read_to_string(top.join(file)) {
                        let _ = fs::write(folder.join(file), all);
                    }
                }
                folders.push(folder);
            }
        }
        Self { folders }
    }

    /// The commands that bind them.
    pub(crate) fn script(&self) -> String {
        let bind = |folder: &PathBuf| {
            let top = folder.parent().unwrap_or(folder);
            format!("mount --bind '{}' '{}' && ", folder.display(), top.display())
        };
        self.folders.iter().map(bind).collect()
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for folder in &self.folders {
            remove(folder);
        }
    }
}

/// Where hierarchies are mounted (`proc_pid_mountinfo(5)`).
fn tops() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let cgroups = mounts.lines().filter(|line| line.contains(" - cgroup"));
    cgroups.filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from).collect()
}

/// Removes what a test left that is no more.
fn sweep(top: &Path) {
    for entry in fs::read_dir(top).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix(NAME).and_then(|rest| rest.split('-').next());
        if number.is_some_and(|number| !Path::new("/proc").join(number).exists()) {
            remove(&entry.path());
        }
    }
}

/// Removes a cgroup with all below it, once the processes in it, which were killed, have ended.
fn remove(folder: &Path) {
    // On v1 nobody ends who is frozen. (Elsewhere there is no such file.)
    let state = folder.join("freezer.state");
    if state.exists() {
        let _ = fs::write(state, "THAWED");
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    for _ in 0..2000 {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() == ErrorKind::ResourceBusy => {
                sleep(Duration::from_millis(1));
            }
            _ => return,
        }
    }
}
