//! # 00: a process, and the frame
//!
//! A container is a process. So the workshop starts with one: make it, let it become another
//! program, wait for it, and pass on how it ended. Linux has one system call for each of these,
//! `clone(2)`, `execve(2)` and `waitid(2)`, and every container runtime ends in the same three.
//!
//! What makes a process *contained* is what happens between `clone` and `execve`. That gap is the
//! frame's business: a [`Container`] is a [`Command`] and a list of [`Mechanism`]s, and each later
//! chapter adds one mechanism to the list. Nothing here knows which mechanisms there will be.
//!
//! # Layout
//!
//! Read in this order:
//!
//! - [`process`]: make a process, wait for it, say how it ended. **The exercises are here and in
//!   `command`.**
//! - [`command`]: the program, its arguments and environment; `execve` and its refusals.
//! - [`mechanism`]: the trait that every later chapter implements.
//! - [`container`]: the list of mechanisms, and what is done with it, from `prepare` to `release`.
//! - [`launch`]: how the two sides talk between `clone` and `execve`, drawn above its type.
//! - [`signals`]: what happens to Ctrl-C and `kill` while the container runs.
//! - [`rootless`]: the same as an ordinary user, in a user namespace.
//! - [`namespaces`]: `ns`, which namespaces a process is in.
//! - [`kernel`]: in what kernels differ; for the later chapters.
//! - [`program`]: why `execve` refused a program, told from the file itself.
//! - [`failure`], [`explain`], [`texts`]: one sentence for each refusal; the story that `--explain`
//!   tells; and all the words of both in one place.
//! - [`sys`]: the only `unsafe` code: system calls that `nix` lacks.
//! - [`cli`]: what every chapter's `main` shares.
//!
//! # What is left out
//!
//! No threads: a process that is copied by `clone` keeps only the calling thread, and a lock that
//! another thread held stays locked for ever in the copy. The frame refuses to start from a process
//! with several threads. No terminal of its own (`-t`), no detaching (`-d`), no entering of a
//! running container: chapter 09 adds them, and [`container`] says how.

pub mod cli;
pub mod command;
pub mod container;
pub mod explain;
pub mod failure;
pub mod kernel;
pub mod launch;
pub mod mechanism;
pub mod namespaces;
pub mod process;
pub mod program;
pub mod rootless;
pub mod signals;
pub mod sys;
pub mod texts;

pub use command::Command;
pub use container::Container;
pub use failure::{Attempt, Step};
pub use mechanism::Mechanism;
pub use process::{Ended, Process};
