//! A later chapter's program.

use ch01_chroot_jail as chroot_jail;
use process::Container;

fn main() {}
