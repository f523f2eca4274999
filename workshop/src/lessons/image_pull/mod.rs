//! 06: an image is fetched, unpacked, and run.
//!
//! What the program fetches is to be seen in the record of the registry that it asks; what it
//! unpacks, in the root folder of a command that holds still; what it believes, when the registry
//! tells a lie.
//!
//! # Layout
//!
//! - `claims`: what is claimed.
//! - `stage`: the host, the registry, and the calls that all of the following make.
//! - `names`: which image is asked for. `protocol`: in which ways it may come.
//! - `tree`: what its layers become. `outside`: what they must not touch.
//! - `trust`: what is not believed. `start`: how the image wants to be run.

mod claims;
mod names;
mod outside;
mod protocol;
mod stage;
mod start;
mod tree;
mod trust;

use anyhow::Result;

use crate::check::exam::{Exam, Lesson};
use crate::check::registry::Shelf;
use claims::CLAIMS;
use stage::{Stage, base};

pub(super) const LESSON: Lesson = Lesson { chapter: "06", claims: &CLAIMS, refusals: &[], examine };

fn examine(exam: &mut Exam) -> Result<()> {
    let mut shelf = Shelf::default();
    let base = base(&exam.world)?;
    let names = names::Images::new(&exam.world, &base, &mut shelf);
    let tree = tree::Images::new(&exam.world, &base, &mut shelf);
    let start = start::Images::new(&exam.world, &base, &mut shelf);
    let protocol = protocol::Images::new(&exam.world, &base, &mut shelf);
    let trust = trust::Images::new(&exam.world, &base, &mut shelf);
    let outside = outside::Images::new(&exam.world, &mut shelf)?;
    let mut stage = Stage::new(&exam.world, shelf)?;

    names.examine(exam, &mut stage)?;
    if exam.goes_on() && exam.holds("pulls") {
        names.examine_digest(exam, &mut stage)?;
        names.examine_port(exam, &mut stage)?;
        names.examine_refusals(exam, &stage)?;
        protocol.examine(exam, &mut stage)?;
    }
    if exam.goes_on() && exam.holds("runs") {
        tree.examine(exam, &stage)?;
        start.examine(exam, &stage)?;
    }
    if exam.goes_on() && exam.holds("pulls") {
        trust.examine(exam, &stage)?;
        outside.examine(exam, &stage)?;
    }
    Ok(())
}
