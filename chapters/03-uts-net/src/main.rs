//! Chapter 03's program: run a command with a name and a network of its own.

use std::process::ExitCode;

use anyhow::Result;
use ch03_uts_net as uts_net;
use chroot_jail::RootOption;
use clap::Parser;
use pid_namespace::{InitOption, PidNamespace, Root};
use process::{Container, cli};

use uts_net::{Files, Hostname, Ipc, Network, NetworkOptions, RunFolder};

/// Chapter 03: a host name, and a network of one's own
#[derive(Parser)]
#[command(version)]
enum Arguments {
    /// Run a command that has its own name and its own network
    Run {
        #[command(flatten)]
        options: NetworkOptions,
        #[command(flatten)]
        root: RootOption,
        #[command(flatten)]
        init: InitOption,
        #[command(flatten)]
        run: cli::Run,
    },
}

fn main() -> ExitCode {
    cli::main(|Arguments::Run { options, root, init, run }| start(options, root, &init, &run))
}

fn start(
    options: NetworkOptions,
    root: RootOption,
    init: &InitOption,
    run: &cli::Run,
) -> Result<u8> {
    let command = run.command()?.clean_environment();
    let folder = RunFolder::new()?;
    let name = options.hostname.unwrap_or_else(|| options.network.host_name(folder.id()));
    let hostname = Hostname::new(&name)?.domain(options.domainname.as_deref())?;
    let network = Network::new(&folder, options.network, options.publish)?;
    let files = Files::new(&folder, &hostname, &network);
    let root = Root::new(&root.folder()?)?.mounts([Ipc::message_queues()]).mounts(files.mounts());
    let ended = Container::new(command.env("HOSTNAME", name))
        .with(folder)
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
