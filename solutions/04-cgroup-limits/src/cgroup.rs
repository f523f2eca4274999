//! The mechanism: a cgroup of the container's own in every hierarchy, with its limits.
//!
//! The order counts. The limits are set while the group is empty: on v1 a limit below what is in use
//! is refused. The process joins before it becomes the command, since memory is charged to the group
//! in which it was touched first, for ever. And the cgroup namespace is made last: it hides
//! everything above the cgroup that its maker is in at that moment (`cgroup_namespaces(7)`).
//!
//! # How to join
//!
//! On v2 a process can be *born* into a cgroup. Everywhere else it is moved, by a write. That can be
//! slow: to move a whole process the kernel has to keep every process on the machine from forking,
//! and waits 11 to 19 ms until all have heard. It needs none of that where a *thread* moves *itself*:
//! 0 into v1's `tasks`, which takes microseconds. Our process has one thread, so it is the same.
//!
//! One limit does not come with birth on every kernel ([`PROCESSORS_AT_BIRTH`]): who is born into a
//! group of `--cpuset-cpus` may keep its parent's processors. Whoever is moved into it gets the group's.
//!
//! [`PROCESSORS_AT_BIRTH`]: process::kernel::PROCESSORS_AT_BIRTH

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use anyhow::{Result, ensure};
use nix::fcntl::{OFlag, open};
use nix::mount::MsFlags;
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use pid_namespace::Mount;
use process::failure::catch;
use process::{Attempt, Mechanism, explain};
use uts_net::RunFolder;
use uts_net::state::State;

use crate::group::{self, Group};
use crate::hierarchy::{self, Version};
use crate::limits::Limits;
use crate::place::{self, Place};
use crate::runs::{self, Note};
use crate::{freezer, killed, texts};

/// The container's cgroups. After [`RunFolder`] in the list, and before the root.
#[derive(Debug)]
pub struct Cgroup {
    id: String,
    state: State,
    limits: Limits,
    places: Vec<Place>,
    made: Made,
    quiet: bool,
}

/// What is to be taken down again.
#[derive(Debug, Default)]
struct Made {
    note: Option<Note>,
    groups: Vec<Group>,
    /// The folder of the group that the process is to be born into.
    birthplace: Option<OwnedFd>,
}

impl Cgroup {
    /// Cgroups with these limits. Nothing is made yet.
    ///
    /// # Errors
    ///
    /// When a limit can't be set here: no controller, no right to.
    pub fn new(run: &RunFolder, limits: Limits) -> Result<Self> {
        let places = Place::choose(run.id(), &limits.controllers())?;
        let (id, state) = (run.id().into(), run.state().clone());
        Ok(Self { id, state, limits, places, made: Made::default(), quiet: false })
    }

    /// The same, but nothing is said of what the kernel did to hold it to its limits.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Where they are to be.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// What is to be seen of cgroups in the container: its own, to be read. As on the host, one
    /// folder on v2, and one for each hierarchy on v1 and on a hybrid.
    ///
    /// The host's folders are bound: to mount the file system afresh takes ten milliseconds.
    #[must_use]
    pub fn mounts(&self) -> Vec<Mount> {
        let top = Path::new("/sys/fs/cgroup");
        let own = |place: &Place, target| Mount::bind(&place.group().path, target).read_only();
        match &self.places[..] {
            [] => Vec::new(),
            [place] if place.group().version == Version::Two => vec![own(place, top.into())],
            places => {
                let shut = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
                let tmpfs = |flags, data| Mount::fresh("tmpfs", "/sys/fs/cgroup", flags, data);
                let mut mounts = vec![tmpfs(shut, "mode=755")];
                mounts.extend(places.iter().map(|place| own(place, top.join(place.name()))));
                mounts.push(tmpfs(shut | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, ""));
                mounts
            }
        }
    }

    fn set_limits(&self) -> Result<()> {
        for controller in self.limits.controllers() {
            let Some(group) = group::of(&self.made.groups, controller) else { continue };
            for setting in self.limits.settings(controller, group.version)? {
                if setting.is_swap() && !group.has_file(setting.file)? {
                    match self.limits.swap {
                        Some(_) => explain::say(texts::NO_SWAP_ACCOUNTING),
                        None => explain::note(texts::NO_SWAP_ACCOUNTING),
                    }
                    continue;
                }
                group.write(texts::limit(controller), setting.file, &setting.value)?;
            }
        }
        Ok(())
    }

