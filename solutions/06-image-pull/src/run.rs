//! A container from an image.
