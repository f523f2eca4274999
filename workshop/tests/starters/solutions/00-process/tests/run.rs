//! Tests stay with the solutions.
