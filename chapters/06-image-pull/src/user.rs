//! Who the command runs as.
//!
//! For the kernel a user is a number. Names are a convention of programs, which look them up in
//! `/etc/passwd` and `/etc/group` (`passwd(5)`, `group(5)`); here in the container's own, after it
//! has become our root. What stands there an image has written, so it is read with care.
//!
//! Three numbers are given up, in this order, since each step takes the right to the next
//! (`credentials(7)`): the list of further groups, the group, the user. With the user number 0 go
//! root's capabilities (`capabilities(7)`).

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Result, anyhow};
use nix::libc;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use process::{Attempt, Command, Mechanism, sys};

use crate::texts::run as texts;

/// The largest `passwd` or `group` file that is read, in bytes.
const MOST: u64 = 1 << 20;

/// Who the command runs as. The last mechanism of a list: what comes after it has no rights.
#[derive(Debug)]
pub struct User {
    /// `user`, `user:group`, by name or number; empty for root.
    wanted: String,
    /// Whether HOME was decided by somebody else.
    has_home: bool,
    /// What `enter` found.
    home: String,
}

/// What the container's files say of a user.
#[derive(Debug, Default, PartialEq, Eq)]
struct Account {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    home: String,
}

impl User {
    /// The user that is wanted: `user` or `user:group`, by name or number; empty for root.
    ///
    /// # Errors
    ///
    /// When there is nothing before or after a colon.
    pub fn new(wanted: &str, has_home: bool) -> Result<Self> {
        let halves_missing = wanted.starts_with(':') || wanted.ends_with(':');
        anyhow::ensure!(!halves_missing, texts::bad_user(wanted));
        Ok(Self { wanted: wanted.into(), has_home, home: String::new() })
    }
}

impl Mechanism for User {
    fn enter(&mut self) -> Result<()> {
        let (passwd, group) = (read("/etc/passwd"), read("/etc/group"));
        let account = find(&self.wanted, &passwd, &group)?;
        become_user(&account)?;
        self.home = account.home;
        Ok(())
    }

    fn command(&mut self, command: &mut Command) -> Result<()> {
        if !self.has_home {
            *command = command.clone().env("HOME", &self.home);
        }
        Ok(())
    }
}

fn become_user(account: &Account) -> Result<()> {
    let (uid, gid) = (Uid::from_raw(account.uid), Gid::from_raw(account.gid));
    let groups: Vec<Gid> = account.groups.iter().copied().map(Gid::from_raw).collect();
    // In a user namespace of an ordinary user nobody may leave a group: it could be there to keep
    // him out of a file (user_namespaces(7), "setgroups").
    let fixed = std::fs::read_to_string("/proc/self/setgroups").is_ok_and(|text| text == "deny\n");
    if !fixed {
        setgroups(&groups).step(&texts::USER, format_args!("setgroups({:?})", account.groups))?;
    }
    if (account.uid, account.gid) == (0, 0) {
        return Ok(());
    }
    setresgid(gid, gid, gid).step(&texts::USER, format_args!("setresgid({gid}, {gid}, {gid})"))?;
    setresuid(uid, uid, uid).step(&texts::USER, format_args!("setresuid({uid}, {uid}, {uid})"))?;
    // The kernel forgets this wish when the numbers change (prctl(2)).
    sys::die_with_parent().tried(&texts::USER, "prctl(PR_SET_PDEATHSIG, SIGKILL)")
}

/// A file of the container's, if it is an ordinary one: a pipe would let us wait for ever.
fn read(path: &str) -> String {
    let path = Path::new(path);
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = file.and_then(|file| Ok((file.metadata()?.is_file(), file)));
    let mut bytes = Vec::new();
    if let Ok((true, file)) = file {
        let _ = file.take(MOST).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Finds the user, and the groups, that somebody wants.
fn find(wanted: &str, passwd: &str, group: &str) -> Result<Account> {
    let (user, with_group) = match wanted.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (if wanted.is_empty() { "0" } else { wanted }, None),
    };
    let rows = || passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let groups = || group.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let number = |text: &str| text.parse::<u32>().ok().filter(|id| *id != u32::MAX);

    // A name comes before a number: a user may be called 1000.
    let by_name = rows().find(|row| row.len() >= 6 && row[0] == user);
    let row = by_name.or_else(|| {
        rows()
            .find(|row| row.len() >= 6 && number(user).is_some() && number(row[2]) == number(user))
    });
    let uid = row.as_ref().and_then(|row| number(row[2])).or_else(|| number(user));
    let uid = uid.ok_or_else(|| anyhow!(texts::unknown_user(user)))?;
    let home = row.as_ref().map_or("/", |row| row[5]);
    let home = if home.is_empty() { "/" } else { home }.to_owned();
    let own = row.as_ref().and_then(|row| number(row[3])).unwrap_or_default();

    if let Some(name) = with_group {
        let by_name = groups().find(|row| row.len() >= 3 && row[0] == name);
        let gid = by_name.and_then(|row| number(row[2])).or_else(|| number(name));
        let gid = gid.ok_or_else(|| anyhow!(texts::unknown_group(name)))?;
        return Ok(Account { uid, gid, groups: vec![gid], home });
    }
    let mut all = vec![own];
    if let Some(row) = &row {
        let member =
            |line: &Vec<&str>| line.len() >= 4 && line[3].split(',').any(|it| it == row[0]);
        all.extend(groups().filter(member).filter_map(|line| number(line[2])));
    }
    all.dedup();
    Ok(Account { uid, gid: own, groups: all, home })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
        bad line\n\nweb:x:33:34:web:/srv:/bin/false\n1000:x:77:78::/home/odd:\nhomeless:x:5:5:::\n";
    const GROUP: &str = "root:x:0:\nweb:x:34:\nlog:x:40:syslog,web\nwheel:x:10:root,web\nx:y\n";

    fn account(uid: u32, gid: u32, groups: &[u32], home: &str) -> Account {
        Account { uid, gid, groups: groups.into(), home: home.into() }
    }

    #[test]
    fn users_are_found_by_name_and_number() {
        let find = |wanted| find(wanted, PASSWD, GROUP).unwrap();
        assert_eq!(find(""), account(0, 0, &[0, 10], "/root"));
        assert_eq!(find("root"), find(""));
        assert_eq!(find("web"), account(33, 34, &[34, 40, 10], "/srv"));
        assert_eq!(find("33"), find("web"));
        assert_eq!(find("web:log"), account(33, 40, &[40], "/srv"));
        assert_eq!(find("33:7"), account(33, 7, &[7], "/srv"));
        assert_eq!(find("4242"), account(4242, 0, &[0], "/"));
        assert_eq!(find("1000"), account(77, 78, &[78], "/home/odd"));
        assert_eq!(find("homeless"), account(5, 5, &[5], "/"));
    }

    #[test]
    fn who_is_not_there_is_told() {
        for wanted in ["nobody", "-1", "4294967295", "4294967296", "web:none", "web:-1", " web"] {
            assert!(find(wanted, PASSWD, GROUP).is_err(), "{wanted}");
        }
        assert_eq!(find("7", "", "").unwrap(), account(7, 0, &[0], "/"));
        assert_eq!(find("", "", "").unwrap(), account(0, 0, &[0], "/"));
        for wanted in [":", "web:", ":web"] {
            assert!(User::new(wanted, false).is_err(), "{wanted}");
        }
    }
}
