//! Lines of JSON, over a serial line or a socket.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::fcntl::OFlag;
use nix::sys::termios::{FlushArg, SetArg, cfmakeraw, tcflush, tcgetattr, tcsetattr};
use serde_json::Value;

/// Opens a serial line on which every byte is only that byte.
pub(crate) fn open(path: &Path) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    // Nobody's controlling terminal: a Ctrl-C that arrives there is a byte.
    options.read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits());
    let file = options.open(path).with_context(|| format!("{} can't be opened", path.display()))?;
    let mut modes = tcgetattr(&file)?;
    cfmakeraw(&mut modes);
    tcsetattr(&file, SetArg::TCSANOW, &modes)?;
    tcflush(&file, FlushArg::TCIFLUSH)?;
    Ok(file)
}

/// Where lines of JSON come from and go to.
pub(crate) struct Line<S> {
    stream: S,
    read: Vec<u8>,
}

impl<S: Read + Write + AsFd> Line<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Waits for something to read; the lines that are complete then. `None` at the end.
    pub(crate) fn read(&mut self) -> Result<Option<Vec<String>>> {
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes) {
            Ok(0) => return Ok(None),
            Ok(count) => self.read.extend(&bytes[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("a line of JSON can't be read"),
        }
        let mut lines = Vec::new();
        while let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.read.drain(..=end).collect();
            lines.push(String::from_utf8_lossy(&line).trim().to_owned());
        }
        lines.retain(|line| !line.is_empty());
        Ok(Some(lines))
    }

    pub(crate) fn write(&mut self, line: &str) -> Result<()> {
        // In one piece, as several write here.
        self.stream.write_all(format!("{line}\n").as_bytes()).context("nobody reads the answer")
    }

    /// Answers a question: `id` comes back.
    pub(crate) fn answer(&mut self, id: &Value, answer: Result<Value>) -> Result<()> {
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) => serde_json::json!({ "error": format!("{error:#}") }),
        };
        let Some(fields) = answer.as_object_mut() else { bail!("an answer is no object") };
        fields.insert("id".into(), id.clone());
        self.write(&answer.to_string())
    }
}

impl<S: AsFd> AsFd for Line<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
