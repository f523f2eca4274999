//! The IPC namespace: System V shared memory, semaphores and queues, and POSIX message queues of
//! one's own (`ipc_namespaces(7)`).
//!
//! These are older than files as a way to share: they have numbers instead of paths, so a root of
//! one's own does not hide them. Without this namespace `ipcs` in the container lists the host's.

use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use pid_namespace::Mount;
use process::Mechanism;

/// An IPC namespace of the container's own. It is born empty, so there is nothing to set up.
#[derive(Debug)]
pub struct Ipc;

impl Ipc {
    /// Where its POSIX message queues are seen as files (`mq_overview(7)`).
    #[must_use]
    pub fn message_queues() -> Mount {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        Mount::fresh("mqueue", "/dev/mqueue", flags, "")
    }
}

impl Mechanism for Ipc {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWIPC
    }
}
