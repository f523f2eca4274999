//! Parts of the kernel that are loaded when they are first asked for.
//!
//! To try a bridge is to load the bridge's module, for good: the kernel does so by itself
//! (`modprobe(8)`), for an ordinary user as well. Whoever only asks is to change nothing. So where a
//! module is not loaded, but lies ready, that is the answer.

use std::fs;
use std::path::Path;

use nix::sys::utsname::uname;

/// Whether the kernel would have to load one of these modules first, and can.
pub(super) fn come_when_needed(names: &[&str]) -> bool {
    let disabled = fs::read_to_string("/proc/sys/kernel/modules_disabled").unwrap_or_default();
    if disabled.trim() == "1" {
        return false;
    }
    let Ok(kernel) = uname() else { return false };
    let lists = Path::new("/lib/modules").join(kernel.release());
    let list = |file: &str| fs::read_to_string(lists.join(file)).unwrap_or_default();
    let (loaded, ready) =
        (fs::read_to_string("/proc/modules").unwrap_or_default(), list("modules.dep"));
    names.iter().any(|name| !is_loaded(&loaded, name) && is_listed(&ready, name))
}

/// `/proc/modules` begins each line with the name. (What is built in has no line there, and none in
/// `modules.dep` either.)
fn is_loaded(modules: &str, name: &str) -> bool {
    modules.lines().any(|line| line.split(' ').next() == Some(name))
}

/// `kernel/net/bridge/bridge.ko.xz: …`; in file names `-` stands for `_`, or not.
fn is_listed(dependencies: &str, name: &str) -> bool {
    let files = dependencies.lines().filter_map(|line| line.split_once(".ko"));
    let mut names = files.map(|(path, _)| path.rsplit('/').next().unwrap_or(path));
    names.any(|file| file.replace('-', "_") == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_found_by_its_own_name() {
        let list = "kernel/net/bridge/bridge.ko.xz: kernel/net/llc/llc.ko.xz\n\
                    kernel/net/netfilter/nft-masq.ko: kernel/x.ko\n";
        assert!(is_listed(list, "bridge") && is_listed(list, "nft_masq"));
        assert!(!is_listed(list, "llc") && !is_listed(list, "veth"));
        let loaded = "bridge 1234 1 br_netfilter, Live 0x0\nveth 99 0 - Live 0x0\n";
        assert!(is_loaded(loaded, "veth") && is_loaded(loaded, "bridge"));
        assert!(!is_loaded(loaded, "br_netfilter"));
    }
}
