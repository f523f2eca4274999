//! The recording that the page plays: asciicast, version 3.
//!
//! What is printed is what the program printed. When it is printed follows from the text: somebody
//! types at an even pace, output appears line by line, and then there is time to read it. Only a
//! program that really paused pauses here, too, for a moment whose length is rounded. So playback is
//! steady, and a slow machine's recording is a fast one's.

use std::time::Duration;

use serde_json::{Value, json};

use crate::event::{Event, Piece};
use crate::terminal::{COLUMNS, ROWS};
use crate::transcript::screen;

const BEFORE_TYPING: f64 = 0.5;
const KEYSTROKE: f64 = 0.035;
const BEFORE_ENTER: f64 = 0.3;
const BEFORE_OUTPUT: f64 = 0.15;
const LINE: f64 = 0.03;
/// To read a line of output; at most as long as [`READING`].
const READ_LINE: f64 = 0.12;
const READING: f64 = 2.0;
/// A window with less looks cramped.
const FEWEST_ROWS: usize = 6;

/// Makes the file from what happened. `prompt` is what the shell shows in the end, if it asks.
#[must_use]
pub fn of(title: &str, events: &[Event], prompt: Option<char>) -> String {
    let mut tape = Tape::default();
    for event in events {
        match event {
            Event::Typed { prompt, lines, at_prompt } => tape.typed(*prompt, lines, *at_prompt),
            Event::Printed(pieces) => tape.printed(pieces),
        }
    }
    if let Some(prompt) = prompt {
        tape.add("o", format!("{prompt} "));
    }
    let head = json!({
        "version": 3,
        "term": { "cols": COLUMNS, "rows": rows(&tape.screen), "type": "xterm-256color" },
        "title": title,
    });
    let lines = [head].into_iter().chain(tape.events);
    lines.map(|line| format!("{line}\n")).collect()
}

/// As many as are used; all of them for a program that draws anywhere on the screen.
fn rows(printed: &str) -> usize {
    let anywhere = ["\x1b[H", "\x1b[?1049h", "\x1b[2J"].iter().any(|it| printed.contains(it));
    let all = usize::from(ROWS);
    // The transcript's lines are not cut at the screen's edge; a window's are.
    let columns = usize::from(COLUMNS);
    let used = |line: &String| line.chars().count().div_ceil(columns).max(1);
    let lines = screen(printed).iter().map(used).sum::<usize>() + 1;
    if anywhere { all } else { lines.clamp(FEWEST_ROWS, all) }
}

#[derive(Default)]
struct Tape {
    events: Vec<Value>,
    /// Since the last event, in seconds.
    pause: f64,
    screen: String,
}

impl Tape {
    fn wait(&mut self, seconds: f64) {
        self.pause += seconds;
    }

    fn add(&mut self, kind: &str, text: String) {
        let pause = (self.pause * 1000.0).round() / 1000.0;
        self.pause = 0.0;
        if kind == "o" {
            self.screen.push_str(&text);
        }
        self.events.push(json!([pause, kind, text]));
    }

    fn typed(&mut self, prompt: char, lines: &[String], at_prompt: bool) {
        if at_prompt {
            self.add("o", format!("{prompt} "));
        }
        for (index, line) in lines.iter().enumerate() {
            if index == 0 {
                self.wait(BEFORE_TYPING);
                // The player jumps from one to the next.
                self.add("m", line.clone());
            } else {
                self.add("o", "> ".into());
            }
            for character in line.chars() {
                self.wait(KEYSTROKE);
                self.add("o", character.into());
            }
            self.wait(BEFORE_ENTER);
            self.add("o", "\r\n".into());
        }
        self.wait(BEFORE_OUTPUT);
    }

    fn printed(&mut self, pieces: &[Piece]) {
        let mut count = 0.0;
        for piece in pieces {
            self.wait(rounded(piece.pause));
            for line in piece.text.split_inclusive('\n') {
                self.add("o", line.into());
                self.wait(LINE);
                count += 1.0;
            }
        }
        self.wait((count * READ_LINE).min(READING));
    }
}

/// Nobody needs to wait longer than a second, and how much shorter it was differs from run to run.
fn rounded(pause: Duration) -> f64 {
    match pause.as_millis() {
        0..300 => 0.0,
        300..1000 => 0.3,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(cast: &str) -> Vec<Value> {
        cast.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn it_is_an_asciicast_that_shows_what_was_typed_and_printed() {
        let lines_typed = vec!["ls".to_owned()];
        let events = [
            Event::Typed { prompt: '$', lines: lines_typed, at_prompt: true },
            Event::printed("a\r\nb\r\n"),
        ];
        let lines = lines(&of("A title", &events, Some('$')));
        assert_eq!(lines[0]["version"], 3);
        assert_eq!(lines[0]["term"], json!({"cols": 100, "rows": 6, "type": "xterm-256color"}));
        let shown = |line: &Value| (line[1] == "o").then(|| line[2].as_str().unwrap().to_owned());
        let shown: String = lines[1..].iter().filter_map(shown).collect();
        assert_eq!(shown, "$ ls\r\na\r\nb\r\n$ ");
        assert!(lines[1..].iter().any(|line| line[1] == "m" && line[2] == "ls"));
    }

    #[test]
    fn a_window_is_as_high_as_it_needs_to_be() {
        let long: String = (0..50).map(|_| "x\r\n").collect();
        assert_eq!(rows(&long), 24);
        assert_eq!(rows(&"x\r\n".repeat(9)), 10);
        assert_eq!(rows(&"x".repeat(750)), 9);
        assert_eq!(rows("\x1b[Htop"), 24);
    }

    #[test]
    fn nobody_waits_long() {
        let pieces = [0, 200, 500, 9000]
            .map(|millis| Piece { pause: Duration::from_millis(millis), text: "x".into() });
        let cast = of("t", &[Event::Printed(pieces.into())], None);
        let pauses: Vec<_> = lines(&cast)[1..].iter().map(|it| it[0].as_f64().unwrap()).collect();
        assert_eq!(pauses, [0.0, 0.03, 0.33, 1.03]);
    }
}
