//! The machine's disks, and its port to the host.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::unistd::{chdir, chroot};
use vm_init::start::{self, during};

/// The disk with the userland.
const ROOT: &str = "/dev/vda";

/// The disk with the kernel's modules.
const MODULES: &str = "/dev/vdb";

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

/// The kernel's modules, and the ordinary user's folder that systemd makes.
pub(crate) fn mount_the_rest() -> io::Result<()> {
    start::mount_the_rest()?;
    mount_disk(Path::new(MODULES), Path::new("/usr/lib/modules"))?;
    fs::create_dir_all("/run/user/1000")?;
    fs::set_permissions("/run/user/1000", Permissions::from_mode(0o700))?;
    chown("/run/user/1000", Some(1000), Some(1000))?;
    fs::create_dir_all("/run/lock")
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
