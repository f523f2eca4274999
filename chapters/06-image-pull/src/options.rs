//! The command line of this chapter's `run`, for the later ones as well: Docker's options.

use std::path::PathBuf;

use cgroup_limits::LimitOptions;
use pid_namespace::InitOption;
use uts_net::NetworkOptions;

use crate::name::Name;
use crate::volumes::Volume;

/// How to run an image.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct RunOptions {
    /// A variable of the command's environment; without a value, the one it has here
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,
    /// The folder in the container to begin in [default: the image's]
    #[arg(short, long, value_name = "DIR")]
    pub workdir: Option<PathBuf>,
    /// As whom to run: names or numbers, as the container knows them [default: the image's]
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub user: Option<String>,
    /// A folder or file of the host's to be seen in the container: `SOURCE:TARGET[:ro]`; or a TARGET
    /// alone, for a fresh folder that goes with the container
    #[arg(short, long, value_name = "VOLUME")]
    pub volume: Vec<Volume>,
    /// The word that the command begins with, in place of the image's; empty for none
    #[arg(long, value_name = "PROGRAM")]
    pub entrypoint: Option<String>,
    /// Publish every port that the image says it listens on, on a free port of the host's each
    #[arg(short = 'P', long)]
    pub publish_all: bool,
    #[command(flatten)]
    pub(crate) limits: LimitOptions,
    #[command(flatten)]
    pub(crate) network: NetworkOptions,
    #[command(flatten)]
    pub(crate) init: InitOption,
    /// Tell each kernel call as it happens, and why it is made
    #[arg(long)]
    pub explain: bool,
    /// The image: `alpine`, `localhost:5000/a/b:1`
    #[arg(value_name = "IMAGE")]
    pub image: Name,
    /// The command and its arguments [default: the image's]
    #[arg(value_name = "CMD", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}
