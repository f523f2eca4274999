//! What `coracle doctor` says. All words stand here, so that they can be translated in one place.

mod remedy;

use std::io;
use std::path::Path;

use nix::errno::Errno;
use process::Step;

use super::causes::{NoUserNamespace, no_user_namespace};
use super::probe::{Probe, Refusal};
use super::surroundings::Surroundings;
pub(super) use remedy::remedy;

/// The step of a trial: the explanations stand below, by what was tried.
pub(super) const TRIAL: Step = Step { section: "", why: "", causes: &[] };
pub(super) const TRIAL_MOUNT: Step = Step {
    section: "02#mounts",
    why: "",
    causes: &[(Errno::EINVAL, "\"/\" is not a mount point here, as in a chroot")],
};
pub(super) const TRIAL_CGROUP: Step = Step {
    section: "04#cgroups",
    why: "",
    causes: &[(Errno::EROFS, "cgroups are mounted read-only here, as in most containers")],
};
pub(super) const TRIAL_DATA: Step = Step {
    section: "05#upper",
    why: "",
    causes: &[
        (Errno::EACCES, "the folder is not yours to write to"),
        (Errno::EROFS, "the file system can't be written to"),
        (Errno::ENOSPC, "the disk is full"),
    ],
};

pub(super) const PIPE: &str = "can't hear from a trial";
pub(super) const NOT_ABLE: &str = "not every chapter can be done on this machine as it is";
pub(super) const TOO_LONG: &str = "the trial gave no answer for 10 seconds and was ended";
pub(super) const DIED: &str = "the trial ended without an answer";
pub(super) const UNKNOWN_DISTRIBUTION: &str = "an unknown distribution";
pub(super) const NO_NFT: &str = "there is no program `nft`";
pub(super) const NO_DATA_PLACE: &str = "there is no folder for images and containers";
pub(super) const BORN_ELSEWHERE: &str = "clone3(CLONE_INTO_CGROUP) is refused";
pub(super) const OTHER_PROCESSORS: &str =
    "who is born into the cgroup does not keep to its cpuset.cpus";
pub(super) const NO_SUCH_OPTION: &str = "overlayfs does not know the option lowerdir+";

pub(super) const ALL_WELL: &str = "All chapters can be done on this machine.";
pub(super) const SOME_LESS: &str =
    "All chapters can be done on this machine; what would make them whole:";
pub(super) const SOME_NOT: &str = "What is missing, the first cause first:";
pub(super) const SEEN: &str = "seen:";

pub(super) fn same_remedy(number: usize) -> String {
    format!("What helps is the same as for {number}.")
}

pub(super) const WORKS: &str = "works";
pub(super) const CANNOT: &str = "can't be done here";

pub(super) fn header(distribution: &str, kernel: &str, machine: &str, user: &str) -> String {
    format!("{distribution}, Linux {kernel}, {machine}; as {user}")
}

pub(super) fn works_without(without: &[&str]) -> String {
    format!("works, but {}", without.join(", "))
}

pub(super) fn numbered(chapters: &[&str]) -> String {
    match chapters {
        [one] => format!("chapter {one}"),
        [first, .., last] if chapters.len() > 2 && is_row(chapters) => {
            format!("chapters {first} to {last}")
        }
        _ => format!("chapters {}", chapters.join(", ")),
    }
}

fn is_row(chapters: &[&str]) -> bool {
    let numbers: Vec<u8> = chapters.iter().filter_map(|number| number.parse().ok()).collect();
    numbers.windows(2).all(|pair| pair[0] + 1 == pair[1])
}

pub(super) const OLDER_KERNEL: &str = "What came to the kernel later, and is not to be had here:";

pub(super) fn missing(name: &str, since: &str, instead: &str) -> String {
    format!("{name}, since Linux {since}; instead {instead}.")
}

pub(super) const LATER: &str = "Only for chapter 07, later:";

/// What a chapter is about.
pub(super) fn title(chapter: &str) -> &'static str {
    match chapter {
        "00" => "a process",
        "01" => "a root folder of its own",
        "02" => "its own processes and mounts",
        "03" => "its own name and network",
        "04" => "limits",
        "05" => "layers",
        _ => "images",
    }
}

