//! What the chapters teach: so far the hints for their exercises.

pub mod hints;
