//! Chapter 05's program: run a command on layers, and see what it changed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use cgroup_limits::LimitOptions;
use ch05_overlay_layers as overlay_layers;
use clap::Parser;
use nix::errno::Errno;
use pid_namespace::{InitOption, PidNamespace, Root};
use process::failure::errno;
use process::sys::may_administer;
use process::{Container, cli, rootless};
use uts_net::{Files, Hostname, Ipc, Network, NetworkOptions, RunFolder};

use overlay_layers::{LayerOptions, diff, writable};

/// Chapter 05: layers
#[derive(Parser)]
#[command(version)]
// There is one of it.
#[allow(clippy::large_enum_variant)]
enum Arguments {
    /// Run a command on layers that it can't change
    Run(Run),
    /// Tell what a container changed: A added, C changed, D deleted
    Diff {
        /// A layer that it ran on, the bottom one first [default: as the run noted]
        #[arg(long, value_name = "DIR")]
        layer: Vec<PathBuf>,
        /// Tell also how the upper folder says so
        #[arg(long)]
        stored: bool,
        /// The folder that was given to `run --upper`
        #[arg(value_name = "DIR")]
        upper: PathBuf,
    },
}

#[derive(clap::Args)]
#[group(skip)]
struct Run {
    #[command(flatten)]
    layers: LayerOptions,
    #[command(flatten)]
    limits: LimitOptions,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    init: InitOption,
    #[command(flatten)]
    run: cli::Run,
}

fn main() -> ExitCode {
    cli::main(|arguments| match arguments {
        Arguments::Run(run) => start(run),
        Arguments::Diff { layer, stored, upper } => show(layer, stored, &upper),
    })
}

fn start(Run { layers, limits, network: options, init, run }: Run) -> Result<u8> {
    let command = run.command()?.clean_environment();
    let folder = RunFolder::new()?;
    let overlay = layers.mechanism(&folder)?;
    let cgroup = limits.mechanism(&folder)?;
    let name = options.hostname.unwrap_or_else(|| options.network.host_name(folder.id()));
    let hostname = Hostname::new(&name)?.domain(options.domainname.as_deref())?;
    let network = Network::new(&folder, options.network, options.publish)?;
    let files = Files::new(&folder, &hostname, &network);
    let root = Root::of(overlay.tree())
        .mounts([Ipc::message_queues()])
        .mounts(cgroup.mounts())
        .mounts(files.mounts());
    let ended = Container::new(command.env("HOSTNAME", name))
        .with(folder)
        .with(overlay.without_mount_points(&root))
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

fn show(layers: Vec<PathBuf>, stored: bool, upper: &Path) -> Result<u8> {
    let layers = match layers.is_empty() {
        true => writable::layers_of(upper).with_context(|| diff::unknown_layers(upper))?,
        false => layers,
    };
    let changes = match diff::diff(&layers, upper) {
        // A folder that the container closed to everybody is still open to its root.
        Err(error) if errno(&error) == Some(Errno::EACCES) && !may_administer() => {
            rootless::enter()?;
            diff::diff(&layers, upper)?
        }
        changes => changes?,
    };
    let mut out = io::stdout().lock();
    for change in changes {
        let written = match stored {
            true => writeln!(out, "{:<40} {}", change.to_string(), change.stored),
            false => writeln!(out, "{change}"),
        };
        written.context(process::texts::STANDARD_OUTPUT)?;
    }
    Ok(0)
}
