//! What an image is called.
//!
//! ```text
//! localhost:5000/team/web:1.2@sha256:4bf5…
//! └── registry ─┘└ repository ┘└ tag ┘└ digest ┘
//! ```
//!
//! A tag can be moved to another image by whoever owns it; a digest is the image itself. Where both
//! are given, the digest counts, and the tag is only for people.
//!
//! People leave most of it out. `ubuntu` means `docker.io/library/ubuntu:latest`: the rules are
//! Docker's (<https://github.com/distribution/reference>), and everybody keeps to them, also those
//! who do not like that one company's registry is in them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use anyhow::{Error, Result, bail, ensure};

use crate::digest::Digest;
use crate::texts::manifest as texts;

/// The registry that is meant where none is named.
pub const DOCKER_HUB: &str = "docker.io";
/// Where the Hub keeps the images that it looks after itself.
const OFFICIAL: &str = "library/";
const DEFAULT_TAG: &str = "latest";
/// The longest repository, in bytes.
const LONGEST: usize = 255;
/// The longest tag, in bytes.
const LONGEST_TAG: usize = 128;

/// An image's name, complete.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    /// A host, and its port if it has one: `docker.io`, `localhost:5000`, `[::1]:5000`.
    pub registry: String,
    /// What the registry calls the image: `library/ubuntu`.
    pub repository: String,
    /// Which of its versions. Missing only if there is a digest.
    pub tag: Option<String>,
    /// The image itself.
    pub digest: Option<Digest>,
}

impl Name {
    /// The name in full: `docker.io/library/ubuntu:14.04`.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.version_of(&format!("{}/{}", self.registry, self.repository))
    }

    /// The repository as people write it: `ubuntu`, `localhost:5000/team/web`.
    #[must_use]
    pub fn familiar_repository(&self) -> String {
        let full = format!("{}/{}", self.registry, self.repository);
        if self.registry != DOCKER_HUB {
            return full;
        }
        let short = match self.repository.strip_prefix(OFFICIAL) {
            Some(official) if !official.contains('/') => official,
            _ => &self.repository,
        };
        // The Hub's `a.b/c` is not what `a.b/c` means.
        let (registry, repository, _) = split(short);
        if (registry, &repository) == (DOCKER_HUB.into(), &self.repository) {
            short.into()
        } else {
            full
        }
    }

    fn version_of(&self, repository: &str) -> String {
        let tag = self.tag.iter().map(|tag| format!(":{tag}"));
        let digest = self.digest.iter().map(|digest| format!("@{digest}"));
        tag.chain(digest).fold(repository.into(), |name, part| name + &part)
    }
}

impl fmt::Display for Name {
    /// The name as people write it: `ubuntu:14.04`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.version_of(&self.familiar_repository()))
    }
}

/// Splits a name, without its digest, into registry, repository and tag, and fills in what is left
/// out but for the tag.
fn split(name: &str) -> (String, String, Option<&str>) {
    // ANCHOR: name
    // EXERCISE name: find the registry, the repository and the tag in a name
    //   The tag comes first, from the right: a `:` behind the last `/` begins it (one before that
    //   belongs to a port). What is left is `repository` or `registry/repository`. The word before
    //   the first `/` is a registry if it contains a `.` or a `:`, or is `localhost`, or has a
    //   capital letter; else it belongs to the repository. Without a registry, DOCKER_HUB is meant
    //   (`index.docker.io` is its old name), and there a repository without a `/` is official:
    //   OFFICIAL stands before it. `rsplit_once`, `split_once` and `matches!` help.
    todo!("name: find the registry, the repository and the tag in a name")
    // ANCHOR_END: name
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        ensure!(!text.is_empty(), texts::EMPTY_NAME);
        ensure!(!text.contains("://"), texts::name_with_scheme(text));
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse::<Digest>()?)),
            None => (text, None),
        };
        let wrong = |why: String| Error::msg(texts::bad_name(text, &why));
        let (registry, repository, tag) = split(name);
        check_registry(&registry).map_err(wrong)?;
        check_repository(&repository).map_err(wrong)?;
        if registry == DOCKER_HUB && is_number(repository.strip_prefix(OFFICIAL)) {
            bail!(texts::bad_name(text, texts::NAME_IS_NUMBER));
        }
        let tag = match tag {
            Some(tag) => Some(check_tag(tag).map_err(wrong)?.to_owned()),
            None => digest.is_none().then(|| DEFAULT_TAG.into()),
        };
        Ok(Self { registry, repository, tag, digest })
    }
}

