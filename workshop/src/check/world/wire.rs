//! A host's network, as others on it and outside see it.
//!
//! A socket belongs to the network namespace in which it was made, and stays there whoever uses it
//! (`network_namespaces(7)`). A namespace is joined by a thread, not by a process (`setns(2)`): so a
//! thread of the examiner's goes there, makes the socket, and ends; the examiner keeps the socket.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use nix::mount::{MsFlags, mount};
use nix::net::if_::InterfaceFlags;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::SockaddrIn;
use nix::unistd::{Pid, gethostname};
use process::{Attempt, Process};
use uts_net::netlink::Netlink;

use super::host::line;
use super::{Host, World};
use crate::check::texts;

/// The host's address on the cable to its neighbour; both are kept free for examples (RFC 5737).
pub const HOST: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

/// The neighbour's.
pub const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

/// Whether a host passes on what is not for itself (`ip(7)`).
const FORWARD: &str = "/proc/sys/net/ipv4/ip_forward";

/// How long an answer may take that takes less than a millisecond where there is one. (What is sent in
/// the first moments of a cable's life may get lost; the kernel repeats it after a second.)
const PATIENCE: Duration = Duration::from_millis(2500);

/// Somebody who answers on a port of a host's.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    /// Who has come so far.
    pub guests: Vec<IpAddr>,
}

impl Door {
    /// Where it is.
    ///
    /// # Errors
    ///
    /// What `getsockname(2)` refuses.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().tried(&texts::WORLD, "getsockname()")
    }

    /// Answers whoever waits, with the address he comes from.
    pub fn answer(&mut self) {
        while let Ok((mut guest, from)) = self.listener.accept() {
            self.guests.push(from.ip());
            // Who is gone already wants no answer.
            let _ = guest.write_all(from.ip().to_string().as_bytes());
        }
    }
}

impl Host {
    /// Lays a cable to another host, which becomes this one's neighbour and its way to the world:
    /// `up0` is [`HOST`] here, `eth0` is [`NEIGHBOUR`] there. The host is no router yet.
    ///
    /// # Errors
    ///
    /// What the kernel refuses.
    pub fn wire(&self, neighbour: &Self) -> Result<()> {
        let (go, say_go) = line()?;
        let (mut go, mut say_go) = (File::from(go), File::from(say_go));
        let (news, tell) = line()?;
        let (mut news, mut tell) = (File::from(news), File::from(tell));
        // A network namespace is named by a process in it.
        let there = Process::spawn(CloneFlags::empty(), None, || {
            let joined = neighbour.join_network().is_ok();
            let _ = tell.write_all(if joined { b"1" } else { b"0" });
            let _ = go.read(&mut [0]);
            0
        })?;
        news.read_exact(&mut [0]).tried(&texts::WORLD, "read(pipe)")?;
        let made = self.in_network(|| {
            let mut netlink = Netlink::open()?;
            netlink.add_veth("up0", there.pid(), "eth0", [2, 0, 198, 51, 100, 1])?;
            netlink.add_address("up0", HOST, 24)?;
            netlink.up("up0")?;
            // A new network begins as a copy of the first one in this.
            fs::write(FORWARD, "0").tried(&texts::WORLD, format_args!("write({FORWARD:?})"))
        });
        say_go.write_all(b"1").tried(&texts::WORLD, "write(pipe)")?;
        there.wait()?;
        made?;
        neighbour.in_network(|| {
            let mut netlink = Netlink::open()?;
            netlink.add_address("eth0", NEIGHBOUR, 24)?;
            netlink.up("eth0")?;
            // Whatever address a packet comes from, its answer finds the way back: so the neighbour
            // can tell which address that was.
            netlink.add_default_route(HOST)
        })?;
        self.in_network(|| Netlink::open()?.add_default_route(NEIGHBOUR))
    }

    /// Listens on this address, on a port that is free.
    ///
    /// # Errors
    ///
    /// What the kernel refuses.
    pub fn listen(&self, address: Ipv4Addr) -> Result<Door> {
        let listener = self.in_network(|| {
            let listener = TcpListener::bind((address, 0))
                .tried(&texts::WORLD, format_args!("bind({address})"))?;
            listener.set_nonblocking(true).tried(&texts::WORLD, "ioctl(FIONBIO)")?;
            Ok(listener)
        })?;
        Ok(Door { listener, guests: Vec::new() })
    }

    /// What somebody on this host is told when he connects to that address.
    ///
    /// # Errors
    ///
    /// When the host's network can't be joined. That nobody answers is no error, but an outcome.
    pub fn ask(&self, address: SocketAddr) -> Result<io::Result<String>> {
        self.in_network(|| Ok(ask(address)))
    }

