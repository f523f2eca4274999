//! Why a program did not get to where it can be looked at.

use std::fmt;

use process::Ended;

use super::super::texts;

/// What kept the command from being run as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// An exercise is still open.
    Open {
        /// Its name.
        name: String,
        /// What it asks for.
        title: String,
        /// File and line.
        place: String,
    },
    /// It panicked.
    Panicked {
        /// File and line.
        place: String,
        /// The panic's message.
        message: String,
    },
    /// It did not end, or did not come so far as to run the command.
    Hung {
        /// The command line, for the student to try.
        command: String,
        /// What it waits for, as the kernel says.
        seen: String,
    },
    /// A signal ended it that nobody had sent.
    Crashed {
        /// The command line, for the student to try.
        command: String,
        /// The signal's number.
        signal: i32,
    },
    /// It ended without having run the command, and said why.
    Refused {
        /// The command line, for the student to try.
        command: String,
        /// How it ended.
        status: i32,
        /// Its last words.
        said: String,
    },
    /// The command was executed, but without its arguments.
    NoArguments {
        /// The command line, for the student to try.
        command: String,
    },
    /// It ended well, and no process was to be found that ran the command.
    NeverRan {
        /// The command line, for the student to try.
        command: String,
        /// How it ended.
        status: i32,
    },
}

/// What the probe says that gets no arguments.
const PROBE_ALONE: &str = "coracle-probe is run by `coracle check`";

impl Trouble {
    /// What the end of a program means that has not run the command.
    #[must_use]
    pub fn of(ended: Ended, command: &str, said: &str) -> Self {
        Self::told(said).unwrap_or_else(|| match ended {
            Ended::Signalled(signal) => Self::Crashed { command: command.into(), signal },
            Ended::Exited(_) if said.contains(PROBE_ALONE) => {
                Self::NoArguments { command: command.into() }
            }
            Ended::Exited(status) if said.trim().is_empty() => {
                Self::NeverRan { command: command.into(), status }
            }
            Ended::Exited(status) => {
                Self::Refused { command: command.into(), status, said: last_words(said) }
            }
        })
    }

    /// What a program says when an exercise is open or when it panics, whatever else it did.
    #[must_use]
    pub fn told(said: &str) -> Option<Self> {
        let mut lines = said.lines();
        while let Some(line) = lines.next() {
            if let Some((_, open)) = line.split_once("this exercise is still open: ") {
                let (exercise, place) = open.rsplit_once(" (").unwrap_or((open, ""));
                return Some(Self::open(exercise, place.trim_end_matches(')')));
            }
            if let Some((_, panic)) = line.split_once("the program panicked at ") {
                let (place, message) = panic.split_once(": ").unwrap_or((panic, ""));
                return Some(Self::Panicked { place: place.into(), message: message.into() });
            }
            // What the language's run time says where the frame does not catch it: the message is
            // in the line below.
            let raw =
                line.strip_prefix("thread '").and_then(|rest| rest.split_once(" panicked at "));
            if let Some((_, place)) = raw {
                let message = lines.next().unwrap_or_default();
                let place = place.trim_end_matches(':');
                return Some(match message.strip_prefix("not yet implemented: ") {
                    Some(exercise) => Self::open(exercise, place),
                    None => Self::Panicked { place: place.into(), message: message.into() },
                });
            }
        }
        None
    }

    fn open(exercise: &str, place: &str) -> Self {
        let (name, title) = exercise.split_once(": ").unwrap_or((exercise, ""));
        Self::Open { name: name.into(), title: title.into(), place: place.into() }
    }
}

/// The last lines of what was said; who says much says the reason last.
fn last_words(said: &str) -> String {
    let lines: Vec<_> = said.lines().filter(|line| !line.starts_with("Not root:")).collect();
    lines[lines.len().saturating_sub(3)..].join("\n")
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&match self {
            Self::Open { name, title, place } => texts::open(name, title, place),
            Self::Panicked { place, message } => texts::panicked(place, message),
            Self::Hung { command, seen } => texts::hung(command, seen),
            Self::Crashed { command, signal } => texts::crashed(command, *signal),
            Self::Refused { command, status, said } => texts::refused(command, *status, said),
            Self::NoArguments { command } => texts::no_arguments(command),
            Self::NeverRan { command, status } => texts::never_ran(command, *status),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_exercise_and_a_panic_are_known_by_their_words() {
        let open = Trouble::open("spawn: make it", "src/process.rs:62");
        let said =
            "Not root: …\nch00: this exercise is still open: spawn: make it (src/process.rs:62)\n";
        assert_eq!(Trouble::told(said), Some(open));
        let raw =
            "thread 'main' (7) panicked at src/a.rs:1:2:\nnot yet implemented: wait: for it\n";
        assert_eq!(Trouble::told(raw), Some(Trouble::open("wait: for it", "src/a.rs:1:2")));
        let raw = "thread 'main' panicked at src/a.rs:1:2:\nindex out of bounds\nnote: …\n";
        let panicked = Trouble::Panicked {
            place: "src/a.rs:1:2".into(),
            message: "index out of bounds".into(),
        };
        assert_eq!(Trouble::told(raw), Some(panicked));
        assert_eq!(Trouble::told("nothing of the kind\n"), None);
    }
}
