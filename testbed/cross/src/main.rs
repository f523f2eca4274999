//! Does everything compile for other machines, and with the oldest Rust that it promises?
//!
//! A student may have an Apple laptop with a Linux in it (aarch64), the book's own machine in the
//! browser is a 32-bit one (i686), and distributions have Rust 1.85. A compiler for another machine
//! takes three things: `rustc`, which can write for any machine; the standard library for that
//! machine; a C compiler for it, since two crates of chapter 06 bring some C. Debian has all of them
//! as packages, that Rust among them. They are unpacked into a folder of their own ([`toolchain`]).
//!
//! What was compiled so is not run: that takes such a machine.

mod toolchain;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use toolchain::{Machine, Toolchain};

/// Checks that everything compiles for other machines, with the oldest Rust that it promises.
#[derive(Parser)]
#[command(name = "scripts/cross")]
struct Line {
    /// For which machines; all of them where none is named.
    #[arg(value_enum)]
    machines: Vec<Machine>,
}

fn main() -> ExitCode {
    match check(Line::parse().machines) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cross: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether it compiles; what the compiler says is on standard error.
fn check(mut machines: Vec<Machine>) -> Result<bool> {
    if machines.is_empty() {
        machines = Machine::value_variants().to_vec();
    }
    let toolchain = Toolchain::get()?;
    let mut right = true;
    for machine in machines {
        let fine = toolchain.check(machine)?;
        println!("{}: {}", machine.triple(), if fine { "compiles" } else { "does not compile" });
        right &= fine;
    }
    Ok(right)
}
