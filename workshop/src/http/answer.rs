//! One answer: a status, a few fields, and a body that is bytes or a part of a file.

use std::fs::File;
use std::io::{self, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::SystemTime;

use nix::errno::Errno;
use nix::sys::sendfile::sendfile64;

use super::range::{self, Wanted};
use super::{Method, Request};

/// The most that one call sends. The time-out for a client that takes nothing counts for each call.
const SEND_BYTES: usize = 1024 * 1024;

/// What the answer to a GET carries.
#[derive(Debug)]
enum Body {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A part of a file.
    File(File, Range<u64>),
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    fields: Vec<(&'static str, String)>,
    body: Body,
}

impl Answer {
    /// An answer with these bytes.
    #[must_use]
    pub fn new(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let fields = vec![("Content-Type", media_type.into())];
        Self { status, fields, body: Body::Bytes(body.into()) }
    }

    /// The file, or the part of it that the request asks for.
    ///
    /// # Errors
    ///
    /// When the file's length can't be told.
    pub fn file(request: &Request, file: File, media_type: &str) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let field = request.field("Range").filter(|_| request.method == Method::Get);
        let (status, part) = match range::wanted(field, length) {
            Wanted::Whole => (200, 0..length),
            Wanted::Part(part) => (206, part),
            Wanted::Nothing => {
                let answer = Self::new(416, "text/plain", "");
                return Ok(answer.with("Content-Range", format!("bytes */{length}")));
            }
        };
        let mut answer = Self::new(status, media_type, "").with("Accept-Ranges", "bytes");
        if status == 206 {
            let range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            answer = answer.with("Content-Range", range);
        }
        answer.body = Body::File(file, part);
        Ok(answer)
    }

    /// Adds a field. No value comes from a client, so none can hold a line break.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// How many bytes the body has.
    #[must_use]
    pub fn length(&self) -> u64 {
        match &self.body {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::File(_, part) => part.end - part.start,
        }
    }

    /// Sends the answer; without the body when that was not asked for.
    pub(super) fn send(
        self,
        stream: &mut TcpStream,
        with_body: bool,
        keeps_alive: bool,
    ) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        let date = httpdate::fmt_http_date(SystemTime::now());
        let always = [
            ("Date", date),
            ("Content-Length", self.length().to_string()),
            ("Connection", if keeps_alive { "keep-alive" } else { "close" }.into()),
        ];
        // No answer has a body for a client that has it already.
        let length = |name: &&'static str| self.status != 304 || *name != "Content-Length";
        for (name, value) in always.iter().chain(&self.fields).filter(|(name, _)| length(name)) {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        let whole = match &self.body {
            // In one packet, if it fits.
            Body::Bytes(bytes) if with_body => [head.as_bytes(), bytes].concat(),
            _ => head.into_bytes(),
        };
        stream.write_all(&whole)?;
        match self.body {
            Body::File(file, part) if with_body => send_file(stream, &file, part),
            _ => Ok(()),
        }
    }
}

/// Sends a part of a file from the kernel's cache to the socket, without a detour through this
/// process (`sendfile(2)`).
fn send_file(stream: &TcpStream, file: &File, part: Range<u64>) -> io::Result<()> {
    let out_of_range = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let mut from = i64::try_from(part.start).map_err(out_of_range)?;
    let end = i64::try_from(part.end).map_err(out_of_range)?;
    while from < end {
        let count = usize::try_from(end - from).unwrap_or(usize::MAX).min(SEND_BYTES);
        match sendfile64(stream, file, Some(&mut from), count) {
            // Somebody cut the file short meanwhile. The length is promised already.
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// The words that go with a status code (RFC 9110, section 15).
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        416 => "Range Not Satisfiable",
        431 => "Request Header Fields Too Large",
        _ => "Internal Server Error",
    }
}
