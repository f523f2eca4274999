//! From the kernel's start to the desk.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use nix::unistd::{chdir, chroot};
use vm_init::start;

use crate::{kept, line};

/// The serial line for questions and answers.
const DESK: &str = "/dev/ttyS0";
/// Where the kernel's first files are seen a second time.
const ROOT: &str = "/mnt";

/// Makes a machine of a kernel and its first files; what comes back is the line to the page.
pub(crate) fn boot() -> Result<File> {
    leave_initramfs().context("the first files can't become the root folder")?;
    mounts().context("the kernel's folders can't be mounted")?;
    fs::create_dir(kept::FOLDER)?;
    line::open(Path::new(DESK))
}

/// Moves off the kernel's own first root folder, under which nothing is mounted, and which
/// `pivot_root` therefore can't change. The files stay where they are, in memory: they are shown by a
/// second mount, which is moved over the first, and this process follows with `chroot`. (The kernel
/// knows this case: nobody counts as locked into a `chroot` then.)
fn leave_initramfs() -> Result<()> {
    mount(Some("/"), ROOT, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    chdir(ROOT)?;
    mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>)?;
    chroot(".")?;
    chdir("/")?;
    Ok(())
}

fn mounts() -> io::Result<()> {
    start::first_mounts()?;
    // Our own kernel has everything built in; Debian's has modules.
    if Path::new("/drivers").exists() {
        start::load_drivers()?;
    }
    start::mount_the_rest()?;
    start::open_devices()
}
