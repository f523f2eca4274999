//! How the recorder knows that a shell waits: a mark in the prompt.
//!
//! Terminals have an escape sequence for it that draws nothing, `OSC 133`. Ours carries the status
//! of the command before (`$?`) and, in bash, who asks (`$EUID`). It is written into `PS1` as plain
//! bytes and parameters, without bash's `\[ \]`: so bash, dash and busybox's sh all print it, and as
//! `PS1` is exported, shells in shells inherit it.

use std::sync::LazyLock;

use regex_lite::Regex;

/// The prompt.
pub const PS1: &str = "\x1b]133;A;$?;${EUID-}\x07\\$ ";
/// The prompt for the rest of an unfinished command.
pub const PS2: &str = "\x1b]133;P;k=s\x07> ";

/// A prompt that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prompt {
    /// How the command before it ended.
    pub status: i32,
    /// Who asks, where the shell tells.
    pub root: Option<bool>,
}

static FIRST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\x1b\]133;A;(\d+);(\d*)\x07[$#] (?:\x1b\[6n)?").expect("a regex")
});
static CONTINUED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\x1b\]133;P;k=s\x07> (?:\x1b\[6n)?").expect("a regex"));

/// The first prompt in what a terminal printed: what stood before it, the prompt, what came after.
#[must_use]
pub fn find(printed: &str) -> Option<(&str, Prompt, &str)> {
    let found = FIRST.captures(printed)?;
    let whole = found.get(0)?;
    let prompt = Prompt {
        // A shell's status has 8 bits.
        status: found[1].parse().unwrap_or(i32::MAX),
        root: found[2].parse().ok().map(|uid: u32| uid == 0),
    };
    Some((&printed[..whole.start()], prompt, &printed[whole.end()..]))
}

/// The same for the prompt of an unfinished command.
#[must_use]
pub fn find_continued(printed: &str) -> Option<(&str, &str)> {
    let whole = CONTINUED.find(printed)?;
    Some((&printed[..whole.start()], &printed[whole.end()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_tells_status_and_user() {
        let (before, prompt, after) = find("out\r\n\x1b]133;A;127;1000\x07$ x").unwrap();
        assert_eq!((before, after), ("out\r\n", "x"));
        assert_eq!(prompt, Prompt { status: 127, root: Some(false) });
    }

    #[test]
    fn a_shell_that_has_no_euid_leaves_it_open() {
        let (_, prompt, after) = find("\x1b]133;A;0;\x07# \x1b[6n").unwrap();
        assert_eq!((prompt, after), (Prompt { status: 0, root: None }, ""));
    }

    #[test]
    fn the_variable_itself_is_no_prompt() {
        assert!(find(&format!("PS1={PS1}\r\n")).is_none());
    }

    #[test]
    fn half_a_mark_is_none() {
        assert!(find("\x1b]133;A;0;0\x07").is_none());
    }
}
