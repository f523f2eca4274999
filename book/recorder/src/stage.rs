//! The machine as a session finds it: the same each time, and nobody else's.
//!
//! Called as PID 1 in new namespaces. The root folder is a new one in memory. In it are the host's
//! `/usr`, which can only be read, and its `/etc`; all other folders are empty. Mounts are shared, as
//! systemd makes them: a mount that leaks out of a container shows.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, ensure};
use nix::fcntl::{AT_FDCWD, OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{chdir, pivot_root, sethostname};
use vm_init::loopback;

use crate::cgroup;
use crate::prompt::{PS1, PS2};
use crate::session::{Session, User};

/// Where shells look for programs: the workshop's finished ones first. An ordinary user, too, finds
/// those of system administration.
pub const PATH: &str = "/opt/coracle/target/release:/usr/sbin:/usr/bin:/sbin:/bin";
/// The workshop's folder.
const PROJECT: &str = "opt/coracle";
/// Where an ordinary user's programs keep what lasts until the next boot.
pub const RUNTIME: &str = "/run/user/1000";
/// Where the new root folder is made.
const ROOT: &str = "/mnt";
/// What is in it, empty.
const FOLDERS: &[(&str, u32)] = &[
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run/lock", 0o1777),
    ("srv", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("var/cache", 0o755),
    ("var/lib", 0o755),
    ("var/log", 0o755),
    ("var/tmp", 0o1777),
];
/// What comes from the host: folders, or links to some.
const PROGRAMS: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// A machine that is in use has given away some numbers.
const FIRST_PID: &str = "1199";

/// The user's number.
#[must_use]
pub fn uid(user: User) -> u32 {
    if user == User::Root { 0 } else { 1000 }
}

/// The user's home folder.
#[must_use]
pub fn home(user: User) -> &'static str {
    if user == User::Root { "/root" } else { "/home/student" }
}

/// A folder of the host's in which sessions keep for the next one what takes long to make: what
/// there is of each user's in `root` and `student`.
#[derive(Debug)]
pub enum Kept<'a> {
    /// Each session has a copy of it.
    Copied(&'a Path),
    /// Each session has it as lower layers, which takes no time and no room.
    Layered {
        /// The folder itself.
        folder: &'a Path,
        /// Overlayfs' options that name the layers, if they have been made.
        layers: Option<String>,
        /// Makes more of what is kept, in the first session.
        also: &'a mut Command,
    },
}

/// Sets the stage; the cgroup for the shells is what comes back. `project` is the workshop's folder
/// on the host.
///
/// # Errors
///
/// What the kernel refuses.
pub fn set(session: &Session, project: &Path, kept: Kept) -> Result<PathBuf> {
    change(None, "/", None, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None)?;
    let (path, layered, also) = match kept {
        Kept::Copied(path) => (path, None, None),
        Kept::Layered { folder, layers, also } => (folder, layers, Some(also)),
    };
    let kept = folder(path)?;
    tree(session.user, project)?;
    if let Some(layers) = &layered {
        let cache = cache(session.user);
        make(cache, 0o755, uid(session.user))?;
        overlay(layers, cache)?;
    }
    enter_tree()?;
    kernel_folders()?;
    settings(session)?;
    network()?;
    let cgroup = cgroup::enter(session)?;
    change(None, "/", None, MsFlags::MS_REC | MsFlags::MS_SHARED, None)?;
    if layered.is_none() {
        first_use(session.user, &kept, also)?;
    }
    for command in &session.setup {
        run(Command::new("sh").args(["-c", command]), User::Root)
            .with_context(|| format!("\"setup: {command}\""))?;
    }
    if !session.all_processes {
        // Only kernels that can checkpoint processes have it.
        let _ = fs::write("/proc/sys/kernel/ns_last_pid", FIRST_PID);
    }
    Ok(cgroup)
}

/// Where a user's programs keep what they could make again.
fn cache(user: User) -> &'static str {
    if user == User::Root { "/var/cache" } else { "/home/student/.cache" }
}