/// An image's ID looks like this; to take it for a name would be a trap.
fn is_number(name: Option<&str>) -> bool {
    let digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    name.is_some_and(|name| name.len() == 64 && name.bytes().all(digit))
}

/// A host name, an IPv4 address, or an IPv6 address in brackets; then perhaps a port.
fn check_registry(registry: &str) -> Result<(), String> {
    let (host, port) = host_and_port(registry).ok_or_else(|| texts::bad_host(registry))?;
    let is_address = |host: &str| {
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
    };
    let letter = |byte: u8| byte.is_ascii_alphanumeric();
    let is_label = |label: &str| match label.as_bytes() {
        [] => false,
        [only] => letter(*only),
        [first, middle @ .., last] => {
            letter(*first) && letter(*last) && middle.iter().all(|b| letter(*b) || *b == b'-')
        }
    };
    if !is_address(host) && !host.split('.').all(is_label) {
        return Err(texts::bad_host(registry));
    }
    let is_port = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse().is_ok_and(|n: u16| n > 0)
    };
    match port {
        Some(port) if !is_port(port) => Err(texts::bad_port(port)),
        _ => Ok(()),
    }
}

/// Splits `host:port`. The colons between brackets are an IPv6 address's own.
fn host_and_port(registry: &str) -> Option<(&str, Option<&str>)> {
    let end = if registry.starts_with('[') { registry.find(']')? + 1 } else { 0 };
    match registry[end..].find(':') {
        Some(colon) => Some((&registry[..end + colon], Some(&registry[end + colon + 1..]))),
        None => Some((registry, None)),
    }
}

/// Whether a registry is on this machine itself.
#[must_use]
pub fn is_loopback(registry: &str) -> bool {
    let Some((host, _)) = host_and_port(registry) else { return false };
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Words of small letters and digits; in a word `.`, `_`, `__` or any number of `-` may stand
/// between letters; words are separated by `/`.
fn check_repository(repository: &str) -> Result<(), String> {
    if repository.len() > LONGEST {
        return Err(texts::long_repository(LONGEST));
    }
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(texts::CAPITAL_LETTERS.into());
    }
    let is_separator = |between: &str| {
        matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-')
    };
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_word = |word: &str| {
        word.starts_with(letter) && word.ends_with(letter) && word.split(letter).all(is_separator)
    };
    if repository.split('/').all(is_word) { Ok(()) } else { Err(texts::bad_repository(repository)) }
}

