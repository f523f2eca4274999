//! The registry's protocol.
