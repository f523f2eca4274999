//! The options that this chapter's `run` adds, for itself and every later one.

use crate::{Mode, Port};

/// `--hostname`, `--domainname`, `--network` and `--publish`: Docker's names.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct NetworkOptions {
    /// The container's host name [default: its number; with --network host, the host's]
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,
    /// The container's NIS domain name
    #[arg(long, value_name = "NAME")]
    pub domainname: Option<String>,
    /// The container's network
    #[arg(long, value_name = "NETWORK", default_value = "bridge")]
    pub network: Mode,
    /// Publish a port of the container's on the host, over IPv4: `IP:HOST:CONTAINER/tcp`, where
    /// the host's address and the protocol (tcp or udp) may be left out
    #[arg(short, long, value_name = "PORTS")]
    pub publish: Vec<Port>,
}
