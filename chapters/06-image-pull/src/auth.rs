//! How a registry is told who asks.
//!
//! Nobody knocks with the key in hand. We ask without; the registry answers 401 and says in
//! `WWW-Authenticate` what it wants. With `Basic` that is a name and a password. With `Bearer` it is
//! a token that another server gives out (the *realm*): even for what everybody may read there is
//! one, and it is good for some minutes and one repository
//! (<https://distribution.github.io/distribution/spec/auth/token/>). When it is too old, the
//! registry says 401 again, and we fetch a new one.
//!
//! ```text
//! we                            registry                    realm
//!  │ GET /v2/library/alpine/… ─▶   │                           │
//!  │ ◀─ 401, WWW-Authenticate:     │                           │
//!  │      Bearer realm=…,scope=…   │                           │
//!  │ GET /token?service=…&scope=… (Basic …, if we are somebody) ─▶
//!  │ ◀───────────────────────────────────────────── {"token":"…"}
//!  │ GET … Authorization: Bearer ─▶│                           │
//!  │ ◀─ 200                        │                           │
//! ```
//!
//! The registry chooses the realm, and it is often another host. What is sent there was meant for
//! this registry, so that is all right; but not in the clear, where everybody on the way can read
//! it. And only the registry itself may ask: a host that we were redirected to gets nothing
//! (CVE-2020-15157).

pub mod challenge;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use ureq::http::{Uri, header};

use crate::credentials::{self, Credentials};
use crate::name::is_loopback;
use crate::registry::{Client, Options};
use crate::texts::registry as texts;
use crate::transport::{Answer, Question, address, origin, shown};
use challenge::Challenge;

/// The largest answer of a realm, in bytes.
const MOST: u64 = 256 << 10;

/// What we show to one registry, for one repository.
pub(crate) struct Authorization {
    /// As credentials are filed: `docker.io`, `localhost:5000`.
    registry: String,
    /// What we want to do: `repository:library/alpine:pull`.
    scope: String,
    options: Arc<Options>,
    credentials: OnceLock<Option<Credentials>>,
    /// What stood in the last `Authorization` that was accepted.
    header: Mutex<Option<String>>,
}

/// What a realm answers. Both names are in use.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Authorization {
    pub(crate) fn new(registry: &str, repository: &str, options: &Arc<Options>) -> Self {
        let scope = format!("repository:{repository}:pull");
        let (options, credentials, header) =
            (Arc::clone(options), OnceLock::new(), Mutex::default());
        Self { registry: registry.into(), scope, options, credentials, header }
    }

    /// What to show now, if anything.
    pub(crate) fn header(&self) -> Option<String> {
        self.header.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gets what the registry asked for when it was shown `used`.
    pub(crate) fn renew(&self, used: Option<&str>, answer: &Answer, client: &Client) -> Result<()> {
        let mut header = self.header.lock().unwrap_or_else(PoisonError::into_inner);
        if header.as_deref() != used {
            // Another thread has got it in the meantime.
            return Ok(());
        }
        let wanted = answer.headers(header::WWW_AUTHENTICATE);
        let challenges = Challenge::parse(&wanted);
        let of = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
        *header = Some(match (of("bearer"), of("basic")) {
            (Some(bearer), _) => self.token(bearer, &answer.uri, client)?,
            (None, Some(_)) => self.basic(&answer.uri)?,
            (None, None) => bail!(texts::unknown_challenge(&self.registry, &wanted)),
        });
        Ok(())
    }

    fn credentials(&self) -> Result<Option<&Credentials>> {
        if self.credentials.get().is_none() {
            let found = credentials::find(&self.registry, &self.options.environment)?;
            // Whoever came first: it is the same.
            let _ = self.credentials.set(found);
        }
        Ok(self.credentials.get().and_then(Option::as_ref))
    }

    fn basic(&self, uri: &Uri) -> Result<String> {
        match self.credentials()? {
            Some(Credentials::Password { user, password }) => {
                ensure!(is_private(uri), texts::password_in_the_clear(&shown(uri)));
                Ok(Credentials::basic(user, password))
            }
            _ => bail!(texts::no_credentials(&self.registry)),
        }
    }

    /// Fetches a token.
    fn token(&self, challenge: &Challenge, registry: &Uri, client: &Client) -> Result<String> {
        let realm = challenge.get("realm").unwrap_or_default();
        let uri = address(realm).with_context(|| texts::bad_realm(realm))?;
        // On a registry's own host nothing is lost by what it allows for itself.
        let is_own = origin(&uri) == origin(registry);
        let beside = is_loopback(&self.registry) && is_private(&uri);
        ensure!(is_encrypted(&uri) || is_own || beside, texts::open_realm(&shown(&uri)));
        let scope = challenge.get("scope").filter(|scope| !scope.is_empty());
        let mut query = vec![("scope", scope.unwrap_or(&self.scope))];
        query.extend(challenge.get("service").map(|service| ("service", service)));

        let credentials = self.credentials()?;
        ensure!(
            credentials.is_none() || is_private(&uri),
            texts::password_in_the_clear(&shown(&uri))
        );
        let mut answer = match credentials {
            Some(Credentials::IdentityToken(token)) => {
                query.extend([("grant_type", "refresh_token"), ("client_id", "coracle")]);
                query.push(("refresh_token", token));
                client.send(&Question { form: Some(form(&query)), ..Question::get(&uri) })?
            }
            Some(Credentials::Password { user, password }) => {
                let authorization = Credentials::basic(user, password);
                let uri = with_query(&uri, &form(&query))?;
                let authorization = Some(authorization.as_str());
                client.send(&Question { authorization, ..Question::get(&uri) })?
            }
            None => client.send(&Question::get(&with_query(&uri, &form(&query))?))?,
        };
        match (answer.status, credentials) {
            (200..=299, _) => {}
            (400 | 401 | 403, Some(_)) => bail!(texts::wrong_password(&self.registry)),
            _ => bail!(texts::no_token(&shown(&uri), &client.refusal(&mut answer))),
        }
        let bytes = answer.document(MOST)?;
        // What is there instead may be a secret as well.
        let token: Option<Token> = serde_json::from_slice(&bytes).ok();
        let Token { token, access_token } =
            token.with_context(|| texts::bad_token(&shown(&uri)))?;
        let token = token.into_iter().chain(access_token).find(|it| !it.is_empty());
        let visible = |token: &String| token.bytes().all(|byte| byte.is_ascii_graphic());
        let token = token.filter(visible).with_context(|| texts::bad_token(&shown(&uri)))?;
        Ok(format!("Bearer {token}"))
    }
}

fn is_encrypted(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https")
}

/// Whether what is sent there can be read by nobody else.
fn is_private(uri: &Uri) -> bool {
    is_encrypted(uri) || is_loopback(uri.host().unwrap_or_default())
}

fn with_query(uri: &Uri, query: &str) -> Result<Uri> {
    let separator = if uri.query().is_some() { '&' } else { '?' };
    let text = format!("{uri}{separator}{query}");
    text.parse().with_context(|| texts::bad_realm(&shown(uri)))
}

/// Names and values as a form sends them: `a=b&c=d`, with `%20` for what could be misread.
fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        text.bytes().fold(String::new(), |encoded, byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded + char::from(byte).encode_utf8(&mut [0; 4])
            }
            _ => encoded + &format!("%{byte:02X}"),
        })
    };
    let fields = fields.iter().map(|(name, value)| format!("{name}={}", encode(value)));
    fields.collect::<Vec<_>>().join("&")
}
