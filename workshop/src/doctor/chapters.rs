//! What each chapter needs, and what can be done of it.

use serde::Serialize;

use super::causes::Lack;
use super::probe::{Findings, Probe};
use super::texts;

/// A chapter, and whether it can be done.
#[derive(Debug, Clone, Serialize)]
pub struct Chapter {
    /// Its number, `04`.
    pub chapter: &'static str,
    /// Whether it can be done.
    pub state: State,
    /// What is missing, the first cause first.
    pub lacks: Vec<Lack>,
    /// What that takes away, where the chapter works all the same.
    pub without: Vec<&'static str>,
    #[serde(skip)]
    pub(super) title: &'static str,
}

/// Whether a chapter can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// All of it.
    Works,
    /// Most of it: a part can't be tried here.
    WorksWithLess,
    /// Not on this machine as it is.
    Cannot,
}

/// What becomes of a chapter that does not get something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// It can't be done.
    Needed,
    /// It can be done, with something less.
    Wanted,
    /// Of all that are marked so, one at least is needed.
    OneOf,
}

use Probe::*;
use Weight::*;

const ALWAYS: &[(Probe, Weight)] = &[
    (Wsl, Needed),
    (Kernel, Wanted),
    (Architecture, Wanted),
    (Compiler, Needed),
    (Linker, Needed),
    (TargetFolder, Needed),
    (Disk, Wanted),
    (Pidfd, Needed),
    (CloseRange, Needed),
];
/// The first chapters need less than `coracle check` and `run`, which make a sandbox around whatever
/// a student wrote.
const SAFETY_NET: &[(Probe, Weight)] =
    &[(UserNamespace, Wanted), (MountInside, Wanted), (PidNamespace, Wanted), (FreshProc, Wanted)];
const ROOT_RIGHTS: &[(Probe, Weight)] = &[(UserNamespace, Needed), (Chroot, Needed)];
const ROOT: &[(Probe, Weight)] = &[
    (MountInside, Needed),
    (PidNamespace, Needed),
    (FreshProc, Needed),
    (OpenAt2, Needed),
    (PivotRoot, Needed),
];
const NETWORK: &[(Probe, Weight)] = &[
    (StateFolder, Needed),
    (HostName, Needed),
    (NetworkNamespace, Needed),
    (VethBridge, Needed),
    (Forwarding, Wanted),
    (Nftables, Wanted),
    (Pasta, Wanted),
];
/// What chapter 03's mechanisms mean for later chapters, which can do without a cable.
const SOME_NETWORK: &[(Probe, Weight)] =
    &[(StateFolder, Needed), (HostName, Needed), (NetworkNamespace, Needed), (VethBridge, Wanted)];
const LIMITS: &[(Probe, Weight)] =
    &[(CgroupDelegation, Wanted), (CgroupMemory, OneOf), (CgroupCpu, OneOf), (CgroupPids, OneOf)];
const LAYERS: &[(Probe, Weight)] =
    &[(DataFolder, Needed), (Overlay, Wanted), (OverlayUser, Wanted)];

type Needs = &'static [&'static [(Probe, Weight)]];

/// In the order in which the chapter's program meets them: what is refused first is what it says.
const CHAPTERS: [(&str, Needs); 7] = [
    ("00", &[ALWAYS, SAFETY_NET]),
    ("01", &[ALWAYS, SAFETY_NET, ROOT_RIGHTS]),
    ("02", &[ALWAYS, ROOT_RIGHTS, ROOT]),
    ("03", &[ALWAYS, ROOT_RIGHTS, NETWORK, ROOT]),
    ("04", &[ALWAYS, ROOT_RIGHTS, SOME_NETWORK, ROOT, LIMITS]),
    ("05", &[ALWAYS, ROOT_RIGHTS, SOME_NETWORK, ROOT, LAYERS]),
    ("06", &[ALWAYS, ROOT_RIGHTS, SOME_NETWORK, ROOT, LAYERS, &[(RegistryNetwork, Wanted)]]),
];

/// All of them. `lack_of` makes a lack of what was refused: not always of the same name, since there
/// may be a cause behind it.
pub(super) fn all(findings: &Findings, lack_of: impl Fn(Probe) -> Lack) -> Vec<Chapter> {
    let refused = |probe: &Probe| matches!(findings.get(probe), Some(Some(_)));
    let chapter = |(number, needs): (&'static str, Needs)| {
        let needs = needs.iter().copied().flatten().copied();
        let missing: Vec<_> = needs.filter(|(probe, _)| refused(probe)).collect();
        let state = state(&missing);
        let mut without = Vec::new();
        for phrase in missing.iter().map(|(probe, _)| texts::without(*probe)) {
            if state == State::WorksWithLess && !without.contains(&phrase) {
                without.push(phrase);
            }
        }
        let lacks = Lack::joined(missing.iter().map(|(probe, _)| lack_of(*probe)));
        Chapter { chapter: number, state, lacks, without, title: texts::title(number) }
    };
    CHAPTERS.map(chapter).into()
}

fn state(missing: &[(Probe, Weight)]) -> State {
    let of = |list: &[(Probe, Weight)], weight| list.iter().filter(|it| it.1 == weight).count();
    if missing.is_empty() {
        State::Works
    } else if of(missing, Needed) > 0 || of(missing, OneOf) == of(LIMITS, OneOf) {
        State::Cannot
    } else {
        State::WorksWithLess
    }
}
