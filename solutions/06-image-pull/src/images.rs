//! The verbs about images.
