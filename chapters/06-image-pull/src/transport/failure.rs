//! Why a request came to nothing, and whether to ask again.

use std::fmt;
use std::io;

use ureq::http::Uri;
use ureq::{Proxy, Timeout};

use crate::texts::registry as texts;

/// Why a request came to nothing.
#[derive(Debug)]
pub struct Failure {
    /// What that means for the next attempt.
    pub kind: Kind,
    sentence: String,
}

/// What a failure means for the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is no connection to the host.
    Unreachable,
    /// There was one, and it broke or went silent.
    Broken,
    /// The next attempt would end in the same way.
    Hopeless,
}

impl Failure {
    pub(crate) fn hopeless(sentence: String) -> Self {
        Self { kind: Kind::Hopeless, sentence }
    }

    pub(crate) fn broken(sentence: String) -> Self {
        Self { kind: Kind::Broken, sentence }
    }

    /// What the HTTP library says.
    pub(super) fn of(error: &ureq::Error, uri: &Uri, proxy: Option<&Proxy>) -> Self {
        let host = uri.authority().map_or("?", |authority| authority.as_str());
        let said = error.to_string();
        let said = said.strip_prefix("io: ").unwrap_or(&said);
        let kind = match error {
            ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => Kind::Unreachable,
            ureq::Error::Timeout(_) => Kind::Broken,
            ureq::Error::Io(error) => of_io(error, said),
            _ => Kind::Hopeless,
        };
        let through = proxy.map(|proxy| format!("{}:{}", proxy.host(), proxy.port()));
        let sentence = match kind {
            Kind::Unreachable => texts::unreachable(host, through.as_deref(), said),
            Kind::Broken => texts::broken(host, said),
            Kind::Hopeless => texts::no_talk(host, through.as_deref(), said),
        };
        Self { kind, sentence }
    }
}

fn of_io(error: &io::Error, said: &str) -> Kind {
    match error.kind() {
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::PermissionDenied => Kind::Unreachable,
        // Only its text tells this one from others.
        _ if said.starts_with("failed to lookup address") => Kind::Unreachable,
        // That is what the TLS library makes of a certificate that it doesn't like.
        io::ErrorKind::InvalidData => Kind::Hopeless,
        _ => Kind::Broken,
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}
