//! What the screen shows in the end, as plain text.
//!
//! This is what a reader without JavaScript sees, what a printer prints, what a screen reader
//! reads, what a search finds, and what two runs are compared by. Colours are left out; what a
//! program overwrote (a progress bar) appears as it was last.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::terminal::{COLUMNS, ROWS};

/// A part in plain text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// Lines that begin with a prompt, and what was printed after each.
    pub text: String,
    /// The commands in it: output, too, may begin with `# `.
    pub commands: Vec<Command>,
}

/// A command in a transcript.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Its first line in the transcript, from 1.
    pub line: usize,
    /// What was typed, without prompts; several lines if it was continued.
    pub text: String,
}

/// Full-screen programs draw on a second screen and leave none of it; what they last drew is what a
/// reader wants.
static SECOND_SCREEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\x1b\[\?(?:1049|1047|47)[hl]").expect("a regex"));

/// Makes one from what happened.
#[must_use]
pub fn of(events: &[Event]) -> Transcript {
    let mut transcript = Transcript::default();
    let mut printed = String::new();
    for event in events {
        match event {
            Event::Printed(pieces) => printed.extend(pieces.iter().map(|it| it.text.as_str())),
            Event::Typed { prompt, lines, at_prompt } => {
                transcript.print(&printed, !at_prompt);
                printed.clear();
                transcript.type_in(*prompt, lines);
            }
        }
    }
    transcript.print(&printed, false);
    transcript
}

impl Transcript {
    /// Adds what was printed. A program's own prompt, left on the last line, gives way to ours.
    fn print(&mut self, printed: &str, own_prompt: bool) {
        let mut lines = screen(printed);
        if own_prompt && !printed.ends_with('\n') {
            lines.pop();
        }
        for line in lines {
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }

    fn type_in(&mut self, prompt: char, lines: &[String]) {
        let line = self.text.lines().count() + 1;
        self.commands.push(Command { line, text: lines.join("\n") });
        for (index, line) in lines.iter().enumerate() {
            let prompt = if index == 0 { prompt } else { '>' };
            self.text.push_str(format!("{prompt} {line}").trim_end());
            self.text.push('\n');
        }
    }
}

/// What a terminal shows after this was printed on an empty one, however far it scrolled.
#[must_use]
pub fn screen(printed: &str) -> Vec<String> {
    let (columns, rows) = (usize::from(COLUMNS), usize::from(ROWS));
    let mut terminal = avt::Vt::builder().size(columns, rows).build();
    terminal.feed_str(&SECOND_SCREEN.replace_all(printed, ""));
    let mut lines: Vec<String> =
        terminal.text().iter().map(|line| line.trim_end().to_owned()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str, at_prompt: bool) -> Event {
        Event::Typed { prompt: '$', lines: vec![line.into()], at_prompt }
    }

    #[test]
    fn colours_go_and_a_progress_bar_stays_as_it_was_last() {
        assert_eq!(screen("\x1b[1;32mok\x1b[0m\r\n 10 %\r\x1b[K100 %\r\n"), ["ok", "100 %"]);
    }

    #[test]
    fn more_than_a_screen_is_kept_and_long_lines_stay_whole() {
        let printed: String = (0..50).map(|it| format!("{it} {}\r\n", "x".repeat(120))).collect();
        let lines = screen(&printed);
        assert_eq!((lines.len(), lines[49].len()), (50, 123));
    }

    #[test]
    fn tabs_become_the_spaces_that_one_sees() {
        assert_eq!(screen("a\tb\r\n"), ["a       b"]);
    }

    #[test]
    fn a_full_screen_programs_last_screen_is_shown() {
        assert_eq!(screen("\x1b[?1049hshown\r\n\x1b[?1049l"), ["shown"]);
    }

    #[test]
    fn commands_are_found_by_their_line() {
        let transcript = of(&[
            typed("cat a", true),
            Event::printed("# no command\r\n"),
            Event::Typed {
                prompt: '#',
                lines: vec!["cat <<E".into(), "E".into()],
                at_prompt: true,
            },
        ]);
        assert_eq!(transcript.text, "$ cat a\n# no command\n# cat <<E\n> E\n");
        let lines: Vec<_> = transcript.commands.iter().map(|it| it.line).collect();
        assert_eq!(lines, [1, 3]);
        assert_eq!(transcript.commands[1].text, "cat <<E\nE");
    }

    #[test]
    fn a_programs_own_prompt_gives_way() {
        let events = [typed("sh", true), Event::printed("hello\r\n/ # "), typed("ls", false)];
        assert_eq!(of(&events).text, "$ sh\nhello\n$ ls\n");
    }
}
