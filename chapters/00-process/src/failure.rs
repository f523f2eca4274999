//! A step, and one sentence when it fails.
//!
//! Everything that a container runtime does is a system call that may be refused. A [`Step`] says
//! why a call is made (for `--explain`), where the book tells of it, and what a refusal usually
//! means. [`Attempt::step`] hangs it on a call's result, and both readers get what they need:
//!
//! ```text
//! unshare(CloneFlags::CLONE_NEWUSER).step(&texts::USER_NAMESPACE, "unshare(CLONE_NEWUSER)")?;
//! ```
//!
//! [`Attempt::tried`] does the same for calls that are no part of the story, and tells nothing.
//!
//! An error that comes out of it reads: what was tried, what the kernel said, what usually causes
//! that.

use std::any::Any;
use std::fmt;
use std::io;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::thread;

use anyhow::{Error, Result, anyhow};
use nix::errno::Errno;

use crate::{explain, texts};

/// The exit status when the container could not be made: Docker's.
pub const NOT_MADE: u8 = 125;

/// One thing that is asked of the kernel.
#[derive(Debug)]
pub struct Step {
    /// Where the book tells of it: chapter and section, `02#private-mounts`.
    pub section: &'static str,
    /// Why it is done, in one sentence.
    pub why: &'static str,
    /// What a refusal usually means, and the remedy.
    pub causes: &'static [(Errno, &'static str)],
}

/// Hangs a [`Step`] on the result of a system call.
pub trait Attempt<T>: Sized {
    /// Turns a refusal into a sentence. `call` is the call with its arguments, as `strace(1)` would
    /// show it.
    ///
    /// # Errors
    ///
    /// [`Refused`], when the call failed.
    fn tried(self, step: &Step, call: impl fmt::Display) -> Result<T>;

    /// As [`tried`](Self::tried), and tells the call under `--explain`.
    ///
    /// # Errors
    ///
    /// [`Refused`], when the call failed.
    fn step(self, step: &Step, call: impl fmt::Display) -> Result<T> {
        explain::call(step, &call);
        self.tried(step, call)
    }
}

impl<T> Attempt<T> for nix::Result<T> {
    fn tried(self, step: &Step, call: impl fmt::Display) -> Result<T> {
        self.map_err(|errno| {
            let cause = step.causes.iter().find(|(other, _)| *other == errno);
            Refused { call: call.to_string(), errno, cause: cause.map(|(_, why)| *why) }.into()
        })
    }
}

impl<T> Attempt<T> for io::Result<T> {
    fn tried(self, step: &Step, call: impl fmt::Display) -> Result<T> {
        match self.map_err(|error| error.raw_os_error().ok_or(error)) {
            Ok(value) => Ok(value),
            Err(Ok(errno)) => Err(Errno::from_raw(errno)).tried(step, call),
            // Not of the kernel's making (an unexpected end of file, say).
            Err(Err(error)) => Err(anyhow!("{call} failed: {error}")),
        }
    }
}

/// The kernel refused a call.
#[derive(Debug)]
pub struct Refused {
    call: String,
    errno: Errno,
    cause: Option<&'static str>,
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} failed: {}", self.call, said(self.errno))?;
        self.cause.iter().try_for_each(|cause| write!(f, "; {cause}"))
    }
}

/// What the kernel said, if this error is a call that it refused.
#[must_use]
pub fn errno(error: &Error) -> Option<Errno> {
    error.downcast_ref::<Refused>().map(|refused| refused.errno)
}

/// The kernel's answer in words and by its name: `Operation not permitted (EPERM)`.
pub(crate) fn said(errno: Errno) -> String {
    format!("{} ({errno:?})", errno.desc())
}

/// What brings an exit status of its own: a command that can't be executed, a signal that came
/// before it could be, whatever the new process reports.
#[derive(Debug)]
pub struct Failed {
    /// The sentence.
    pub sentence: String,
    /// The exit status that goes with it.
    pub exit_code: u8,
}

impl std::error::Error for Failed {}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// The exit status for an error: 127 and 126 for a command that can't be executed, 128 + n when
/// signal n came before the command started, 125 for anything else.
#[must_use]
pub fn exit_code(error: &Error) -> u8 {
    error.downcast_ref::<Failed>().map_or(NOT_MADE, |failed| failed.exit_code)
}

/// Runs `body`, and turns a panic into an error: an exercise that is still open (`todo!`) into the
/// one line that says which, anything else into where it happened.
///
/// # Errors
///
/// What `body` returns, or its panic.
pub fn catch<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // It may be another thread's panic that reaches us.
    static PLACE: Mutex<String> = Mutex::new(String::new());
    let note = |place| PLACE.lock().map(|mut last| mem::replace(&mut *last, place));
    // What is released while a panic goes by may come here, too. The hook is ours already then, and
    // may not be changed; and the place is that panic's.
    let outer = thread::panicking().then(|| note(String::new()).unwrap_or_default());
    if outer.is_none() {
        panic::set_hook(Box::new(|info| {
            if let (Some(place), Ok(mut last)) = (info.location(), PLACE.lock()) {
                *last = format!("{}:{}", place.file(), place.line());
            }
        }));
    }
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    if outer.is_none() {
        drop(panic::take_hook());
    }
    let place = note(outer.unwrap_or_default()).unwrap_or_default();
    result.unwrap_or_else(|payload| {
        let message = panic_message(&*payload);
        match message.strip_prefix("not yet implemented: ") {
            Some(exercise) => Err(anyhow!(texts::open_exercise(exercise, &place))),
            None => Err(anyhow!(texts::panicked(message, &place))),
        }
    })
}

fn panic_message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_exercise_in_a_release_does_not_hide_the_first_one() {
        struct Released;
        impl Drop for Released {
            fn drop(&mut self) {
                let inner =
                    catch::<()>(|| todo!("inner: the release")).map_err(|it| it.to_string());
                assert!(inner.is_err_and(|it| it.contains("inner: the release (")));
            }
        }
        let outer = catch::<()>(|| {
            let _released = Released;
            todo!("outer: the run")
        });
        let line = line!() - 2;
        let said = outer.map_err(|error| error.to_string()).unwrap_err();
        assert!(said.contains("outer: the run"), "{said}");
        assert!(said.contains(&format!(":{line})")), "{said}");
    }
}
