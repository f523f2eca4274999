//! Debian's packages, through an apt of our own.
//!
//! apt reads where its lists, its cache and its sources are from its configuration, and
//! `APT_CONFIG` names that. With folders of its own it needs no rights, installs nothing, and this
//! machine's apt does not notice. What it downloads it verifies, with the keys that Debian's
//! packages bring (`debian-archive-keyring`), as always.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{cache, tool};

/// Where packages come from where this machine has no Debian mirror of its own.
const DEBIAN: &str = "http://deb.debian.org";

const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A release of Debian, and an apt that knows no other.
pub struct Release {
    folder: PathBuf,
}

impl Release {
    /// The release with this suite, `bookworm` or `bullseye-security`, and with the packages of
    /// these kinds of machine, in Debian's names for them; its list of packages is fetched anew. The
    /// first kind is the one that is meant where a package is named without.
    ///
    /// # Errors
    ///
    /// When there is no apt, no key or no network.
    pub fn open_for(suite: &str, architectures: &[&str]) -> Result<Self> {
        if !Path::new(KEYS).exists() {
            bail!(
                "{KEYS} is not there: to verify Debian's packages, install debian-archive-keyring"
            );
        }
        let folder =
            cache::folder()?.join("apt").join(format!("{suite}-{}", architectures.join("-")));
        for name in ["lists/partial", "archives/partial", "parts"] {
            fs::create_dir_all(folder.join(name))?;
        }
        let source = format!(
            "deb [signed-by={KEYS} arch={}] {} {suite} main\n",
            architectures.join(","),
            mirror(suite)?
        );
        fs::write(folder.join("sources.list"), source)?;
        fs::write(folder.join("status"), "")?;
        fs::write(folder.join("apt.conf"), configuration(&folder, architectures)?)?;
        let release = Self { folder };
        tool::output(release.apt("apt-get").arg("update"))
            .with_context(|| format!("Debian's list of packages ({suite}) can't be fetched"))?;
        Ok(release)
    }

    /// What a package needs first of all: a meta package names its real one so.
    ///
    /// # Errors
    ///
    /// When there is no such package.
    pub fn stands_for(&self, package: &str) -> Result<String> {
        let text = tool::output(self.apt("apt-cache").args(["depends", package]))?;
        let text = String::from_utf8(text)?;
        let first = text.lines().find_map(|line| line.trim().strip_prefix("Depends: "));
        Ok(first.with_context(|| format!("{package} depends on nothing"))?.into())
    }

    /// Downloads one package.
    ///
    /// # Errors
    ///
    /// When it can't be downloaded, or is not what Debian signed.
    pub fn download(&self, package: &str) -> Result<PathBuf> {
        let archives = self.empty_archives()?;
        tool::output(self.apt("apt-get").args(["download", package]).current_dir(&archives))?;
        let mut all = debs(&archives)?;
        all.pop().with_context(|| format!("apt downloaded no {package}"))
    }

    /// Downloads these packages, and nothing that they need.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn download_these(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        let archives = self.empty_archives()?;
        tool::output(self.apt("apt-get").arg("download").args(packages).current_dir(&archives))?;
        debs(&archives)
    }

    /// Downloads these packages and all that they need.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn download_all(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        let archives = self.empty_archives()?;
        let mut apt = self.apt("apt-get");
        apt.args(["--yes", "--no-install-recommends", "--download-only", "install"]);
        tool::output(apt.args(packages))?;
        debs(&archives)
    }

    /// Removes what was downloaded.
    ///
    /// # Errors
    ///
    /// When that is refused.
    pub fn clear(&self) -> Result<()> {
        self.empty_archives().map(drop)
    }

    fn empty_archives(&self) -> Result<PathBuf> {
        let archives = self.folder.join("archives");
        fs::remove_dir_all(&archives)?;
        fs::create_dir_all(archives.join("partial"))?;
        Ok(archives)
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-q=2"]).env("APT_CONFIG", self.folder.join("apt.conf")).env("LC_ALL", "C");
        command
    }
}

/// An apt's configuration that reads and writes in this folder alone. How to reach the network
/// (proxies) is this machine's.
fn configuration(folder: &Path, architectures: &[&str]) -> Result<String> {
    let network = tool::output(Command::new("apt-config").args(["dump", "Acquire"]))?;
    let network = String::from_utf8(network)?;
    let folder = folder.to_str().context("the cache's path is not UTF-8")?;
    let (first, all) = (architectures[0], architectures.join("\"; \""));
    Ok(format!(
        "{network}
         Dir::State \"{folder}\"; Dir::State::Lists \"{folder}/lists\";
         Dir::State::status \"{folder}/status\";
         Dir::Cache \"{folder}\"; Dir::Cache::archives \"{folder}/archives\";
         Dir::Etc::sourcelist \"{folder}/sources.list\"; Dir::Etc::sourceparts \"{folder}/parts\";
         Dir::Etc::main \"{folder}/parts/none\"; Dir::Etc::parts \"{folder}/parts\";
         Dir::Etc::preferences \"{folder}/parts/none\";
         Dir::Etc::preferencesparts \"{folder}/parts\";
         APT::Architecture \"{first}\"; APT::Architectures {{ \"{all}\"; }};
         APT::Sandbox::User \"root\"; Acquire::Languages \"none\";\n"
    ))
}

/// The mirror that this machine itself uses, if it is a Debian.
fn mirror(suite: &str) -> Result<String> {
    let (label, path) = if suite.ends_with("-security") {
        ("Debian-Security", "debian-security")
    } else {
        ("Debian", "debian")
    };
    let text = tool::output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(LABEL) $(REPO_URI)",
        "Created-By: Packages",
        "Origin: Debian",
    ]))?;
    let text = String::from_utf8(text)?;
    let found = text.lines().find_map(|line| line.strip_prefix(label)?.strip_prefix(' '));
    Ok(found.map_or_else(|| format!("{DEBIAN}/{path}"), String::from))
}

/// Unpacks a package's files. `dpkg-deb -x` would put a folder in the place of the link `/bin`.
///
/// # Errors
///
/// When it is no package, or a file can't be written.
pub fn unpack(package: &Path, tree: &Path) -> Result<()> {
    let archive = tool::output(Command::new("dpkg-deb").arg("--fsys-tarfile").arg(package))?;
    let mut tar = Command::new("tar");
    tar.args(["-x", "-p", "--keep-directory-symlink", "--no-same-owner", "-C"]).arg(tree);
    tool::output_of(tar.stdin(Stdio::piped()), &archive)
        .with_context(|| package.display().to_string())?;
    Ok(())
}

/// The name that a package says it has.
///
/// # Errors
///
/// When it is no package.
pub fn name(package: &Path) -> Result<String> {
    field(package, "Package")
}

/// Its version.
///
/// # Errors
///
/// As above.
pub fn version(package: &Path) -> Result<String> {
    field(package, "Version")
}

fn field(package: &Path, name: &str) -> Result<String> {
    let value = tool::output(Command::new("dpkg-deb").arg("-f").arg(package).arg(name))?;
    Ok(String::from_utf8(value)?.trim().into())
}

fn debs(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}
