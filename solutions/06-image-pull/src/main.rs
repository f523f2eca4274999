//! Chapter 06 program: images

fn main() {}
