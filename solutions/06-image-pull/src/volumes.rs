//! Folders that are not the image's.
