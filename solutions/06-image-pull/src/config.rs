//! The image's configuration.
