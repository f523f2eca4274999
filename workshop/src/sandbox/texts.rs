//! What is told when the sandbox can't be made.

use std::path::Path;

use nix::errno::Errno;
use process::Step;

const DOCTOR: &str = "`coracle doctor` says what this machine allows, and how to change that";

pub(super) const IDS: Step = Step {
    section: "07#maps",
    why: "in the sandbox every user is who he is outside, but for the rights over the host",
    causes: &[(Errno::EPERM, DOCTOR), (Errno::EACCES, DOCTOR)],
};

pub(super) const NO_MAPS: &str = "the user namespace's maps could not be written";

pub(super) const KEPT: Step = Step {
    section: "07#user-namespace",
    why: "the walls are not his to break who is kept in them",
    causes: &[(Errno::EPERM, DOCTOR), (Errno::ENOSPC, DOCTOR)],
};

pub(super) const WALLS: Step = Step {
    section: "02#private-mounts",
    why: "the sandbox sees the host's files and can't change them",
    causes: &[(Errno::EPERM, DOCTOR), (Errno::EACCES, DOCTOR), (Errno::ENOSYS, DOCTOR)],
};

pub(super) const LIMIT: Step = Step {
    section: "04#limits",
    why: "a sandbox that takes the whole machine is none",
    causes: &[],
};

pub(super) const COMMONS: Step = Step {
    section: "04#limits",
    why: "the containers of all sandboxes together may not take the whole machine",
    causes: &[],
};

pub(super) fn disk_full(path: &Path, least: u64) -> String {
    let megabytes = least >> 20;
    format!(
        "coracle: ended, because less than {megabytes} MB would have been left on the disk of {}",
        path.display()
    )
}

pub(super) fn room_stays(folder: &Path, error: &anyhow::Error) -> String {
    format!("{folder:?} could not be removed, and can be deleted by hand: {error:#}")
}
