//! What has to be installed, and to have room: the compiler, the linker, the disk; and for chapter
//! 07 what gives an ordinary user more than one user id.

use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use chroot_jail::needs::find_program;
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

use super::child::PATIENCE;
use super::layers::data_place;
use super::probe::{Findings, Probe, Refusal};
use super::surroundings::Surroundings;
use super::texts;

/// The language's versions that the workshop is written for, and the kernel's.
const RUST: (u32, u32) = (1, 85);
const LINUX: (u32, u32) = (5, 10);

/// What cargo writes for all chapters with their tests is a little under 1 GiB; an image of
/// some hundred megabytes should fit.
const ROOM_TO_BUILD: u64 = 1 << 30;
const ROOM_FOR_IMAGES: u64 = 512 << 20;

/// Programs that have been asked for their version, and answer in their own time.
pub(super) struct Asked {
    cargo: io::Result<Child>,
    rustc: io::Result<Child>,
    cc: io::Result<Child>,
    deadline: Instant,
}

impl Asked {
    /// Asks them.
    pub(super) fn now() -> Self {
        let ask = |program: &str, question: &str| {
            let mut command = Command::new(program);
            // rustup would install a missing toolchain.
            command.arg(question).env("RUSTUP_AUTO_INSTALL", "0").stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
        };
        let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        Self {
            cargo: ask(&cargo, "--version"),
            rustc: ask(&env::var("RUSTC").unwrap_or_else(|_| "rustc".into()), "--version"),
            // The file that every C program, and every Rust program, begins with.
            cc: ask("cc", "-print-file-name=crt1.o"),
            deadline: Instant::now() + PATIENCE,
        }
    }

    /// Their answers; and what the compiler calls itself.
    pub(super) fn collect(self) -> (Findings, Option<String>) {
        let [cargo, rustc, cc] =
            [self.cargo, self.rustc, self.cc].map(|child| answer(child, self.deadline));
        let compiler = match (cargo, &rustc) {
            (None, _) => Some(Refusal::new(texts::not_found("cargo"))),
            (_, None) => Some(Refusal::new(texts::not_found("rustc"))),
            (Some(_), Some(said)) if version(said, "rustc ").is_some_and(|it| it >= RUST) => None,
            (Some(_), Some(said)) => Some(Refusal::new(texts::old_compiler(said, RUST))),
        };
        // What is not found is named as it was asked for.
        let linker = match cc {
            None => Some(Refusal::new(texts::not_found("cc"))),
            Some(file) if file.contains('/') => None,
            Some(file) => Some(Refusal::new(texts::no_start_file(&file))),
        };
        (Findings::from([(Probe::Compiler, compiler), (Probe::Linker, linker)]), rustc)
    }
}

/// What it wrote, if that comes in time and is more than nothing.
fn answer(child: io::Result<Child>, deadline: Instant) -> Option<String> {
    let mut child = child.ok()?;
    // A version is less than what fits into a pipe, so nobody waits for us to read it.
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
        }
        sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !said.is_empty()).then_some(said)
}

/// The first two numbers behind `before`.
fn version(text: &str, before: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix(before)?.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// What can be told without trying anything.
pub(super) fn look(here: &Surroundings) -> Findings {
    let newer = version(&here.kernel, "").is_none_or(|it| it >= LINUX);
    let known = ["x86_64", "i686", "i586", "aarch64"];
    let known = known.contains(&here.architecture.as_str());
    let refusal = |works: bool, seen: String| (!works).then(|| Refusal::new(seen));
    let subordinate = |file| has_range(file, here);
    let ranges = subordinate("/etc/subuid") && subordinate("/etc/subgid");
    Findings::from([
        (Probe::Wsl, refusal(here.wsl != Some(1), texts::wsl_1(&here.kernel))),
        (Probe::Kernel, refusal(newer, texts::old_kernel(&here.kernel, LINUX))),
        (Probe::Architecture, refusal(known, texts::other_machine(&here.architecture))),
        (Probe::TargetFolder, refusal(may_build(here), texts::not_writable(&here.target))),
        (Probe::Disk, room(here)),
        (Probe::SubordinateIds, refusal(ranges, texts::no_range(&here.user))),
        (
            Probe::Newuidmap,
            refusal(find_program("newuidmap").is_some(), texts::not_found("newuidmap")),
        ),
    ])
}

/// `USER:FIRST:COUNT` (`subuid(5)`).
fn has_range(file: &str, here: &Surroundings) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let number = here.uid.to_string();
    let mut users = text.lines().filter_map(|line| line.split(':').next());
    users.any(|user| user == here.user || user == number)
}

/// The target folder, or what is there above it.
fn place_to_build(here: &Surroundings) -> Option<&Path> {
    here.target.ancestors().find(|folder| folder.is_dir())
}

fn may_build(here: &Surroundings) -> bool {
    place_to_build(here).is_some_and(|place| access(place, AccessFlags::W_OK).is_ok())
}

fn room(here: &Surroundings) -> Option<Refusal> {
    let data = data_place().ok();
    let places = [(place_to_build(here), ROOM_TO_BUILD), (data.as_deref(), ROOM_FOR_IMAGES)];
    places.into_iter().find_map(|(place, least)| {
        let place = place?;
        let free = free(place)?;
        (free < least).then(|| Refusal::new(texts::full(place, free, least)))
    })
}

/// How many bytes this user may still write there.
fn free(folder: &Path) -> Option<u64> {
    let found = statvfs(folder).ok()?;
    // (Narrower types on some machines.)
    #[allow(clippy::useless_conversion)]
    let (blocks, size) = (u64::from(found.blocks_available()), u64::from(found.fragment_size()));
    blocks.checked_mul(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        assert_eq!(version("rustc 1.85.0 (4d91de4e4 2025-02-17)", "rustc "), Some((1, 85)));
        assert!(version("rustc 1.100.0-nightly", "rustc ") > Some(RUST));
        assert!(version("rustc 1.63.0", "rustc ") < Some(RUST));
        assert_eq!(version("6.1.0-28-amd64", ""), Some((6, 1)));
        assert!(version("5.4.0", "") < Some(LINUX));
        assert_eq!(version("error: no", "rustc "), None);
    }
}
