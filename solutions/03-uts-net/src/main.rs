//! Chapter 03's program: run a command with a name and a network of its own.

use std::process::ExitCode;

use anyhow::Result;
use chroot_jail::RootOption;
use clap::Parser;
use pid_namespace::{InitOption, PidNamespace, Root};
use process::{Container, cli};
use sol03_uts_net as uts_net;

use uts_net::{Files, Hostname, Ipc, Mode, Network, Port, RunFolder};

/// Chapter 03: a host name, and a network of one's own
#[derive(Parser)]
#[command(version)]
enum Arguments {
    /// Run a command that has its own name and its own network
    Run(Run),
}

#[derive(clap::Args)]
struct Run {
    /// The container's host name [default: its number; with --network host, the host's]
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// The container's NIS domain name
    #[arg(long, value_name = "NAME")]
    domainname: Option<String>,
    /// The container's network
    #[arg(long, value_name = "NETWORK", default_value = "bridge")]
    network: Mode,
    /// Publish a port of the container's on the host: [IP:]HOST:CONTAINER[/tcp|/udp]
    #[arg(short, long, value_name = "PORTS")]
    publish: Vec<Port>,
    #[command(flatten)]
    root: RootOption,
    #[command(flatten)]
    init: InitOption,
    #[command(flatten)]
    run: cli::Run,
}

fn main() -> ExitCode {
    cli::main(|Arguments::Run(arguments)| run(arguments))
}

fn run(arguments: Run) -> Result<u8> {
    let command = arguments.run.command()?.clean_environment();
    let folder = RunFolder::new()?;
    let name = arguments.hostname.unwrap_or_else(|| arguments.network.host_name(folder.id()));
    let hostname = Hostname::new(&name)?.domain(arguments.domainname.as_deref())?;
    let network = Network::new(&folder, arguments.network, arguments.publish)?;
    let files = Files::new(&folder, &hostname, &network);
    let root = Root::new(&arguments.root.folder()?)?
        .mounts([Ipc::message_queues()])
        .mounts(files.mounts());
    let ended = Container::new(command.env("HOSTNAME", name))
        .with(folder)
        .with(hostname)
        .with(Ipc)
        .with(network)
        .with(files)
        .with(PidNamespace)
        .with(root)
        .with_some(arguments.init.mechanism())
        .run()?;
    Ok(ended.exit_code())
}
