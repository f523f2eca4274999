//! A layer's compression.
