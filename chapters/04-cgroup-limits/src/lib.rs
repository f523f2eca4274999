//! # 04: limits
//!
//! The container sees a machine of its own, and uses ours: one `:(){ :|:& };:` in it, one program
//! that never stops asking for memory, and nobody else on the host gets anything done. Namespaces
//! hide; they don't share out. For that the kernel has *control groups*: folders of processes, with
//! numbers in their files that say how much all processes of the group may use together. This
//! chapter puts the container into one.
//!
//! ```text
//! /sys/fs/cgroup/                          the kernel's file system (v2; v1 has several of them)
//!     coracle/                             made by the first container, removed after the last
//!         4f1a2b3c4d5e/                    one container
//!             cgroup.procs                 who is in it; writing a number moves that process here
//!             memory.max                   a limit: 67108864
//!             memory.current               a counter
//!             memory.events                what happened: `oom_kill 1`
//!             cgroup.freeze, cgroup.kill   switches
//! ```
//!
//! # Layout
//!
//! Read in this order:
//!
//! - [`hierarchy`]: v1, v2, both: where each controller is.
//! - [`limits`]: what is written into which file. **Exercises.**
//! - [`cgroup`]: the mechanism, joining, and the cgroup namespace. **An exercise.**
//! - [`killed`]: what the kernel did to hold the container to its limits. **An exercise.**
//! - [`place`]: where our cgroups are, and the rules of v2 about who may have processes.
//! - [`group`]: one cgroup, a folder whose files are the kernel's.
//! - [`freezer`]: `pause` and `unpause`.
//! - [`stats`]: what running containers use.
//! - [`runs`]: which containers run, and what killed ones left.
//! - [`size`], [`options`]: amounts as Docker writes them; the command line of this chapter, for the
//!   later ones as well. [`texts`]: all the words.
//!
//! # What is left out
//!
//! A limit on the kernel's own memory (`--kernel-memory`): Linux 5.16 removed it, and what the kernel
//! keeps for a process counts as the process's memory. Network figures in `stats`: they belong to
//! interfaces, not to cgroups. Changing a limit of a running container (`docker update`). Which
//! devices a container may open is a matter of cgroups, too: chapter 08.

pub mod cgroup;
pub mod freezer;
pub mod group;
pub mod hierarchy;
pub mod killed;
pub mod limits;
pub mod options;
pub mod place;
pub mod runs;
pub mod size;
pub mod stats;
pub mod texts;

pub use cgroup::Cgroup;
pub use limits::Limits;
pub use options::LimitOptions;
pub use stats::Stats;
