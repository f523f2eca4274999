//! Asking again.
//!
//! A registry that is asked by thirty laptops at once says "not now" (429), a load balancer whose
//! machine has just died says 503, a wireless network drops a connection. None of these is a reason
//! to give up, and none a reason to go on for ever. All that is decided about it is decided here.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use process::explain;
use serde::Deserialize;

use super::{Options, Patience};
use crate::texts::registry as texts;
use crate::transport::failure::Kind;
use crate::transport::{Answer, Question, Transport, shown};

/// How much of an error's body is read, in bytes.
const MOST: u64 = 16 << 10;

/// Asks in the name of one registry, and asks again if that may help.
pub(crate) struct Client {
    transport: Transport,
    patience: Patience,
    /// Somebody has answered. Before that, an address that nobody answers at is a wrong one.
    answered: AtomicBool,
}

impl Client {
    pub(crate) fn new(registry: &str, insecure: bool, options: &Arc<Options>) -> Self {
        let transport = Transport::new(registry, insecure, options);
        Self { transport, patience: options.patience.clone(), answered: AtomicBool::new(false) }
    }

    /// Asks once.
    pub(crate) fn try_once(&self, question: &Question) -> Result<Answer> {
        Ok(self.transport.ask(question)?)
    }

    /// Asks until there is an answer that won't change.
    pub(crate) fn send(&self, question: &Question) -> Result<Answer> {
        let mut attempts = Attempts::new(&self.patience);
        loop {
            let (why, wish) = match self.transport.ask(question) {
                Ok(mut answer) => {
                    self.answered.store(true, Ordering::Relaxed);
                    if !matches!(answer.status, 408 | 429 | 500..=599) {
                        return Ok(answer);
                    }
                    (anyhow!(self.refusal(&mut answer)), answer.retry_after())
                }
                Err(failure) => match failure.kind {
                    Kind::Hopeless => return Err(failure.into()),
                    Kind::Unreachable if !self.answered.load(Ordering::Relaxed) => {
                        return Err(failure.into());
                    }
                    Kind::Unreachable | Kind::Broken => (failure.into(), None),
                },
            };
            attempts.again(why, wish)?;
        }
    }

    /// What an answer says that is no success: the status, and the registry's own words (OCI
    /// distribution specification, "Error Codes").
    pub(crate) fn refusal(&self, answer: &mut Answer) -> String {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default)]
            errors: Vec<Error>,
        }
        #[derive(Deserialize)]
        struct Error {
            #[serde(default)]
            code: String,
            #[serde(default)]
            message: String,
        }
        let (address, status) = (shown(&answer.uri), answer.status);
        let body = answer.beginning(MOST).unwrap_or_default();
        let errors = serde_json::from_slice(&body).map_or(Vec::new(), |body: Body| body.errors);
        let errors = errors.iter().take(3).map(|it| format!("{} {}", it.code, it.message));
        let said: Vec<String> = errors.map(|error| texts::shown(error.trim())).collect();
        texts::refusal(&address, status, &said.join(", "))
    }
}

/// The attempts at one thing.
pub(crate) struct Attempts {
    patience: Patience,
    failed: u32,
}

impl Attempts {
    pub(crate) fn new(patience: &Patience) -> Self {
        Self { patience: patience.clone(), failed: 0 }
    }

    /// An attempt has failed, `why` tells. Waits until the next one: as long as the other side
    /// wishes, or longer each time.
    ///
    /// # Errors
    ///
    /// When there should be no next one: `why`, and why not.
    pub(crate) fn again(&mut self, why: anyhow::Error, wish: Option<Duration>) -> Result<()> {
        let Patience { attempts, pause, longest, .. } = self.patience;
        self.failed += 1;
        if self.failed >= attempts {
            return Err(anyhow!(texts::often_enough(&format!("{why:#}"), attempts)));
        }
        let wait = wish.unwrap_or(pause * 2_u32.pow(self.failed - 1));
        if wait > longest {
            return Err(anyhow!(texts::too_long_a_pause(&format!("{why:#}"), wait)));
        }
        if wait >= Duration::from_secs(1) {
            explain::say(texts::waiting(&format!("{why:#}"), wait));
        }
        thread::sleep(wait + some_of(wait / 4));
        Ok(())
    }

    /// There was progress; what failed before does not count any more.
    pub(crate) fn forget(&mut self) {
        self.failed = 0;
    }
}

/// A random part of a time. Thirty laptops that were refused at once should not come back at once.
fn some_of(time: Duration) -> Duration {
    // The standard library's hash tables start from a random number.
    let random = RandomState::new().hash_one(0_u8) as u32;
    time.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
