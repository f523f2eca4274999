//! What this chapter says to people. All words stand here, so that they can be translated in one
//! place.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use nix::errno::Errno;
use process::Step;

use crate::publish::Port;
use crate::subnet::Subnet;

const NO_KERNEL_SUPPORT: &str = "this kernel is built without it, or its module can't be loaded; as root: `modprobe -a bridge veth`";

pub(crate) const HOSTNAME: Step = Step {
    section: "03#hostname",
    why: "the name is a string in the UTS namespace, which is ours",
    causes: &[
        (
            Errno::EPERM,
            "the UTS namespace belongs to somebody else: CLONE_NEWUTS is missing, or was made before the user namespace",
        ),
        (Errno::EINVAL, "a name has at most 64 bytes"),
    ],
};

pub(crate) const STATE: Step = Step {
    section: "03#killed-runs",
    why: "a folder for this run, locked as long as it lives: so the next one can tell whether it was killed",
    causes: &[
        (
            Errno::EACCES,
            "the folder is not for you to write to; set XDG_RUNTIME_DIR to one that is",
        ),
        (Errno::ENOSPC, "the file system is full"),
        (Errno::ELOOP, "somebody has put a link there"),
    ],
};

pub(crate) const LEASE: Step =
    Step { section: "03#addresses", why: "an address that no other container has", causes: &[] };

pub(crate) const NETLINK: Step = Step {
    section: "03#netlink",
    why: "the kernel's network is set up by messages on a socket",
    causes: &[(Errno::EPERM, "this network namespace is not yours to change")],
};

pub(crate) const BRIDGE: Step = Step {
    section: "03#bridge",
    why: "a switch in the kernel, for all containers of this host; made by the first",
    causes: &[
        (Errno::EOPNOTSUPP, NO_KERNEL_SUPPORT),
        (Errno::EEXIST, "an interface of this name is there already"),
    ],
};

pub(crate) const ADVERTISEMENTS: Step = Step {
    section: "03#bridge",
    why: "no container can say that it is the router that packets of IPv6 go to",
    causes: &[(Errno::EACCES, READ_ONLY_SETTINGS)],
};

pub(crate) const VETH: Step = Step {
    section: "03#veth",
    why: "a cable with two ends: what goes in at one comes out at the other; one is here, the other in the container's network namespace, and both are born switched off",
    causes: &[
        (Errno::EOPNOTSUPP, NO_KERNEL_SUPPORT),
        (Errno::EEXIST, "an interface of this name is there already"),
        (Errno::EINVAL, "a name has at most 15 bytes"),
        (Errno::ESRCH, "the process is gone"),
    ],
};

pub(crate) const PLUG: Step = Step {
    section: "03#veth",
    why: "one end is plugged into the switch",
    causes: &[(Errno::ENODEV, "one of the two interfaces is not there")],
};

pub(crate) const HAIRPIN: Step = Step {
    section: "03#ports",
    why: "a container that asks for its own published port gets its packet back; a switch returns nothing to where it came from, unless it is told to",
    causes: &[],
};

pub(crate) const UP: Step = Step {
    section: "03#up",
    why: "an interface is born switched off, the loopback too",
    causes: &[(Errno::ENODEV, "there is no interface of this name in this network namespace")],
};

pub(crate) const ADDRESS: Step = Step {
    section: "03#addresses",
    why: "an address, and with it the route to everybody on the same switch",
    causes: &[
        (Errno::ENODEV, "there is no interface of this name in this network namespace"),
        (Errno::EEXIST, "it has this address already"),
    ],
};

pub(crate) const ROUTE: Step = Step {
    section: "03#routes",
    why: "everything else goes to the bridge, which is the host",
    causes: &[
        (
            Errno::ENETUNREACH,
            "nothing leads to the gateway: the interface has no address of its network, or is down",
        ),
        (Errno::EEXIST, "there is a default route already"),
    ],
};

pub(crate) const DELETE: Step = Step {
    section: "03#cleaning-up",
    why: "interfaces on the host don't go by themselves",
    causes: &[],
};

