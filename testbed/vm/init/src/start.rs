//! From the kernel's bare start to a machine as programs expect one: what every machine of ours does,
//! whatever its disks and its ports are.

use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::sethostname;

/// Says which step an error belongs to.
pub fn during(step: impl std::fmt::Display) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::other(format!("{step}: {error}"))
}

/// Mounts the kernel's own folders.
///
/// # Errors
///
/// What the kernel refuses.
pub fn first_mounts() -> io::Result<()> {
    for (kind, folder) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        fs::create_dir_all(folder)?;
        mount_at(kind, folder, MsFlags::empty(), "")?;
    }
    Ok(())
}

/// Loads the modules in the folder `/drivers`, in the order in which they need each other. Whatever is
/// needed later the kernel loads itself, if there is a `modprobe`.
///
/// # Errors
///
/// When one of them is refused.
pub fn load_drivers() -> io::Result<()> {
    for name in fs::read_to_string("/drivers/order")?.lines() {
        let file = File::open(Path::new("/drivers").join(name)).map_err(during(name))?;
        match finit_module(file, &CString::default(), ModuleInitFlags::empty()) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(during(name)(errno.into())),
        }
    }
    Ok(())
}

/// The file systems that every Linux machine has, and the host's name.
///
/// # Errors
///
/// What the kernel refuses.
pub fn mount_the_rest() -> io::Result<()> {
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let closed = safe | MsFlags::MS_NOEXEC;
    let hidden = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    for folder in ["/dev/pts", "/dev/shm", "/dev/mqueue"] {
        fs::create_dir_all(folder)?;
    }
    mount_at("devpts", "/dev/pts", hidden, "gid=5,mode=620,ptmxmode=666")?;
    mount_at("tmpfs", "/dev/shm", safe, "mode=1777")?;
    mount_at("mqueue", "/dev/mqueue", closed, "")?;
    mount_at("tmpfs", "/run", safe, "mode=755")?;
    mount_at("tmpfs", "/tmp", safe, "mode=1777")?;
    mount_at("cgroup2", "/sys/fs/cgroup", closed, "nsdelegate")?;
    // As in a distribution (systemd does it): mounts spread, until somebody makes them private.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_SHARED | MsFlags::MS_REC, None::<&str>)?;
    sethostname("laptop")?;
    every_controller("/sys/fs/cgroup")
}

/// Lets the children of a cgroup use every controller that it may use itself.
///
/// # Errors
///
/// What the kernel refuses.
pub fn every_controller(cgroup: &str) -> io::Result<()> {
    for controller in fs::read_to_string(format!("{cgroup}/cgroup.controllers"))?.split_whitespace()
    {
        fs::write(format!("{cgroup}/cgroup.subtree_control"), format!("+{controller}"))
            .map_err(during(format_args!("controller {controller}")))?;
    }
    Ok(())
}

/// What udev does elsewhere: names for the standard files, and devices that are for everyone.
///
/// # Errors
///
/// What the kernel refuses.
pub fn open_devices() -> io::Result<()> {
    for (link, target) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
        symlink(format!("/proc/self/fd{target}"), format!("/dev/{link}"))?;
    }
    // Whoever opens it lets the kernel load the module.
    fs::create_dir_all("/dev/net")?;
    if !Path::new("/dev/net/tun").exists() {
        mknod("/dev/net/tun", SFlag::S_IFCHR, Mode::empty(), makedev(10, 200))?;
    }
    for device in ["full", "fuse", "net/tun", "null", "ptmx", "random", "tty", "urandom", "zero"] {
        let device = Path::new("/dev").join(device);
        if device.exists() {
            fs::set_permissions(device, Permissions::from_mode(0o666))?;
        }
    }
    Ok(())
}

fn mount_at(kind: &str, folder: &str, flags: MsFlags, options: &str) -> io::Result<()> {
    mount(Some(kind), folder, Some(kind), flags, Some(options))
        .map_err(io::Error::from)
        .map_err(during(format_args!("mount {folder}")))
}
