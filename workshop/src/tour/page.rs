//! A web server of a few lines, inside the container: one more mechanism.
//!
//! It is a process of the container like any other, the command's sibling. That the container's
//! root holds no web server does not matter: this process is a copy of ours, and needs no file.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;

use anyhow::{Context, Result};
use nix::sched::CloneFlags;
use process::sys::{self, Cloned};
use process::{Mechanism, failure};

use super::texts;

/// Serves one page on port 80.
pub(super) struct Page(pub(super) &'static str);

impl Mechanism for Page {
    fn enter(&mut self) -> Result<()> {
        // Before the fork: once the command runs, the port is open.
        let listener = TcpListener::bind("0.0.0.0:80").context(texts::LISTEN)?;
        match sys::clone(CloneFlags::empty()).context(texts::LISTEN)? {
            Cloned::Parent { .. } => Ok(()),
            Cloned::Child => {
                let _ = failure::catch(|| serve(&listener, self.0));
                sys::exit(failure::NOT_MADE)
            }
        }
    }
}

fn serve(listener: &TcpListener, page: &str) -> Result<Infallible> {
    // Among others the frame's line: its closing is to say that the command runs.
    sys::close_all_but(listener.as_fd()).context(texts::LISTEN)?;
    loop {
        let (mut stream, _) = listener.accept().context(texts::LISTEN)?;
        let _ = stream.read(&mut [0; 1024]);
        let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", page.len());
        let _ = stream.write_all((head + page).as_bytes());
    }
}
