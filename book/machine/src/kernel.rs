//! The kernel: our own configuration of Debian's source, or Debian's as it is.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use vm::packages::{Release, unpack};

use crate::{build, store};

/// Debian's newest release still has the sources for 32 bits, and it has the kernel of the book's
/// recordings.
const SOURCE: (&str, &str) = ("trixie", "linux-source-6.12");
const CONFIG: &str = include_str!("../kernel.config");
/// The last release with a kernel for 32 bits that is ready made.
const STOCK: (&str, &str) = ("bookworm", "linux-image-686");
/// What the chapters use and Debian has as modules. The first one is a checksum that `libcrc32c` asks
/// the kernel for by what it computes: no list of dependencies has it.
const MODULES: [&str; 13] = [
    "crc32c_generic",
    "overlay",
    "veth",
    "bridge",
    "tun",
    "dummy",
    "nf_tables",
    "nft_ct",
    "nft_masq",
    "nft_chain_nat",
    "nft_fib_inet",
    "nft_reject_inet",
    "nft_redir",
];

/// A kernel.
pub(crate) struct Kernel {
    pub(crate) image: PathBuf,
    /// Its modules, as the guest loads them: an archive for the initramfs.
    pub(crate) modules: Option<PathBuf>,
    /// MiB that a machine with it needs.
    pub(crate) memory: u32,
    /// Debian's package that it was made of, and its version.
    pub(crate) package: (String, String),
}

impl Kernel {
    fn of(folder: &Path, memory: u32) -> Result<Self> {
        let package = fs::read_to_string(folder.join("package"))?;
        let (name, version) = package.split_once(' ').context("no version")?;
        let modules = folder.join("modules.cpio");
        Ok(Self {
            image: folder.join("bzImage"),
            modules: modules.exists().then_some(modules),
            memory,
            package: (name.into(), version.into()),
        })
    }
}

/// Our own, with everything built in.
pub(crate) fn small() -> Result<Kernel> {
    let (suite, source) = SOURCE;
    let made_of = [suite, source, CONFIG].map(str::as_bytes);
    let built = store::result("kernel", &made_of, |folder| {
        let release = Release::open_for(suite, &["amd64"])?;
        let package = release.download(source)?;
        let version = vm::packages::version(&package)?;
        build::build(&package, CONFIG, folder)?;
        release.clear()?;
        fs::write(folder.join("package"), format!("{source} {version}"))?;
        Ok(())
    })?;
    Kernel::of(&built, 96)
}

/// Debian's.
pub(crate) fn stock() -> Result<Kernel> {
    let (suite, meta) = STOCK;
    let modules = MODULES.join(" ");
    let made_of = [suite, meta, &modules].map(str::as_bytes);
    let got = store::result("stock-kernel", &made_of, |folder| {
        let release = Release::open_for(suite, &["i386"])?;
        let name = release.stands_for(meta)?;
        let package = release.download(&name)?;
        let version = vm::packages::version(&package)?;
        let tree = folder.join("tree");
        fs::create_dir(&tree)?;
        unpack(&package, &tree)?;
        release.clear()?;
        let image = vm::kernel::one_file(&tree.join("boot"), "vmlinuz-")?;
        fs::rename(image, folder.join("bzImage"))?;
        let drivers =
            vm::kernel::drivers(&tree.join("lib/modules"), &MODULES, &folder.join("drivers"))?;
        fs::write(folder.join("modules.cpio"), drivers)?;
        fs::remove_dir_all(tree)?;
        fs::write(folder.join("package"), format!("{name} {version}"))?;
        Ok(())
    })?;
    // It alone takes forty more.
    Kernel::of(&got, 160)
}
