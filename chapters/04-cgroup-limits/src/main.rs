//! Chapter 04's program: run a command within limits.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use ch04_cgroup_limits as cgroup_limits;
use chroot_jail::RootOption;
use clap::Parser;
use pid_namespace::{InitOption, PidNamespace, Root};
use process::{Container, cli};

use cgroup_limits::{LimitOptions, Stats, freezer};
use uts_net::{Files, Hostname, Ipc, Network, NetworkOptions, RunFolder};

/// Chapter 04: limits on memory, processors, processes and disks
#[derive(Parser)]
#[command(version)]
// There is one of it.
#[allow(clippy::large_enum_variant)]
enum Arguments {
    /// Run a command that can't use more than it is given
    Run(Run),
    /// Show what running containers use
    Stats(Stats),
    /// Stop every process of a running container, until `unpause`
    Pause {
        /// The container's number, or its beginning
        id: String,
    },
    /// Let a paused container go on
    Unpause {
        /// The container's number, or its beginning
        id: String,
    },
}

#[derive(clap::Args)]
#[group(skip)]
struct Run {
    #[command(flatten)]
    limits: LimitOptions,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    root: RootOption,
    #[command(flatten)]
    init: InitOption,
    #[command(flatten)]
    run: cli::Run,
}

fn main() -> ExitCode {
    cli::main(|arguments| match arguments {
        Arguments::Run(run) => start(run),
        Arguments::Stats(stats) => stats.show().map(|()| 0),
        Arguments::Pause { id } => say(&freezer::pause(&id)?),
        Arguments::Unpause { id } => say(&freezer::unpause(&id)?),
    })
}

fn start(Run { limits, network: options, root, init, run }: Run) -> Result<u8> {
    let command = run.command()?.clean_environment();
    let folder = RunFolder::new()?;
    let cgroup = limits.mechanism(&folder)?;
    let name = options.hostname.unwrap_or_else(|| options.network.host_name(folder.id()));
    let hostname = Hostname::new(&name)?.domain(options.domainname.as_deref())?;
    let network = Network::new(&folder, options.network, options.publish)?;
    let files = Files::new(&folder, &hostname, &network);
    let root = Root::new(&root.folder()?)?
        .mounts([Ipc::message_queues()])
        .mounts(cgroup.mounts())
        .mounts(files.mounts());
    let ended = Container::new(command.env("HOSTNAME", name))
        .with(folder)
        .with(cgroup)
        .with(hostname)
        .with(Ipc)
        .with(network)
        .with(files)
        .with(PidNamespace)
        .with(root)
        .with_some(init.mechanism())
        .run()?;
    Ok(ended.exit_code())
}

fn say(id: &str) -> Result<u8> {
    writeln!(std::io::stdout(), "{id}").context(process::texts::STANDARD_OUTPUT)?;
    Ok(0)
}
