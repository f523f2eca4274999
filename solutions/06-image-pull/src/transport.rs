//! HTTP: one question, one answer.
//!
//! The library `ureq` does the protocol (RFC 9112) and `rustls` the encryption. What a registry's
//! client has to decide for itself is here:
//!
//! - *Redirects.* Registries keep layers elsewhere and send us there. The next host must not learn
//!   what was meant for the registry: `Authorization` stays behind (OCI distribution specification,
//!   "Pulling blobs"). From an encrypted address we never go to an open one.
//! - *Encryption.* Always, but to this machine itself, or if the user says that it may be without.
//! - *Compression.* A body that is compressed for its journey has another digest. We ask for none,
//!   and take none.
//! - *Time.* Nobody may keep us waiting for ever.
//!
//! Plain HTTP goes through a proxy by `CONNECT` as well, which not every proxy allows; `NO_PROXY`
//! helps then.

pub mod failure;

mod certificates;
mod proxy;

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use process::explain;
use ureq::http::{HeaderMap, Request, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, BodyReader, Proxy};

use crate::name::is_loopback;
use crate::registry::Options;
use crate::texts::registry as texts;
use failure::Failure;

const USER_AGENT: &str = concat!("coracle/", env!("CARGO_PKG_VERSION"));
/// How often one question is sent elsewhere.
const MOST_REDIRECTS: usize = 5;

/// A question.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) uri: &'a Uri,
    /// Headers that any host may see.
    pub(crate) headers: Vec<(header::HeaderName, String)>,
    /// The one that only this host may see.
    pub(crate) authorization: Option<&'a str>,
    /// Makes it a POST of a form.
    pub(crate) form: Option<String>,
}

impl<'a> Question<'a> {
    pub(crate) fn get(uri: &'a Uri) -> Self {
        Self { uri, headers: Vec::new(), authorization: None, form: None }
    }
}

/// An answer, of which only the head has been read.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Who gave it in the end.
    pub(crate) uri: Uri,
    headers: HeaderMap,
    pub(crate) body: BodyReader<'static>,
    /// How long a small document may take in all.
    time: Duration,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All values of a header that may be there several times.
    pub(crate) fn headers(&self, name: header::HeaderName) -> String {
        let values = self.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.collect::<Vec<_>>().join(", ")
    }

    /// How long the host asks us to wait: `Retry-After`, in seconds or as a date.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let value = self.header(header::RETRY_AFTER)?.trim();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
        }
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(SystemTime::now()).unwrap_or_default())
    }

    /// The body of a small document: at most `most` bytes, or an error.
    pub(crate) fn document(&mut self, most: u64) -> Result<Vec<u8>, Failure> {
        let bytes = self.beginning(most + 1)?;
        if bytes.len() as u64 > most {
            return Err(Failure::hopeless(texts::too_large(&shown(&self.uri), most)));
        }
        Ok(bytes)
    }

    /// The first bytes of the body, at most `most`.
    pub(crate) fn beginning(&mut self, most: u64) -> Result<Vec<u8>, Failure> {
        let begun = Instant::now();
        let mut bytes = Vec::new();
        let mut body = (&mut self.body).take(most);
        let mut buffer = [0; 8192];
        loop {
            match body.read(&mut buffer) {
                Ok(0) => return Ok(bytes),
                Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                Err(error) => {
                    return Err(Failure::broken(texts::broken(
                        &shown(&self.uri),
                        &error.to_string(),
                    )));
                }
            }
            // One byte now and then is as bad as none.
            if begun.elapsed() > self.time {
                return Err(Failure::hopeless(texts::too_slow(&shown(&self.uri))));
            }
        }
    }
}

/// Asks hosts.
pub(crate) struct Transport {
    /// The registry in whose name it asks: `localhost:5000`.
    registry: String,
    /// Whether the user allows to talk without encryption.
    insecure: bool,
    options: Arc<Options>,
    /// An agent keeps connections open for the next question. One for each way out: encrypted or
    /// not, through a proxy or not.
    agents: Mutex<HashMap<(bool, Option<Proxy>), Agent>>,
}

impl Transport {
    pub(crate) fn new(registry: &str, insecure: bool, options: &Arc<Options>) -> Self {
        let (options, agents) = (Arc::clone(options), Mutex::default());
        Self { registry: registry.into(), insecure, options, agents }
    }

