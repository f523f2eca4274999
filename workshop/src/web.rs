//! `coracle web DIR`: the files of a folder over HTTP.
//!
//! It is what the registry's own images run (see [`crate::registry`]): a web server that every host
//! of the workshop has, since it is the workshop's own program.
//!
//! A path comes from a stranger. So the kernel is told to look it up *inside* the folder: with
//! `RESOLVE_IN_ROOT` (`openat2(2)`) neither `..` nor a link leads out of it.
//!
//! # What is left out
//!
//! Lists of a folder's files, names that need `%`, and all that [`crate::http`] leaves out.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, Result};
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use process::Attempt;

use crate::http::{Answer, Method, Request, Server};
use crate::texts;

/// Serves the files in `folder` on `port`, until Ctrl-C.
///
/// # Errors
///
/// When there is no such folder, or the port is not to be had.
pub fn serve(folder: &Path, port: u16) -> Result<()> {
    let server = Server::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
    let says = texts::web_listens(folder, server.address());
    serve_on(server, folder, says)
}

/// Serves the files in `folder`, says so, and goes on until Ctrl-C.
///
/// # Errors
///
/// When there is no such folder.
pub(crate) fn serve_on(server: Server, folder: &Path, says: String) -> Result<()> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let root = open(folder, flags, Mode::empty())
        .tried(&texts::WEB_FOLDER, format_args!("open({folder:?}, O_DIRECTORY)"))?;
    texts::print(says).context(texts::STANDARD_OUTPUT)?;
    server.run(move |request| answer(&root, request))
}

fn answer(root: &OwnedFd, request: &Request) -> Answer {
    if request.method == Method::Other {
        return Answer::new(405, "text/plain", texts::WEB_READS_ONLY).with("Allow", "GET, HEAD");
    }
    let file = open_inside(root, &request.path);
    let answer = file.and_then(|file| Answer::file(request, file, media_type(&request.path)));
    answer.unwrap_or_else(|_| Answer::new(404, "text/plain", texts::WEB_NOT_FOUND))
}

/// The file at `path` in the folder; for a folder, the page that stands for it.
fn open_inside(root: &OwnedFd, path: &str) -> io::Result<File> {
    let page = if path.ends_with('/') { "index.html" } else { "" };
    let path = format!("./{path}{page}");
    let how = OpenHow::new()
        // Opening a FIFO must not wait for somebody who writes into it.
        .flags(OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let file = File::from(openat2(root.as_fd(), path.as_str(), how)?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// What a browser needs to be told to show a file instead of saving it.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("html", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css",
        "js" => "text/javascript",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
