//! A later chapter's program.

use process::Container;
use ch01_chroot_jail as chroot_jail;

fn main() {}