/// The workshop's programs copy a root folder at their first use. Nobody wants to watch that in
/// each session, and on a slow machine it takes a while: it is done in the first one.
fn first_use(user: User, kept: &OwnedFd, also: Option<&mut Command>) -> Result<()> {
    let program = "sol02-pid-namespace";
    if !Path::new("/").join(PROJECT).join("target/release").join(program).exists() {
        return Ok(());
    }
    let cache = cache(user);
    let kept = format!("/proc/{}/fd/{}/{}", std::process::id(), kept.as_raw_fd(), user.name());
    if !Path::new(&kept).exists() {
        run(Command::new(program).args(["run", "true"]), user)?;
        if let Some(also) = also {
            run(also, user)?;
        }
        return run(Command::new("cp").args(["--archive", cache, &kept]), User::Root);
    }
    run(Command::new("cp").args(["--archive", "--no-target-directory", &kept, cache]), User::Root)
}

/// Runs a command without a terminal.
fn run(command: &mut Command, user: User) -> Result<()> {
    command.env_clear().envs([("PATH", PATH), ("HOME", home(user)), ("LANG", "C.UTF-8")]);
    let output = command.uid(uid(user)).gid(uid(user)).stdin(Stdio::null()).output();
    let output =
        output.with_context(|| format!("{:?} could not be started", command.get_program()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "it ended with {}: {}", output.status, said.trim());
    Ok(())
}

/// Makes the new root folder: an empty one in memory, with the host's programs in it.
fn tree(user: User, project: &Path) -> Result<()> {
    // It may lie below the folder that is about to be hidden.
    let project = folder(project)?;
    temporary(ROOT, "0755")?;
    for name in PROGRAMS {
        show(name)?;
    }
    for (path, mode) in FOLDERS {
        make(path, *mode, 0)?;
    }
    if user == User::Student {
        make(home(user), 0o755, uid(user))?;
        make(RUNTIME, 0o700, uid(user))?;
    }
    make(PROJECT, 0o755, 0)?;
    bind(&project, PROJECT)?;
    overlay("lowerdir=/etc", "etc")?;
    let devices = inside("dev");
    change(Some("/dev"), &devices, None, MsFlags::MS_BIND, None)
}

/// Shows a folder of the host's, or makes a link that is the same: also in its time of last change,
/// by which the workshop's programs tell whether a copy of the host's is still right.
fn show(name: &str) -> Result<()> {
    let (source, target) = (Path::new("/").join(name), inside(name));
    if let Ok(link) = fs::read_link(&source) {
        let made = || format!("{target} could not be linked");
        symlink(link, &target).with_context(made)?;
        let time = fs::symlink_metadata(&source).and_then(|link| link.modified());
        let since_1970 = time.with_context(made)?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = TimeSpec::from(since_1970);
        utimensat(AT_FDCWD, target.as_str(), &time, &time, UtimensatFlags::NoFollowSymlink)
            .with_context(made)
    } else if source.is_dir() {
        fs::create_dir(&target).with_context(|| format!("{target} could not be made"))?;
        bind(&folder(&source)?, name)
    } else {
        Ok(())
    }
}

/// Shows a folder of the host's in the new tree, with changes that stay in memory.
fn overlay(lower: &str, path: &str) -> Result<()> {
    let layers = inside("mnt");
    change(Some("tmpfs"), &layers, Some("tmpfs"), MsFlags::empty(), None)?;
    for layer in ["mnt/upper", "mnt/work"] {
        make(layer, 0o755, 0)?;
    }
    let options = format!("{lower},upperdir={layers}/upper,workdir={layers}/work");
    let overlay = Some("overlay");
    change(overlay, &inside(path), overlay, MsFlags::empty(), Some(&options))?;
    umount2(layers.as_str(), MntFlags::MNT_DETACH)
        .with_context(|| format!("umount2() of the layers of {path}"))
}

/// Makes it the root folder of all, and lets go of the host's.
fn enter_tree() -> Result<()> {
    chdir(ROOT).with_context(|| format!("chdir({ROOT:?})"))?;
    pivot_root(".", ".").context("pivot_root(\".\", \".\")")?;
    umount2(".", MntFlags::MNT_DETACH).context("umount2(\".\", MNT_DETACH)")?;
    chdir("/").context("chdir(\"/\")")
}

/// Those that show this session's namespaces.
fn kernel_folders() -> Result<()> {
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    change(Some("proc"), "/proc", Some("proc"), safe, None)?;
    change(Some("sysfs"), "/sys", Some("sysfs"), safe, None)?;
    let (cgroups, terminals) = ("/sys/fs/cgroup", "newinstance,ptmxmode=0666,mode=0620,gid=5");
    change(Some("cgroup2"), cgroups, Some("cgroup2"), safe, None)?;
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    change(Some("devpts"), "/dev/pts", Some("devpts"), quiet, Some(terminals))?;
    if Path::new("/dev/mqueue").exists() {
        change(Some("mqueue"), "/dev/mqueue", Some("mqueue"), safe, None)?;
    }
    temporary("/dev/shm", "1777")
}

/// Names, accounts, and what interactive shells read first.
fn settings(session: &Session) -> Result<()> {
    let name = &session.hostname;
    sethostname(name).context("sethostname()")?;
    let account = "student:x:1000:1000:Student:/home/student:/bin/bash";
    let loopback = format!("127.0.0.1\tlocalhost\n127.0.1.1\t{name}\n::1\tlocalhost\n");
    // Debian's makes a prompt of its own; and a shell inside of a script has lost ours.
    let shell = format!("PS1='{PS1}'\nPS2='{PS2}'\nset +o emacs\n");
    for (path, text) in [
        ("/etc/hostname", format!("{name}\n")),
        ("/etc/hosts", loopback),
        ("/etc/bash.bashrc", shell),
        ("/etc/passwd", with_account("/etc/passwd", account)?),
        ("/etc/group", with_account("/etc/group", "student:x:1000:")?),
        ("/etc/subuid", "student:100000:65536\n".into()),
        ("/etc/subgid", "student:100000:65536\n".into()),
    ] {
        fs::write(path, text).with_context(|| format!("{path} could not be written"))?;
    }
    Ok(())
}

/// The lines of an accounts' file with this one in place of those that have its name or number.
fn with_account(path: &str, account: &str) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("{path} could not be read"))?;
    let field = |line: &str, index| line.split(':').nth(index).map(str::to_owned);
    let other =
        |line: &&str| field(line, 0) != field(account, 0) && field(line, 2) != field(account, 2);
    let lines = text.lines().filter(other).chain([account]);
    Ok(lines.map(|line| format!("{line}\n")).collect())
}

