//! Which distribution this is, and how its package manager is told to install something.
//!
//! `os-release(5)`: `ID` is the distribution's own name, `ID_LIKE` names those that it is made from,
//! the nearest first. Most of the many are one of five families.

use std::fs;

use super::texts;

/// A distribution, as far as remedies differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Distribution {
    /// What it calls itself.
    pub(super) name: String,
    pub(super) family: Family,
}

/// Who shares a package manager, and names for packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Debian,
    Fedora,
    Arch,
    Suse,
    Alpine,
    /// None of them.
    Unknown,
}

/// What can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Package {
    Nftables,
    Passt,
    Newuidmap,
    Linker,
}

impl Distribution {
    /// This machine's. (In a container, the container's: it is there that something is installed.)
    pub(super) fn here() -> Self {
        let files = ["/etc/os-release", "/usr/lib/os-release"];
        let text = files.iter().find_map(|file| fs::read_to_string(file).ok());
        Self::parse(&text.unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let value = |key: &str| {
            let mut fields = text.lines().filter_map(|line| line.split_once('='));
            let found = fields.find(|(name, _)| name.trim() == key);
            found.map(|(_, value)| value.trim().trim_matches(['"', '\'']))
        };
        let ids = [value("ID"), value("ID_LIKE")].into_iter().flatten();
        let family = ids.flat_map(str::split_whitespace).find_map(Family::of);
        let name = value("PRETTY_NAME").or(value("NAME")).unwrap_or(texts::UNKNOWN_DISTRIBUTION);
        Self { name: name.into(), family: family.unwrap_or(Family::Unknown) }
    }
}

impl Family {
    fn of(id: &str) -> Option<Self> {
        Some(match id {
            "debian" | "ubuntu" => Self::Debian,
            "fedora" | "rhel" | "centos" => Self::Fedora,
            "arch" => Self::Arch,
            "suse" | "opensuse" => Self::Suse,
            "alpine" => Self::Alpine,
            _ => return None,
        })
    }

    /// The command that installs a package; `None` where nobody knows it.
    pub(super) fn install(self, package: Package) -> Option<String> {
        let manager = match self {
            Self::Debian => "apt install",
            Self::Fedora => "dnf install",
            Self::Arch => "pacman -S",
            Self::Suse => "zypper install",
            Self::Alpine => "apk add",
            Self::Unknown => return None,
        };
        Some(format!("{manager} {}", self.name_of(package)))
    }

    fn name_of(self, package: Package) -> &'static str {
        match (package, self) {
            (Package::Nftables, _) => "nftables",
            (Package::Passt, _) => "passt",
            (Package::Newuidmap, Self::Fedora) => "shadow-utils",
            (Package::Newuidmap, Self::Arch | Self::Suse) => "shadow",
            (Package::Newuidmap, Self::Alpine) => "shadow-uidmap",
            (Package::Newuidmap, _) => "uidmap",
            (Package::Linker, Self::Fedora | Self::Suse) => "gcc glibc-devel",
            (Package::Linker, Self::Arch) => "base-devel",
            (Package::Linker, Self::Alpine) => "build-base",
            (Package::Linker, _) => "build-essential",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of each distribution's own file.
    const SAMPLES: [(&str, Family, &str); 13] = [
        (
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n\
             VERSION_ID=\"12\"\nID=debian\n",
            Family::Debian,
            "apt install passt",
        ),
        (
            "PRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\nNAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\n",
            Family::Debian,
            "apt install passt",
        ),
        (
            "NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
            Family::Debian,
            "apt install passt",
        ),
        ("NAME=\"Raspbian\"\nID=raspbian\nID_LIKE=debian\n", Family::Debian, "apt install passt"),
        (
            "NAME=\"Fedora Linux\"\nVERSION=\"41 (Workstation Edition)\"\nID=fedora\n",
            Family::Fedora,
            "dnf install passt",
        ),
        (
            "NAME=\"Rocky Linux\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
            Family::Fedora,
            "dnf install passt",
        ),
        ("NAME=\"Arch Linux\"\nID=arch\nBUILD_ID=rolling\n", Family::Arch, "pacman -S passt"),
        ("NAME=\"Manjaro Linux\"\nID=manjaro\nID_LIKE=arch\n", Family::Arch, "pacman -S passt"),
        (
            "NAME=\"openSUSE Tumbleweed\"\nID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n",
            Family::Suse,
            "zypper install passt",
        ),
        (
            "NAME=\"openSUSE Leap\"\nVERSION=\"15.6\"\nID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n",
            Family::Suse,
            "zypper install passt",
        ),
        ("NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.3\n", Family::Alpine, "apk add passt"),
        ("NAME=NixOS\nID=nixos\nPRETTY_NAME=\"NixOS 24.11 (Vicuna)\"\n", Family::Unknown, ""),
        ("", Family::Unknown, ""),
    ];

    #[test]
    fn each_distribution_gets_its_own_command() {
        for (sample, family, command) in SAMPLES {
            let found = Distribution::parse(sample);
            assert_eq!(found.family, family, "{sample}");
            let install = found.family.install(Package::Passt);
            assert_eq!(install.unwrap_or_default(), command, "{sample}");
        }
    }

    #[test]
    fn it_is_called_what_it_calls_itself() {
        let names = SAMPLES.map(|(sample, _, _)| Distribution::parse(sample).name);
        assert_eq!(names[0], "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(names[2], "Linux Mint");
        assert_eq!(names[12], texts::UNKNOWN_DISTRIBUTION);
    }

    #[test]
    fn the_linker_and_newuidmap_have_many_names() {
        let linker = |family: Family| family.install(Package::Linker);
        assert_eq!(linker(Family::Debian).as_deref(), Some("apt install build-essential"));
        assert_eq!(linker(Family::Fedora).as_deref(), Some("dnf install gcc glibc-devel"));
        assert_eq!(linker(Family::Alpine).as_deref(), Some("apk add build-base"));
        let newuidmap = |family: Family| family.install(Package::Newuidmap);
        assert_eq!(newuidmap(Family::Debian).as_deref(), Some("apt install uidmap"));
        assert_eq!(newuidmap(Family::Fedora).as_deref(), Some("dnf install shadow-utils"));
        assert_eq!(newuidmap(Family::Alpine).as_deref(), Some("apk add shadow-uidmap"));
    }
}
