//! Rust in the book: where its lines come from, and their colours.

mod colour;
pub(crate) mod region;

pub(crate) use colour::colour;

/// What a reader sees of a block of Rust: rustdoc compiles lines that begin with `# `, and hides them.
pub(crate) fn visible(text: &str) -> String {
    let hidden = |line: &&str| line.trim() == "#" || line.trim_start().starts_with("# ");
    let lines: Vec<_> = text.lines().filter(|line| !hidden(line)).collect();
    lines.join("\n")
}
