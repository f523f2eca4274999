//! A layer becomes a folder.
