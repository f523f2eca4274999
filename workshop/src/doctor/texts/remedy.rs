//! What to do about what is missing.
//!
//! A remedy's lines that begin with blanks are commands; the others are sentences.

use std::io;
use std::path::Path;

use chroot_jail::needs::find_program;
use nix::errno::Errno;

use super::{NO_NFT, is_not_delegated};
use crate::doctor::causes::{NoUserNamespace, no_user_namespace};
use crate::doctor::distribution::{Family, Package};
use crate::doctor::probe::{Probe, Refusal};
use crate::doctor::surroundings::Surroundings;

/// What to do.
pub(in crate::doctor) fn remedy(probe: Probe, refusal: &Refusal, here: &Surroundings) -> String {
    match probe {
        Probe::Wsl => {
            let name = std::env::var("WSL_DISTRO_NAME").unwrap_or_else(|_| "NAME".into());
            format!("In Windows' PowerShell:\n  wsl --set-version {name} 2")
        }
        Probe::Pidfd if refusal.errno == Some(Errno::EAGAIN as i32) => {
            "End some programs; `ulimit -u` shows how many there may be.".into()
        }
        Probe::Kernel | Probe::Pidfd | Probe::CloseRange | Probe::OpenAt2 => {
            "Update the system, or work in a virtual machine with a newer one.".into()
        }
        Probe::Architecture => "Try it; the first chapter will show.".into(),
        Probe::Compiler if find_program("rustup").is_some() => "  rustup update stable".into(),
        Probe::Compiler => {
            "From https://rustup.rs:\n  curl --proto '=https' -sSf https://sh.rustup.rs | sh".into()
        }
        Probe::Linker => install(Package::Linker, "a C compiler and its library", here),
        Probe::TargetFolder => {
            "Choose a folder of yours:\n  export CARGO_TARGET_DIR=~/.cache/coracle-target".into()
        }
        Probe::Disk => {
            "Make room, or choose other places by CARGO_TARGET_DIR and XDG_DATA_HOME.".into()
        }
        Probe::InsideContainer => start_container(here),
        Probe::UserNamespace => allow_user_namespace(no_user_namespace(refusal, here), here),
        Probe::MountInside if here.chroot => "Work outside of the chroot.".into(),
        Probe::StateFolder => {
            "Choose a folder of yours:\n  mkdir -p ~/.cache/coracle-run\n  export XDG_RUNTIME_DIR=~/.cache/coracle-run".into()
        }
        Probe::VethBridge => as_root(here, "modprobe -a bridge veth"),
        Probe::Nftables if refusal.seen == NO_NFT => install(Package::Nftables, "nftables", here),
        Probe::Nftables => as_root(here, "modprobe -a nf_tables nft_chain_nat nft_masq nft_ct"),
        Probe::Pasta => uplink(here),
        Probe::CgroupDelegation => delegate(refusal, here),
        Probe::CgroupMemory | Probe::CgroupCpu | Probe::CgroupPids => controller(refusal, here),
        Probe::DataFolder => {
            "Choose a folder of yours:\n  export XDG_DATA_HOME=~/coracle-data".into()
        }
        Probe::Overlay | Probe::OverlayUser => overlay(refusal, here),
        Probe::RegistryNetwork => {
            "The workshop has a registry of its own, which needs no network:\n  cargo run --release -- registry".into()
        }
        Probe::SubordinateIds => {
            let (first, last) = (here.free_ids, here.free_ids + 65535);
            let command = format!(
                "usermod --add-subuids {first}-{last} \\\n    --add-subgids {first}-{last} {}",
                here.user
            );
            as_root(here, &command)
        }
        Probe::Newuidmap => install(Package::Newuidmap, "`newuidmap`", here),
        _ => be_root(here).unwrap_or_else(|| ELSEWHERE.into()),
    }
}

const ELSEWHERE: &str = "Work on another host, or in a virtual machine.";

/// As README.md says it; for those who are not.
fn be_root(here: &Surroundings) -> Option<String> {
    (!here.is_root()).then(|| "Work as root:\n  sudo env \"PATH=$PATH\" cargo run …".into())
}

fn as_root(here: &Surroundings, command: &str) -> String {
    format!("  {}{command}", sudo(here))
}

fn sudo(here: &Surroundings) -> &'static str {
    if here.is_root() { "" } else { "sudo " }
}

fn install(package: Package, what: &str, here: &Surroundings) -> String {
    match here.distribution.family.install(package) {
        Some(command) => as_root(here, &command),
        None => format!("Install {what}, by your distribution's own means."),
    }
}

fn start_container(here: &Surroundings) -> String {
    let options = "  --privileged";
    let fewer = "  --cap-add SYS_ADMIN --cap-add NET_ADMIN\n  --security-opt seccomp=unconfined --security-opt apparmor=unconfined\n  --security-opt systempaths=unconfined";
    match here.container.as_deref() {
        Some("devcontainer") => "Build it anew, with this in .devcontainer/devcontainer.json:\n  \"runArgs\": [\"--privileged\"]".into(),
        Some(kind @ ("docker" | "podman")) => format!(
            "Start it anew, by `{kind} run` with\n{options}\nor, with fewer rights but no limits (chapter 04), with\n{}",
            // podman calls it otherwise.
            if kind == "podman" {
                fewer.replace("systempaths=unconfined", "unmask=ALL")
            } else {
                fewer.into()
            }
        ),
        _ => "Start it anew with all rights (\"privileged\"), or work outside of it.".into(),
    }
}

