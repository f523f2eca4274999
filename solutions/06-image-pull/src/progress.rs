//! What a pull shows.
