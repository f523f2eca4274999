//! What content is called: its own digest.
