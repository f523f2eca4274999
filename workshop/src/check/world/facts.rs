//! What the probe says: keys and values, a line each.

use std::collections::BTreeMap;

/// The probe's lines so far.
#[derive(Debug, Clone, Default)]
pub struct Facts(BTreeMap<String, String>);

impl Facts {
    /// Reads the lines that begin with `token`; others are not the probe's.
    #[must_use]
    pub fn read(output: &str, token: &str) -> Self {
        let lines = output.lines().filter_map(|line| {
            let (key, value) = line.strip_prefix(token)?.strip_prefix(' ')?.split_once(' ')?;
            Some((key.to_owned(), unescape(value)))
        });
        Self(lines.collect())
    }

    /// What the probe said about `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The same; empty if it said nothing.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        self.get(key).unwrap_or_default()
    }

    /// The same as a number.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<i64> {
        self.get(key)?.parse().ok()
    }
}

/// Undoes `str::escape_debug`.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            plain.push(char);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('r') => plain.push('\r'),
            Some('0') => plain.push('\0'),
            Some('u') => {
                let digits: String = chars.by_ref().skip(1).take_while(|it| *it != '}').collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                plain.extend(code);
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_out_as_it_went_in() {
        for value in ["", "plain", "two\nlines\tand \"quotes\" 'single' \\ \u{7f} \u{1b}[0m ü"] {
            let said = format!("noise\nword key {}\nother key 1\n", value.escape_debug());
            assert_eq!(Facts::read(&said, "word").get("key"), Some(value));
        }
    }

    #[test]
    fn another_tokens_lines_are_not_the_probes() {
        assert_eq!(Facts::read("wordy key 1\nkey 2\n", "word").get("key"), None);
    }
}
