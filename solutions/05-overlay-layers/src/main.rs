//! Chapter 05 program: layers

fn main() {}