    /// Before the command begins: outside of its cgroup it would have no limits, and could take the
    /// whole machine.
    fn check_joined(&self) -> Result<()> {
        let own = fs::read_to_string("/proc/self/cgroup");
        let own = own.tried(&texts::JOIN, "read(\"/proc/self/cgroup\")")?;
        // A line for each hierarchy, `NUMBER:CONTROLLERS:PATH` (cgroups(7)).
        let name = format!("/{}", self.id);
        let joined = own.lines().filter(|line| line.ends_with(&name)).count();
        ensure!(
            joined >= self.made.groups.len(),
            texts::not_joined(joined, self.made.groups.len())
        );
        Ok(())
    }

    fn join(&self) -> Result<()> {
        // ANCHOR: join
        // EXERCISE join: step into the cgroups
        //   A process joins a cgroup when its number is written into a file of the cgroup's folder;
        //   0 stands for whoever writes. For each `group` of `self.made.groups` write "0":
        //   `group.write(&texts::JOIN, file, "0")?`. On `Version::One` the file is called `tasks`,
        //   on `Version::Two` it is `cgroup.procs`, and there the process may have been born into
        //   the group: leave out the one that `was_born_in(group)`.
        for group in &self.made.groups {
            let file = match group.version {
                Version::One => "tasks",
                Version::Two => "cgroup.procs",
            };
            if !was_born_in(group) {
                group.write(&texts::JOIN, file, "0")?;
            }
        }
        Ok(())
        // ANCHOR_END: join
    }
}

/// Whether this process is in the group already. Nobody else's ends with this run's number.
fn was_born_in(group: &Group) -> bool {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
    group.version == Version::Two && Path::new(own).file_name() == group.path.file_name()
}

impl Mechanism for Cgroup {
    fn prepare(&mut self) -> Result<()> {
        let all = self.state.lock()?;
        runs::sweep(&self.state, &all)?;
        if self.places.is_empty() {
            return Ok(());
        }
        self.made.groups = self.places.iter().map(|place| place.group().clone()).collect();
        // Before there is anything to be found by it.
        self.made.note = Some(Note::take(&self.state, &all, &self.id, &self.made.groups)?);
        for place in &self.places {
            place.make(&self.limits.controllers())?;
        }
        self.set_limits()?;
        let two = self.made.groups.iter().find(|group| group.version == Version::Two);
        if let Some(Group { path, .. }) = two.filter(|_| self.limits.cpuset.is_none()) {
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            let folder = open(path, flags, Mode::empty())
                .tried(&texts::JOIN, format_args!("open({path:?})"))?;
            self.made.birthplace = Some(folder);
        }
        Ok(())
    }

    fn cgroup(&self) -> Option<BorrowedFd<'_>> {
        self.made.birthplace.as_ref().map(AsFd::as_fd)
    }

    fn enter(&mut self) -> Result<()> {
        self.join()?;
        self.check_joined()?;
        if !hierarchy::has_namespace()? {
            return Ok(());
        }
        unshare(CloneFlags::CLONE_NEWCGROUP).step(&texts::NAMESPACE, "unshare(CLONE_NEWCGROUP)")
    }

    fn wake(&mut self) -> Result<()> {
        freezer::thaw(&self.made.groups)
    }

    fn release(&mut self) -> Result<()> {
        let Made { note, groups, birthplace } = std::mem::take(&mut self.made);
        drop(birthplace);
        // It is an exercise, and while it is open nothing else may suffer from that.
        let told = catch(|| {
            if !self.quiet {
                killed::tell(&groups, &self.limits);
            }
            Ok(())
        });
        let Some(note) = note else { return told };
        let all = self.state.lock()?;
        let mut result = Ok(());
        for group in &groups {
            result = result.and_then(|()| group.kill_all()).and_then(|()| place::remove(group));
        }
        // If one of them stays, so does the note, and the next run tries again.
        result.and_then(|()| note.remove(&self.state, &all)).and(told)
    }
}
