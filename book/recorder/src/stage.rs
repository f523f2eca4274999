//! The machine as a session finds it: the same each time, and nobody else's.
//!
//! Called as PID 1 in new namespaces. `/` can't be written to, `/etc` only as far as this session
//! sees it, and folders that a session may write to are empty. Mounts are shared, as systemd makes
//! them: a mount that leaks out of a container shows.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use nix::unistd::sethostname;

use crate::cgroup;
use crate::prompt::{PS1, PS2};
use crate::session::{Session, User};

/// Where shells look for programs. An ordinary user, too, finds those of system administration.
pub const PATH: &str = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where an ordinary user's programs keep what lasts until the next boot.
pub const RUNTIME: &str = "/run/user/1000";
/// The folder of the workshop, in the home folder.
const PROJECT: &str = "coracle";
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

/// Sets the stage; the cgroup for the shells is what comes back. The folders `programs` and
/// `project` are the host's.
///
/// # Errors
///
/// What the kernel refuses.
pub fn set(session: &Session, programs: &Path, project: &Path) -> Result<PathBuf> {
    change(None, "/", None, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None)?;
    // They may lie in folders that are about to be hidden.
    let (programs, project) = (folder(programs)?, folder(project)?);
    folders(session.user)?;
    bind(&programs, Path::new("/usr/local/bin"))?;
    let workshop = Path::new(home(session.user)).join(PROJECT);
    fs::create_dir(&workshop).context("the project's folder could not be made")?;
    bind(&project, &workshop)?;
    kernel_folders()?;
    change(None, "/", None, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, None)?;
    settings(session)?;
    network()?;
    let cgroup = cgroup::enter(session)?;
    change(None, "/", None, MsFlags::MS_REC | MsFlags::MS_SHARED, None)?;
    // Only kernels that can checkpoint processes have it.
    let _ = fs::write("/proc/sys/kernel/ns_last_pid", FIRST_PID);
    Ok(cgroup)
}

/// Those that a session may write to.
fn folders(user: User) -> Result<()> {
    for (path, mode) in [
        ("/home", "0755"),
        ("/root", "0700"),
        ("/run", "0755"),
        ("/srv", "0755"),
        ("/mnt", "0755"),
        ("/opt", "0755"),
        ("/tmp", "1777"),
        ("/var/tmp", "1777"),
        ("/var/lib", "0755"),
    ] {
        temporary(path, mode)?;
    }
    fs::create_dir("/run/lock").context("/run/lock could not be made")?;
    if user == User::Student {
        for (path, mode) in [("/home/student", 0o755), (RUNTIME, 0o700)] {
            let made = || format!("{path} could not be made");
            fs::create_dir_all(path).with_context(made)?;
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).with_context(made)?;
            chown(path, Some(uid(user)), Some(uid(user))).with_context(made)?;
        }
    }
    // Changes to /etc stay in memory.
    let layers = Path::new("/mnt");
    for layer in ["upper", "work"] {
        fs::create_dir(layers.join(layer)).context("the layers of /etc could not be made")?;
    }
    let options = "lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work";
    change(Some("overlay"), "/etc", Some("overlay"), MsFlags::empty(), Some(options))?;
    umount2(layers, MntFlags::MNT_DETACH).context("umount2(\"/mnt\", MNT_DETACH)")?;
    temporary("/mnt", "0755")
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
    let done = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    if !done.context("ip(8) could not be started")?.success() {
        bail!("ip(8) could not switch on the loopback interface");
    }
    fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647")
        .context("/proc/sys/net/ipv4/ping_group_range could not be written")
}

fn temporary(path: &str, mode: &str) -> Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    change(Some("tmpfs"), path, Some("tmpfs"), flags, Some(&format!("mode={mode}")))
}

fn folder(path: &Path) -> Result<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
        .with_context(|| format!("{} could not be opened", path.display()))
}

/// Shows a folder at another place, too, where it can only be read.
fn bind(folder: &OwnedFd, target: &Path) -> Result<()> {
    let source = format!("/proc/self/fd/{}", folder.as_raw_fd());
    let target = target.to_str().context("a path of ours is text")?;
    change(Some(&source), target, None, MsFlags::MS_BIND, None)?;
    change(None, target, None, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, None)
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
