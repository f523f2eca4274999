//! Makes the machine in the book's pages, into `target/book/machine`.
//!
//! ```text
//!   Debian's kernel source, kernel.config ─▶ kernel ──┐
//!   Debian's i386 packages, tables here ───▶ programs ─┤ boots in v86, in Node ─▶ snapshot ─┐
//!   book/guest, for i686 ──────────────────▶ guest ────┘                                     │
//!   v86, xterm.js (npm), SeaBIOS (Debian) ───────────────────────────────────────────────────┴▶ site
//! ```
//!
//! Each step's result stays in the cache, in a folder that is named after what it is made of. This
//! machine's own settings and packages are never touched.
//!
//! # Layout
//!
//! * `kernel`: our own kernel, or Debian's as it is. `build`: how a kernel is built.
//! * `programs`: Debian's programs, with the libraries that they need (`needs`), or stand-ins for
//!   them (`absent`); `table`: which.
//! * `guest`: our own program. `snapshot`: the machine, booted. `site`: what the page loads.
//! * `store`: results by what they are made of.

mod absent;
mod build;
mod guest;
mod kernel;
mod needs;
mod programs;
mod site;
mod snapshot;
mod store;
mod table;

use std::panic::resume_unwind;
use std::process::ExitCode;
use std::thread::{self, ScopedJoinHandle};

use anyhow::Result;
use clap::{Parser, ValueEnum};

/// Makes the machine in the book's pages
#[derive(Parser)]
#[command(name = "scripts/browser-vm")]
struct Line {
    /// Which kernel: our own, which takes ten minutes to build the first time, or Debian's
    #[arg(long, value_enum, default_value = "small")]
    kernel: Kind,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Small,
    Stock,
}

fn main() -> ExitCode {
    match make(Line::parse().kernel) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("browser-vm: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn make(kind: Kind) -> Result<()> {
    let _lock = store::lock()?;
    // Side by side: one compiles on all processors, one on a single one, one downloads.
    let (kernel, guest, programs) = thread::scope(|scope| {
        let kernel = scope.spawn(|| match kind {
            Kind::Small => kernel::small(),
            Kind::Stock => kernel::stock(),
        });
        let guest = scope.spawn(guest::build);
        let programs = programs::get();
        (result(kernel), result(guest), programs)
    });
    let (kernel, guest, programs) = (kernel?, guest?, programs?);
    let snapshot = snapshot::take(&kernel, &programs, &guest)?;
    site::write(&kernel, &programs, &snapshot)
}

fn result<T>(thread: ScopedJoinHandle<Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}
