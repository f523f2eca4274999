//! The words of the talk with a registry.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use process::Step;

use super::manifest::plain;
pub(crate) use super::manifest::{other_digest, shown, too_long, too_short};
use crate::digest::Digest;

pub(crate) const ASK: Step = Step {
    section: "06#registry",
    why: "a registry is asked by HTTP: for what a name stands for, then for each thing by its digest",
    causes: &[],
};

pub(crate) fn unreachable(host: &str, proxy: Option<&str>, said: &str) -> String {
    let through = proxy.map_or(String::new(), |proxy| format!(" through the proxy {proxy}"));
    format!("{host} can't be reached{through}: {}", plain(said))
}

pub(crate) fn broken(host: &str, said: &str) -> String {
    format!("the connection to {host} broke: {}", plain(said))
}

pub(crate) fn no_talk(host: &str, proxy: Option<&str>, said: &str) -> String {
    let through = proxy.map_or(String::new(), |proxy| format!(" through the proxy {proxy}"));
    let place = host.escape_debug();
    let cause = match said {
        _ if said.contains("UnknownIssuer") => format!(
            "; its certificate is from an authority that this machine doesn't know: put the authority's certificate into /etc/docker/certs.d/{place}/ca.crt, or into a file that SSL_CERT_FILE names"
        ),
        _ if said.contains("CaUsedAsEndEntity") => {
            "; it shows an authority's certificate where its own should be: one that signs itself is made by `openssl req -x509 … -addext basicConstraints=CA:FALSE`".into()
        }
        _ if said.contains("Expired") || said.contains("NotValidYet") => {
            "; its certificate is not valid at the time that this machine's clock shows: see `date`"
                .into()
        }
        _ if said.contains("NotValidForName") => {
            "; its certificate is for another host: perhaps a network's log-in page stands between"
                .into()
        }
        _ if said.contains("InvalidContentType") => {
            "; it does not seem to encrypt: if it may be asked without encryption, say --insecure"
                .into()
        }
        _ => String::new(),
    };
    format!("no talk with {place}{through} is possible: {}{cause}", plain(said))
}

/// Where JSON makes no sense. (What is there may be a secret.)
pub(crate) fn place(error: &serde_json::Error) -> String {
    format!("no sense in line {}, column {}", error.line(), error.column())
}

pub(crate) fn bad_proxy(variable: &str) -> String {
    format!(
        "{variable} names no proxy that can be used; one is written like http://proxy.example.com:3128"
    )
}

pub(crate) fn bad_authority(path: &Path, why: &dyn Display) -> String {
    format!("{path:?} should be an authority's certificate (PEM), and can't be read as one: {why}")
}

pub(crate) fn bad_address(text: &str) -> String {
    format!(
        "{} is no address of a registry; one is written like http://192.0.2.7:5555",
        shown(text)
    )
}

pub(crate) fn bad_redirect(from: &str, to: &str) -> String {
    format!("{from} sends us to {}, where nobody can go", shown(to))
}

pub(crate) fn open_redirect(from: &str, to: &str) -> String {
    format!("{from} sends us to {to}, which is not encrypted; that is refused")
}

pub(crate) fn redirect_loop(from: &str, most: usize) -> String {
    format!("{from} sends us on and on: more than {most} redirects")
}

pub(crate) fn not_encrypted(address: &str) -> String {
    format!(
        "{address} is not encrypted, and not on this machine; --insecure allows that for a registry of your own"
    )
}

pub(crate) fn encoded(address: &str, encoding: &str) -> String {
    format!(
        "{address} sends the bytes changed (Content-Encoding {}), which nobody asked for; their digest can't be checked",
        shown(encoding)
    )
}

pub(crate) fn too_large(address: &str, most: u64) -> String {
    format!("{address} sends more than {most} bytes where a small document should be")
}

pub(crate) fn too_slow(address: &str) -> String {
    format!("{address} takes too long over a small document")
}

pub(crate) fn refusal(address: &str, status: u16, said: &str) -> String {
    let colon = if said.is_empty() { "" } else { ": " };
    format!("{address} answers {status}{colon}{said}")
}

pub(crate) fn often_enough(why: &str, attempts: u32) -> String {
    format!("{why}; asked {attempts} times")
}

pub(crate) fn too_long_a_pause(why: &str, wait: Duration) -> String {
    let wait = wait.as_secs();
    format!(
        "{why}; we are to wait {wait} seconds, which is too long: ask again later, or log in (`docker login`), or ask a registry nearby (CORACLE_REGISTRY)"
    )
}

