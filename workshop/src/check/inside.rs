//! The examiner: PID 1 of the sandbox.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid};

use super::exam::{Exam, Lesson};
use super::texts;
use super::world::World;
use crate::lessons;

/// What the examiner is told on its command line.
#[derive(Debug, clap::Args)]
pub struct Order {
    /// The chapter's number
    pub chapter: String,
    /// The program under examination
    pub program: PathBuf,
    /// The probe
    pub probe: PathBuf,
    /// What decides all names and numbers
    pub seed: u64,
    /// The number of the ordinary user, and of his group, as whom the program runs
    #[arg(num_args = 2)]
    pub user: Vec<u32>,
}

impl Order {
    /// The same as words.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> =
            vec!["/proc/self/exe".into(), "examine".into(), self.chapter.clone().into()];
        words.extend([self.program.clone().into(), self.probe.clone().into()]);
        words.push(self.seed.to_string().into());
        words.extend(self.user.iter().map(|number| number.to_string().into()));
        words
    }

    fn lesson(&self) -> Result<&'static Lesson> {
        lessons::of(&self.chapter).ok_or_else(|| anyhow!(texts::no_lesson(&self.chapter)))
    }
}

/// Examines a program, and writes the report to standard output. For a process in a sandbox.
///
/// # Errors
///
/// When the examination itself fails.
pub fn examine(order: &Order) -> Result<()> {
    // As PID 1 we get no signal that we have no handler for, and Ctrl-C is to end us.
    let default = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
    super::sys::end_at(&default);
    let user = match order.user[..] {
        [user, group] => Some((Uid::from_raw(user), Gid::from_raw(group))),
        _ => None,
    };
    // Limits come with chapter 04. To move takes the kernel its time.
    if order.chapter.as_str() >= "04" {
        super::cgroups::make_room()?;
    }
    let world = World::new(order.program.clone(), order.probe.clone(), user, order.seed)?;
    let report = Exam::hold(order.lesson()?, world);
    let text = serde_json::to_string(&report).context(texts::NO_JSON)?;
    writeln!(io::stdout(), "{text}").context(texts::STANDARD_OUTPUT)
}
