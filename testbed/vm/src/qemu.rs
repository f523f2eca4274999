//! QEMU's command line, and whether the processor helps.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cache;

/// The program.
pub const PROGRAM: &str = "qemu-system-x86_64";

/// Who executes the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// The real processor.
    Kvm,
    /// QEMU, which translates them: some ten times slower, and works everywhere.
    Tcg,
}

impl Accelerator {
    /// The one to try first.
    ///
    /// `/dev/kvm` may be there and open, and a kernel still never start (where this machine is
    /// itself a virtual one). So KVM is tried, and where it failed this machine is not asked again
    /// until it has been booted anew.
    ///
    /// # Errors
    ///
    /// When there is no cache.
    pub fn best() -> Result<Self> {
        let kvm = fs::File::options().read(true).write(true).open("/dev/kvm").is_ok();
        let failed = fs::read(failure()?).is_ok_and(|boot| boot == this_boot());
        Ok(if kvm && !failed { Self::Kvm } else { Self::Tcg })
    }

    /// Remembers that KVM does not work here.
    ///
    /// # Errors
    ///
    /// When the cache can't be written.
    pub fn kvm_failed() -> Result<()> {
        Ok(fs::write(failure()?, this_boot())?)
    }
}

fn failure() -> Result<PathBuf> {
    Ok(cache::folder()?.join("kvm-failed"))
}

fn this_boot() -> Vec<u8> {
    fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

/// What the machine is made of.
#[derive(Debug)]
pub struct Parts<'a> {
    /// Who executes.
    pub accelerator: Accelerator,
    /// Memory in MiB.
    pub memory: u32,
    /// The unpacked kernel.
    pub kernel: &'a Path,
    /// The first files.
    pub initramfs: &'a Path,
    /// The disks, `/dev/vda` first. What is written to them is thrown away.
    pub disks: &'a [PathBuf],
    /// A socket on which we listen: the other end of the guest's serial port.
    pub port: &'a Path,
    /// The console's output: what the kernel says when it dies.
    pub console: &'a Path,
}

/// The arguments for [`PROGRAM`].
#[must_use]
pub fn arguments(parts: &Parts<'_>) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    let mut add = |words: &[&str]| all.extend(words.iter().map(OsString::from));
    add(&["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "q35"]);
    match parts.accelerator {
        Accelerator::Kvm => add(&["-accel", "kvm", "-cpu", "host"]),
        // Without the instruction `cmpxchg16b`: QEMU 7.2 leaves wrong flags behind it, and newer
        // kernels die of that now and then.
        Accelerator::Tcg => add(&["-accel", "tcg,thread=multi", "-cpu", "max,cx16=off"]),
    }
    add(&["-smp", "2", "-m", &parts.memory.to_string()]);
    // `panic=-1` with `-no-reboot`: a kernel that dies ends QEMU at once. (No `tsc=reliable`: on a
    // busy host the kernel may measure the clock's rate ten times too low, and has to find that out.)
    add(&[
        "-append",
        "console=ttyS0 panic=-1 quiet loglevel=4 cgroup_no_v1=all mitigations=off \
         random.trust_cpu=on",
    ]);
    add(&["-device", "virtio-serial-pci", "-device", "virtserialport,chardev=port"]);
    let mut path = |option: &str, before: &str, path: &Path, after: &str| {
        // In QEMU's lists of options a comma is written twice.
        let path = path.to_string_lossy().replace(',', ",,");
        all.extend([option.into(), format!("{before}{path}{after}").into()]);
    };
    path("-chardev", "socket,id=port,path=", parts.port, "");
    path("-serial", "file:", parts.console, "");
    for disk in parts.disks {
        path("-drive", "if=virtio,format=raw,snapshot=on,file=", disk, "");
    }
    for (option, file) in [("-kernel", parts.kernel), ("-initrd", parts.initramfs)] {
        all.extend([option.into(), file.into()]);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_given_in_their_order_and_keep_what_is_in_them() {
        let disks = ["/a,b", "/c"].map(PathBuf::from);
        let parts = Parts {
            accelerator: Accelerator::Tcg,
            memory: 64,
            kernel: Path::new("/kernel"),
            initramfs: Path::new("/initramfs"),
            disks: &disks,
            port: Path::new("/port"),
            console: Path::new("/console"),
        };
        let all = arguments(&parts);
        let drives: Vec<_> =
            all.iter().filter(|word| word.to_string_lossy().contains("if=")).collect();
        let start = "if=virtio,format=raw,snapshot=on,file=";
        assert_eq!(drives, [&format!("{start}/a,,b")[..], &format!("{start}/c")]);
    }
}
