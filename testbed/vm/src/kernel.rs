//! Debian's kernels, ready to be started.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail};

use crate::packages::Release;
use crate::{cache, disk, initramfs, tool};

/// A kernel that a student may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Debian 11's.
    V5_10,
    /// Debian 12's.
    V6_1,
    /// Debian 12's for 32-bit machines, as the book's own machine in the browser is one.
    V6_1I686,
    /// Debian 13's.
    V6_12,
}

/// What a machine's processor understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Architecture {
    /// 64-bit Intel.
    X86_64,
    /// 32-bit Intel.
    I686,
}

impl Architecture {
    /// Debian's name for it.
    #[must_use]
    pub fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::I686 => "i386",
        }
    }
}

impl Kernel {
    /// Those for 64-bit machines, oldest first.
    pub const X86_64: [Self; 3] = [Self::V5_10, Self::V6_1, Self::V6_12];

    /// All of them, oldest first.
    pub const ALL: [Self; 4] = [Self::V5_10, Self::V6_1, Self::V6_1I686, Self::V6_12];

    /// What it is made for.
    #[must_use]
    pub fn architecture(self) -> Architecture {
        if self == Self::V6_1I686 { Architecture::I686 } else { Architecture::X86_64 }
    }

    /// `6.1`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V5_10 => "5.10",
            Self::V6_1 => "6.1",
            Self::V6_1I686 => "6.1-686",
            Self::V6_12 => "6.12",
        }
    }

    /// `6.1`, as people read it.
    #[must_use]
    pub fn title(self) -> &'static str {
        if self == Self::V6_1I686 { "6.1, 32-bit" } else { self.name() }
    }

    fn suite(self) -> &'static str {
        match self {
            Self::V5_10 => "bullseye-security",
            Self::V6_1 | Self::V6_1I686 => "bookworm",
            Self::V6_12 => "trixie",
        }
    }

    /// The package that stands for the newest build. There is no `cloud` for 32 bits.
    fn package(self) -> &'static str {
        match self.architecture() {
            Architecture::X86_64 => "linux-image-cloud-amd64",
            Architecture::I686 => "linux-image-686-pae",
        }
    }
}

impl FromStr for Kernel {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kernel| kernel.name() == name);
        found.ok_or_else(|| anyhow!("there is 5.10, 6.1, 6.1-686 and 6.12"))
    }
}

/// What QEMU is given.
#[derive(Clone, Debug)]
pub struct Files {
    /// The unpacked kernel, with the entry point at which a virtual machine may start it (PVH).
    pub vmlinux: PathBuf,
    /// The drivers that it needs to reach its disks, as an archive for the initramfs.
    pub drivers: PathBuf,
    /// All its modules, as a disk for `/lib/modules`: the kernel loads them when they are needed.
    pub modules: PathBuf,
}

/// What a machine needs before it has a disk. What a kernel has built in, it does not have as a
/// module.
const DRIVERS: [&str; 5] = ["virtio_pci", "virtio_blk", "virtio_console", "crc32c_generic", "ext4"];

/// Where a kernel's files are, or will be.
pub(crate) fn folder(kernel: Kernel) -> Result<PathBuf> {
    Ok(cache::folder()?.join(format!("kernel-{}", kernel.name())))
}

/// This kernel's files; fetched if they are not there yet.
///
/// # Errors
///
/// When the package can't be fetched or unpacked.
pub fn files(kernel: Kernel) -> Result<Files> {
    let folder = folder(kernel)?;
    let files = Files {
        vmlinux: folder.join("vmlinux"),
        drivers: folder.join("drivers.cpio"),
        modules: folder.join("modules.ext4"),
    };
    if !folder.exists() {
        eprintln!("vm: fetching kernel {}", kernel.name());
        fetch(kernel, &folder).with_context(|| format!("kernel {}", kernel.name()))?;
    }
    Ok(files)
}

fn fetch(kernel: Kernel, folder: &Path) -> Result<()> {
    let release = Release::open_for(kernel.suite(), &[kernel.architecture().debian()])?;
    let package = release.download(&release.stands_for(kernel.package())?)?;
    // Only a whole folder gets the name.
    let work = folder.with_file_name(format!("kernel-{}.new", kernel.name()));
    let _ = fs::remove_dir_all(&work);
    let tree = work.join("tree");
    fs::create_dir_all(&tree)?;
    tool::output(Command::new("dpkg-deb").arg("-x").args([&package, &tree]))?;
    let image = one_file(&tree.join("boot"), "vmlinuz-")?;
    fs::write(work.join("vmlinux"), unpack(&fs::read(image)?)?)?;
    let modules = ["usr/lib/modules", "lib/modules"].map(|path| tree.join(path));
    let modules = modules.iter().find(|path| path.exists()).context("it has no modules")?;
    let drivers = work.join("drivers");
    fs::write(work.join("drivers.cpio"), self::drivers(modules, &DRIVERS, &drivers)?)?;
    // As the package's installation would: a list of what needs what, and of other names.
    let version = one_file(modules, "")?;
    let names = work.join("lib");
    fs::create_dir(&names)?;
    fs::rename(modules, names.join("modules"))?;
    let version = version.file_name().context("no version")?;
    tool::output(tool::with_sbin(Command::new("depmod").arg("-b").arg(&work).arg(version)))?;
    disk::make(&names.join("modules"), &work.join("modules.ext4"), 0, &[])?;
    for folder in [tree, drivers, names] {
        fs::remove_dir_all(folder)?;
    }
    release.clear()?;
    fs::rename(&work, folder)?;
    Ok(())
}

