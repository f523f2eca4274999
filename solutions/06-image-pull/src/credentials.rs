//! The user's own names and passwords.
