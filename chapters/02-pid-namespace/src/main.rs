//! Chapter 02's program: run a command as PID 1 of a world of its own.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use ch02_pid_namespace as pid_namespace;
use chroot_jail::{breakout, default_root};
use clap::Parser;
use process::{Command, Container, cli};

use pid_namespace::{Init, PidNamespace, Root};

/// Chapter 02: PID and mount namespaces, a root without a way out, and being PID 1
#[derive(Parser)]
#[command(version)]
enum Arguments {
    /// Run a command that sees its own processes and its own files alone
    Run {
        /// The container's root folder [default: one made from this host's programs]
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
        /// Put a small init in the place of PID 1, which reaps orphans and passes signals on
        #[arg(long)]
        init: bool,
        #[command(flatten)]
        run: cli::Run,
    },
    /// Try chapter 01's way out of a jail; ends with 1, since it leads nowhere any more
    Breakout {
        /// The container's root folder [default: one made from this host's programs]
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    cli::main(|arguments| match arguments {
        Arguments::Run { root, init, run } => {
            let container = container(run.command()?, root)?.with_some(init.then_some(Init));
            Ok(container.run()?.exit_code())
        }
        Arguments::Breakout { root } => {
            breakout::attempt(container(Command::new(&["ls", "/"])?, root)?)
        }
    })
}

fn container(command: Command, root: Option<PathBuf>) -> Result<Container> {
    let root = root.map_or_else(default_root, Ok)?;
    Ok(Container::new(command.clean_environment()).with(PidNamespace).with(Root::new(&root)?))
}