fn allow_user_namespace(why: NoUserNamespace, here: &Surroundings) -> String {
    let switch = match why {
        NoUserNamespace::Limit => "user.max_user_namespaces=10000",
        NoUserNamespace::Debian => "kernel.unprivileged_userns_clone=1",
        NoUserNamespace::AppArmor => "kernel.apparmor_restrict_unprivileged_userns=0",
        NoUserNamespace::Chroot => return "Work outside of the chroot.".into(),
        NoUserNamespace::Kernel | NoUserNamespace::Other => {
            return be_root(here).unwrap_or_else(|| ELSEWHERE.into());
        }
    };
    let sudo = sudo(here);
    let for_good = match why {
        NoUserNamespace::AppArmor => apparmor_profile(&here.target, sudo),
        _ => format!("  echo {switch} |\n    {sudo}tee /etc/sysctl.d/90-coracle.conf"),
    };
    let mut text =
        format!("Allow it until the next boot:\n  {sudo}sysctl {switch}\nOr for good:\n{for_good}");
    if let Some(be_root) = be_root(here) {
        text.push_str(&format!("\nOr without it: {}", be_root.replacen("Work", "work", 1)));
    }
    text
}

/// A profile that restricts nothing, and by which AppArmor knows the workshop's programs.
fn apparmor_profile(target: &Path, sudo: &str) -> String {
    format!(
        "  printf '%s\\n' 'abi <abi/4.0>,' 'profile coracle' \\\n    '\"{}/**\"' \\\n    'flags=(unconfined) {{ userns, }}' | {sudo}tee /etc/apparmor.d/coracle\n  {sudo}apparmor_parser -r /etc/apparmor.d/coracle",
        target.display()
    )
}

fn uplink(here: &Surroundings) -> String {
    let tun = Path::new("/dev/net/tun");
    let open = || std::fs::OpenOptions::new().read(true).write(true).open(tun);
    if find_program("pasta").or_else(|| find_program("slirp4netns")).is_none() {
        return install(Package::Passt, "pasta (package passt) or slirp4netns", here);
    }
    match open().map_err(|error| error.kind()) {
        Err(io::ErrorKind::NotFound) if here.container.is_some() => {
            "Start this container with the option\n  --device /dev/net/tun".into()
        }
        Err(io::ErrorKind::NotFound) => as_root(here, "modprobe tun"),
        Err(io::ErrorKind::PermissionDenied) => as_root(here, "chmod 666 /dev/net/tun"),
        _ => "If this machine itself has no network, that is all right: containers reach the host and each other. Otherwise a newer pasta (package passt) may help.".into(),
    }
}

fn delegate(refusal: &Refusal, here: &Surroundings) -> String {
    let is_v2 = !refusal.seen.contains("cgroup v1");
    match (is_v2 && here.systemd, here.wsl, be_root(here)) {
        (true, ..) => "Work in a shell that has one, and start it anew each time:\n  systemd-run --user --scope -p Delegate=yes bash".into(),
        (_, Some(2), _) => "Let WSL 2 start systemd and cgroup v2: in /etc/wsl.conf write\n  [boot]\n  systemd=true\nin the file .wslconfig of your Windows home folder\n  [wsl2]\n  kernelCommandLine=cgroup_no_v1=all\nand in PowerShell:\n  wsl --shutdown\nOr work as root.".into(),
        (_, _, Some(be_root)) => be_root,
        (_, _, None) => ELSEWHERE.into(),
    }
}

fn controller(refusal: &Refusal, here: &Surroundings) -> String {
    match (is_not_delegated(refusal) && !here.is_root(), here.systemd, be_root(here)) {
        (true, true, _) => return "Let systemd hand them to users, then log in anew:\n  sudo systemctl edit user@.service\nand write there:\n  [Service]\n  Delegate=cpu cpuset io memory pids".into(),
        (true, false, Some(be_root)) => return be_root,
        _ => {}
    }
    match here.distribution.family {
        Family::Alpine => format!(
            "  {0}rc-update add cgroups\n  {0}rc-service cgroups start",
            sudo(here)
        ),
        _ => "`mount | grep cgroup` shows where cgroups are mounted. If a controller is missing in /proc/cgroups, this kernel is built without it, or it is switched off: on a Raspberry Pi, the kernel's options `cgroup_enable=memory cgroup_memory=1` bring it.".into(),
    }
}

fn overlay(refusal: &Refusal, here: &Surroundings) -> String {
    let says = |errno: Errno| refusal.seen.contains(&format!("({errno:?})"));
    if says(Errno::ENODEV) {
        as_root(here, "modprobe overlay")
    } else if let (true, Some(be_root)) = (says(Errno::EPERM), be_root(here)) {
        be_root
    } else {
        "Keep images on another file system (in a container: on a volume):\n  export XDG_DATA_HOME=/FOLDER/ON/ANOTHER/FILE/SYSTEM".into()
    }
}
