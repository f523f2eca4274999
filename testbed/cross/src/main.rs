//! Does everything compile for other machines, and with the oldest Rust that it promises?
//!
//! A student may have an Apple laptop with a Linux in it (aarch64), the book's own machine in the
//! browser is a 32-bit one (i686), and distributions have Rust 1.85. That Rust, for these machines,
//! is [`vm::toolchain`]'s.
//!
//! What was compiled so is not run: that takes such a machine.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use vm::toolchain::{Target, Toolchain};

/// Checks that everything compiles for other machines, with the oldest Rust that it promises.
#[derive(Parser)]
#[command(name = "scripts/cross")]
struct Line {
    /// For which machines; all of them where none is named.
    #[arg(value_enum)]
    machines: Vec<Target>,
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
fn check(mut machines: Vec<Target>) -> Result<bool> {
    if machines.is_empty() {
        machines = Target::value_variants().to_vec();
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
