//! # 02: PID and mount namespaces, a root without a way out, and being PID 1
//!
//! After chapter 01 the process has another root folder, but it still sees every process of the
//! host, and as root it can walk out of its jail. Two namespaces end that. In a PID namespace of its
//! own the process is number 1 and sees only its children. In a mount namespace of its own it can
//! arrange its file tree as it likes: the new root is *pivoted* into the place of the old one, and
//! the old one is taken away. There is no path that leads back, because there is nothing to lead
//! back to.
//!
//! # Layout
//!
//! - [`pid`]: the PID namespace. **An exercise.**
//! - [`root`]: the mount namespace, private propagation, `pivot_root`. **The main exercises.**
//! - [`mount`]: what is mounted in the new root: `/proc`, `/dev`, `/sys`, `/tmp`, and what later
//!   chapters bind there.
//! - [`inside`]: finding and making a path inside a root that may be hostile.
//! - [`devices`]: the six device nodes of `/dev`.
//! - [`init`]: a small init, for commands that are not made to be PID 1. **An exercise.**
//! - [`sys`]: the one system call that `nix` lacks here.
//! - [`options`]: `--init`, for this chapter and the later ones. [`texts`]: all the words.
//!
//! # What is left out
//!
//! A terminal of the container's own (`-t`) comes in chapter 09: until then the command uses the
//! terminal that you started it from, which works, but `tty` can't name it. What in `/proc` and
//! `/sys` is better hidden from a container is chapter 08's.

pub mod devices;
pub mod init;
pub mod inside;
pub mod mount;
pub mod options;
pub mod pid;
pub mod root;
pub mod sys;
pub mod texts;

pub use init::Init;
pub use mount::Mount;
pub use options::InitOption;
pub use pid::PidNamespace;
pub use root::{Root, Tree};
