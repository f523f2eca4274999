//! Chapter 03's program: run a command with a name and a network of its own.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use ch03_uts_net as uts_net;
use chroot_jail::default_root;
use clap::Parser;
use pid_namespace::{Init, PidNamespace, Root};
use process::{Container, cli};

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
    /// The container's root folder [default: one made from this host's programs]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Put a small init in the place of PID 1, which reaps orphans and passes signals on
    #[arg(long)]
    init: bool,
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
    let root = Root::new(&arguments.root.map_or_else(default_root, Ok)?)?
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
        .with_some(arguments.init.then_some(Init))
        .run()?;
    Ok(ended.exit_code())
}
