//! The host, the registry, and the calls that every part of the examination makes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::unistd::Pid;
use process::Attempt;

use crate::check::claim::{Finding, Wrong};
use crate::check::exam::Exam;
use crate::check::registry::{Asked, Door, Entry, Layer, Registry, Shelf};
use crate::check::texts;
use crate::check::world::{Call, Host, Outcome, Running, Trouble, World};
use crate::registry::program::trimmed;

/// Where the probe is in every image that is run.
pub(super) const PROBE: &str = "/bin/probe";

/// How many pulls run at the same time.
const AT_ONCE: usize = 4;

/// Where all of the examination takes place.
pub(super) struct Stage {
    pub(super) host: Host,
    pub(super) registry: Registry,
}

impl Stage {
    pub(super) fn new(world: &World, shelf: Shelf) -> Result<Self> {
        let host = Host::new(world)?;
        let registry = Registry::start(&host, shelf)?;
        Ok(Self { host, registry })
    }

    /// `pull IMAGE`, to its end.
    pub(super) fn pull(&self, exam: &Exam, image: &str) -> Result<Result<Outcome, Trouble>> {
        self.pull_at(exam, Door::Open, image)
    }

    fn pull_at(&self, exam: &Exam, door: Door, image: &str) -> Result<Result<Outcome, Trouble>> {
        let name = self.registry.name(door, image);
        let call = exam.world.call().words(&["pull", &name]);
        Ok(self.host.start(&exam.world, &call)?.wait())
    }

    /// A pull that has to work, and what the registry was asked meanwhile.
    pub(super) fn asked(
        &mut self,
        exam: &Exam,
        door: Door,
        image: &str,
    ) -> Result<(Finding, Vec<Asked>)> {
        self.registry.asked()?;
        let outcome = self.pull_at(exam, door, image)?;
        let asked = self.registry.asked()?;
        Ok((outcome.map_err(Wrong::from).and_then(|outcome| worked(&outcome)), asked))
    }

    /// Pulls that are not to leave anything which others need, several at a time, each as somebody
    /// who has no images yet. Full names.
    pub(super) fn pull_each(
        &self,
        exam: &Exam,
        names: &[String],
    ) -> Result<Vec<Result<Outcome, Trouble>>> {
        let mut outcomes = Vec::new();
        for names in names.chunks(AT_ONCE) {
            let mut running = Vec::new();
            for name in names {
                let home = exam.world.folder("home")?;
                let call = exam.world.call().words(&["pull", name]);
                let call = ["HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"]
                    .into_iter()
                    .fold(call, |call, variable| call.env(variable, &home));
                running.push(self.host.start(&exam.world, &call)?);
            }
            outcomes.extend(running.into_iter().map(Running::wait));
        }
        Ok(outcomes)
    }

    /// The full name of an image that everybody may have.
    pub(super) fn name(&self, image: &str) -> String {
        self.registry.name(Door::Open, image)
    }

    /// A pull that must not work.
    pub(super) fn refused(
        exam: &mut Exam,
        id: &str,
        outcome: Result<Outcome, Trouble>,
        what: &str,
    ) {
        let finding = outcome.map_err(Wrong::from).and_then(|outcome| match told(&outcome) {
            Some(trouble) => Err(trouble.into()),
            None if outcome.status() == 0 => {
                Err(Wrong::Seen(format!("exit status 0 from `{}`, {what}", outcome.shown)))
            }
            None => Ok(()),
        });
        exam.finding(id, finding);
    }

    /// `run IMAGE`. A network of its own would take longer than all the rest.
    pub(super) fn call(&self, call: Call, image: &str) -> Call {
        call.options(&["--network", "none"]).image(&self.name(image))
    }

    /// The same with `/bin/probe …`; the probe holds still at the end.
    pub(super) fn run(&self, exam: &Exam, image: &str, actions: &[&str]) -> Result<Running> {
        let actions = [actions, &["hold"]].concat();
        let call = self.call(exam.world.call(), image).probe(PROBE, &actions);
        self.host.start(&exam.world, &call)
    }
}

/// What keeps a program from being judged by its exit status.
fn told(outcome: &Outcome) -> Option<Trouble> {
    let trouble = outcome.trouble();
    trouble.problem().is_some().then_some(trouble)
}

/// The exit status is 0.
pub(super) fn worked(outcome: &Outcome) -> Finding {
    match told(outcome) {
        Some(trouble) => Err(trouble.into()),
        None if outcome.status() == 0 => Ok(()),
        None => {
            let (shown, status) = (&outcome.shown, outcome.status());
            let said = outcome.errors.trim();
            Err(Wrong::Seen(format!("`{shown}` ended with status {status}, and said:\n{said}")))
        }
    }
}

/// The bottom layer of every image that is run: the probe, what it needs, and a few folders.
pub(super) fn base(world: &World) -> Result<Layer> {
    let probe = world.probe();
    let mut entries: Vec<Entry> =
        ["bin", "dev", "etc", "proc", "sys", "tmp"].map(Entry::folder).into();
    entries.push(Entry::file(&PROBE[1..], trimmed(probe)?).mode(0o755));
    for path in chroot_jail::needs::collect(&[probe.to_path_buf()])? {
        if path != probe {
            let content = fs::read(&path).tried(&texts::WORLD, format_args!("read({path:?})"))?;
            entries.push(Entry::file(below_root(&path), content).mode(0o755));
        }
    }
    Ok(Layer::new(&entries))
}

fn below_root(path: &Path) -> String {
    path.display().to_string().trim_start_matches('/').to_owned()
}

/// A path as the process sees it, from outside. No name on the way may be a link: it would lead
/// to the examiner's own files.
pub(super) fn seen_by(pid: Pid, path: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join("root").join(path)
}

/// What is in a file of the process's, or why that can't be told.
pub(super) fn content(pid: Pid, path: &str) -> String {
    match fs::read_to_string(seen_by(pid, path)) {
        Ok(content) => format!("{content:?}"),
        Err(error) => error.to_string(),
    }
}

/// The file has this content.
pub(super) fn has(pid: Pid, path: &str, expected: &str) -> Finding {
    let found = content(pid, path);
    let expected = format!("{expected:?}");
    crate::check::claim::expect(found == expected, || {
        format!("{}: {found}, expected {expected}", seen_by(pid, path).display())
    })
}

/// There is nothing of this name.
pub(super) fn is_gone(pid: Pid, path: &str) -> Finding {
    let path = seen_by(pid, path);
    let gone = path.symlink_metadata().is_err();
    crate::check::claim::expect(gone, || format!("{} is there", path.display()))
}

/// These blobs of an image that were asked for, in full.
pub(super) fn fetched<'a>(
    asked: &'a [Asked],
    layers: &'a [Layer],
) -> impl Iterator<Item = &'a Asked> {
    asked.iter().filter(|asked| asked.get).filter(|asked| {
        let last = asked.path.rsplit('/').next().unwrap_or_default();
        layers.iter().any(|layer| layer.blob.digest.to_string() == last)
    })
}
