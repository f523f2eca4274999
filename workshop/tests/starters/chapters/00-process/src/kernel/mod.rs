//! No exercise here.

// ANCHOR: names
pub const NAMES: [&str; 2] = ["ch00-process", "resolve"];
// ANCHOR_END: names
