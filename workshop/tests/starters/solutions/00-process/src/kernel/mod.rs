//! No exercise here.

// ANCHOR: names
pub const NAMES: [&str; 2] = ["sol00-process", "resolve"];
// ANCHOR_END: names
