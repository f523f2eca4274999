//! Programs for other machines: Debian's Rust 1.85, with what it needs for them.
//!
//! A compiler for another machine takes three things: `rustc`, which can write for any machine; the
//! standard library for that machine; a C compiler for it, which also links, since two crates of
//! chapter 06 bring some C. Debian has all of them as packages. They are unpacked into a folder of
//! their own; cargo is this machine's.
//!
//! ```no_run
//! use vm::toolchain::{Target, Toolchain};
//!
//! # fn main() -> anyhow::Result<()> {
//! let small = [("CARGO_PROFILE_RELEASE_OPT_LEVEL", "z")];
//! let folder = Toolchain::get()?.build(Target::I686, &["--package", "sol00-process"], &small)?;
//! assert!(folder.join("sol00-process").exists());
//! # Ok(())
//! # }
//! ```

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::build::project;
use crate::cache;
use crate::packages::{Release, unpack};

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

/// A kind of machine, other than this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// 64-bit ARM.
    Aarch64,
    /// 32-bit Intel.
    I686,
}

impl Target {
    /// The name that cargo has for it.
    #[must_use]
    pub fn triple(self) -> String {
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
pub struct Toolchain {
    folder: PathBuf,
}

impl Toolchain {
    /// The toolchain; fetched the first time (250 MB, and a gigabyte unpacked).
    ///
    /// # Errors
    ///
    /// When it can't be fetched or unpacked.
    pub fn get() -> Result<Self> {
        crate::host()?;
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
        }
        toolchain.write_wrappers()?;
        Ok(toolchain)
    }

    /// Builds programs that need no library (`release`), by cargo's arguments, `["--package",
    /// "coracle"]`; the folder that they are in. The profile is changed by its variables
    /// (`CARGO_PROFILE_RELEASE_…`).
    ///
    /// # Errors
    ///
    /// When cargo can't be started, or can't build them; it said why on standard error.
    pub fn build(
        &self,
        target: Target,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<PathBuf> {
        let mut cargo = self.cargo(target);
        cargo.args(["build", "--release", "--quiet", "--target", &target.triple()]);
        cargo.args(arguments).envs(environment.iter().copied());
        if !cargo.status().context("cargo can't be started")?.success() {
            bail!(
                "cargo could not build for {}: cargo build {}",
                target.triple(),
                arguments.join(" ")
            );
        }
        Ok(products().join(target.triple()).join("release"))
    }

    /// The C compiler for a machine, which also links.
    #[must_use]
    pub fn c_compiler(&self, target: Target) -> PathBuf {
        self.folder.join(format!("{}-gcc", target.name()))
    }

    /// Compiles the whole workspace with all its tests for a machine, as far as the compiler finds
    /// mistakes.
    ///
    /// # Errors
    ///
    /// When cargo can't be started.
    pub fn check(&self, target: Target) -> Result<bool> {
        let mut cargo = self.cargo(target);
        cargo.args(["check", "--quiet", "--workspace", "--all-targets"]);
        cargo.args(["--target", &target.triple()]);
        Ok(cargo.status().context("cargo can't be started")?.success())
    }

    /// A cargo that compiles and links with this.
    pub(crate) fn cargo(&self, target: Target) -> Command {
        let triple = target.triple().replace('-', "_");
        let of_cargo = |name| format!("CARGO_TARGET_{}_{name}", triple.to_uppercase());
        let gcc = self.c_compiler(target);
        // Set where we were started by cargo: the same cargo then.
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .current_dir(project())
            .env("CARGO_TARGET_DIR", products())
            .env("RUSTC", self.folder.join("rustc"))
            .env(of_cargo("LINKER"), &gcc)
            // What runs in any machine may not ask for this one's libraries.
            .env(of_cargo("RUSTFLAGS"), "-C target-feature=+crt-static -C relocation-model=static")
            .env(format!("CC_{triple}"), gcc)
            .env(format!("AR_{triple}"), self.folder.join(format!("{}-ar", target.name())));
        // What rustup set for the compiler that compiled us, and cargo for us.
        for name in
            ["RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER", "RUSTDOC", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"]
        {
            cargo.env_remove(name);
        }
        cargo
    }

    /// The programs find their libraries only if they are told where, and the C compiler its
    /// headers.
    fn write_wrappers(&self) -> Result<()> {
        let Some(folder) = self.folder.to_str().filter(|folder| !folder.contains('\'')) else {
            bail!("{} can't stand in a shell script", self.folder.display());
        };
        let mut wrappers = vec![("rustc".to_owned(), "rustc".to_owned())];
        for target in Target::value_variants() {
            let name = target.name();
            let gcc = format!("{name}-linux-gnu-gcc-12' '--sysroot={folder}");
            wrappers.push((format!("{name}-gcc"), gcc));
            wrappers.push((format!("{name}-ar"), format!("{name}-linux-gnu-ar")));
        }
        for (name, program) in wrappers {
            let path = self.folder.join(name);
            // Debian's `sh` would drop variables whose names it can't have, and tests find the
            // program that they test by `CARGO_BIN_EXE_sol00-process`.
            let script = format!(
                "#!/bin/bash\nLD_LIBRARY_PATH='{folder}/usr/lib/x86_64-linux-gnu' exec '{folder}/usr/bin/{program}' \"$@\"\n"
            );
            // Another cargo may be using it.
            if fs::read_to_string(&path).is_ok_and(|there| there == script) {
                continue;
            }
            fs::write(&path, script)?;
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
        Ok(())
    }
}

/// Where cargo puts what it builds so: another compiler's products stay apart.
fn products() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    project().join(target).join("cross")
}
