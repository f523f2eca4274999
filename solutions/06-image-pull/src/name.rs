//! What an image is called.
