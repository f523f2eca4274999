//! A container from an image.
//!
//! Nothing here is new to the kernel. The image's layers are chapter 05's, its user is a number, its
//! environment a list of words. What is new is where they come from.

use anyhow::Result;
use overlay_layers::Overlay;
use pid_namespace::{PidNamespace, Root};
use process::{Container, explain};
use uts_net::{Files, Hostname, Ipc, Network, NetworkOptions, RunFolder};

use crate::options::RunOptions;
use crate::signal;
use crate::store::Image;
use crate::user::User;
use crate::volumes::Volumes;
use crate::workdir::WorkDir;
use crate::{command, ports};

/// Runs a container from an image, and returns the status that its command ended with.
///
/// # Errors
///
/// Whatever kept the container from being made or from being taken down.
pub fn start(options: RunOptions, image: &Image) -> Result<u8> {
    if options.explain {
        explain::enable();
    }
    let config = &image.config.config;
    let command = command::of(config, &options)?;
    let (home, host) = ("HOME", "HOSTNAME");
    let [has_home, has_host] =
        [home, host].map(|name| command::has_variable(config, &options, name));
    let user = User::new(options.user.as_deref().unwrap_or(&config.user), has_home)?;
    let workdir = WorkDir::new(options.workdir.as_deref(), &config.working_dir)?;
    let stop_signal = signal::number(&config.stop_signal)?;

    let folder = RunFolder::new()?;
    let overlay = Overlay::new(&folder, &image.layers, None)?;
    let volumes = Volumes::new(&overlay, &image.layers, &config.volumes, &options.volume)?;
    let cgroup = options.limits.mechanism(&folder)?;
    let NetworkOptions { hostname, domainname, network: mode, mut publish } = options.network;
    let name = hostname.unwrap_or_else(|| mode.host_name(folder.id()));
    let command = if has_host { command } else { command.env("HOSTNAME", &name) };
    let hostname = Hostname::new(&name)?.domain(domainname.as_deref())?;
    if options.publish_all {
        publish.extend(ports::publish_all(&config.exposed_ports, mode)?);
    }
    let network = Network::new(&folder, mode, publish)?;
    let files = Files::new(&folder, &hostname, &network);
    let root = Root::of(overlay.tree())
        .mounts([Ipc::message_queues()])
        .mounts(cgroup.mounts())
        .mounts(files.mounts())
        .mounts(volumes.mounts());
    let ended = Container::new(command)
        .stop_signal(stop_signal)
        .with(folder)
        .with(overlay.without_mount_points(&root))
        .with(volumes)
        .with(cgroup)
        .with(hostname)
        .with(Ipc)
        .with(network)
        .with(files)
        .with(PidNamespace)
        .with(root)
        .with_some(options.init.mechanism())
        .with(workdir)
        .with(user)
        .run()?;
    Ok(ended.exit_code())
}
