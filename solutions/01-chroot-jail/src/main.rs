//! Chapter 01's program: fill a jail, run a command in it, break out of it.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use process::{Command, Container, cli, explain};
use sol01_chroot_jail as chroot_jail;

use chroot_jail::{Jail, RootOption, breakout, texts};

/// Chapter 01: a root folder of one's own, and why chroot is no wall
#[derive(Parser)]
#[command(version)]
enum Arguments {
    /// Run a command for which a folder is the whole file tree
    Run {
        #[command(flatten)]
        root: RootOption,
        #[command(flatten)]
        run: cli::Run,
    },
    /// Copy programs of this host, with all that they need, into a folder
    Jail {
        /// Tell each file that is copied
        #[arg(long)]
        explain: bool,
        /// The folder; it is made if it is not there
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The programs, by name or by path
        #[arg(value_name = "PROGRAM", required = true)]
        programs: Vec<OsString>,
    },
    /// Break out of a jail, step by step; ends with 0 when it got out, with 1 when it did not
    Breakout {
        #[command(flatten)]
        root: RootOption,
        /// What to run where we end up
        #[arg(
            value_name = "CMD",
            trailing_var_arg = true,
            allow_hyphen_values = true,
            default_values = ["ls", "/"]
        )]
        words: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    cli::main(|arguments| match arguments {
        Arguments::Run { root, run } => {
            let command = run.command()?.clean_environment();
            Ok(Container::new(command).with(Jail::new(&root.folder()?)?).run()?.exit_code())
        }
        Arguments::Jail { explain, folder, programs } => {
            if explain {
                explain::enable();
            }
            fill(&folder, &programs)
        }
        Arguments::Breakout { root, words } => {
            let command = Command::new(&words)?.clean_environment();
            breakout::attempt(Container::new(command).with(Jail::new(&root.folder()?)?))
        }
    })
}

fn fill(folder: &Path, programs: &[OsString]) -> Result<u8> {
    let copied = chroot_jail::fill(folder, programs)?;
    let report = texts::filled(&copied, folder, &programs[0], &cli::program_name());
    writeln!(std::io::stdout(), "{report}").context(process::texts::STANDARD_OUTPUT)?;
    Ok(0)
}
