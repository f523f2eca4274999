//! One request: the first line and the fields of its head (RFC 9112, sections 3 and 5).

use std::str;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The thing itself.
    Get,
    /// All that GET would answer, but for the body.
    Head,
    /// Anything else.
    Other,
}

/// A request's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub method: Method,
    /// Of what: the target as it was sent, up to the `?`.
    pub path: String,
    /// What stands behind the `?`.
    query: String,
    fields: Vec<(String, String)>,
    /// Whether the client counts on sending another one on the same connection.
    pub(super) keeps_alive: bool,
    /// Whether a body follows. Nobody reads it, so no other request can come after it.
    pub(super) has_body: bool,
}

/// What the bytes that have come so far are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// A whole head, and how many bytes it takes.
    Whole(Request, usize),
    /// The beginning of one.
    Partial,
    /// No HTTP.
    Nonsense,
}

/// More fields than any client sends.
const FIELDS: usize = 64;

/// Reads a request's head from the beginning of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Parsed::Partial,
        Err(_) => return Parsed::Nonsense,
    };
    let method = match head.method {
        Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        _ => Method::Other,
    };
    let target = head.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let fields = head.headers.iter().filter_map(|field| {
        // A value that is no UTF-8 is none that we look for.
        Some((field.name.to_owned(), str::from_utf8(field.value).ok()?.trim().to_owned()))
    });
    let mut request = Request {
        method,
        path: path.into(),
        query: query.into(),
        fields: fields.collect(),
        keeps_alive: false,
        has_body: false,
    };
    let connection = request.field("Connection").unwrap_or_default().to_ascii_lowercase();
    request.keeps_alive = head.version == Some(1) && !connection.contains("close");
    request.has_body = request.field("Transfer-Encoding").is_some()
        || request.field("Content-Length").is_some_and(|length| length != "0");
    Parsed::Whole(request, length)
}

impl Request {
    /// A field of the head, whatever the case of its name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.as_str())
    }

    /// The values of a field that may be there several times, as one (RFC 9110, section 5.3).
    #[must_use]
    pub fn list(&self, name: &str) -> String {
        let named = self.fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// A parameter of the query: `5` for `n` in `?n=5&last=x`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_whole_or_not_at_all() {
        let head =
            "GET /v2/a/tags/list?n=5&last=x HTTP/1.1\r\nHOST: a\r\nrange:  bytes=1- \r\n\r\n";
        let Parsed::Whole(request, length) = parse(format!("{head}GET").as_bytes()) else {
            panic!("it is whole");
        };
        assert_eq!((request.method, length), (Method::Get, head.len()));
        assert_eq!(request.path, "/v2/a/tags/list");
        assert_eq!((request.parameter("n"), request.parameter("last")), (Some("5"), Some("x")));
        assert_eq!((request.parameter("m"), request.field("Range")), (None, Some("bytes=1-")));
        assert!(request.keeps_alive && !request.has_body);
        for end in 0..head.len() {
            assert_eq!(parse(&head.as_bytes()[..end]), Parsed::Partial, "{end}");
        }
    }

    #[test]
    fn what_is_no_http_is_told_apart() {
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(FIELDS + 1));
        for bytes in ["\u{16}\u{3}\u{1}", "GET  / HTTP/1.1\r\n", "GET / HTTP/2.0\r\n\r\n", &many] {
            assert_eq!(parse(bytes.as_bytes()), Parsed::Nonsense, "{bytes:?}");
        }
    }

    #[test]
    fn whether_another_request_may_follow() {
        for (head, keeps_alive, has_body) in [
            ("POST / HTTP/1.1\r\nContent-Length: 0\r\n", true, false),
            ("PUT / HTTP/1.1\r\nContent-Length: 7\r\n", true, true),
            ("PATCH / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", true, true),
            ("GET / HTTP/1.1\r\nConnection: Close\r\n", false, false),
            ("GET / HTTP/1.0\r\n", false, false),
        ] {
            let Parsed::Whole(request, _) = parse(format!("{head}\r\n").as_bytes()) else {
                panic!("{head:?} is whole");
            };
            assert_eq!(
                (request.keeps_alive, request.has_body),
                (keeps_alive, has_body),
                "{head:?}"
            );
        }
    }
}