/// What a chapter lacks that works all the same.
pub(super) fn without(probe: Probe) -> &'static str {
    match probe {
        Probe::Kernel => "nobody tries it on such an old kernel",
        Probe::Architecture => "nobody has tried it on this machine",
        Probe::Disk => "the disk is nearly full",
        Probe::UserNamespace | Probe::MountInside | Probe::PidNamespace | Probe::FreshProc => {
            "no `coracle check`"
        }
        Probe::VethBridge => "only with --network none or host",
        Probe::Forwarding | Probe::Nftables | Probe::Pasta => "no way outside",
        Probe::CgroupDelegation => "can limit nothing",
        Probe::CgroupMemory => "no limit on memory",
        Probe::CgroupCpu => "no limit on processors",
        Probe::CgroupPids => "no limit on processes",
        Probe::Overlay | Probe::OverlayUser => "layers are copied",
        Probe::RegistryNetwork => "no Docker Hub",
        _ => "not all of it",
    }
}

/// What a lack is called.
pub(super) fn name(probe: Probe) -> &'static str {
    match probe {
        Probe::Wsl => "This is WSL 1",
        Probe::Kernel => "An old kernel",
        Probe::Architecture => "An untried kind of machine",
        Probe::Compiler => "Rust",
        Probe::Linker => "A C compiler",
        Probe::TargetFolder => "A folder for built programs",
        Probe::Disk => "Room on the disk",
        Probe::Pidfd => "Processes",
        Probe::CloseRange | Probe::OpenAt2 | Probe::MountApi => "A system call",
        Probe::InsideContainer => "What this container forbids",
        Probe::UserNamespace => "User namespaces",
        Probe::Chroot => "A root folder of its own",
        Probe::MountInside => "Mounts of its own",
        Probe::PidNamespace => "Process numbers of its own",
        Probe::FreshProc => "A fresh /proc",
        Probe::PivotRoot => "A new root",
        Probe::StateFolder => "A folder for what runs note down",
        Probe::HostName => "A host name of its own",
        Probe::NetworkNamespace => "A network of its own",
        Probe::VethBridge => "A cable and a switch",
        Probe::Forwarding => "Forwarding of packets",
        Probe::Nftables => "Translation of addresses",
        Probe::Pasta => "A way outside for ordinary users",
        Probe::CgroupDelegation => "A cgroup of your own",
        Probe::CgroupMemory => "Limits on memory",
        Probe::CgroupCpu => "Limits on processors",
        Probe::CgroupPids => "Limits on processes",
        Probe::ProcessesByNamespace
        | Probe::MountSetattr
        | Probe::CloneIntoCgroup
        | Probe::ProcessorsAtBirth
        | Probe::CgroupKill
        | Probe::LayerByLayer => "What newer kernels have",
        Probe::DataFolder => "A folder for images and containers",
        Probe::Overlay | Probe::OverlayUser => "Layers on top of each other",
        Probe::RegistryNetwork => "A way to Docker Hub",
        Probe::SubordinateIds => "More than one user id",
        Probe::Newuidmap => "The program newuidmap",
    }
}

const COPIED: &str = "Without overlayfs the layers are copied, which takes longer.";

/// What a lack means.
pub(super) fn why(probe: Probe, refusal: &Refusal, here: &Surroundings) -> String {
    let known = match probe {
        Probe::Wsl => {
            "WSL 1 imitates Linux's calls on top of Windows' kernel, and has no namespaces. WSL 2 is a real Linux."
        }
        Probe::Kernel => "The workshop is written for Linux 5.10 and newer.",
        Probe::Architecture => {
            "The workshop is tried on x86-64 and 32-bit x86. For 64-bit ARM it is compiled, and was not run there."
        }
        Probe::Compiler => "The chapters are Rust programs, written for Rust 1.85 and newer.",
        Probe::Linker => {
            "Rust leaves the last step of building a program to the C compiler and its library."
        }
        Probe::TargetFolder => "Cargo writes built programs there.",
        Probe::Disk => "To build all chapters takes about 1 GB, and an image some hundred MB more.",
        Probe::InsideContainer => return inside_container(here),
        Probe::UserNamespace => return user_namespace(no_user_namespace(refusal, here)).into(),
        Probe::StateFolder => {
            "A run notes down what it makes on the host, so that the next one can clear up after it."
        }
        Probe::VethBridge => "The container's network is a cable to a switch on the host.",
        Probe::Forwarding => "The host passes the container's packets on.",
        Probe::Nftables => {
            "Outside of this host a container's address means nothing, so `nft` has it translated. Without, containers reach the host and each other, and publish no ports."
        }
        Probe::Pasta => {
            "An ordinary user's containers reach the world through a program that passes their packets on. Without, they reach the host and each other."
        }
        Probe::CgroupDelegation => {
            "Limits are set on a cgroup, and an ordinary user may set some only below one that was given to them."
        }
        Probe::CgroupMemory | Probe::CgroupCpu | Probe::CgroupPids if is_not_delegated(refusal) => {
            "A cgroup can limit only what the one above it hands out."
        }
        Probe::DataFolder => "Images, and what containers write, are kept there.",
        Probe::Overlay | Probe::OverlayUser => COPIED,
        Probe::RegistryNetwork => "Chapter 06 pulls images.",
        Probe::SubordinateIds => {
            "A container with several users needs several ids on the host, and an ordinary user has one."
        }
        Probe::Newuidmap => "It gives a user namespace the further ids that a user was granted.",
        _ => "",
    };
    if let (Probe::Overlay | Probe::OverlayUser, Some(cause)) = (probe, &refusal.cause) {
        return format!("{COPIED} {}", sentence(cause));
    }
    // Elsewhere the chapter that makes the call knows best.
    match (known, &refusal.cause) {
        ("", Some(cause)) => sentence(cause),
        ("", None) => "The kernel refuses it.".into(),
        (known, _) => known.into(),
    }
}