/// Loopback, and ping(8) for all, as on a machine that systemd has started.
fn network() -> Result<()> {
    loopback::up().context("the loopback interface could not be switched on")?;
    fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647")
        .context("/proc/sys/net/ipv4/ping_group_range could not be written")
}

/// Where a path of the new tree is as long as the tree is not the root.
fn inside(path: &str) -> String {
    format!("{ROOT}/{}", path.trim_start_matches('/'))
}

fn make(path: &str, mode: u32, owner: u32) -> Result<()> {
    let (made, path) = (|| format!("{path} could not be made"), inside(path));
    fs::create_dir_all(&path).with_context(made)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).with_context(made)?;
    chown(&path, Some(owner), Some(owner)).with_context(made)
}

fn temporary(path: &str, mode: &str) -> Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    change(Some("tmpfs"), path, Some("tmpfs"), flags, Some(&format!("mode={mode}")))
}

fn folder(path: &Path) -> Result<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
        .with_context(|| format!("{} could not be opened", path.display()))
}

/// Shows a folder of the host's in the new tree, where it can only be read.
fn bind(folder: &OwnedFd, path: &str) -> Result<()> {
    let (source, target) = (format!("/proc/self/fd/{}", folder.as_raw_fd()), inside(path));
    change(Some(&source), &target, None, MsFlags::MS_BIND, None)?;
    change(None, &target, None, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, None)
}

fn change(
    source: Option<&str>,
    target: &str,
    kind: Option<&str>,
    flags: MsFlags,
    options: Option<&str>,
) -> Result<()> {
    mount(source, target, kind, flags, options)
        .with_context(|| format!("mount({source:?}, {target:?}, {kind:?}, {options:?})"))
}
