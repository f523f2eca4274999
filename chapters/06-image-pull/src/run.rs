//! A container from an image.
//!
//! Nothing here is new to the kernel. The image's layers are chapter 05's, its user is a number, its
//! environment a list of words. What is new is where they come from.

use anyhow::Result;
use overlay_layers::Overlay;
use pid_namespace::{PidNamespace, Root};
use process::Container;
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
    let config = &image.config.config;
    let workdir = WorkDir::new(options.workdir.as_deref(), &config.working_dir)?;
    let user = User::new(options.user.as_deref().unwrap_or(&config.user));
    let stop_signal = signal::number(&config.stop_signal)?;

    let folder = RunFolder::new()?;
    let overlay = Overlay::new(&folder, &image.layers, None)?;
    let volumes = Volumes::new(overlay.writable(), &config.volumes, &options.volume)?;
    let cgroup = options.limits.mechanism(&folder)?;
    let NetworkOptions { hostname: name, domainname, network: mode, publish } = &options.network;
    let name = name.clone().unwrap_or_else(|| mode.host_name(folder.id()));
    let command = command::of(&image.name, config, &options, &name)?;
    let hostname = Hostname::new(&name)?.domain(domainname.as_deref())?;
    let mut publish = publish.clone();
    if options.publish_all {
        ports::publish_all(&config.exposed_ports, *mode, &mut publish)?;
    }
    let network = Network::new(&folder, *mode, publish)?;
    let files = Files::new(&folder, &hostname, &network);
    // A volume on /etc must not hide the files; one of these files may be the user's own.
    let own_files = files.mounts().into_iter().filter(|file| !volumes.cover(file.target()));
    let root = Root::of(volumes.fill_from(overlay.tree()))
        .mounts([Ipc::message_queues()])
        .mounts(cgroup.mounts())
        .mounts(volumes.mounts())
        .mounts(own_files);
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
        .with(workdir)
        .with(user)
        .with_some(options.init.mechanism())
        .run()?;
    Ok(ended.exit_code())
}
