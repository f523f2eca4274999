//! Whether a machine in a page shows what the book's recording shows.
//!
//! There the shells are in a browser, and whoever types is a test (`book/tests/live.test.js`). It hands
//! over what it typed and what was printed; here that becomes a transcript, as for a recording.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::compare::difference;
use crate::event::{Event, Piece};
use crate::masks::mask;
use crate::results::text;
use crate::session::Session;
use crate::transcript;

/// What happened in each part, by its name.
#[derive(Debug, Deserialize)]
pub struct Played(BTreeMap<String, Vec<Heard>>);

/// Something that happened.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Heard {
    Typed { prompt: char, lines: Vec<String> },
    Printed { printed: String },
}

impl Played {
    /// Reads what a test has kept, which is JSON.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn parse(json: &str) -> Result<Self> {
        serde_json::from_str(json).context("this is not what a player keeps")
    }

    /// How the parts that were played differ from the recorded ones; empty when they don't.
    ///
    /// # Errors
    ///
    /// When a part has no recording.
    pub fn compare(self, name: &str, session: &Session, recorded: &Path) -> Result<String> {
        let masks: Vec<_> = session.masks.iter().chain(&session.differs).cloned().collect();
        let mut differences = String::new();
        for (part, heard) in self.0 {
            let events: Vec<_> = heard.into_iter().map(Event::from).collect();
            let shown = transcript::of(&events).text;
            let kept = text(recorded, &part, "txt")?;
            let title = format!("{name}/{part}.txt");
            differences += &difference(&title, &mask(&kept, &masks), &mask(&shown, &masks));
        }
        Ok(differences)
    }
}

impl From<Heard> for Event {
    fn from(heard: Heard) -> Self {
        match heard {
            Heard::Typed { prompt, lines } => Self::Typed { prompt, lines, at_prompt: true },
            // The page has taken the carriage returns out, with all that draws nothing.
            Heard::Printed { printed } => {
                let text = printed.replace('\n', "\r\n");
                Self::Printed(vec![Piece { pause: Duration::ZERO, text }])
            }
        }
    }
}
