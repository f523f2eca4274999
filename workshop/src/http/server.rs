//! The port, the threads, and the end.
//!
//! A fixed number of threads accept from one port; the kernel wakes one for each connection. What
//! comes beyond that number waits in the kernel's queue (`listen(2)`). A thread costs a few pages of
//! memory, and a slow client holds up nobody but its own.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use process::Attempt;

use super::connection::Connection;
use super::{Answer, Request};
use crate::texts;

/// So many connections are served at once: a class of thirty with four downloads each.
const THREADS: usize = 128;
/// What a thread needs is its buffer of a head and a few calls.
const STACK_BYTES: usize = 256 * 1024;

/// A port that is listened on.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens on `address`; the port 0 means any that is free.
    ///
    /// # Errors
    ///
    /// When somebody has the port, or it is not for us.
    pub fn bind(address: SocketAddr) -> Result<Self> {
        let bound = TcpListener::bind(address);
        match bound.as_ref().map_err(|error| error.raw_os_error().map(Errno::from_raw)) {
            Err(Some(Errno::EADDRINUSE)) => bail!(texts::port_taken(address)),
            Err(Some(Errno::EADDRNOTAVAIL)) => bail!(texts::not_our_address(address)),
            Err(Some(Errno::EACCES)) => bail!(texts::low_port(address)),
            _ => {}
        }
        let listener = bound.tried(&texts::LISTEN, format_args!("bind({address})"))?;
        let address = listener.local_addr().tried(&texts::LISTEN, "getsockname()")?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until a signal asks for the end: SIGINT (Ctrl-C) or SIGTERM. What is being
    /// sent then breaks off when the process ends.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn run(self, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Result<()> {
        // Blocked in every thread, and waited for in this one. So it works as process 1 of a
        // container, too, which signals without a handler do not reach (pid_namespaces(7)).
        let ends = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
        ends.thread_block().tried(&texts::LISTEN, "sigprocmask(SIG_BLOCK, [INT TERM])")?;
        self.start(THREADS, answer)?;
        ends.wait().tried(&texts::LISTEN, "sigwait([INT TERM])")?;
        Ok(())
    }

    /// Answers requests, in so many threads, as long as this process lives.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn start(
        self,
        threads: usize,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Result<()> {
        let shared = Arc::new((self.listener, answer));
        for _ in 0..threads {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            let started = thread.spawn(move || accept_for_ever(&shared.0, &shared.1));
            started.tried(&texts::LISTEN, "clone(CLONE_THREAD)")?;
        }
        Ok(())
    }
}

fn accept_for_ever(listener: &TcpListener, answer: impl Fn(&Request) -> Answer) {
    loop {
        let served = listener.accept().and_then(|(stream, _)| Connection::new(stream));
        match served {
            // Its error is that the client has gone.
            Ok(connection) => drop(connection.serve(&answer)),
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            // No more open files (EMFILE), perhaps: some will be closed.
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    }
}