/// Whether a controller is there, and was not given to this user.
fn is_not_delegated(refusal: &Refusal) -> bool {
    refusal.seen.contains("not delegated")
}

/// A chapter's clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if clause.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

fn inside_container(here: &Surroundings) -> String {
    let kind = here.container.as_deref().unwrap_or_default();
    let takes = match (here.filtered, here.administrator) {
        (true, false) => {
            "its filter of system calls (seccomp) and the lack of CAP_SYS_ADMIN forbid"
        }
        (true, true) => {
            "its filter of system calls (seccomp), or a part of /proc, /sys or the network that it keeps to itself, forbids"
        }
        (false, false) => "the lack of CAP_SYS_ADMIN, or a security module, forbids",
        (false, true) => {
            "a security module, or a part of /proc, /sys or the network that it keeps to itself, forbids"
        }
    };
    format!("We are in a container ({kind}): {takes} what a container inside of it needs.")
}

/// The same causes, in the same words, as when a chapter is refused it.
fn user_namespace(why: NoUserNamespace) -> &'static str {
    match why {
        NoUserNamespace::Limit => {
            "User namespaces are switched off by their number. Without one, an ordinary user can't make any other namespace."
        }
        NoUserNamespace::Debian => {
            "User namespaces are switched off for ordinary users, who without one can't make any other namespace."
        }
        NoUserNamespace::AppArmor => {
            "The user namespace is made but may not be used: AppArmor restricts it, as on Ubuntu 24.04."
        }
        NoUserNamespace::Chroot => "No user namespace can be made in a chroot.",
        NoUserNamespace::Kernel => "This kernel is built without user namespaces.",
        NoUserNamespace::Other => {
            "User namespaces are forbidden to ordinary users here, by a security module or by a filter of system calls."
        }
    }
}

pub(super) fn wsl_1(kernel: &str) -> String {
    format!("the kernel calls itself {kernel}")
}

pub(super) fn old_kernel(kernel: &str, least: (u32, u32)) -> String {
    format!("this is Linux {kernel}, older than {}.{}", least.0, least.1)
}

pub(super) fn other_machine(machine: &str) -> String {
    format!("this machine is {machine}")
}

pub(super) fn not_found(program: &str) -> String {
    format!("there is no program `{program}`, or it does not start")
}

pub(super) fn old_compiler(said: &str, least: (u32, u32)) -> String {
    format!("this is {said}, older than {}.{}", least.0, least.1)
}

pub(super) fn no_start_file(file: &str) -> String {
    format!("`cc` is there, but not the C library's {file}")
}

pub(super) fn no_range(user: &str) -> String {
    format!("/etc/subuid and /etc/subgid have no line for {user}")
}

pub(super) fn not_writable(folder: &Path) -> String {
    format!("{} may not be written to by you", folder.display())
}

pub(super) fn full(folder: &Path, free: u64, least: u64) -> String {
    let megabytes = |bytes: u64| bytes / (1 << 20);
    format!(
        "{} MB are free in {}, less than {}",
        megabytes(free),
        folder.display(),
        megabytes(least)
    )
}

pub(super) fn no_answer(host: &str) -> String {
    format!("{host} did not answer within a second")
}

pub(super) fn no_way_to(host: &str, error: &io::Error) -> String {
    format!("{host} can't be reached: {error}")
}
