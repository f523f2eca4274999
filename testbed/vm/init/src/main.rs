//! The first process of the virtual machine.
//!
//! The kernel starts it as `/init` and gives it nothing but an archive unpacked into memory: no
//! `/proc`, no device, no network. What follows is what a distribution's boot does, without all that
//! one command does not need; a machine that is thrown away afterwards needs little. Compiled and
//! without a shell it takes a tenth of a second where a script took two.

mod boot;
mod prepare;
mod session;

use std::io;

use nix::sys::reboot::{RebootMode, reboot};
use vm_init::Kind;
use vm_init::job::Job;
use vm_init::loopback;
use vm_init::start::{self, during};

fn main() {
    // Standard error is the machine's console, which the host shows when a machine has died.
    if let Err(error) = serve() {
        eprintln!("vm-init: {error}");
    }
    // Where this returns, the kernel panics because its first process ends, and QEMU with it.
    let _ = reboot(RebootMode::RB_POWER_OFF);
}

/// From the kernel's start to the command's end.
fn serve() -> io::Result<()> {
    start::first_mounts().map_err(during("mount the first"))?;
    start::load_drivers().map_err(during("load drivers"))?;
    boot::leave_initramfs().map_err(during("leave the initramfs"))?;
    boot::mount_the_rest().map_err(during("mount the rest"))?;
    start::open_devices().map_err(during("open devices"))?;
    loopback::up().map_err(during("switch on lo"))?;
    let mut port = boot::port().map_err(during("open the port to the host"))?;
    vm_init::write(&mut port, Kind::Hello, b"")?;
    let Some((Kind::Job, job)) = vm_init::read(&mut port)? else { return Ok(()) };
    let job = Job::decode(&job);
    let done = prepare::everything(&job).and_then(|()| session::run(&job, &mut port));
    match done {
        Ok(status) => vm_init::write(&mut port, Kind::Exit, &[status]),
        Err(error) => vm_init::write(&mut port, Kind::Failed, error.to_string().as_bytes()),
    }
}
