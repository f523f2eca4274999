//! Who the command runs as.
//!
//! For the kernel a user is a number. Names are a convention of programs, which look them up in
//! `/etc/passwd` and `/etc/group` (`passwd(5)`, `group(5)`); here in the container's own, after it
//! has become our root. What stands there an image has written, so it is read with care.
//!
//! Three things change, in this order, since each takes the right to do the one before
//! (`credentials(7)`): the list of further groups, the group, the user. Whoever leaves the user
//! number 0 leaves root's capabilities with it (`capabilities(7)`, "Effect of user ID changes").

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::fchown;

use anyhow::{Context, Result, ensure};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use pid_namespace::inside;
use process::{Attempt, Command, Mechanism, sys};

use crate::texts::run as texts;

/// The most of a `passwd` or `group` file that is read, in bytes.
const MOST: u64 = 1 << 20;

/// The most groups that a process can be in: `NGROUPS_MAX` (`setgroups(2)`).
const MOST_GROUPS: usize = 65536;

/// Who the command runs as. What comes after it in the list has no root's rights any more.
#[derive(Debug)]
pub struct User {
    /// `USER[:GROUP]`, by name or number; root where there is nothing.
    wanted: String,
    /// What `enter` found.
    home: String,
}

/// What the container's files say of a user.
#[derive(Debug, PartialEq, Eq)]
struct Account {
    uid: u32,
    gid: u32,
    groups: BTreeSet<u32>,
    home: String,
}

impl User {
    /// The user that is wanted: `USER[:GROUP]`, by name or number; root where there is nothing.
    #[must_use]
    pub fn new(wanted: &str) -> Self {
        Self { wanted: wanted.into(), home: String::new() }
    }
}

impl Mechanism for User {
    fn enter(&mut self) -> Result<()> {
        let account = find(&self.wanted, &read("/etc/passwd"), &read("/etc/group"))?;
        become_user(&account)?;
        self.home = account.home;
        Ok(())
    }

    fn command(&mut self, command: Command) -> Command {
        if command.has_env("HOME") { command } else { command.env("HOME", &self.home) }
    }
}

fn become_user(account: &Account) -> Result<()> {
    let (uid, gid) = (Uid::from_raw(account.uid), Gid::from_raw(account.gid));
    let groups: Vec<Gid> = account.groups.iter().copied().map(Gid::from_raw).collect();
    // In an ordinary user's user namespace nobody may leave a group: it could be there to keep him
    // out of a file (user_namespaces(7), "setgroups").
    let may_leave = fs::read_to_string("/proc/self/setgroups").is_ok_and(|may| may != "deny\n");
    if may_leave {
        setgroups(&groups).step(&texts::USER, format_args!("setgroups({:?})", account.groups))?;
    }
    if account.gid != 0 {
        let call = format!("setresgid({gid}, {gid}, {gid})");
        setresgid(gid, gid, gid).step(&texts::USER, call)?;
    }
    if account.uid != 0 {
        give_pipes(account.uid);
        let call = format!("setresuid({uid}, {uid}, {uid})");
        setresuid(uid, uid, uid).step(&texts::USER, call)?;
    }
    // The kernel forgets this wish when the numbers change (prctl(2)).
    sys::die_with_parent().tried(&texts::USER, "prctl(PR_SET_PDEATHSIG, SIGKILL)")
}

/// Gives the user the pipes that are standard input, output and error. Programs open `/dev/stdout`
/// (nginx its log), and that asks whose the pipe is, though it is open already. Terminals and files
/// stay their owner's: they outlast the container.
fn give_pipes(uid: u32) {
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    for fd in [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()] {
        let name = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
        if name.is_ok_and(|name| name.as_os_str().as_bytes().starts_with(b"pipe:")) {
            // One that somebody else has made can still be used as it is.
            let _ = fchown(fd, Some(uid), None);
        }
    }
}

/// What is in a file of the container's; nothing if it can't be read.
fn read(path: &str) -> String {
    String::from_utf8_lossy(&try_read(path).unwrap_or_default()).into_owned()
}

