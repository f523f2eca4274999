//! Chapter 04 program: limits

fn main() {}
