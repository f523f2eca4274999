//! Stopping a container, and letting it go on: the freezer.
//!
//! A frozen process does not run, does not know it, and can't prevent it, unlike with SIGSTOP, which
//! its parent hears of. v2's freezer lets SIGKILL through. On v1 even that has to wait until the
//! process is thawed; so whoever kills a container thaws it, too.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use uts_net::state::State;

use crate::group::{self, Group};
use crate::hierarchy::{Controller, Version};
use crate::{runs, texts};

/// How long to wait until all are frozen: 2 s, in steps of 1 ms.
const PATIENCE: u32 = 2000;

/// `pause`: stops the running container with this number, or the beginning of one. Returns its
/// number.
///
/// # Errors
///
/// When there is none, or it is paused already.
pub fn pause(id: &str) -> Result<String> {
    let run = runs::find(&State::find()?, id)?;
    ensure!(!is_frozen(&run.groups), texts::ALREADY_PAUSED);
    freeze(&run.groups)?;
    Ok(run.id)
}

/// `unpause`: lets it go on.
///
/// # Errors
///
/// When there is none, or it is not paused.
pub fn unpause(id: &str) -> Result<String> {
    let run = runs::find(&State::find()?, id)?;
    ensure!(is_frozen(&run.groups), texts::NOT_PAUSED);
    thaw(&run.groups)?;
    Ok(run.id)
}

/// Whether the container is frozen, or on its way to be.
#[must_use]
pub fn is_frozen(groups: &[Group]) -> bool {
    let Some(group) = group::of(groups, Controller::Freezer) else { return false };
    match group.version {
        Version::One => group.read("freezer.state").is_some_and(|state| state.trim() != "THAWED"),
        Version::Two => group.number("cgroup.freeze") == Some(1),
    }
}

/// Stops every process of the container. Returns when the last one has stopped.
///
/// # Errors
///
/// When one of them does not stop; all of them go on then.
pub fn freeze(groups: &[Group]) -> Result<()> {
    let group = group::of(groups, Controller::Freezer).context(texts::NO_FREEZER)?;
    for _ in 0..PATIENCE {
        // v1 has to be told again for those that were born meanwhile.
        let done = match group.version {
            Version::One => {
                group.write(&texts::FREEZE, "freezer.state", "FROZEN")?;
                group.read("freezer.state").is_some_and(|state| state.trim() == "FROZEN")
            }
            Version::Two => {
                group.write(&texts::FREEZE, "cgroup.freeze", "1")?;
                group.entry("cgroup.events", "frozen") == Some(1)
            }
        };
        if done {
            return Ok(());
        }
        sleep(Duration::from_millis(1));
    }
    thaw(groups)?;
    bail!(texts::NOT_FROZEN)
}

/// Lets all of them go on, if they are frozen.
///
/// # Errors
///
/// What the kernel refuses.
pub fn thaw(groups: &[Group]) -> Result<()> {
    match group::of(groups, Controller::Freezer) {
        Some(group) if is_frozen(groups) => match group.version {
            Version::One => group.write(&texts::THAW, "freezer.state", "THAWED"),
            Version::Two => group.write(&texts::THAW, "cgroup.freeze", "0"),
        },
        _ => Ok(()),
    }
}
