//! A program that knows passwords: `docker-credential-NAME get`.
//!
//! It reads the registry's name from its standard input and answers with JSON on its standard
//! output (<https://github.com/docker/docker-credential-helpers>). It may ask the user, so it gets
//! some time; but a program that hangs should not hang us.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, bail, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Deserialize;

use crate::registry::Environment;
use crate::texts::registry as texts;

/// How long it may think.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest answer, in bytes.
const MOST: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// The user and the password that a helper knows for a registry.
pub(super) fn ask(
    name: &str,
    registry: &str,
    environment: &Environment,
) -> Result<Option<(String, String)>> {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    ensure!(name.chars().all(letter), texts::bad_helper(name));
    let program = format!("docker-credential-{name}");
    let mut command = Command::new(&program);
    if let Some(path) = environment.get("PATH") {
        command.env("PATH", path);
    }
    let mut helper = command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| texts::no_helper(&program))?;
    if let Some(mut input) = helper.stdin.take() {
        // One that has ended already has said why.
        let _ = input.write_all(registry.as_bytes());
    }
    let output = finish(&mut helper);
    if output.is_err() {
        let _ = helper.kill();
    }
    let status = helper.wait();
    let output = output.with_context(|| texts::helper_failed(&program))?;
    if !status.with_context(|| texts::helper_failed(&program))?.success() {
        let said = String::from_utf8_lossy(&output);
        // The protocol has no other sign for that.
        if said.contains("credentials not found") {
            return Ok(None);
        }
        bail!("{}: {}", texts::helper_failed(&program), texts::shown(said.trim()));
    }
    let answer = serde_json::from_slice(&output).map_err(|error| Error::msg(texts::place(&error)));
    let Answer { username, secret } = answer.with_context(|| texts::helper_failed(&program))?;
    Ok(Some((username, secret)))
}

/// Reads all that it says, and waits until it has ended, within the time.
fn finish(helper: &mut Child) -> Result<Vec<u8>> {
    let end = Instant::now() + PATIENCE;
    let left = || end.saturating_duration_since(Instant::now());
    let mut output = Vec::new();
    if let Some(mut from) = helper.stdout.take() {
        let mut buffer = [0; 4096];
        loop {
            let time = PollTimeout::try_from(left()).unwrap_or(PollTimeout::ZERO);
            let ready = poll(&mut [PollFd::new(from.as_fd(), PollFlags::POLLIN)], time);
            ensure!(ready? > 0, texts::HELPER_HANGS);
            match from.read(&mut buffer)? {
                0 => break,
                count => output.extend_from_slice(&buffer[..count]),
            }
            ensure!(output.len() <= MOST, texts::HELPER_TALKS);
        }
    }
    while helper.try_wait()?.is_none() {
        ensure!(!left().is_zero(), texts::HELPER_HANGS);
        thread::sleep(Duration::from_millis(5));
    }
    Ok(output)
}
