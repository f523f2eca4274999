//! One connection: request after request, each answered before the next is read.

use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::request::{Parsed, Request, parse};
use super::{Answer, Method};

/// A head that is longer is refused. Docker's, with a token, takes three.
const HEAD_BYTES: usize = 8 * 1024;
/// A head has to come within this time, whole: else a client that sends a byte now and then would
/// hold its thread for ever.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// So long a connection may wait for its next request. Others may be waiting for the thread.
const IDLE_TIME: Duration = Duration::from_secs(5);
/// A client that takes nothing of an answer for so long has gone.
const STALL_TIME: Duration = Duration::from_secs(30);
/// What is read of a body that nobody wants, before the connection is closed.
const UNWANTED_BYTES: u64 = 1024 * 1024;

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// What has come and is not a part of a request yet.
    received: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(STALL_TIME))?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// Answers the client's requests, until it has no more or does not behave.
    ///
    /// # Errors
    ///
    /// When the client went away; nobody needs to be told.
    pub(super) fn serve(mut self, answer: impl Fn(&Request) -> Answer) -> io::Result<()> {
        loop {
            let request = match self.next()? {
                Next::Request(request) => request,
                Next::Refused(status) => {
                    Answer::new(status, "text/plain", "").send(&mut self.stream, true, false)?;
                    return self.close();
                }
                Next::End => return Ok(()),
            };
            let keeps_alive = request.keeps_alive && !request.has_body;
            let with_body = request.method != Method::Head;
            answer(&request).send(&mut self.stream, with_body, keeps_alive)?;
            if !keeps_alive {
                return self.close();
            }
        }
    }

    fn next(&mut self) -> io::Result<Next> {
        let mut wait = if self.received.is_empty() { IDLE_TIME } else { HEAD_TIME };
        let mut started = Instant::now();
        loop {
            match parse(&self.received) {
                Parsed::Whole(request, length) => {
                    self.received.drain(..length);
                    return Ok(Next::Request(request));
                }
                Parsed::Nonsense => return Ok(Next::Refused(400)),
                Parsed::Partial if self.received.len() >= HEAD_BYTES => {
                    return Ok(Next::Refused(431));
                }
                Parsed::Partial => {}
            }
            let left = wait.saturating_sub(started.elapsed());
            // Zero would mean "for ever".
            self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            let mut piece = [0; HEAD_BYTES];
            let space = HEAD_BYTES - self.received.len();
            let silent = self.received.is_empty();
            match self.stream.read(&mut piece[..space]) {
                Ok(0) => return Ok(Next::End),
                Ok(count) => self.received.extend(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // EAGAIN is how the kernel says that the time is over (socket(7), SO_RCVTIMEO).
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && silent => {
                    return Ok(Next::End);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Next::Refused(408));
                }
                Err(error) => return Err(error),
            }
            if silent {
                (wait, started) = (HEAD_TIME, Instant::now());
            }
        }
    }

    /// Closes the connection in a way that lets the client read the answer first. Bytes that came
    /// and that nobody has read would make the kernel break it off (RFC 9112, section 9.6).
    fn close(mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        self.stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        io::copy(&mut Read::by_ref(&mut self.stream).take(UNWANTED_BYTES), &mut io::sink())?;
        Ok(())
    }
}

enum Next {
    Request(Request),
    /// With this status.
    Refused(u16),
    /// The client has closed the connection, or is silent.
    End,
}
