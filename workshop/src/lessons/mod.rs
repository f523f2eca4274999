//! What each chapter claims.
//!
//! A lesson is a list of claims, causes before their consequences, and a function that examines a
//! program: it runs it with a probe, looks at the kernel's state, and reports what it found about
//! each claim. It knows nothing of how the program was written. What several look at, and others who
//! look at processes, is in [`look`].

mod cgroup_limits;
mod chroot_jail;
pub mod hints;
mod image_pull;
pub mod look;
mod overlay_layers;
mod pid_namespace;
mod process;
mod uts_net;

use crate::check::exam::Lesson;

/// All of them, in their order.
const LESSONS: [&Lesson; 7] = [
    &process::LESSON,
    &chroot_jail::LESSON,
    &pid_namespace::LESSON,
    &uts_net::LESSON,
    &cgroup_limits::LESSON,
    &overlay_layers::LESSON,
    &image_pull::LESSON,
];

/// The lesson of the chapter with this number, `02`.
#[must_use]
pub fn of(chapter: &str) -> Option<&'static Lesson> {
    LESSONS.into_iter().find(|lesson| lesson.chapter == chapter)
}
