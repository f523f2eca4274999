//! Parts of the kernel that are loaded when they are first asked for.
//!
//! To try a bridge is to load the bridge's module, for good: the kernel does so by itself
//! (`modprobe(8)`), for an ordinary user as well. Whoever only asks is to change nothing. So where a
//! module is not loaded, but lies ready, that is the answer.

use std::fs;
use std::path::Path;

use nix::sys::utsname::uname;

/// All that is asked about.
pub(super) const ALL: [&[&str]; 3] = [BRIDGE, NFTABLES, OVERLAY];

/// What a container's cable and switch are made of.
pub(super) const BRIDGE: &[&str] = &["bridge", "veth"];
/// What the rules of its firewall are made of.
pub(super) const NFTABLES: &[&str] = &["nf_tables", "nft_chain_nat", "nft_masq", "nft_ct"];
/// What layers are put on top of each other by.
pub(super) const OVERLAY: &[&str] = &["overlay"];

/// Those that the kernel would have to load first, and can.
pub(super) fn waiting(names: &[&'static str]) -> Vec<&'static str> {
    let disabled = fs::read_to_string("/proc/sys/kernel/modules_disabled").unwrap_or_default();
    let Ok(kernel) = uname() else { return Vec::new() };
    if disabled.trim() == "1" {
        return Vec::new();
    }
    let ready = Path::new("/lib/modules").join(kernel.release()).join("modules.dep");
    let ready = fs::read_to_string(ready).unwrap_or_default();
    let loaded = fs::read_to_string("/proc/modules").unwrap_or_default();
    let waits = |name: &&&str| !is_loaded(&loaded, name) && is_listed(&ready, name);
    names.iter().filter(waits).copied().collect()
}

/// Whether there is one among them: then trying would change the kernel.
pub(super) fn come_when_needed(names: &[&'static str]) -> bool {
    !waiting(names).is_empty()
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
