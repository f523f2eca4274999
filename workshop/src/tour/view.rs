//! The five questions, and the two answers to each, side by side: what a process sees of itself and
//! its world, and what the host sees of it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::unistd::Pid;

use super::stage::SAID;
use super::texts;
use crate::observe::{self, Kind, shown};
use crate::table::{Row, Table};

/// What the command of every container on the tour does: it answers the five questions, a line
/// each, and waits. (`$$` is the shell's own number. Where there is no /proc, no number is shown.)
pub(super) fn script() -> String {
    format!(
        "echo $$
         echo $(ls /)
         set -- /proc/[0-9]*; if [ -e \"$1\" ]; then echo $#; else echo 0; fi
         hostname
         echo $(ip -o -4 address 2>&- | while read number name family address rest; do
           echo $name:$address; done)
         echo {SAID}
         exec sleep 600"
    )
}

/// Five answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answers([String; 5]);

impl Answers {
    /// What the process printed.
    pub(super) fn inside(said: &str) -> Self {
        let mut lines = said.lines();
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let (number, files, processes, name, network) = (next(), next(), next(), next(), next());
        Self([
            number,
            files,
            texts::processes(processes.parse().unwrap_or(0)),
            name,
            texts::network(&network),
        ])
    }

    /// What the host sees of process `pid`.
    pub(super) fn outside(pid: Pid) -> Result<Self> {
        let host = Pid::this();
        let network = observe::network(host)?;
        let mut names: Vec<_> = network.interfaces.into_iter().map(|it| it.name).collect();
        names.sort();
        Ok(Self([
            pid.to_string(),
            shown(root_of(pid)?.as_os_str()),
            texts::processes(observe::all()?.len()),
            observe::hostname(host)?,
            names.join(" "),
        ]))
    }

    /// These answers beside the host's; those that are others than `last` time stand out.
    pub(super) fn beside(&self, outside: &Self, last: Option<&Self>) -> Vec<Row> {
        let row = |(place, question): (usize, &&'static str)| Row {
            question,
            inside: self.0[place].clone(),
            outside: outside.0[place].clone(),
            changed: last.is_some_and(|last| last.0[place] != self.0[place]),
        };
        texts::QUESTIONS.iter().enumerate().map(row).collect()
    }
}

/// The folder that the process has for its root, as the host knows it. Where it has mounts of its
/// own it is called `/` from here as well; then it is the folder that is mounted there.
fn root_of(pid: Pid) -> Result<PathBuf> {
    let root = observe::root(pid)?.path.unwrap_or_default();
    if root != Path::new("/") {
        return Ok(root);
    }
    let mounted = observe::mounts(pid)?.into_iter().find(|mount| mount.target == root);
    Ok(mounted.map_or(root, |mount| mount.root))
}

/// Which kinds of namespaces the process has to itself.
pub(super) fn own_namespaces(pid: Pid) -> Result<Vec<&'static str>> {
    let ours = observe::namespaces(Pid::this())?;
    let own = observe::namespaces(pid)?.other_than(&ours);
    Ok(own.into_iter().map(Kind::name).collect())
}

/// A table of 80 columns.
pub(super) fn table(rows: &[Row]) -> String {
    let heads = [texts::INSIDE, texts::OUTSIDE].map(String::from);
    let table = Table { heads, lines: 2, mark: ' ' };
    format!("{}\n{}", table.head(), table.body(rows))
}
