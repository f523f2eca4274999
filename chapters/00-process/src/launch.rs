//! How the two sides talk between `clone` and `execve`.
//!
//! ```text
//!        the host's side                             the new process
//!
//!   every mechanism: prepare
//!   clone ─────────────────────────────────────▶ is born, and waits
//!   every mechanism: attach                        (kill me when my parent dies)
//!   "attached" ────────────────────────────────▶ every mechanism: enter
//!                                                  default signals, no open files but 0, 1, 2
//!   the container is CREATED  ◀──────────────── "entered", and waits
//!   "start" ───────────────────────────────────▶ execve
//!   the container is RUNNING  ◀───────────────── (the kernel closes the socket: end of file)
//!   poll(pidfd, signals)                             … the command …
//!   waitid ◀──────────────────────────────────── ends
//!   every mechanism, last first: release
//! ```
//!
//! The line is a pair of connected sockets (`socketpair(2)`), one for each side. Both are closed on
//! exec, so a successful `execve` needs no message: the host's side reads the end of the file. A
//! failure is a message, at any time: the sentence, and the exit status that goes with it. If the
//! host's side is killed, the new process reads the end of the file and gives up; so neither waits
//! for ever. (A pipe, which many runtimes use, hangs when one side forgets to close the other's
//! end. With two named ends, who holds what is plain to see.)

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use anyhow::Result;
use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockType, socketpair};

use crate::failure::{Attempt, Failed};
use crate::texts;

/// Both ends, before there are two processes to hold them.
pub(crate) fn line() -> Result<(HostEnd, ContainerEnd)> {
    // SEQPACKET keeps messages apart, and knows when the other end is closed.
    let (kind, flags) = (SockType::SeqPacket, SockFlag::SOCK_CLOEXEC);
    let (host, container) = socketpair(AddressFamily::Unix, kind, None, flags)
        .step(&texts::LINE, "socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC)")?;
    Ok((HostEnd(host), ContainerEnd(container)))
}

/// What the new process says.
pub(crate) enum News {
    /// All mechanisms are entered; it waits to be started.
    Entered,
    /// It can't go on.
    Failed(Failed),
    /// The socket is closed: it executes the command, or it has died.
    Closed,
}

/// The host's end of the line.
#[derive(Debug)]
pub(crate) struct HostEnd(OwnedFd);

impl HostEnd {
    /// Tells the new process that the host's part is done.
    pub(crate) fn attached(&self) -> Result<()> {
        send(self.0.as_fd(), b"attached")
    }

    /// Tells it to execute the command.
    pub(crate) fn start(&self) -> Result<()> {
        send(self.0.as_fd(), b"start")
    }

    /// What has gone wrong in the new process, if it has said so already.
    pub(crate) fn failure(&self) -> Option<Failed> {
        match self.next(MsgFlags::MSG_DONTWAIT) {
            Ok(News::Failed(failed)) => Some(failed),
            _ => None,
        }
    }

    /// Waits for the next message.
    pub(crate) fn receive(&self) -> Result<News> {
        self.next(MsgFlags::empty())
    }

    fn next(&self, flags: MsgFlags) -> Result<News> {
        let message = receive(self.0.as_fd(), flags)?;
        Ok(match message.split_first() {
            None => News::Closed,
            Some((&0, _)) => News::Entered,
            Some((&exit_code, sentence)) => News::Failed(Failed {
                sentence: String::from_utf8_lossy(sentence).into_owned(),
                exit_code,
            }),
        })
    }
}

impl AsFd for HostEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The new process's end of the line.
#[derive(Debug)]
pub(crate) struct ContainerEnd(OwnedFd);

impl ContainerEnd {
    /// Closes the host's copy of this end, for the same reason as [`only`](Self::only).
    pub(crate) fn close(self) -> Result<()> {
        nix::unistd::close(self.0).tried(&texts::LINE, "close(the container's socket)")
    }

    /// Closes the copy of the host's end, which came along with `clone`: else this process would
    /// never read the end of the file, since it would hold the other end itself.
    pub(crate) fn only(&self, host: &HostEnd) -> Result<()> {
        nix::unistd::close(host.0.as_raw_fd()).tried(&texts::LINE, "close(the host's socket)")
    }

    /// Waits for the host's next word; `false` when the host's side is gone.
    pub(crate) fn wait(&self) -> Result<bool> {
        Ok(!receive(self.0.as_fd(), MsgFlags::empty())?.is_empty())
    }

    /// Says that all mechanisms are entered.
    pub(crate) fn entered(&self) -> Result<()> {
        send(self.0.as_fd(), &[0])
    }

    /// Says why this process can't go on.
    pub(crate) fn failed(&self, failed: &Failed) -> Result<()> {
        send(self.0.as_fd(), &[&[failed.exit_code], failed.sentence.as_bytes()].concat())
    }
}

impl AsFd for ContainerEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn send(end: BorrowedFd, message: &[u8]) -> Result<()> {
    match socket::send(end.as_raw_fd(), message, MsgFlags::MSG_NOSIGNAL) {
        // The other side is gone. Reading tells so as well, and there it is handled.
        Err(Errno::EPIPE) => Ok(()),
        sent => sent.map(drop).tried(&texts::LINE, "send(to the other side)"),
    }
}

/// An empty message is the end of the file.
fn receive(end: BorrowedFd, flags: MsgFlags) -> Result<Vec<u8>> {
    let mut message = vec![0; 16 * 1024];
    let length = loop {
        match socket::recv(end.as_raw_fd(), &mut message, flags) {
            // The other side ended with a message of ours unread. What it said before comes next.
            Err(Errno::ECONNRESET | Errno::EINTR) => {}
            received => break received.tried(&texts::LINE, "recv(from the other side)")?,
        }
    };
    message.truncate(length);
    Ok(message)
}