/// The file or folder in this folder whose name begins so.
///
/// # Errors
///
/// When there is none.
pub fn one_file(folder: &Path, prefix: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            return Ok(entry.path());
        }
    }
    bail!("{} has no {prefix}", folder.display())
}

/// Takes the compressed kernel out of a `bzImage`, which begins with the program that would unpack
/// it (the kernel's `Documentation/arch/x86/boot.rst`: `setup_sects`, `payload_offset`,
/// `payload_length`; the last four bytes are the unpacked size).
fn unpack(image: &[u8]) -> Result<Vec<u8>> {
    let number = |at: usize| {
        let bytes = image.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let payload = || {
        let sectors = usize::from(*image.get(0x1f1)?);
        let start = (sectors + 1) * 512 + number(0x248)?;
        image.get(start..start + number(0x24c)?.checked_sub(4)?)
    };
    let payload = payload().context("this is not a bzImage")?;
    let program = match payload {
        [0x02, 0x21, 0x4c, 0x18, ..] => "lz4",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz",
        [0x1f, 0x8b, ..] => "gzip",
        _ => bail!("the kernel is compressed in an unknown way"),
    };
    let vmlinux = decompress(program, payload)?;
    if !vmlinux.starts_with(b"\x7fELF") {
        bail!("what the kernel unpacks to is no program");
    }
    Ok(vmlinux)
}

fn decompress(program: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    tool::output_of(Command::new(program).arg("-dcq").stdin(Stdio::piped()), bytes)
}

/// Puts drivers into an archive, and their order: a module comes after those it needs. `files` is a
/// folder to be filled with them.
///
/// # Errors
///
/// When they can't be read or unpacked.
pub fn drivers(modules: &Path, names: &[&str], files: &Path) -> Result<Vec<u8>> {
    let mut known = BTreeMap::new();
    index(modules, &mut known)?;
    fs::create_dir_all(files.join("drivers"))?;
    let mut order = Vec::new();
    for name in names {
        add(name, &known, files, &mut order)?;
    }
    fs::write(files.join("drivers/order"), order.join("\n"))?;
    let mut names = vec!["drivers".into(), "drivers/order".into()];
    names.extend(order.iter().map(|name| format!("drivers/{name}")));
    initramfs::archive(files, &names)
}

/// Every module below a folder, by its name: file names have `-` where names may have `_`.
fn index(folder: &Path, known: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let file = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            index(&path, known)?;
        } else if let Some((name, _)) = file.split_once(".ko") {
            known.insert(name.replace('-', "_"), path);
        }
    }
    Ok(())
}

fn add(
    name: &str,
    known: &BTreeMap<String, PathBuf>,
    files: &Path,
    order: &mut Vec<String>,
) -> Result<()> {
    let name = name.replace('-', "_");
    let Some(path) = known.get(&name) else { return Ok(()) };
    if order.contains(&name) {
        return Ok(());
    }
    let packed = fs::read(path)?;
    let module = match path.extension().and_then(|extension| extension.to_str()) {
        Some("ko") => packed,
        Some("xz") => decompress("xz", &packed)?,
        Some("zst") => decompress("zstd", &packed)?,
        _ => bail!("{} is compressed in an unknown way", path.display()),
    };
    for needed in needs(&module) {
        add(&needed, known, files, order)?;
    }
    fs::write(files.join("drivers").join(&name), module)?;
    order.push(name);
    Ok(())
}

/// The modules that a module says it needs: `depends=a,b`, and softly `softdep=pre: a b`.
fn needs(module: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for line in module.split(|byte| *byte == 0) {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        if let Some(list) = line.strip_prefix("depends=") {
            names.extend(list.split(',').map(String::from));
        } else if let Some(list) = line.strip_prefix("softdep=pre: ") {
            names.extend(list.split(' ').map(String::from));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_says_what_it_needs() {
        let module = b"\x7fELF\0\0license=GPL\0depends=nf_tables,nf-nat\0softdep=pre: a b\0\xff\0";
        assert_eq!(needs(module), ["nf_tables", "nf-nat", "a", "b"]);
        assert_eq!(needs(b"\0depends=\0"), [""]);
    }

    #[test]
    fn what_is_no_kernel_is_said_to_be_none() {
        for image in [&b""[..], &[0; 100], &[0xff; 4096], &[0; 4096]] {
            assert!(unpack(image).is_err());
        }
    }

    #[test]
    fn kernels_have_names() {
        for kernel in Kernel::ALL {
            assert_eq!(kernel.name().parse::<Kernel>().unwrap(), kernel);
        }
        assert!("6.2".parse::<Kernel>().is_err());
    }
}
