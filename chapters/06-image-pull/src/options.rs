//! The command line of this chapter's `run`, for the later ones as well: Docker's options.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use cgroup_limits::LimitOptions;
use pid_namespace::InitOption;
use process::cli;
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
    /// The image, as `alpine` or `localhost:5000/a/b:1`; then the command and its arguments
    /// [default: the image's]
    // One list, or the parser would still look for options of ours behind the image.
    #[arg(
        value_names = ["IMAGE", "CMD"],
        num_args = 1..,
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    words: Vec<OsString>,
}

impl RunOptions {
    /// The image.
    ///
    /// # Errors
    ///
    /// When the word is an option that we don't have, or no image's name.
    pub fn image(&self) -> Result<Name> {
        cli::refuse_option(self.words.first())?;
        self.words.first().map(|word| word.to_string_lossy()).unwrap_or_default().parse()
    }

    /// What stands behind the image: the command's words, if the user names any.
    #[must_use]
    pub fn command(&self) -> &[OsString] {
        self.words.get(1..).unwrap_or_default()
    }
}
