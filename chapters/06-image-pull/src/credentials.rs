//! Who the user is for a registry.
//!
//! `docker login` and `podman login` write it down, and whoever pulls reads it: a JSON file with an
//! entry for each registry (`auths`), or the name of a program that asks the desktop's key ring
//! (`credHelpers`, `credsStore`; see docker-login(1), containers-auth.json(5)). The files are looked
//! for where these two put them. Nothing is read before a registry asks for it.

mod helper;

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use crate::name::DOCKER_HUB;
use crate::registry::Environment;
use crate::texts::registry as texts;

/// What Docker Hub is called in these files, since 2013.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// The user name that stands for: the other thing is no password.
const TOKEN_USER: &str = "<token>";
/// The largest file that is read, in bytes.
const MOST: u64 = 1 << 20;

/// What a registry is shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password.
    Password {
        /// The name.
        user: String,
        /// The password, or what the registry gave in its place.
        password: String,
    },
    /// What an earlier log-in brought (OAuth 2's refresh token).
    IdentityToken(String),
}

impl Credentials {
    /// What stands behind `Basic` (RFC 7617).
    #[must_use]
    pub fn basic(user: &str, password: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
    }

    fn new(user: String, password: String) -> Self {
        match user.as_str() {
            TOKEN_USER => Self::IdentityToken(password),
            _ => Self::Password { user, password },
        }
    }
}

impl fmt::Debug for Credentials {
    /// Says nothing that anybody should not see.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// The file, as far as it is ours to understand.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    auths: Option<HashMap<String, Entry>>,
    cred_helpers: Option<HashMap<String, String>>,
    creds_store: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// The user's credentials for a registry (`docker.io`, `localhost:5000`), if there are any.
///
/// # Errors
///
/// When a file or a program that should know makes no sense.
pub fn find(registry: &str, environment: &Environment) -> Result<Option<Credentials>> {
    for file in files(environment) {
        let Some(login) = Login::read(&file)? else { continue };
        let found = login.find(registry, environment);
        if let Some(found) = found.with_context(|| texts::in_login_file(&file))? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Where credentials may be, the one that counts most first.
fn files(environment: &Environment) -> Vec<PathBuf> {
    let named = environment.get("REGISTRY_AUTH_FILE").map(PathBuf::from);
    let folder = environment.get("DOCKER_CONFIG").map(PathBuf::from);
    let home = || environment.get("HOME").map(|home| Path::new(&home).join(".docker"));
    let docker = folder.or_else(home).map(|folder| folder.join("config.json"));
    let run = environment.get("XDG_RUNTIME_DIR");
    let podman = run.map(|run| Path::new(&run).join("containers/auth.json"));
    [named, docker, podman].into_iter().flatten().collect()
}

impl Login {
    fn read(path: &Path) -> Result<Option<Self>> {
        let mut text = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut text));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // `sudo` may leave us with somebody else's home.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
            read => read.with_context(|| texts::in_login_file(path))?,
        };
        let login = serde_json::from_slice(&text).map_err(|error| Error::msg(texts::place(&error)));
        Ok(Some(login.with_context(|| texts::in_login_file(path))?))
    }

    fn find(&self, registry: &str, environment: &Environment) -> Result<Option<Credentials>> {
        let key = if registry == DOCKER_HUB { HUB_KEY } else { registry };
        let helpers = self.cred_helpers.as_ref();
        let helper = helpers.and_then(|all| all.get(key).or_else(|| all.get(registry)));
        if let Some(helper) = helper.or(self.creds_store.as_ref()).filter(|name| !name.is_empty()) {
            if let Some((user, password)) = helper::ask(helper, key, environment)? {
                return Ok(Some(Credentials::new(user, password)));
            }
        }
        let Some(auths) = &self.auths else { return Ok(None) };
        let entry = auths.get(key).or_else(|| {
            let mut all: Vec<_> = auths.iter().filter(|(key, _)| host(key) == registry).collect();
            // Any order would do, but it should be the same each time.
            all.sort_by_key(|(key, _)| *key);
            all.first().map(|(_, entry)| *entry)
        });
        entry.map_or(Ok(None), Entry::credentials)
    }
}

/// The registry that an entry is for. Old ones have the address of its programming interface.
fn host(key: &str) -> &str {
    let key = key.trim_start_matches("https://").trim_start_matches("http://");
    let key = key.trim_end_matches('/').trim_end_matches("/v1").trim_end_matches("/v2");
    match key {
        "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
        key => key,
    }
}

impl Entry {
    fn credentials(&self) -> Result<Option<Credentials>> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&self.identitytoken) {
            return Ok(Some(Credentials::IdentityToken(token)));
        }
        if let Some(auth) = given(&self.auth) {
            let decoded = BASE64_STANDARD.decode(auth.trim()).ok();
            let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
            let Some((user, password)) = text.as_deref().and_then(|text| text.split_once(':'))
            else {
                bail!(texts::BAD_AUTH);
            };
            ensure!(!user.is_empty(), texts::BAD_AUTH);
            // Docker of long ago filled it up with zeros.
            let password = password.trim_end_matches('\0');
            return Ok(Some(Credentials::new(user.into(), password.into())));
        }
        let both = given(&self.username).zip(given(&self.password));
        Ok(both.map(|(user, password)| Credentials::new(user, password)))
    }
}