    /// Asks, and goes where it is sent.
    pub(crate) fn ask(&self, question: &Question) -> Result<Answer, Failure> {
        let mut uri = question.uri.clone();
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.ask_one(question, &uri)?;
            // 304 is no redirect, and 300 leaves the choice to a person.
            if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let from = shown(&uri);
            let to = answer.header(header::LOCATION).unwrap_or_default();
            uri = join(&uri, to)
                .filter(|_| question.form.is_none())
                .ok_or_else(|| Failure::hopeless(texts::bad_redirect(&from, to)))?;
            if answer.uri.scheme_str() == Some("https") && uri.scheme_str() != Some("https") {
                return Err(Failure::hopeless(texts::open_redirect(&from, &shown(&uri))));
            }
        }
        Err(Failure::hopeless(texts::redirect_loop(&shown(question.uri), MOST_REDIRECTS)))
    }

    /// Asks one host.
    fn ask_one(&self, question: &Question, uri: &Uri) -> Result<Answer, Failure> {
        let host = uri.authority().map_or("", |authority| authority.as_str());
        let is_open = uri.scheme_str() != Some("https");
        let may_be_open = self.insecure || (is_loopback(host) && is_loopback(&self.registry));
        if is_open && !may_be_open {
            return Err(Failure::hopeless(texts::not_encrypted(&shown(uri))));
        }
        let mut request = Request::builder().uri(uri);
        for (name, value) in &question.headers {
            request = request.header(name, value);
        }
        if let Some(authorization) = question.authorization {
            if origin(uri) == origin(question.uri) {
                request = request.header(header::AUTHORIZATION, authorization);
            }
        }
        let proxy = proxy::proxy_for(uri, &self.options.environment)?;
        let agent = self.agent(!is_open, proxy.as_ref())?;
        let method = if question.form.is_some() { "POST" } else { "GET" };
        tell(method, uri);
        let answer = match &question.form {
            None => request.body(()).map_err(Into::into).and_then(|request| agent.run(request)),
            Some(form) => request
                .method("POST")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.as_str())
                .map_err(Into::into)
                .and_then(|request| agent.run(request)),
        };
        let answer = answer.map_err(|error| Failure::of(&error, uri, proxy.as_ref()))?;
        let (head, body) = answer.into_parts();
        let (status, headers) = (head.status.as_u16(), head.headers);
        let time = self.options.patience.silence * 2;
        let answer = Answer { status, uri: uri.clone(), headers, body: body.into_reader(), time };
        match answer.header(header::CONTENT_ENCODING) {
            None | Some("" | "identity") => Ok(answer),
            Some(encoding) => Err(Failure::hopeless(texts::encoded(&shown(uri), encoding))),
        }
    }

    fn agent(&self, encrypted: bool, proxy: Option<&Proxy>) -> Result<Agent, Failure> {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (encrypted, proxy.cloned());
        if let Some(agent) = agents.get(&key) {
            return Ok(agent.clone());
        }
        // A limit on the look-up of names would cost a thread, which might still be there when a
        // container is to be started; and the system's own look-up has one.
        let silence = self.options.patience.silence;
        let mut config = Agent::config_builder()
            .user_agent(USER_AGENT)
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy.cloned())
            .timeout_connect(Some(silence))
            .timeout_per_read(Some(silence))
            .timeout_per_write(Some(silence))
            .timeout_recv_response(Some(silence * 2));
        if encrypted {
            let authorities = certificates::authorities(&self.registry, &self.options.environment)?;
            let roots = RootCerts::new_with_certs(&authorities);
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        let agent = config.build().new_agent();
        agents.insert(key, agent.clone());
        Ok(agent)
    }
}

/// Tells one request under `--explain`. Several threads ask; why and what stay together.
fn tell(method: &str, uri: &Uri) {
    static TELLING: Mutex<()> = Mutex::new(());
    let _telling = TELLING.lock().unwrap_or_else(PoisonError::into_inner);
    explain::call(&texts::ASK, format_args!("{method} {}", shown(uri)));
}

/// An address as it may be shown: what stands behind the `?` is often as good as a password.
pub(crate) fn shown(uri: &Uri) -> String {
    let query = if uri.query().is_some() { "?…" } else { "" };
    let scheme = uri.scheme_str().unwrap_or("?");
    let authority = uri.authority().map_or("?", |authority| authority.as_str());
    format!("{scheme}://{authority}{}{query}", uri.path()).escape_debug().to_string()
}

/// Who is asked: scheme, host, port.
pub(crate) fn origin(uri: &Uri) -> (String, String, u16) {
    let scheme = uri.scheme_str().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    (scheme.into(), uri.host().unwrap_or_default().to_ascii_lowercase(), port)
}

/// An address from an untrusted text, complete and without a password in it.
pub(crate) fn address(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority()?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    (known && !authority.as_str().contains('@') && !authority.host().is_empty()).then_some(uri)
}

/// Where a redirect leads (RFC 9110, 10.2.2).
fn join(from: &Uri, location: &str) -> Option<Uri> {
    let (scheme, authority) = (from.scheme_str()?, from.authority()?);
    let location = location.split('#').next()?;
    match location {
        "" => None,
        _ if location.starts_with("//") => address(&format!("{scheme}:{location}")),
        _ if location.starts_with('/') => address(&format!("{scheme}://{authority}{location}")),
        // Relative to a path: no registry does that.
        _ => address(location),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_to_an_address() {
        let from: Uri = "https://a.tld:5000/v2/x?token=secret".parse().unwrap();
        for (location, to) in [
            ("https://b.tld/y", Some("https://b.tld/y")),
            ("//b.tld/y", Some("https://b.tld/y")),
            ("/y?z#fragment", Some("https://a.tld:5000/y?z")),
            ("HTTP://b.tld", Some("http://b.tld/")),
            ("https://me:secret@b.tld/", None),
            ("ftp://b.tld/", None),
            ("file:///etc/passwd", None),
            ("y", None),
            ("", None),
            ("https:///y", None),
        ] {
            let joined = join(&from, location).map(|uri| uri.to_string());
            assert_eq!(joined.as_deref(), to, "{location}");
        }
        assert_eq!(shown(&from), "https://a.tld:5000/v2/x?…");
    }
}
