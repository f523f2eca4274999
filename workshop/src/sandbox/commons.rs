//! The cgroup that the sandboxes of `coracle run` share.
//!
//! A student runs a container in one terminal and looks at it from another (`stats`, `pause`): two
//! sandboxes, and what one makes in `/sys/fs/cgroup` the other has to see. So one cgroup, with the
//! limits of the safety net, is the top of the tree for all of them. Each sandbox's own processes
//! are in a leaf below it: on v2 a cgroup that has others below it holds no processes.
//!
//! ```text
//!     coracle/run/            seen as /sys/fs/cgroup in every sandbox
//!        ├─ sandbox-4f1a…/    one sandbox's processes
//!        ├─ sandbox-77c0…/    another one's
//!        └─ coracle/8e21…/    a container that was made in either of them
//! ```

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use cgroup_limits::group;
use cgroup_limits::hierarchy::{Controller, Version};
use cgroup_limits::limits::Limits;
use cgroup_limits::place::Place;
use process::{Attempt, Mechanism};
use uts_net::RunFolder;
use uts_net::state::State;

use super::texts;

/// A place in the common cgroup.
#[derive(Debug)]
pub(super) struct Commons {
    state: State,
    leaf: String,
    limits: Limits,
    places: Vec<Place>,
}

impl Commons {
    /// With these limits for all together, where they can be set.
    ///
    /// # Errors
    ///
    /// When the cgroups that there are can't be read.
    pub(super) fn new(run: &RunFolder, limits: Limits) -> Result<Self> {
        let controllers = limits.controllers();
        let (places, limits) = match Place::choose("run", &controllers) {
            Ok(places) => (places, limits),
            Err(_) => (Place::choose("run", &[])?, Limits::default()),
        };
        let leaf = format!("sandbox-{}", run.id());
        Ok(Self { state: run.state().clone(), leaf, limits, places })
    }

    /// The common cgroups, and what each of them is to be seen as.
    pub(super) fn seen_as(&self) -> Vec<(PathBuf, PathBuf)> {
        let places = self.places.iter();
        places.map(|place| (place.group().path.clone(), place.top.clone())).collect()
    }

    fn set_limits(&self) -> Result<()> {
        let groups: Vec<_> = self.places.iter().map(|place| place.group().clone()).collect();
        for controller in self.limits.controllers() {
            let Some(group) = group::of(&groups, controller) else { continue };
            for setting in self.limits.settings(controller, group.version)? {
                // Not every kernel counts swap.
                if group.has_file(setting.file)? {
                    group.write(&texts::COMMONS, setting.file, &setting.value)?;
                }
            }
        }
        Ok(())
    }
}

impl Mechanism for Commons {
    fn prepare(&mut self) -> Result<()> {
        let _all = self.state.lock()?;
        for place in &self.places {
            let there = place.group().path.exists();
            place.make(&self.limits.controllers())?;
            let leaf = place.group().path.join(&self.leaf);
            fs::create_dir(&leaf).tried(&texts::COMMONS, format_args!("mkdir({leaf:?})"))?;
            if !there && place.group().has(Controller::Memory) | place.group().has(Controller::Pids)
            {
                self.set_limits()?;
            }
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<()> {
        for place in &self.places {
            let file = match place.group().version {
                Version::One => "tasks",
                Version::Two => "cgroup.procs",
            };
            let file = place.group().path.join(&self.leaf).join(file);
            fs::write(&file, "0").tried(&texts::COMMONS, format_args!("write({file:?}, \"0\")"))?;
        }
        Ok(())
    }

    fn release(&mut self) -> Result<()> {
        let _all = self.state.lock()?;
        for place in &self.places {
            let common = place.group();
            let leaf = group::Group { path: common.path.join(&self.leaf), ..common.clone() };
            leaf.remove()?;
            // Unless somebody is in there still, each of these is empty.
            for folder in [common.path.join("coracle"), common.path.clone()] {
                let _ = fs::remove_dir(folder);
            }
            if let Some(parent) = common.path.parent() {
                let _ = fs::remove_dir(parent);
            }
        }
        Ok(())
    }
}
