//! The tasks, a file for each chapter, in the order of the pages.

mod cgroup_limits;
mod chroot_jail;
mod image_pull;
mod overlay_layers;
mod pid_namespace;
mod process;
mod uts_net;

use crate::task::Task;

pub(crate) const ALL: [&[Task]; 7] = [
    &process::TASKS,
    &chroot_jail::TASKS,
    &pid_namespace::TASKS,
    &uts_net::TASKS,
    &cgroup_limits::TASKS,
    &overlay_layers::TASKS,
    &image_pull::TASKS,
];
