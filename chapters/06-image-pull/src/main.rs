//! Chapter 06's program: images, and containers from them.

use std::process::ExitCode;

use ch06_image_pull as image_pull;
use clap::Parser;
use process::{cli, explain};

use image_pull::images::{self, ListOptions, PullOptions, When};
use image_pull::name::Name;
use image_pull::options::RunOptions;
use image_pull::run;
use image_pull::store::Store;

/// Chapter 06: images
#[derive(Parser)]
#[command(version)]
// There is one of it.
#[allow(clippy::large_enum_variant)]
enum Arguments {
    /// Run a command in a container made from an image
    Run {
        /// When to fetch the image
        #[arg(long, value_enum, value_name = "WHEN", default_value = "missing")]
        pull: When,
        #[command(flatten)]
        fetch: PullOptions,
        #[command(flatten)]
        options: RunOptions,
    },
    /// Fetch an image from a registry
    Pull {
        #[command(flatten)]
        fetch: PullOptions,
        /// Tell each request as it is made
        #[arg(long)]
        explain: bool,
        /// Show only the image's full name
        #[arg(short, long)]
        quiet: bool,
        /// The image: `alpine`, `alpine:3.20`, `localhost:5000/a/b@sha256:…`
        #[arg(value_name = "IMAGE")]
        image: Name,
    },
    /// List the images that are here
    Images {
        #[command(flatten)]
        options: ListOptions,
    },
    /// Show all that is known of images, as JSON
    Inspect {
        /// Names, or the beginnings of IDs
        #[arg(value_name = "IMAGE", required = true)]
        images: Vec<String>,
    },
    /// Remove images
    Rmi {
        /// Also if an ID has several names
        #[arg(short, long)]
        force: bool,
        /// Names, or the beginnings of IDs
        #[arg(value_name = "IMAGE", required = true)]
        images: Vec<String>,
    },
    /// Remove what no image needs any more, and what interrupted pulls left
    Prune,
}

fn main() -> ExitCode {
    cli::main(|arguments| {
        let store = Store::open()?;
        match arguments {
            Arguments::Run { pull, fetch, options } => {
                if options.explain {
                    explain::enable();
                }
                let image = images::get(&store, &options.image()?, pull, &fetch)?;
                return run::start(options, &image);
            }
            Arguments::Pull { fetch, explain, quiet, image } => {
                if explain {
                    explain::enable();
                }
                images::pull(&store, &fetch, &image, quiet)
            }
            Arguments::Images { options } => images::list(&store, &options),
            Arguments::Inspect { images } => images::inspect(&store, &images),
            Arguments::Rmi { force, images } => images::remove(&store, &images, force),
            Arguments::Prune => images::prune(&store),
        }?;
        Ok(0)
    })
}
