//! For which machine an image is made.
