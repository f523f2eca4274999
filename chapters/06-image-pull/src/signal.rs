//! The signal that asks a command to end: an image may name another than SIGTERM (nginx's is
//! SIGQUIT, which lets it finish what it is answering).

use anyhow::{Result, anyhow};
use nix::libc;
use nix::sys::signal::Signal;

use crate::texts::run as texts;

/// The number of a signal by its name or number: `SIGQUIT`, `QUIT`, `3`, `SIGRTMIN+3`. SIGTERM's if
/// there is no text.
///
/// # Errors
///
/// When there is no such signal.
pub fn number(text: &str) -> Result<i32> {
    let most = libc::SIGRTMAX();
    if text.is_empty() {
        return Ok(libc::SIGTERM);
    }
    let name = text.strip_prefix("SIG").unwrap_or(text);
    let distance = |sign| {
        let offset = name.split_once(sign).map_or(Ok(0), |(_, offset)| offset.parse::<i32>());
        offset.ok().filter(|offset| *offset >= 0)
    };
    let number = if name.starts_with("RTMIN") {
        distance('+').map(|offset| libc::SIGRTMIN() + offset)
    } else if name.starts_with("RTMAX") {
        distance('-').map(|offset| most - offset)
    } else if let Ok(number) = name.parse() {
        Some(number)
    } else {
        format!("SIG{name}").parse::<Signal>().ok().map(|signal| signal as i32)
    };
    let number = number.filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| anyhow!(texts::unknown_signal(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_by_name_and_number() {
        for (text, expected) in [
            ("", 15),
            ("SIGTERM", 15),
            ("QUIT", 3),
            ("9", 9),
            ("SIGRTMIN+3", libc::SIGRTMIN() + 3),
            ("RTMAX-1", libc::SIGRTMAX() - 1),
            ("SIGRTMIN", libc::SIGRTMIN()),
        ] {
            assert_eq!(number(text).unwrap(), expected, "{text}");
        }
        for text in ["0", "65", "-1", "SIGNONE", "SIGRTMIN+99", "SIGRTMIN+", "RTMIN+-1", "sigterm "]
        {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
