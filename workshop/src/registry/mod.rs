//! `coracle registry`: a registry for one machine, or for a class without a network.
//!
//! It has three images made from this host's own programs ([`images`]), and what it was told to
//! fetch from other registries ([`mirror`]). `pull`, `podman`, `skopeo` and `docker` take it for what
//! it is: a registry.
//!
//! # Layout
//!
//! - [`api`]: the answers, by the OCI distribution specification.
//! - [`layout`]: what is served: a folder of images.
//! - [`images`]: makes the three images. `pack`: a layer. `program`: the web server in them.
//! - [`mirror`]: fetches images once, to serve them from then on.
//!
//! The server itself is [`crate::http`].
//!
//! In the cache, beside chapter 01's root folder:
//!
//! ```text
//! coracle/registry/layout/        what is served
//! coracle/registry/made-from      what the three images were made from
//! coracle/registry/new/           images in the making
//! ```
//!
//! # What is left out
//!
//! Pushing (chapter 10), accounts, TLS: on loopback nobody listens in, and in a class the images are
//! no secret. Who changes an image on the way is found out: every part is fetched by its hash, but
//! for the first, so `--listen` is for a network that you trust.

pub mod api;
pub mod images;
pub mod layout;
pub mod mirror;
mod pack;
pub(crate) mod program;

use std::net::{SocketAddr, UdpSocket};

use anyhow::{Context, Result};
use chroot_jail::host_root::cache_folder;
use flate2::Compression;

use crate::http::{Answer, Request, Server};
use crate::texts;
use layout::Layout;

/// Serves the images on `address`, until Ctrl-C. Before that the images of other registries that
/// `mirrored` names are fetched, those of them that are not there.
///
/// # Errors
///
/// When the images can't be made or fetched, or the address is not to be had.
pub fn serve(address: SocketAddr, mirrored: &[String]) -> Result<()> {
    let layout = fetch(mirrored, Compression::default())?;
    // Not before: a client of ours, too, asks a registry of the workshop when it finds no other.
    let server = Server::bind(address)?;
    let address = server.address();
    let told = texts::registry_serves(address, reachable(address), &layout.repositories()?);
    texts::print(told).context(texts::STANDARD_OUTPUT)?;
    server.run(move |request| {
        let answer = api::answer(&layout, request);
        tell(request, &answer);
        answer
    })
}

/// What is served: the images from this host's programs, and those that `mirrored` names, fetched
/// unless they are there. Layers that have to be made are compressed so far.
///
/// # Errors
///
/// When the images can't be made or fetched.
pub fn fetch(mirrored: &[String], compression: Compression) -> Result<Layout> {
    let folder = cache_folder()?.join("registry");
    let layout = Layout::open(&folder.join("layout"))?;
    let lock = layout.lock()?;
    images::make(&layout, &folder, compression)?;
    mirror::fetch(&layout, mirrored)?;
    drop(lock);
    Ok(layout)
}

/// One line for each request: what a pull asks for is worth seeing.
fn tell(request: &Request, answer: &Answer) {
    // Whoever started us may not be reading any more.
    let _ = texts::print(texts::request(&request.path, answer.status, answer.length()));
}

/// The address at which others reach us: that from which this host would reach them. To connect a
/// UDP socket sends nothing (`udp(7)`); the kernel looks up the route and notes the address.
fn reachable(address: SocketAddr) -> Option<SocketAddr> {
    if !address.ip().is_unspecified() {
        return Some(address).filter(|address| !address.ip().is_loopback());
    }
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // An address that is nobody's (RFC 5737): any on the other side of the default route would do.
    socket.connect("192.0.2.1:9").ok()?;
    Some(SocketAddr::new(socket.local_addr().ok()?.ip(), address.port()))
}
