//! From the kernel's bare start to a machine as programs expect one.

use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{chdir, chroot, sethostname};

use crate::during;

/// The disk with the userland.
const ROOT: &str = "/dev/vda";

/// The disk with the kernel's modules.
const MODULES: &str = "/dev/vdb";

/// Loads the drivers for the disks and for the port, in the order in which they need each other.
/// Whatever is needed later the kernel loads itself: it calls `modprobe`.
pub(crate) fn load_drivers() -> io::Result<()> {
    for (kind, folder) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        fs::create_dir_all(folder)?;
        mount_at(kind, folder, MsFlags::empty(), "")?;
    }
    for name in fs::read_to_string("/drivers/order")?.lines() {
        let file = File::open(Path::new("/drivers").join(name)).map_err(during(name))?;
        match finit_module(file, &CString::default(), ModuleInitFlags::empty()) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(during(name)(errno.into())),
        }
    }
    Ok(())
}

/// Makes the disk the root of everything.
///
/// `pivot_root`, the chapters' own way to change it, does not work here: the kernel never lets go
/// of its first file system, the archive in memory. So the disk is moved over it, and this process
/// follows with `chroot`. (The kernel knows this case: nobody counts as locked into a `chroot` then,
/// and `pivot_root` works from here on.)
pub(crate) fn leave_initramfs() -> io::Result<()> {
    fs::create_dir_all("/root-disk")?;
    mount_disk(Path::new(ROOT), Path::new("/root-disk"))?;
    for folder in ["proc", "sys", "dev"] {
        let old = Path::new("/").join(folder);
        let new = Path::new("/root-disk").join(folder);
        mount(Some(&old), &new, None::<&str>, MsFlags::MS_MOVE, None::<&str>)?;
    }
    chdir("/root-disk")?;
    mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>)?;
    chroot(".")?;
    chdir("/")?;
    Ok(())
}

/// The file systems that every Linux machine has, and the host's name.
pub(crate) fn mount_the_rest() -> io::Result<()> {
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
    mount_disk(Path::new(MODULES), Path::new("/usr/lib/modules"))?;
    // As in a distribution (systemd does it): mounts spread, until somebody makes them private.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_SHARED | MsFlags::MS_REC, None::<&str>)?;
    fs::create_dir_all("/run/user/1000")?;
    fs::set_permissions("/run/user/1000", Permissions::from_mode(0o700))?;
    chown("/run/user/1000", Some(1000), Some(1000))?;
    fs::create_dir_all("/run/lock")?;
    sethostname("laptop")?;
    every_controller("/sys/fs/cgroup")
}

/// Lets the children of a cgroup use every controller that it may use itself.
pub(crate) fn every_controller(cgroup: &str) -> io::Result<()> {
    for controller in fs::read_to_string(format!("{cgroup}/cgroup.controllers"))?.split_whitespace()
    {
        fs::write(format!("{cgroup}/cgroup.subtree_control"), format!("+{controller}"))
            .map_err(during(format_args!("controller {controller}")))?;
    }
    Ok(())
}

/// What udev does elsewhere: names for the standard files, and devices that are for everyone.
pub(crate) fn open_devices() -> io::Result<()> {
    for (link, target) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
        symlink(format!("/proc/self/fd{target}"), format!("/dev/{link}"))?;
    }
    // Whoever opens it lets the kernel load the module.
    fs::create_dir_all("/dev/net")?;
    mknod("/dev/net/tun", SFlag::S_IFCHR, Mode::empty(), makedev(10, 200))?;
    for device in ["full", "fuse", "net/tun", "null", "ptmx", "random", "tty", "urandom", "zero"] {
        let device = Path::new("/dev").join(device);
        if device.exists() {
            fs::set_permissions(device, Permissions::from_mode(0o666))?;
        }
    }
    Ok(())
}

/// The one serial port that the host gave the machine. Its number is the kernel's choice.
pub(crate) fn port() -> io::Result<File> {
    let ports = "/sys/class/virtio-ports";
    let found = until(|| fs::read_dir(ports).ok()?.next()?.ok().map(|entry| entry.file_name()));
    let name = found.ok_or_else(|| io::Error::other(format!("{ports} is empty")))?;
    let device = Path::new("/dev").join(name);
    File::options().read(true).write(true).open(device)
}

/// Mounts a disk that holds a file system.
pub(crate) fn mount_disk(device: &Path, folder: &Path) -> io::Result<()> {
    wait_for(device)?;
    mount(Some(device), folder, Some("ext4"), MsFlags::MS_NOATIME, None::<&str>)
        .map_err(io::Error::from)
        .map_err(during(format_args!("mount {}", folder.display())))
}

/// Waits for a disk that the kernel has yet to find.
pub(crate) fn wait_for(device: &Path) -> io::Result<()> {
    until(|| device.exists().then_some(()))
        .ok_or_else(|| io::Error::other(format!("there is no {}", device.display())))
}

/// Asks again for a few seconds: drivers look for their devices in their own time.
fn until<T>(mut there: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..2000 {
        if let Some(found) = there() {
            return Some(found);
        }
        sleep(Duration::from_millis(2));
    }
    None
}

fn mount_at(kind: &str, folder: &str, flags: MsFlags, options: &str) -> io::Result<()> {
    mount(Some(kind), folder, Some(kind), flags, Some(options))
        .map_err(io::Error::from)
        .map_err(during(format_args!("mount {folder}")))
}
