//! Chapter 02's program: run a command as PID 1 of a world of its own.

use std::process::ExitCode;

use anyhow::Result;
use ch02_pid_namespace as pid_namespace;
use chroot_jail::{RootOption, breakout};
use clap::Parser;
use process::{Command, Container, cli};

use pid_namespace::{InitOption, PidNamespace, Root};

/// Chapter 02: PID and mount namespaces, a root without a way out, and being PID 1
#[derive(Parser)]
#[command(version)]
enum Arguments {
    /// Run a command that sees its own processes and its own files alone
    Run {
        #[command(flatten)]
        root: RootOption,
        #[command(flatten)]
        init: InitOption,
        #[command(flatten)]
        run: cli::Run,
    },
    /// Try chapter 01's way out of a jail; ends with 1, since it leads nowhere any more
    Breakout {
        #[command(flatten)]
        root: RootOption,
    },
}

fn main() -> ExitCode {
    cli::main(|arguments| match arguments {
        Arguments::Run { root, init, run } => {
            let container = container(run.command()?, root)?.with_some(init.mechanism());
            Ok(container.run()?.exit_code())
        }
        Arguments::Breakout { root } => {
            breakout::attempt(container(Command::new(&["ls", "/"])?, root)?)
        }
    })
}

fn container(command: Command, root: RootOption) -> Result<Container> {
    let root = Root::new(&root.folder()?)?;
    Ok(Container::new(command.clean_environment()).with(PidNamespace).with(root))
}
