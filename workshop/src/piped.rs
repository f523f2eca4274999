//! Starts a container whose command's standard output we read.

use std::fs::File;
use std::io::{self, Write};

use anyhow::{Context, Result};
use nix::fcntl::OFlag;
use nix::unistd::{dup, dup2_stdout, pipe2};
use process::Container;
use process::container::Running;

use crate::texts;

/// Starts `container`; what its command prints can be read from the file.
///
/// # Errors
///
/// When the container can't be made.
pub fn start(container: Container) -> Result<(Running, File)> {
    let (output, input) = pipe2(OFlag::O_CLOEXEC).context(texts::PIPE)?;
    // A container's command gets the standard output that we have when it is made.
    io::stdout().flush().context(texts::STANDARD_OUTPUT)?;
    let ours = dup(io::stdout()).context(texts::PIPE)?;
    dup2_stdout(&input).context(texts::PIPE)?;
    let created = container.create();
    dup2_stdout(&ours).context(texts::PIPE)?;
    drop(input);
    Ok((created?.start()?, output.into()))
}
