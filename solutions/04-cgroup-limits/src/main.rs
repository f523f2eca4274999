//! Chapter 04's program: run a command within limits.

use std::process::ExitCode;

use anyhow::Result;
use chroot_jail::RootOption;
use clap::Parser;
use pid_namespace::{InitOption, PidNamespace, Root};
use process::{Container, cli};
use sol04_cgroup_limits as cgroup_limits;

use cgroup_limits::LimitOptions;
use uts_net::{Files, Hostname, Ipc, Network, NetworkOptions, RunFolder};

/// Chapter 04: limits on memory, processors, processes and disks
#[derive(Parser)]
#[command(version)]
enum Arguments {
    /// Run a command that can't use more than it is given
    Run(Run),
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
