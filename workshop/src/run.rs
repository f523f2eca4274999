//! `coracle run NN -- ARGS`: build the student's program of a chapter, and run it behind the safety
//! net.
//!
//! `cargo run` would build and run it too, but on the host itself, and with two dozen variables of
//! cargo's in the environment, which the first chapter's containers show.
//!
//! # The network
//!
//! The sandbox has a network of its own, in which `lo` can be taken down and bridges be left behind.
//! But a published port is to be reached from a browser, and an image is to be pulled. For those the
//! sandbox stays in the host's network, over which nobody in it has any rights: there the program
//! finds what an ordinary user finds.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use process::Command;

use crate::build;
use crate::project::Project;
use crate::sandbox::{self, Net, Walls, guard::Guard};
use crate::texts;

/// Builds the chapter that `name` means, and runs its program with these arguments. The exit status.
///
/// # Errors
///
/// When there is no such chapter, or it does not compile: cargo has then said on standard error
/// why.
pub fn chapter(project: &Project, name: &str, args: &[OsString]) -> Result<u8> {
    let chapter = project.chapter(name)?;
    let program = build::chapter(project, &chapter)?;
    let mut words = vec![program.clone().into_os_string()];
    words.extend(args.iter().cloned());

    let writable = writable(project)?;
    let mut walls = Walls::default().seen(&program);
    for path in &writable {
        walls = walls.writable(path);
    }
    let net = net(&chapter, args);
    let running = sandbox::for_run(Command::new(&words)?, walls, net)?.create()?;
    // Made before the command begins, and without its files.
    let _guard = Guard::watch(&writable, running.pid())?;
    Ok(running.start()?.wait()?.exit_code())
}

/// What the program may write to: the folders for temporary files, and those that the chapters keep
/// things in.
fn writable(project: &Project) -> Result<Vec<PathBuf>> {
    let data = overlay_layers::data::data_folder()?;
    let own = vec![
        project.root().join("target"),
        chroot_jail::host_root::cache_folder()?,
        // The finished chapters' is beside it.
        data.with_file_name("chapters"),
    ];
    // An ordinary user's program can't make the folders above it; they may be anybody's.
    for folder in &own {
        let made = fs::create_dir_all(folder);
        made.with_context(|| texts::cannot_make(folder))?;
    }
    Ok([own, vec!["/tmp".into(), "/var/tmp".into()]].concat())
}

/// Whether the arguments ask for the host's network.
fn net(chapter: &str, args: &[OsString]) -> Net {
    let options = args.iter().take_while(|word| *word != "--");
    let published = |word: &OsString| {
        let word = word.as_bytes();
        let long = [&b"--publish"[..], b"--network=host", b"--net=host"];
        long.iter().any(|option| word.starts_with(option))
            || word.starts_with(b"-p")
            || word.starts_with(b"-P")
    };
    let images = chapter >= "06";
    let host = args.windows(2).any(|pair| pair[0] == "--network" && pair[1] == "host");
    match images || host || options.into_iter().any(published) {
        true => Net::Hosts,
        false => Net::Own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_to_be_reached_or_to_reach_out_gets_the_hosts_network() {
        let net = |chapter, line: &str| {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            net(chapter, &words)
        };
        assert_eq!(net("03-uts-net", "run sh"), Net::Own);
        assert_eq!(net("03-uts-net", "run --network none -- sh -p 80"), Net::Own);
        assert_eq!(net("03-uts-net", "run -p 80:80 sh"), Net::Hosts);
        assert_eq!(net("03-uts-net", "run --network host sh"), Net::Hosts);
        assert_eq!(net("06-image-pull", "pull alpine"), Net::Hosts);
    }
}
