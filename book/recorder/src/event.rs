//! What happened at a terminal, of which the transcript and the cast are made.

use std::time::Duration;

/// Something that is seen on the screen.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody typed a command.
    Typed {
        /// `$` or `#`.
        prompt: char,
        /// More than one if it was continued.
        lines: Vec<String>,
        /// Whether a shell of ours asked for it; else a program with its own prompt, if any.
        at_prompt: bool,
    },
    /// The terminal printed something.
    Printed(Vec<Piece>),
}

/// What was printed without a pause that a person would see.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// How long nothing had been printed before.
    pub pause: Duration,
    /// With its escape sequences.
    pub text: String,
}

#[cfg(test)]
impl Event {
    /// All at once.
    pub(crate) fn printed(text: &str) -> Self {
        Self::Printed(vec![Piece { pause: Duration::ZERO, text: text.into() }])
    }
}