pub(crate) fn waiting(why: &str, wait: Duration) -> String {
    format!("{why}; asking again in {} s.", wait.as_secs())
}

pub(crate) fn denied(host: &str, repository: &str, refusal: &str) -> String {
    format!(
        "{host} does not let us read {repository}: there is no such repository, or it is private and needs `docker login {host}` ({refusal})"
    )
}

pub(crate) fn not_found(host: &str, repository: &str, what: &str, refusal: &str) -> String {
    format!("{host} has no {what} in {repository} ({refusal})")
}

pub(crate) fn bad_manifest(host: &str, reference: &str) -> String {
    format!("{host} has something strange under {reference}")
}

pub(crate) const NESTED_INDEX: &str = "the image is a choice of images that leads to another choice; that can go on for ever, and is refused";

pub(crate) fn other_content_digest(told: &str, found: &Digest) -> String {
    format!(
        "the registry sends a manifest with the digest {found}, and says that it is {}",
        shown(told)
    )
}

pub(crate) fn other_size(digest: &Digest, size: u64, found: u64) -> String {
    format!("{digest} should have {size} bytes, and the registry sends {found}")
}

pub(crate) fn wrong_range(digest: &Digest, at: u64, told: &str) -> String {
    format!("the registry was asked for {digest} from byte {at} on, and sends {}", shown(told))
}

pub(crate) fn no_such_range(digest: &Digest, at: u64) -> String {
    format!("the registry's {digest} ends before byte {at}; it is not whole there")
}

pub(crate) fn interrupted(digest: &Digest, at: u64, size: u64, said: Option<&str>) -> String {
    let said = said.map_or(String::new(), |said| format!(": {}", plain(said)));
    format!("{digest:.19}… was interrupted after {at} of {size} bytes{said}")
}

pub(crate) fn mirror_failed(mirror: &str, host: &str, said: &str) -> String {
    format!("{mirror} does not help, asking {host}: {said}")
}

pub(crate) fn asking_workshop(host: &str, workshop: &str) -> String {
    format!("{host} can't be reached: asking the workshop's registry at {workshop}.")
}

pub(crate) fn no_network(workshop: &str, said: &str) -> String {
    format!(
        "{said}; without a network, `coracle registry` serves the workshop's own images, but nobody answers at {workshop}: start it in another terminal"
    )
}

// Who we are.

pub(crate) fn unknown_challenge(registry: &str, wanted: &str) -> String {
    format!(
        "{registry} wants to know who asks, but not in a way that is understood: {}",
        shown(wanted)
    )
}

pub(crate) fn no_credentials(registry: &str) -> String {
    format!(
        "{registry} wants a name and a password; `docker login {registry}` or `podman login {registry}` writes them down"
    )
}

pub(crate) fn wrong_password(registry: &str) -> String {
    format!(
        "{registry} does not accept your name and password any more; `docker login {registry}` renews them"
    )
}

pub(crate) fn password_in_the_clear(address: &str) -> String {
    format!("{address} asks for your password, but is not encrypted: it gets none")
}

pub(crate) fn bad_realm(realm: &str) -> String {
    format!("the registry sends us to {} for a token, where nobody can go", shown(realm))
}

pub(crate) fn open_realm(realm: &str) -> String {
    format!("the registry sends us to {realm} for a token, which is not encrypted; that is refused")
}

pub(crate) fn no_token(realm: &str, refusal: &str) -> String {
    format!("{realm} gives no token ({refusal})")
}

pub(crate) fn bad_token(realm: &str) -> String {
    format!("what {realm} gives is no token")
}

pub(crate) const BAD_AUTH: &str = "the entry should be user:password in base64, and is not";

pub(crate) fn in_login_file(path: &Path) -> String {
    format!("{path:?}, which should say who you are, can't be read")
}

pub(crate) fn bad_helper(name: &str) -> String {
    format!("{} is no name of a program that keeps passwords", shown(name))
}

pub(crate) fn no_helper(program: &str) -> String {
    format!("{program}, which should know your password, can't be started")
}

pub(crate) fn helper_failed(program: &str) -> String {
    format!("{program}, which should know your password, fails")
}

pub(crate) const HELPER_HANGS: &str = "it takes more than a minute";
pub(crate) const HELPER_TALKS: &str = "it says far too much";
