//! What an extra entry says of the next one: records of the form `LENGTH KEY=VALUE\n`.
//!
//! (`pax`(1p), "pax Extended Header".) The keys are POSIX's, and those of two programs that most
//! others have followed: `SCHILY.xattr.` for extended attributes, `GNU.sparse.` for files with
//! holes.

use std::ffi::CString;

use anyhow::{Context, Result, ensure};

use super::sparse::Sparse;
use crate::texts::unpack as texts;

/// What has been said so far.
#[derive(Debug, Default)]
pub struct Extended {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    /// Seconds since 1970, and nanoseconds.
    pub(super) time: Option<(i64, u32)>,
    pub(super) attributes: Vec<(CString, Vec<u8>)>,
    pub(super) sparse: Option<Sparse>,
}

impl Extended {
    /// Reads more records. The last word on a key counts.
    ///
    /// # Errors
    ///
    /// When they are no records.
    pub(super) fn read(&mut self, mut records: &[u8]) -> Result<()> {
        while !records.is_empty() {
            let (key, value, rest) = record(records).context(texts::BAD_RECORD)?;
            records = rest;
            let number = || decimal(value).context(texts::BAD_RECORD);
            // An empty value takes back what was said before.
            let text = || (!value.is_empty()).then(|| value.into());
            match key {
                // GNU's own name for the file, where `path` is one that other programs see.
                b"path" if self.sparse.as_ref().is_none_or(|sparse| !sparse.is_named) => {
                    self.path = text();
                }
                b"linkpath" => self.link = text(),
                b"size" => self.size = Some(number()?),
                b"uid" => self.uid = Some(number()?),
                b"gid" => self.gid = Some(number()?),
                b"mtime" => self.time = Some(time(value).context(texts::BAD_RECORD)?),
                b"GNU.sparse.name" => {
                    self.path = text();
                    self.sparse.get_or_insert_default().is_named = true;
                }
                _ => {
                    if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                        self.sparse.get_or_insert_default().record(key, value)?;
                    } else if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                        self.attribute(name, value)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn attribute(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        // To overlayfs these are orders: what is hidden, where else to look. An image has no
        // business giving them.
        let order = [&b"trusted.overlay."[..], b"user.overlay."];
        if order.iter().any(|prefix| name.starts_with(prefix)) {
            return Ok(());
        }
        let name = CString::new(name).context(texts::BAD_RECORD)?;
        ensure!(!name.is_empty(), texts::BAD_RECORD);
        self.attributes.push((name, value.into()));
        Ok(())
    }
}

/// The first record's key and value, and what follows it.
fn record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = records.iter().position(|&byte| byte == b' ')?;
    let length = usize::try_from(decimal(&records[..space])?).ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], rest))
}

/// A number in decimal digits, and nothing else.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

/// Seconds with a fraction: `-1.5`, `1350244992.023960108`.
fn time(text: &[u8]) -> Option<(i64, u32)> {
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let dot = text.iter().position(|&byte| byte == b'.').unwrap_or(text.len());
    // More seconds than there are is the last one that there is.
    let whole = text[..dot].iter().all(u8::is_ascii_digit) && dot > 0;
    let seconds = decimal(&text[..dot]).or(whole.then_some(u64::MAX))?;
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let fraction = text.get(dot + 1..).unwrap_or_default();
    let digits = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    let nanos = digits.map(char::from).collect::<String>().parse::<u32>().ok()?;
    Some(match (negative, nanos) {
        (false, _) => (seconds, nanos),
        (true, 0) => (-seconds, 0),
        // Half a second before -1 is -2, and half a second after that.
        (true, _) => (-seconds - 1, 1_000_000_000 - nanos),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, expected) in [
            ("0", (0, 0)),
            ("1350244992.023960108", (1_350_244_992, 23_960_108)),
            ("1.5", (1, 500_000_000)),
            ("-1.5", (-2, 500_000_000)),
            ("-3", (-3, 0)),
            ("1.1234567899", (1, 123_456_789)),
            ("99999999999999999999", (i64::MAX, 0)),
        ] {
            assert_eq!(time(text.as_bytes()), Some(expected), "{text}");
        }
        for text in ["", ".", "x", "1.x", "--1", "1,5", "0x1"] {
            assert_eq!(time(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn records() {
        let mut extended = Extended::default();
        extended.read(b"12 path=a/b\n14 linkpath=c\n9 uid=77\n8 gid=1\n8 gid=2\n").unwrap();
        assert_eq!(extended.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!((extended.uid, extended.gid), (Some(77), Some(2)));
        for wrong in [
            &b"12 path=a/b"[..],
            b"13 path=a/b\n",
            b"x path=a\n",
            b"999999999999999999999 path=a\n",
            b"3 p\n",
            b"0 \n",
            b"9 uid=-1\n",
            b" ",
            b"12 path a/b\n",
        ] {
            assert!(Extended::default().read(wrong).is_err(), "{wrong:?}");
        }
    }
}
