//! From a finished chapter's Cargo.toml to the student's.
//!
//! Line by line, so that the order and the comments stay as they are. It knows as much of TOML as
//! our own manifests use: a table begins with `[` at the start of a line.

use super::names::rename;

/// The tables that a starter does without: it has no tests, and lints of its own.
const LEFT_OUT: [&str; 4] = ["[dev-dependencies", "[[test]]", "[[bench]]", "[lints"];

/// `cargo test` is to pass before the first exercise is written.
const LIBRARY: &str = r#"
# The tests of what is still to be written fail: `cargo test -p PACKAGE --lib` runs them.
[lib]
test = false
"#;

/// An open exercise leaves names unused; a call whose result nobody looks at is a mistake still.
const LINTS: &str = r#"
# What an exercise that is still open leaves unused is no mistake.
[lints.rust]
unused = { level = "allow", priority = -1 }
unused_must_use = "warn"

[lints.clippy]
diverging_sub_expression = "allow"
"#;

/// The starter's Cargo.toml.
#[must_use]
pub fn starter(source: &str) -> String {
    let mut text = String::new();
    let mut kept = true;
    // A comment belongs to what follows it, which may be another table.
    let mut comments = String::new();
    for line in source.lines() {
        if line.starts_with('[') {
            kept = !LEFT_OUT.iter().any(|table| line.starts_with(table));
        }
        comments.push_str(&rename(line));
        comments.push('\n');
        if !line.is_empty() && !line.starts_with('#') {
            let lines = std::mem::take(&mut comments);
            text.push_str(if kept { &lines } else { "" });
        }
    }
    format!("{}\n{LIBRARY}{LINTS}", text.trim_end())
}
