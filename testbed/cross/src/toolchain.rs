//! Debian's Rust 1.85, with what it needs for other machines.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use vm::cache;
use vm::packages::{Release, unpack};

/// Debian 12. It has a Rust for its browsers that is newer than its own.
const SUITE: &str = "bookworm";

/// Each by itself: what they need of the C library and its like, this machine has.
const PACKAGES: [&str; 23] = [
    // The compiler, and the standard library for this machine and the others.
    "rustc-web",
    "libstd-rust-web-1.85",
    "libllvm19",
    "libz3-4",
    "libstd-rust-web-dev",
    "libstd-rust-web-dev:arm64",
    "libstd-rust-web-dev:i386",
    // C for the others.
    "gcc-12-aarch64-linux-gnu",
    "cpp-12-aarch64-linux-gnu",
    "binutils-aarch64-linux-gnu",
    "libc6-arm64-cross",
    "libc6-dev-arm64-cross",
    "linux-libc-dev-arm64-cross",
    "libgcc-12-dev-arm64-cross",
    "libgcc-s1-arm64-cross",
    "gcc-12-i686-linux-gnu",
    "cpp-12-i686-linux-gnu",
    "binutils-i686-linux-gnu",
    "libc6-i386-cross",
    "libc6-dev-i386-cross",
    "linux-libc-dev-i386-cross",
    "libgcc-12-dev-i386-cross",
    "libgcc-s1-i386-cross",
];

/// A kind of machine.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Machine {
    /// 64-bit ARM.
    Aarch64,
    /// 32-bit Intel.
    I686,
}

impl Machine {
    /// The name that cargo has for it.
    pub(crate) fn triple(self) -> String {
        format!("{}-unknown-linux-gnu", self.name())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64",
            Self::I686 => "i686",
        }
    }
}

/// The folder with the unpacked packages.
pub(crate) struct Toolchain {
    folder: PathBuf,
}

impl Toolchain {
    /// The toolchain; fetched the first time (250 MB, and a gigabyte unpacked).
    ///
    /// # Errors
    ///
    /// When it can't be fetched or unpacked.
    pub(crate) fn get() -> Result<Self> {
        let _lock = cache::lock()?;
        let toolchain = Self { folder: cache::folder()?.join("rust-1.85") };
        if !toolchain.folder.exists() {
            let new = toolchain.folder.with_extension("new");
            // Of a call that was interrupted.
            let _ = fs::remove_dir_all(&new);
            fs::create_dir_all(&new)?;
            let release = Release::open_for(SUITE, &["amd64", "arm64", "i386"])?;
            for package in PACKAGES {
                unpack(&release.download(package)?, &new)?;
            }
            release.clear()?;
            fs::rename(&new, &toolchain.folder)?;
            toolchain.write_wrappers()?;
        }
        Ok(toolchain)
    }

    /// Compiles the whole workspace for a machine, as far as the compiler finds mistakes.
    ///
    /// # Errors
    ///
    /// When cargo can't be started.
    pub(crate) fn check(&self, machine: Machine) -> Result<bool> {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| project.join("target"), PathBuf::from);
        let of_triple = machine.triple().replace('-', "_");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut check = Command::new(cargo);
        check
            .args(["check", "--quiet", "--workspace", "--target", &machine.triple()])
            .current_dir(&project)
            // Another compiler's products stay apart.
            .env("CARGO_TARGET_DIR", target.join("cross"))
            .env("RUSTC", self.folder.join("rustc"))
            .env(format!("CC_{of_triple}"), self.folder.join(format!("{}-gcc", machine.name())))
            .env(format!("AR_{of_triple}"), self.folder.join(format!("{}-ar", machine.name())));
        // What rustup set for the compiler that compiled us, and cargo for us.
        for name in ["RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER", "RUSTDOC", "RUSTFLAGS"] {
            check.env_remove(name);
        }
        Ok(check.status().context("cargo could not be started")?.success())
    }

    /// The programs find their libraries only if they are told where, and the C compiler its
    /// headers.
    fn write_wrappers(&self) -> Result<()> {
        let Some(folder) = self.folder.to_str().filter(|folder| !folder.contains('\'')) else {
            bail!("{} can't stand in a shell script", self.folder.display());
        };
        let mut wrappers = vec![("rustc".to_owned(), "rustc".to_owned())];
        for machine in Machine::value_variants() {
            let name = machine.name();
            let gcc = format!("{name}-linux-gnu-gcc-12' '--sysroot={folder}");
            wrappers.push((format!("{name}-gcc"), gcc));
            wrappers.push((format!("{name}-ar"), format!("{name}-linux-gnu-ar")));
        }
        for (name, program) in wrappers {
            let path = self.folder.join(name);
            let script = format!(
                "#!/bin/sh\nLD_LIBRARY_PATH='{folder}/usr/lib/x86_64-linux-gnu' exec '{folder}/usr/bin/{program}' \"$@\"\n"
            );
            fs::write(&path, script)?;
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
        Ok(())
    }
}