    /// Lets this host have another text in a file that is there.
    ///
    /// # Errors
    ///
    /// When there is no such file.
    pub fn lay_over(&self, path: &Path, text: &str, world: &World) -> Result<()> {
        let file = world.folder("file")?.join("text");
        fs::write(&file, text).tried(&texts::WORLD, format_args!("write({file:?})"))?;
        self.visit(|| {
            let none = None::<&str>;
            mount(Some(&file), path, none, MsFlags::MS_BIND, none)
                .tried(&texts::WORLD, format_args!("mount({file:?}, {path:?}, MS_BIND)"))?;
            Ok(String::new())
        })?;
        Ok(())
    }

    /// What the kernel does with packets on this host: the rules of nftables, and the table of routes.
    ///
    /// # Errors
    ///
    /// When they can't be read.
    pub fn rules_and_routes(&self) -> Result<Vec<String>> {
        let file = "/proc/thread-self/net/route";
        let routes = self.in_network(|| {
            fs::read_to_string(file).tried(&texts::WORLD, format_args!("read({file:?})"))
        })?;
        let rules = self.visit(|| {
            let list = Command::new("nft").args(["list", "ruleset"]).output();
            // Without the program nobody has made rules either.
            Ok(list.map(|it| String::from_utf8_lossy(&it.stdout).into_owned()).unwrap_or_default())
        })?;
        Ok(rules.lines().chain(routes.lines().skip(1)).map(|line| line.trim().into()).collect())
    }

    /// Does something in the host's network, and in nothing else of the host's.
    fn in_network<T: Send>(&self, body: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        in_a_thread(|| {
            self.join_network()?;
            body()
        })
    }

    fn join_network(&self) -> Result<()> {
        let net = CloneFlags::CLONE_NEWNET;
        match self.namespaces.iter().find(|(kind, _)| *kind == net) {
            Some((_, namespace)) => setns(namespace, net).tried(&texts::WORLD, "setns(net)"),
            None => Ok(()),
        }
    }
}

/// An interface, and the IPv4 address it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Whether it is switched on.
    pub up: bool,
    /// The first address, if there is one.
    pub address: Option<Ipv4Addr>,
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let state = if self.up { "up" } else { "down" };
        match self.address {
            Some(address) => write!(f, "{} {state} {address}", self.name),
            None => write!(f, "{} {state}", self.name),
        }
    }
}

/// The interfaces of a process.
///
/// # Errors
///
/// When its network can't be joined.
pub fn interfaces(of: Pid) -> Result<Vec<Interface>> {
    in_namespace(of, "net", CloneFlags::CLONE_NEWNET, || {
        let mut found: Vec<Interface> = Vec::new();
        for one in nix::ifaddrs::getifaddrs().tried(&texts::WORLD, "getifaddrs()")? {
            let address = one.address.and_then(|it| it.as_sockaddr_in().map(SockaddrIn::ip));
            let up = one.flags.contains(InterfaceFlags::IFF_UP);
            match found.iter_mut().find(|it| it.name == one.interface_name) {
                Some(known) => known.address = known.address.or(address),
                None => found.push(Interface { name: one.interface_name, up, address }),
            }
        }
        Ok(found)
    })
}

/// Whether somebody at that address answers a process's packets. "No" is an answer.
///
/// # Errors
///
/// When its network can't be joined.
pub fn answers(of: Pid, address: Ipv4Addr) -> Result<bool> {
    in_namespace(of, "net", CloneFlags::CLONE_NEWNET, || {
        // Nobody listens there, and the kernel at the other end says so.
        let told = ask(SocketAddr::new(address.into(), 1));
        Ok(told.map_or_else(|error| error.kind() == io::ErrorKind::ConnectionRefused, |_| true))
    })
}

/// The host name that a process has.
///
/// # Errors
///
/// When its namespace can't be joined.
pub fn host_name(of: Pid) -> Result<String> {
    in_namespace(of, "uts", CloneFlags::CLONE_NEWUTS, || {
        let name = gethostname().tried(&texts::WORLD, "gethostname()")?;
        Ok(name.to_string_lossy().into_owned())
    })
}

fn in_namespace<T: Send>(
    of: Pid,
    kind: &str,
    flag: CloneFlags,
    body: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let path = format!("/proc/{of}/ns/{kind}");
    let namespace = File::open(&path).tried(&texts::WORLD, format_args!("open({path:?})"))?;
    in_a_thread(|| {
        setns(namespace, flag).tried(&texts::WORLD, format_args!("setns({path:?})"))?;
        body()
    })
}

/// Nothing else happens meanwhile: a process must not be made while there is a second thread.
fn in_a_thread<T: Send>(body: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| scope.spawn(body).join().unwrap_or_else(|_| Err(anyhow!(texts::THREAD))))
}

fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.shutdown(Shutdown::Write)?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    Ok(said)
}