fn check_tag(tag: &str) -> Result<&str, String> {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_tag =
        tag.starts_with(letter) && tag.chars().all(|c| letter(c) || matches!(c, '.' | '-'));
    match is_tag && tag.len() <= LONGEST_TAG {
        true => Ok(tag),
        false => Err(texts::bad_tag(tag, LONGEST_TAG)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a";

    #[test]
    fn a_name_is_completed_as_docker_does() {
        for (text, familiar, canonical) in [
            ("ubuntu", "ubuntu:latest", "docker.io/library/ubuntu:latest"),
            ("ubuntu:14.04", "ubuntu:14.04", "docker.io/library/ubuntu:14.04"),
            ("docker.io/ubuntu", "ubuntu:latest", "docker.io/library/ubuntu:latest"),
            ("index.docker.io/ubuntu", "ubuntu:latest", "docker.io/library/ubuntu:latest"),
            ("library/ubuntu", "ubuntu:latest", "docker.io/library/ubuntu:latest"),
            ("docker.io/library/a/b", "library/a/b:latest", "docker.io/library/a/b:latest"),
            ("bitnami/nginx", "bitnami/nginx:latest", "docker.io/bitnami/nginx:latest"),
            ("a/b/c/d:e", "a/b/c/d:e", "docker.io/a/b/c/d:e"),
            ("localhost/a", "localhost/a:latest", "localhost/a:latest"),
            ("localhost:5000", "localhost:5000", "docker.io/library/localhost:5000"),
            ("localhost:5000/a/b", "localhost:5000/a/b:latest", "localhost:5000/a/b:latest"),
            ("localhost:5000/a/b:1", "localhost:5000/a/b:1", "localhost:5000/a/b:1"),
            ("host.tld/x", "host.tld/x:latest", "host.tld/x:latest"),
            ("Host/x", "Host/x:latest", "Host/x:latest"),
            ("xn--n3h.com/x", "xn--n3h.com/x:latest", "xn--n3h.com/x:latest"),
            ("192.168.1.1/x", "192.168.1.1/x:latest", "192.168.1.1/x:latest"),
            ("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"),
            ("[2001:db8::1]/x:y", "[2001:db8::1]/x:y", "[2001:db8::1]/x:y"),
            ("a_b/c__d", "a_b/c__d:latest", "docker.io/a_b/c__d:latest"),
            ("a----b.c", "a----b.c:latest", "docker.io/library/a----b.c:latest"),
            ("foo/foo_bar.com:8080", "foo/foo_bar.com:8080", "docker.io/foo/foo_bar.com:8080"),
            ("x:_A.b-C", "x:_A.b-C", "docker.io/library/x:_A.b-C"),
            ("docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest"),
            (
                "docker.io/localhost/c",
                "docker.io/localhost/c:latest",
                "docker.io/localhost/c:latest",
            ),
            ("1", "1:latest", "docker.io/library/1:latest"),
        ] {
            let name: Name = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(name.to_string(), familiar);
            assert_eq!(name.canonical(), canonical);
            assert_eq!(familiar.parse::<Name>().unwrap(), name);
            assert_eq!(canonical.parse::<Name>().unwrap(), name);
        }
    }

    #[test]
    fn a_digest_stands_for_the_image_itself() {
        let name: Name = format!("ubuntu@sha256:{HEX}").parse().unwrap();
        assert_eq!(name.tag, None);
        assert_eq!(name.to_string(), format!("ubuntu@sha256:{HEX}"));
        let name: Name = format!("localhost:5000/ubuntu:1@sha256:{HEX}").parse().unwrap();
        assert_eq!((name.tag.as_deref(), name.digest.is_some()), (Some("1"), true));
        assert_eq!(name.canonical(), format!("localhost:5000/ubuntu:1@sha256:{HEX}"));
    }

    #[test]
    fn what_is_no_name_is_told_in_a_sentence() {
        let long = "a".repeat(256);
        let long_tag = format!("x:{}", "t".repeat(129));
        let number = format!("{HEX}:tag");
        for (text, why) in [
            ("", "empty"),
            ("Ubuntu", "small letters"),
            ("docker.io/Ubuntu", "small letters"),
            ("localhost:5000/A", "small letters"),
            ("https://docker.io/ubuntu", "without https://"),
            ("-a", "repository"),
            ("a-", "repository"),
            ("a..b", "repository"),
            ("a___b", "repository"),
            ("a._b", "repository"),
            ("a//b", "repository"),
            ("a/", "repository"),
            ("/a", "repository"),
            ("a b", "repository"),
            ("ubuntu\u{1b}[31m", "\\u{1b}"),
            ("übuntu", "repository"),
            ("../../etc", "host"),
            ("host.tld/../x", "repository"),
            ("host.tld/", "repository"),
            ("host_a.tld/x", "host"),
            ("-host.tld/x", "host"),
            ("host..tld/x", "host"),
            ("host.tld:/x", "port"),
            ("host.tld:0/x", "port"),
            ("host.tld:65536/x", "port"),
            ("host.tld:+5/x", "port"),
            ("host:5:5/x", "port"),
            ("[::1/x", "host"),
            ("[::g]/x", "host"),
            ("[::1]x/x", "host"),
            ("::1/x", "host"),
            ("user@host.tld/x", "digest"),
            ("x:", "tag"),
            ("x:-1", "tag"),
            ("x:.1", "tag"),
            ("x:1 ", "tag"),
            ("x:é", "tag"),
            ("x@", "digest"),
            ("x@sha256:1", "digest"),
            ("x@sha512:00", "digest"),
            (long.as_str(), "255"),
            (long_tag.as_str(), "128"),
            (HEX, "ID"),
            (number.as_str(), "ID"),
        ] {
            let error = text.parse::<Name>().map(|name| name.canonical()).unwrap_err().to_string();
            assert!(error.contains(why), "{text:?}: {error}");
            assert!(!error.contains(['\n', '\u{1b}']) && error.len() < 400, "{error:?}");
        }
    }

    #[test]
    fn this_machine_is_known_by_all_its_names() {
        for registry in ["localhost", "LOCALHOST:1", "127.0.0.1:5000", "127.9.9.9", "[::1]:1"] {
            assert!(is_loopback(registry), "{registry}");
        }
        for registry in ["localhost.tld", "128.0.0.1", "[::2]:1", "127.0.0.1.tld", "docker.io"] {
            assert!(!is_loopback(registry), "{registry}");
        }
    }
}
