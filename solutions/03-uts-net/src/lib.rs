//! # 03: a host name, and a network of one's own
//!
//! The process has its own numbers and its own files, but it still answers to the host's name,
//! listens on the host's ports, and sees the host's shared memory. Three more namespaces end that.
//! Two of them are small: a name is a string, and shared memory is simply not there. The third is
//! the opposite: a network of one's own is no network at all, and everything that makes it one has
//! to be built: a switch, a cable, addresses, routes, and rules that translate between the
//! container's addresses and the host's.
//!
//! ```text
//!       host                                        │      container
//!                                                   │
//!   the world ── eth0 ── rules ── coracle0          │
//!                        (NAT)    10.83.0.1         │
//!                                   │ a switch      │
//!                                   └─ coracle-2 ───┼─── eth0 10.83.0.2
//!                                       one end     │    the other end
//!                                       of the veth │    default via 10.83.0.1
//! ```
//!
//! This is also the first chapter whose container leaves traces outside of itself, so half of it is
//! about taking them away again, whatever happens.
//!
//! # Layout
//!
//! Read in this order:
//!
//! - [`uts`], [`ipc`]: the host name, and shared memory. **The first exercise.**
//! - [`network`]: the mechanism, and what `bridge`, `host` and `none` mean.
//! - [`veth`]: the two ends of the cable. **The main exercises.**
//! - [`bridge`]: the switch, made by the first container and removed after the last.
//! - [`advertisement`]: who says that he is a router, and is not believed.
//! - [`forwarding`]: the host as a router.
//! - [`firewall`]: address translation, by nftables.
//! - [`publish`]: `-p`, and how a port is reserved.
//! - [`files`]: `/etc/hostname`, `/etc/hosts`, `/etc/resolv.conf`.
//! - [`state`], [`pool`]: what a run notes down, and how a killed one is found out.
//! - [`outside`]: the same as an ordinary user, with `pasta` or `slirp4netns` as the way out.
//! - [`netlink`]: the language in which all of this is said to the kernel.
//! - [`subnet`]: networks of addresses.
//! - [`options`]: the command line of this chapter, for the later ones as well.
//! - [`texts`]: all the words. [`sys`]: the one system call that `nix` lacks here.
//!
//! # What is left out
//!
//! IPv6: the container has its loopback address and one for its own link, and no more. Names for the
//! neighbours: containers reach each other by address (chapter 13 gives them names). Networks in the
//! plural, ranges of ports, limits on bandwidth. A UDP conversation that began before its port was
//! published goes on as it began, until it pauses (connection tracking remembers it). Two containers
//! in one process: see [`state`].

pub mod advertisement;
pub mod bridge;
pub mod files;
pub mod firewall;
pub mod forwarding;
pub mod ipc;
pub mod netlink;
pub mod network;
pub mod options;
pub mod outside;
pub mod pool;
pub mod publish;
pub mod state;
pub mod subnet;
pub mod sys;
pub mod texts;
pub mod uts;
pub mod veth;

pub use files::Files;
pub use ipc::Ipc;
pub use network::{Mode, Network};
pub use options::NetworkOptions;
pub use publish::Port;
pub use state::RunFolder;
pub use uts::Hostname;