const READ_ONLY_SETTINGS: &str = "/proc/sys can't be written to here, as in most containers; `--network none` and `--network host` need nothing of it";

pub(crate) const FORWARD: Step = Step {
    section: "03#forwarding",
    why: "pass on packets that are not for the host itself; put back when the last container ends",
    causes: &[(Errno::EROFS, READ_ONLY_SETTINGS), (Errno::EACCES, READ_ONLY_SETTINGS)],
};

pub(crate) const LOCALNET: Step = Step {
    section: "03#ports",
    why: "so that 127.0.0.1 leads to a published port as well, through this bridge alone",
    causes: &[(Errno::EROFS, READ_ONLY_SETTINGS), (Errno::EACCES, READ_ONLY_SETTINGS)],
};

pub(crate) const FIREWALL: Step = Step {
    section: "03#nat",
    why: "outside, the container's address means nothing: packets leave with the host's; one table for each container, made and removed as a whole",
    causes: &[],
};

pub(crate) const RESERVE: Step = Step {
    section: "03#ports",
    why: "hold the host's port, so that nobody else publishes the same",
    causes: &[],
};

pub(crate) const FILES: Step = Step {
    section: "03#files",
    why: "the container's own name, hosts and name servers, to be bound over its files",
    causes: &[],
};

pub(crate) const SANDBOX: Step = Step {
    section: "03#rootless",
    why: "the host's network is not ours to change: do all of it in a network of our own",
    causes: &[
        (
            Errno::EPERM,
            "namespaces may be made but not used here: on Ubuntu 24.04 AppArmor forbids it until a profile with `userns,` is loaded for this program",
        ),
        (
            Errno::ENOSPC,
            "the limit on network namespaces is reached; see /proc/sys/user/max_net_namespaces",
        ),
    ],
};

pub(crate) const UPLINK: Step = Step {
    section: "03#rootless",
    why: "a program that stays in the host's network and passes on what we send",
    causes: &[],
};

pub(crate) const NAME_EMPTY: &str = "a host name needs at least one letter";
pub(crate) const NO_STATE_FOLDER: &str = "there is no folder to keep a container's files in: none of /run, $XDG_RUNTIME_DIR and /tmp can be written to";
pub(crate) const ALL_ADDRESSES_TAKEN: &str = "all 253 addresses are taken: that many containers run on this host's bridge; `--network none` and `--network host` need none";
pub(crate) const NO_SUBNET: &str = "every network that containers could live in is in use on this host (see `ip route`); `--network none` and `--network host` need none";
pub(crate) const NO_NFT: &str = "The container reaches this host and its neighbours, but nothing outside: that needs `nft` (package nftables).";
pub(crate) const NO_NFT_FOR_PORTS: &str =
    "publishing a port (-p) needs `nft`, which is not there; install the package nftables";
pub(crate) const PORTS_NEED_NFT: &str = "the ports can't be published";
pub(crate) const PORTS_DISCARDED: &str = "With --network host nothing has to be published: -p is ignored, and the command's ports are the host's.";
pub(crate) const NOTHING_TO_PUBLISH: &str =
    "-p and --network none contradict each other: no packet gets into that container";
pub(crate) const PORT_MISSING: &str =
    "a port is missing; it is [IP:]HOST:CONTAINER[/tcp|/udp], as in 8080:80";
pub(crate) const NO_RANGES: &str = "Ranges of ports are not supported; repeat -p for each port";
pub(crate) const NO_IPV6: &str =
    "containers have IPv4 only here, so no IPv6 address can lead to one";
pub(crate) const UPSTREAM_USED: &str = "The host's name server is on its own loopback, which a container can't reach. These are the ones behind it.";
pub(crate) const PUBLIC_USED: &str = "The host names no name server that a container can reach. These are public ones, Docker's choice.";
pub(crate) const NO_UPLINK_PROGRAM: &str =
    "neither pasta (package passt) nor slirp4netns is installed";
