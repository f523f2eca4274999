//! What the host asks the guest to do.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// Who runs the command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum User {
    /// The superuser.
    #[default]
    Root,
    /// An ordinary user, number 1000, in no other group.
    Student,
}

/// A command, and what has to be there for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Who runs it.
    pub user: User,
    /// Whether the command's cgroup is the user's own, as systemd's `Delegate=yes` makes it.
    pub delegate: bool,
    /// Where the command starts; the user's home if not said.
    pub folder: Option<PathBuf>,
    /// Variables beside the usual ones, `NAME=VALUE`.
    pub environment: Vec<OsString>,
    /// Folders that stand before the others in `PATH`.
    pub programs: Vec<PathBuf>,
    /// `NAME=VALUE` for `/proc/sys`, in order.
    pub sysctls: Vec<OsString>,
    /// Files to take away first: what a machine lacks is tested so.
    pub without: Vec<PathBuf>,
    /// Disks that hold a file system: `DEVICE=FOLDER`.
    pub mounts: Vec<OsString>,
    /// A disk that holds a tar archive to unpack over `/`.
    pub archive: Option<PathBuf>,
    /// Folders and files that the host wants in the end.
    pub get: Vec<PathBuf>,
    /// The size of the host's terminal, rows and columns: the command gets one, too.
    pub terminal: Option<(u16, u16)>,
}

impl Job {
    /// As bytes: `NAME=VALUE`, each ended by a zero, which neither can hold.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut text = Text::default();
        text.all("command", &self.command);
        text.all("environment", &self.environment);
        text.all("programs", &self.programs);
        text.all("sysctl", &self.sysctls);
        text.all("without", &self.without);
        text.all("mount", &self.mounts);
        text.all("get", &self.get);
        text.all("archive", self.archive.as_slice());
        text.all("folder", self.folder.as_slice());
        if self.user == User::Student {
            text.one("user", b"student");
        }
        if self.delegate {
            text.one("delegate", b"");
        }
        if let Some((rows, columns)) = self.terminal {
            text.one("terminal", format!("{rows} {columns}").as_bytes());
        }
        text.0
    }

    /// Back from bytes. Host and guest are built together: what is unknown does not occur.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let mut job = Self::default();
        for line in bytes.split(|byte| *byte == 0) {
            let Some(sign) = line.iter().position(|byte| *byte == b'=') else { continue };
            let value = OsString::from_vec(line[sign + 1..].to_vec());
            match &line[..sign] {
                b"command" => job.command.push(value),
                b"environment" => job.environment.push(value),
                b"programs" => job.programs.push(value.into()),
                b"sysctl" => job.sysctls.push(value),
                b"without" => job.without.push(value.into()),
                b"mount" => job.mounts.push(value),
                b"get" => job.get.push(value.into()),
                b"archive" => job.archive = Some(value.into()),
                b"folder" => job.folder = Some(value.into()),
                b"user" => job.user = User::Student,
                b"delegate" => job.delegate = true,
                b"terminal" => job.terminal = size(&value),
                _ => {}
            }
        }
        job
    }
}

fn size(text: &OsStr) -> Option<(u16, u16)> {
    let (rows, columns) = text.to_str()?.split_once(' ')?;
    Some((rows.parse().ok()?, columns.parse().ok()?))
}

#[derive(Default)]
struct Text(Vec<u8>);

impl Text {
    fn one(&mut self, name: &str, value: &[u8]) {
        self.0.extend(name.as_bytes());
        self.0.push(b'=');
        self.0.extend(value);
        self.0.push(0);
    }

    fn all(&mut self, name: &str, values: &[impl AsRef<OsStr>]) {
        for value in values {
            self.one(name, value.as_ref().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_arrives_as_it_was_sent() {
        let job = Job {
            command: vec!["sh".into(), "-c".into(), "a=b\nc".into(), "".into()],
            user: User::Student,
            delegate: true,
            folder: Some("/home".into()),
            environment: vec!["A=b=c".into()],
            programs: vec!["/a".into(), "/b".into()],
            sysctls: vec!["user.max_user_namespaces=0".into()],
            without: vec!["/usr/sbin/nft".into()],
            mounts: vec!["/dev/vdb=/project".into()],
            archive: Some("/dev/vdc".into()),
            get: vec!["/out".into()],
            terminal: Some((24, 80)),
        };
        assert_eq!(Job::decode(&job.encode()), job);
        assert_eq!(Job::decode(&Job::default().encode()), Job::default());
    }
}
