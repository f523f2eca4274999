//! What is told when the sandbox can't be made.

use nix::errno::Errno;
use process::Step;

const DOCTOR: &str = "`coracle doctor` says what this machine allows, and how to change that";

pub(super) const IDS: Step = Step {
    section: "07#maps",
    why: "in the sandbox every user is who he is outside, but for the rights over the host",
    causes: &[(Errno::EPERM, DOCTOR), (Errno::EACCES, DOCTOR)],
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