pub(crate) const WAITING_FOR_UPLINK: &str = "poll(the uplink's first word) failed";

pub(crate) fn name_too_long(name: &str, most: usize) -> String {
    format!("the name {name:?} has {} bytes, and the kernel keeps at most {most}", name.len())
}

pub(crate) fn name_odd(name: &str) -> String {
    format!(
        "the name {name:?} contains a blank, a control character or '#', which /etc/hosts can't express"
    )
}

pub(crate) fn not_our_folder(folder: &Path) -> String {
    format!(
        "{folder:?} is not a folder of yours that nobody else can write to, so what is in it can't be trusted; remove it, or set XDG_RUNTIME_DIR"
    )
}

pub(crate) fn swept(run: &Path) -> String {
    format!("a run was killed and left {run:?}: removes it")
}

pub(crate) fn swept_number(number: u8) -> String {
    format!("the container with number {number} was killed: removes its interface and its rules")
}

pub(crate) fn chosen(subnet: Subnet) -> String {
    format!("containers live in {subnet}, which no address or route of this host overlaps")
}

pub(crate) fn published_twice(port: &Port) -> String {
    format!("port {} of this host is published twice; give each -p a port of its own", port.host)
}

pub(crate) fn bad_port(text: &str) -> String {
    format!("{text:?} is no port; ports are numbers from 1 to 65535")
}

pub(crate) fn bad_address(text: &str) -> String {
    format!("{text:?} is no IPv4 address")
}

pub(crate) fn unknown_protocol(text: &str) -> String {
    format!("{text:?} is not supported; a port is for tcp or udp")
}

pub(crate) fn port_taken(port: &Port) -> String {
    let Port { host, protocol, .. } = port;
    format!(
        "port {host}/{protocol} of this host is taken by another program or container; `ss -lnp` shows which"
    )
}

pub(crate) fn not_our_address(address: Ipv4Addr) -> String {
    format!("{address} is no address of this host, so nothing can be published there")
}

pub(crate) fn low_port(port: u16) -> String {
    format!(
        "port {port} is for root only; take one from 1024 on, or, as root: `sysctl net.ipv4.ip_unprivileged_port_start={port}`"
    )
}

pub(crate) fn nft_failed(said: &str) -> String {
    format!("`nft -f -` failed: {said}")
}

pub(crate) fn no_way_out(error: &anyhow::Error) -> String {
    format!(
        "The container reaches this host and its neighbours, but nothing outside: {error:#}; this kernel may lack nf_tables."
    )
}

pub(crate) fn no_forwarding(error: &anyhow::Error) -> String {
    format!("The container reaches this host and its neighbours, but nothing outside: {error:#}.")
}

pub(crate) fn dropped_elsewhere(table: &str, chain: &str) -> String {
    format!(
        "The container may reach nothing outside: the chain {chain} of `{table}` (Docker, ufw?) drops \
         what is forwarded. As root: `nft insert rule {table} {chain} iifname coracle0 accept` and \
         `nft insert rule {table} {chain} oifname coracle0 accept`."
    )
}

pub(crate) fn no_tun(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "/dev/net/tun may not be opened by you, and the way out leads through it (as root: `chmod 666 /dev/net/tun`, which is its usual mode)".into(),
        io::ErrorKind::NotFound => "/dev/net/tun is missing, and the way out leads through it (as root: `modprobe tun`)".into(),
        _ => format!("/dev/net/tun can't be opened: {error}"),
    }
}

pub(crate) fn as_uplink(tool: &str) -> String {
    format!("execve({tool}, in a process that stays in the host's network)")
}

pub(crate) fn tool_ended(tool: &str, said: &str) -> String {
    format!("{tool}: {said}")
}

pub(crate) fn no_uplink(problem: &str, ports: bool) -> String {
    let ports = match ports {
        true => " What is published can be reached from inside only.",
        false => "",
    };
    format!("The container reaches nothing outside: {problem}.{ports}")
}
