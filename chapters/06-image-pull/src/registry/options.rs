//! What the talk with a registry depends on, besides the image's name.

use std::fmt;
use std::time::Duration;

/// The registry that serves this workshop where the network does not: `coracle registry`.
pub const WORKSHOP_REGISTRY: &str = "http://127.0.0.1:5555";
/// Docker Hub's registry; `docker.io` itself is a web site.
const HUB: &str = "https://registry-1.docker.io";

/// What the talk with a registry depends on, besides the image's name.
#[derive(Debug)]
pub struct Options {
    /// Talk without encryption, also to a registry that is not on this machine.
    pub insecure: bool,
    /// How long to go on asking.
    pub patience: Patience,
    /// The variables that say where proxies and credentials are.
    pub environment: Environment,
    /// Where Docker Hub's images are.
    pub hub: String,
    /// Who is asked when Docker Hub can't be reached.
    pub workshop: String,
}

impl Options {
    /// The usual ones.
    #[must_use]
    pub fn new(insecure: bool) -> Self {
        let (patience, environment) = (Patience::default(), Environment::default());
        let (hub, workshop) = (HUB.into(), WORKSHOP_REGISTRY.into());
        Self { insecure, patience, environment, hub, workshop }
    }
}

/// How long to go on asking.
#[derive(Debug, Clone)]
pub struct Patience {
    /// How often one thing is asked for.
    pub attempts: u32,
    /// The pause after the first attempt; each later one is twice as long.
    pub pause: Duration,
    /// The longest pause that a registry may ask for.
    pub longest: Duration,
    /// How long a connection may take, and how long it may be silent.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 5,
            pause: Duration::from_millis(500),
            longest: Duration::from_secs(60),
            silence: Duration::from_secs(30),
        }
    }
}

/// The environment's variables.
pub struct Environment(Box<Read>);

type Read = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// Variables that `read` knows.
    pub fn new(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Box::new(read))
    }

    /// A variable's value. An empty one counts as none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }
}

impl Default for Environment {
    /// This process's.
    fn default() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Environment")
    }
}
