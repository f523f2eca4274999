//! Virtual machines: a kernel of one's own for one command, and gone afterwards.
//!
//! A container shares its host's kernel. What a chapter does on another kernel, with nothing but
//! cgroups of version 2, or where an ordinary user may not do a thing, no namespace can show: that
//! takes another machine. This crate makes one from files, in about three seconds, with no rights
//! and no change to the machine it runs on.
//!
//! # What a boot is
//!
//! A computer that is switched on knows nothing. Each step brings just enough to reach the next:
//!
//! 1. **The machine.** QEMU plays a processor, memory, two disks and a serial port. Where the real
//!    processor helps (KVM), its instructions run as they are; elsewhere QEMU translates them
//!    ([`qemu`]).
//! 2. **The kernel.** A computer's firmware would look for a boot loader, that for a kernel, and
//!    the kernel would first unpack itself. Here QEMU puts the unpacked kernel into memory and
//!    starts it at its entry point ([`kernel`]).
//! 3. **The first files.** The kernel needs a driver to read a disk, and the driver is a file. So
//!    it is handed an archive in memory, the *initramfs*: the drivers and one program, `/init`
//!    ([`kernel`], [`initramfs`]).
//! 4. **The first process.** The kernel's last step is to execute `/init`. Ours loads the drivers,
//!    mounts the disk, makes it the root of everything, and mounts `/proc`, `/sys`, the cgroups and
//!    the rest (the package `vm-init`).
//! 5. **The userland.** The disk holds Debian's programs, as their packages bring them
//!    ([`userland`], [`packages`]).
//! 6. **The command.** `/init` says hello over the serial port, is told what to run and as whom,
//!    and sends back what it says ([`vm_init`]).
//!
//! Everything written to the disks is kept beside them and thrown away (`snapshot=on`).
//!
//! # Use
//!
//! ```no_run
//! use vm::{Kernel, Machine};
//!
//! # fn main() -> anyhow::Result<()> {
//! let outcome = Machine::new(Kernel::V6_12)
//!     .put("target/session", "/session")
//!     .get("/results", "target/results")
//!     .run(["sh", "-c", "mkdir /results && /session/go > /results/log"])?;
//! assert_eq!(outcome.status, 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Layout
//!
//! * [`machine`]: what a machine is to have, and its run from start to end.
//! * [`qemu`]: the command line, and whether KVM works.
//! * [`kernel`], [`initramfs`]: Debian's kernels, and the first files.
//! * [`userland`], [`disk`]: Debian's programs on a disk.
//! * [`packages`]: Debian's packages, through an apt of our own.
//! * [`cache`]: where all that stays. [`tool`]: other programs that are called.
//! * [`project`], `build.rs`: the first process, programs and tests, built by cargo; their disk.
//! * [`toolchain`]: programs for other machines than this one.
//! * [`terminal`]: a shell in the machine. [`tests`]: the project's tests.
//! * `main.rs`: the command line of `scripts/vm`.

mod build;
pub mod cache;
pub mod disk;
pub mod initramfs;
pub mod kernel;
pub mod machine;
pub mod packages;
pub mod project;
pub mod qemu;
pub mod terminal;
pub mod tests;
pub mod tool;
pub mod toolchain;
pub mod userland;

pub use kernel::{Architecture, Kernel};
pub use machine::{Lost, Machine, Outcome};
pub use project::Project;
pub use vm_init::job::User;

/// Whether this machine is one on which others can be made: the kernels, the programs and the
/// compilers are for its kind of processor.
///
/// # Errors
///
/// When it is not.
pub(crate) fn host() -> anyhow::Result<()> {
    let here = std::env::consts::ARCH;
    anyhow::ensure!(
        here == "x86_64",
        "virtual machines and compilers for others are made on x86-64, and this machine is {here}"
    );
    Ok(())
}

/// Whether a machine can be made with what is here, without fetching anything.
///
/// # Errors
///
/// When it can't, and why.
pub fn ready() -> anyhow::Result<()> {
    host()?;
    tool::output(std::process::Command::new(qemu::PROGRAM).arg("--version"))?;
    let userland = userland::path(Architecture::X86_64);
    let fetched = Kernel::X86_64.map(kernel::folder).into_iter().chain([userland]);
    for path in fetched {
        anyhow::ensure!(path?.exists(), "machines are not ready yet: `scripts/vm fetch`");
    }
    Ok(())
}

/// Fetches and makes ready what a shell in a 64-bit machine needs, for a place without a network: the
/// kernels, Debian's programs, the first process, and the project's programs on their disk. (For a
/// 32-bit one that is a compiler, too, and few ask for it.)
///
/// # Errors
///
/// When something can't be fetched or built.
pub fn fetch() -> anyhow::Result<()> {
    host()?;
    let lock = cache::lock()?;
    for kernel in Kernel::X86_64 {
        kernel::files(kernel)?;
    }
    userland::image(Architecture::X86_64)?;
    drop(lock);
    build::init(Architecture::X86_64)?;
    Project::with_programs(Architecture::X86_64)?;
    Ok(())
}
