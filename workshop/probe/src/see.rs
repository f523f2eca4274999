//! What the probe sees of itself and its world.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;
use nix::unistd::{gethostname, getpid, getppid};

use crate::Reporter;

/// Says who and where this process is.
pub(crate) fn report(reporter: &Reporter) {
    reporter.say("pid", getpid());
    reporter.say("ppid", getppid());
    reporter.outcome("hostname", gethostname().map(|name| name.to_string_lossy().into_owned()));
    reporter.outcome("cwd", errno(std::env::current_dir().map(|path| path.display().to_string())));
    reporter.outcome("processes", errno(processes()));
    reporter.outcome("self", errno(link("/proc/self")));
    reporter.outcome("interfaces", errno(interfaces()));
}

/// The numbers of the processes that `/proc` shows.
fn processes() -> io::Result<String> {
    let names =
        fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut numbers: Vec<u32> = names.filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" "))
}

fn link(path: &str) -> io::Result<String> {
    fs::read_link(path).map(|target| target.display().to_string())
}

/// The names of the interfaces of our network namespace, with the flag `up` where it is set, and the
/// IPv4 addresses: what `getifaddrs(3)` asks the kernel for.
fn interfaces() -> io::Result<String> {
    let mut all: Vec<String> = Vec::new();
    for interface in nix::ifaddrs::getifaddrs()? {
        let name = interface.interface_name;
        let up = interface.flags.contains(nix::net::if_::InterfaceFlags::IFF_UP);
        let address = interface
            .address
            .and_then(|address| address.as_sockaddr_in().map(nix::sys::socket::SockaddrIn::ip));
        let word = match address {
            Some(address) => format!("{name}={}", address),
            None => format!("{name}{}", if up { "+" } else { "-" }),
        };
        if !all.contains(&word) {
            all.push(word);
        }
    }
    all.sort();
    Ok(all.join(" "))
}

/// Says what is at a path: its kind, device and inode, and for a file what is in it.
pub(crate) fn stat(reporter: &Reporter, path: &str) {
    reporter.outcome(
        &format!("stat:{path}"),
        errno(fs::symlink_metadata(path).map(|found| {
            format!("{:o} {} {} {}", found.mode(), found.dev(), found.ino(), found.rdev())
        })),
    );
}

/// Says what a file holds.
pub(crate) fn read(reporter: &Reporter, path: &str) {
    reporter.outcome(
        &format!("read:{path}"),
        errno(fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())),
    );
}

/// Says which names a folder has, sorted, each on what would be a line of its own.
pub(crate) fn list(reporter: &Reporter, path: &str) {
    let names = || -> io::Result<String> {
        let mut names: Vec<String> = fs::read_dir(path)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<_>>()?;
        names.sort();
        Ok(names.join("\n"))
    };
    reporter.outcome(&format!("list:{path}"), errno(names()));
}

/// The kernel's answer in an [`io::Error`].
pub(crate) fn errno<T>(result: io::Result<T>) -> nix::Result<T> {
    result.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}
