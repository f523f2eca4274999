//! What a registry wants to see first: `WWW-Authenticate` (RFC 9110, 11.6.1).
//!
//! ```text
//! Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull"
//! ```
//!
//! A comma separates a challenge's parameters, but also one challenge from the next, and it may
//! stand in a quoted value, where it separates nothing (`scope="repository:a/b:pull,push"`). So the
//! header can't be split at commas; it has to be read from the left.

/// One way in which a registry lets people prove who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The kind, in small letters: `bearer`, `basic`.
    pub scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// A parameter's value: `realm`, `service`, `scope`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// All challenges in a header, as far as they make sense.
    #[must_use]
    pub fn parse(header: &str) -> Vec<Self> {
        let mut challenges: Vec<Self> = Vec::new();
        let mut rest = Rest(header);
        loop {
            rest.skip(|c| c == ',' || c.is_whitespace());
            let word = rest.take(is_token);
            if word.is_empty() {
                return challenges;
            }
            rest.skip(char::is_whitespace);
            match (rest.value(), challenges.last_mut()) {
                (Some(value), Some(challenge)) => {
                    challenge.parameters.push((word.to_ascii_lowercase(), value));
                }
                // A parameter of nothing.
                (Some(_), None) => return challenges,
                (None, _) => {
                    let scheme = word.to_ascii_lowercase();
                    challenges.push(Self { scheme, parameters: Vec::new() });
                    rest.skip_token68();
                }
            }
        }
    }
}

/// What has not been read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// Takes the letters at the beginning that are `wanted`.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !wanted(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn skip(&mut self, unwanted: impl Fn(char) -> bool) {
        self.take(unwanted);
    }

    /// Takes `=` and a value, in quotes or not.
    fn value(&mut self) -> Option<String> {
        self.0 = self.0.strip_prefix('=')?;
        self.skip(char::is_whitespace);
        let Some(quoted) = self.0.strip_prefix('"') else {
            // Some leave out the quotes where they may not.
            return Some(self.take(|c| c != ',' && !c.is_whitespace()).into());
        };
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.0 = &quoted[at + 1..];
                    return Some(value);
                }
                '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
                _ => value.push(letter),
            }
        }
        // The closing quote is missing.
        self.0 = "";
        Some(value)
    }

    /// Skips what may stand behind a scheme instead of parameters: `Negotiate oRQwEq==`.
    fn skip_token68(&mut self) {
        let mut ahead = Rest(self.0);
        ahead.skip(|c| is_token(c) || c == '/');
        ahead.skip(|c| c == '=');
        ahead.skip(char::is_whitespace);
        if ahead.0.is_empty() || ahead.0.starts_with(',') {
            self.0 = ahead.0;
        }
    }
}

/// A letter of a word (RFC 9110, 5.6.2).
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_from_the_left() {
        for (header, expected) in [
            ("", ""),
            (", ,", ""),
            ("Basic", "basic"),
            (r#"Basic realm="x""#, "basic realm=x"),
            (r#"BASIC ReAlM = "x" , charset=UTF-8"#, "basic realm=x charset=UTF-8"),
            (
                r#"Bearer realm="https://a.tld/token",service="a.tld",scope="repository:a/b:pull,push""#,
                "bearer realm=https://a.tld/token service=a.tld scope=repository:a/b:pull,push",
            ),
            (
                "Bearer realm=https://a.tld/t?a=b,service=c",
                "bearer realm=https://a.tld/t?a=b service=c",
            ),
            (r#"Bearer realm="a \"b\", \\ c""#, r#"bearer realm=a "b", \ c"#),
            (
                r#"Basic realm="a", Bearer realm="b",scope="c""#,
                "basic realm=a|bearer realm=b scope=c",
            ),
            (r#"Negotiate, Basic realm="a""#, "negotiate|basic realm=a"),
            (r#"Negotiate oRQw/Eq==, Basic realm="a""#, "negotiate|basic realm=a"),
            ("Negotiate oRQwEq", "negotiate"),
            (r#"Strange a=1, b="2", Bearer realm=x"#, "strange a=1 b=2|bearer realm=x"),
            (r#"Bearer realm="unfinished"#, "bearer realm=unfinished"),
            (r#"Bearer realm="unfinished\"#, "bearer realm=unfinished"),
            // By the grammar this may be a token68 as well; a realm of no use it is in any case.
            (r#"Bearer realm=, service=x"#, "bearer service=x"),
            (r#"realm="x", Bearer"#, ""),
            ("Bearer \"x\"", "bearer"),
            ("Bearer realm=\"é\"", "bearer realm=é"),
            ("é", ""),
            ("====", ""),
        ] {
            let found: Vec<String> = Challenge::parse(header)
                .iter()
                .map(|challenge| {
                    let parameters = challenge.parameters.iter();
                    let each = parameters.map(|(name, value)| format!(" {name}={value}"));
                    challenge.scheme.clone() + &each.collect::<String>()
                })
                .collect();
            assert_eq!(found.join("|"), expected, "{header}");
        }
    }
}