/// Only an ordinary file is read: a pipe would let us wait for ever. And no link through `/proc` to
/// a file of the host's that is still open here ([`workdir`](crate::workdir)).
fn try_read(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let root = File::open("/")?;
    let found = File::from(inside::open(root.as_fd(), path.as_ref())?);
    if found.metadata()?.is_file() {
        let file = File::open(format!("/proc/self/fd/{}", found.as_raw_fd()))?;
        file.take(MOST).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Finds the user that is wanted, and his groups.
fn find(wanted: &str, passwd: &str, group: &str) -> Result<Account> {
    let (user, in_group) = wanted.split_once(':').unwrap_or((wanted, ""));
    let user = if user.is_empty() { "0" } else { user };
    let row = row(passwd, user);
    let uid = row.as_ref().map(|row| row.id).or_else(|| number(user));
    let uid = uid.with_context(|| texts::unknown_user(user))?;
    let field = |place| row.as_ref().and_then(|row| row.fields.get(place)).copied();
    let home = field(5).filter(|home| !home.is_empty()).unwrap_or("/").to_owned();
    if !in_group.is_empty() {
        let gid = self::row(group, in_group).map(|row| row.id).or_else(|| number(in_group));
        let gid = gid.with_context(|| texts::unknown_group(in_group))?;
        return Ok(Account { uid, gid, groups: [gid].into(), home });
    }
    let gid = field(3).and_then(number).unwrap_or_default();
    let mut groups = BTreeSet::from([gid]);
    if let Some(name) = field(0) {
        let rows = group.lines().filter_map(Row::read);
        let with_him = rows.filter(|row| row.fields.get(3).is_some_and(|all| lists(all, name)));
        groups.extend(with_him.map(|row| row.id));
    }
    ensure!(groups.len() <= MOST_GROUPS, texts::too_many_groups(user, groups.len()));
    Ok(Account { uid, gid, groups, home })
}

/// A line of `passwd` or `group`. Both begin with a name, a password and a number.
struct Row<'a> {
    id: u32,
    fields: Vec<&'a str>,
}

impl<'a> Row<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let fields: Vec<&str> = line.split(':').collect();
        Some(Self { id: number(fields.get(2)?)?, fields })
    }
}

/// The first row with this name or number. What looks like a number is one, as Docker has it.
fn row<'a>(text: &'a str, wanted: &str) -> Option<Row<'a>> {
    text.lines().filter_map(Row::read).find(|row| match number(wanted) {
        Some(number) => row.id == number,
        None => row.fields[0] == wanted,
    })
}

/// Docker's range; the kernel's is larger.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number <= i32::MAX as u32)
}

fn lists(members: &str, name: &str) -> bool {
    members.split(',').any(|member| member == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
        bad line\n\nworse:x:zero:0:::\nweb:x:33:34:web:/srv:/bin/false\n1000:x:77:78::/home/odd:\n\
        short:x:5\n";
    const GROUP: &str = "root:x:0:\nweb:x:34:\nlog:x:40:syslog,web\nwheel:x:10:root,web\nx:y\n";

    fn account(uid: u32, gid: u32, groups: &[u32], home: &str) -> Account {
        Account { uid, gid, groups: groups.iter().copied().collect(), home: home.into() }
    }

    #[test]
    fn users_are_found_by_name_and_number() {
        let find = |wanted| find(wanted, PASSWD, GROUP).unwrap();
        assert_eq!(find(""), account(0, 0, &[0, 10], "/root"));
        assert_eq!(find("root"), find(""));
        assert_eq!(find(":"), find(""));
        assert_eq!(find("web"), account(33, 34, &[34, 40, 10], "/srv"));
        assert_eq!(find("web:"), find("web"));
        assert_eq!(find("33"), find("web"));
        assert_eq!(find("web:log"), account(33, 40, &[40], "/srv"));
        assert_eq!(find(":log"), account(0, 40, &[40], "/root"));
        assert_eq!(find("33:7"), account(33, 7, &[7], "/srv"));
        assert_eq!(find("4242"), account(4242, 0, &[0], "/"));
        assert_eq!(find("1000"), account(1000, 0, &[0], "/"));
        assert_eq!(find("short"), account(5, 0, &[0], "/"));
    }

    #[test]
    fn who_is_not_there_is_told() {
        for wanted in ["nobody", "worse", "-1", "2147483648", "4294967296", "web:none", " web"] {
            assert!(find(wanted, PASSWD, GROUP).is_err(), "{wanted}");
        }
        assert_eq!(find("7", "", "").unwrap(), account(7, 0, &[0], "/"));
        assert_eq!(find("", "", "").unwrap(), account(0, 0, &[0], "/"));
    }

    #[test]
    fn nobody_is_in_more_groups_than_the_kernel_takes() {
        let group = |count| (1..=count).map(|gid| format!("g:x:{gid}:web\n")).collect::<String>();
        assert_eq!(find("web", PASSWD, &group(65536)).unwrap().groups.len(), 65536);
        let error = find("web", PASSWD, &group(65537)).unwrap_err().to_string();
        assert!(error.contains("in 65537 groups"), "{error}");
    }
}
