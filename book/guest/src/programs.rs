//! The workshop's programs, each as if it were one of its own.

use std::process::ExitCode;

/// A program's `main.rs` as a module (`build.rs` has made it one).
macro_rules! program {
    ($module:ident, $file:literal) => {
        #[allow(unreachable_pub)]
        mod $module {
            include!(concat!(env!("OUT_DIR"), "/", $file, ".rs"));
        }
    };
}

program!(command, "coracle");
program!(sol00, "sol00-process");
program!(sol01, "sol01-chroot-jail");
program!(sol02, "sol02-pid-namespace");
program!(sol03, "sol03-uts-net");
program!(sol04, "sol04-cgroup-limits");
program!(sol05, "sol05-overlay-layers");
program!(sol06, "sol06-image-pull");

/// The program of this name.
pub(crate) fn named(name: &str) -> Option<fn() -> ExitCode> {
    Some(match name {
        "coracle" => command::main,
        "coracle-probe" => coracle_probe::main,
        "sol00-process" => sol00::main,
        "sol01-chroot-jail" => sol01::main,
        "sol02-pid-namespace" => sol02::main,
        "sol03-uts-net" => sol03::main,
        "sol04-cgroup-limits" => sol04::main,
        "sol05-overlay-layers" => sol05::main,
        "sol06-image-pull" => sol06::main,
        _ => return None,
    })
}
