//! What is told about limits beside the claims' own words.

use std::path::Path;

/// Why what needs a controller is left out.
pub(super) fn impossible(controller: &str, root: bool) -> String {
    match root {
        true => format!("no cgroup with the controller `{controller}` can be made on this machine"),
        false => format!(
            "it needs a cgroup with the controller `{controller}`; root has one, and who calls \
             `systemd-run --user --scope -p Delegate=yes`"
        ),
    }
}

pub(super) const NO_SWAP_ACCOUNTING: &str =
    "this kernel does not count swap (its option `swapaccount=1` changes that)";

pub(super) const SWAP_IS_FREE: &str =
    "this kernel does not count swap, and there is some: memory would not end";

pub(super) fn still_there(folder: &Path) -> String {
    format!("{} is still there", folder.display())
}
