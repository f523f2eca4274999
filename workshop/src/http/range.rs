//! Ranges: the part of a file that a request asks for (RFC 9110, section 14).
//!
//! A client whose download broke off asks for the rest: `Range: bytes=4096-`.

use std::ops::Range;

/// What a `Range` field means for something of a certain length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All of it: also where the field is not understood, which the RFC wants to be ignored.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that are not there.
    Nothing,
}

/// Reads the value of a `Range` field; `length` is that of the whole thing, in bytes.
#[must_use]
pub fn wanted(field: Option<&str>, length: u64) -> Wanted {
    let range = field.and_then(|field| field.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.trim().split_once('-')) else {
        return Wanted::Whole;
    };
    let part = match (number(first), number(last)) {
        (Ok(Some(first)), Ok(Some(last))) if first <= last => {
            first..length.min(last.saturating_add(1))
        }
        (Ok(Some(first)), Ok(None)) => first..length,
        // The last so many bytes.
        (Ok(None), Ok(Some(count))) => length.saturating_sub(count)..length,
        _ => return Wanted::Whole,
    };
    if part.is_empty() { Wanted::Nothing } else { Wanted::Part(part) }
}

fn number(text: &str) -> Result<Option<u64>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    // `parse` also takes "+5".
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(());
    }
    // So many that they are more than any file has.
    Ok(Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_cut_to_what_is_there() {
        for (field, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-4", 2..5),
            ("bytes=2-", 2..10),
            ("bytes=9-", 9..10),
            ("bytes=-3", 7..10),
            ("bytes=-30", 0..10),
            ("bytes=5-99999999999999999999999", 5..10),
            ("bytes=0-18446744073709551615", 0..10),
        ] {
            assert_eq!(wanted(Some(field), 10), Wanted::Part(part), "{field}");
        }
        for field in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(wanted(Some(field), 10), Wanted::Nothing, "{field}");
        }
    }

    #[test]
    fn what_is_not_understood_is_ignored() {
        for field in ["", "bytes", "bytes=", "bytes=-", "bytes=4-2", "bytes=+1-2", "bytes=0-1,3-4"]
        {
            assert_eq!(wanted(Some(field), 10), Wanted::Whole, "{field}");
        }
        assert_eq!(wanted(Some("lines=1-2"), 10), Wanted::Whole);
        assert_eq!(wanted(None, 10), Wanted::Whole);
    }
}
