//! `coracle doctor`: can this machine do every chapter, as the user who asks?
//!
//! Whether a kernel lets somebody make a container depends on its version, on how it was built, on
//! half a dozen switches, on security modules, on the container or the Windows that it runs in, and
//! on the user. No list of versions tells. So everything is *tried*, in short-lived children, mostly
//! by the chapters' own code; versions and switches only explain what was refused.
//!
//! Nothing is changed and nothing is left behind: what is made goes with the child that made it, no
//! module is loaded, no switch is touched.
//!
//! # Layout
//!
//! - [`probe`]: what is asked, and what was answered.
//! - `child`: a trial in a process of its own. `namespaces`, `network`, `cgroups`, `layers`: the
//!   trials; `modules`: what is not tried, since the kernel would change. `tools`: what has to be
//!   installed, and to have room.
//! - `surroundings`, `distribution`: where we are. `kernel`: what newer kernels have besides.
//! - [`chapters`]: what each chapter needs. [`causes`]: the cause behind refusals.
//! - `page`: the diagnosis for people. `texts`: all the words.

pub mod causes;
mod cgroups;
pub mod chapters;
mod child;
mod distribution;
mod kernel;
mod layers;
mod modules;
mod namespaces;
mod network;
mod page;
pub mod probe;
mod surroundings;
mod texts;
mod tools;

use std::collections::BTreeMap;
use std::io::{self, Write};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use causes::Lack;
use chapters::{Chapter, State};
use child::{Child, PATIENCE, Report};
use kernel::Missing;
use probe::{Findings, Probe, Refusal};
use surroundings::Surroundings;
use tools::Asked;

/// What this machine can do.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnosis {
    /// The machine's name.
    pub host: String,
    /// Who asked.
    pub user: String,
    /// The same as a number.
    pub uid: u32,
    /// What the distribution calls itself.
    pub distribution: String,
    /// The kernel's release.
    pub kernel: String,
    /// The kind of processor, as `uname -m` names it.
    pub architecture: String,
    /// Whether every chapter can be done.
    pub able: bool,
    /// The chapters, in their order.
    pub chapters: Vec<Chapter>,
    /// What only a later chapter needs.
    pub later: Vec<Lack>,
    /// What newer kernels have and this one has not; the chapters do without.
    pub kernel_lacks: Vec<Missing>,
    /// Every answer.
    pub probes: Vec<Answer>,
    /// What explains them: how the machine is set up, by name.
    pub facts: BTreeMap<String, String>,
}

/// The answer to one question.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// What was asked.
    pub id: Probe,
    /// Whether it works.
    pub works: bool,
    /// If not: what was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

/// Prints the diagnosis, for people or as JSON.
///
/// # Errors
///
/// When not every chapter can be done, and when standard output is closed.
pub fn doctor(json: bool) -> Result<()> {
    let diagnosis = examine();
    let text = match json {
        true => serde_json::to_string_pretty(&diagnosis).context(crate::texts::NO_JSON)? + "\n",
        false => page::page(&diagnosis),
    };
    io::stdout().write_all(text.as_bytes()).context(crate::texts::STANDARD_OUTPUT)?;
    if diagnosis.able { Ok(()) } else { bail!(texts::NOT_ABLE) }
}

/// Examines this machine. To be called by a process with one thread, since a trial is a copy of it.
#[must_use]
pub fn examine() -> Diagnosis {
    let here = Surroundings::look();
    let (findings, rust) = try_all(&here);
    let lack_of = |probe| causes::lack(probe, &findings, &here);
    let told = causes::without_consequences(&findings, &here);
    let chapters = chapters::all(&told, lack_of);
    // Root has all ids, but chapter 07 makes a user namespace for it as well.
    let later = match here.administrator {
        true => &[Probe::UserNamespace][..],
        false if here.is_root() => &[],
        false => &[Probe::SubordinateIds, Probe::Newuidmap],
    };
    let refused = |probe: &&Probe| matches!(findings.get(probe), Some(Some(_)));
    let mut facts = here.facts();
    facts.extend(rust.map(|rust| ("rust".into(), rust)));
    facts.insert("loaded-when-needed".into(), modules::waiting(&modules::ALL.concat()).join(" "));
    let answer = |(id, refusal): (&Probe, &Option<Refusal>)| Answer {
        id: *id,
        works: refusal.is_none(),
        seen: refusal.as_ref().map(|refusal| refusal.seen.clone()),
    };
    Diagnosis {
        able: chapters.iter().all(|chapter| chapter.state != State::Cannot),
        later: later.iter().filter(refused).map(|probe| lack_of(*probe)).collect(),
        kernel_lacks: kernel::lacks(&told),
        probes: findings.iter().map(answer).collect(),
        facts,
        host: here.host,
        user: here.user,
        uid: here.uid,
        distribution: here.distribution.name,
        kernel: here.kernel,
        architecture: here.architecture,
        chapters,
    }
}

/// What is tried in one child, in this order.
type Trial = (fn(&Report), &'static [Probe]);

const TRIALS: [Trial; 8] = [
    (namespaces::process, &[Probe::Pidfd, Probe::OpenAt2, Probe::MountApi, Probe::CloseRange]),
    (namespaces::root_rights, &[Probe::UserNamespace, Probe::Chroot]),
    (namespaces::processes, &[Probe::ProcessesByNamespace]),
    (
        namespaces::root,
        &[Probe::MountInside, Probe::PidNamespace, Probe::FreshProc, Probe::PivotRoot],
    ),
    (namespaces::host_name, &[Probe::HostName]),
    (
        network::bridge,
        &[
            Probe::StateFolder,
            Probe::NetworkNamespace,
            Probe::Forwarding,
            Probe::VethBridge,
            Probe::Nftables,
        ],
    ),
    (network::uplink, &[Probe::Pasta]),
    (cgroups::limits, &[Probe::CgroupMemory, Probe::CgroupCpu, Probe::CgroupPids]),
];

/// All the trials, at the same time; and what the compiler calls itself.
fn try_all(here: &Surroundings) -> (Findings, Option<String>) {
    let asked = Asked::now();
    let registry = Child::start(network::PATIENCE, network::registry);
    let mut begun = vec![(registry, &[Probe::RegistryNetwork][..])];
    begun.extend(TRIALS.map(|(trial, probes)| (Child::start(PATIENCE, trial), probes)));
    let layers = layers::begin();
    let mut findings = tools::look(here);
    for (trial, probes) in begun {
        match trial {
            Ok(trial) => findings.extend(trial.collect(probes)),
            // No process can be made: nothing can be tried.
            Err(error) => drop(findings.insert(Probe::Pidfd, Some(Refusal::from(&error)))),
        }
    }
    match layers {
        Ok(layers) => {
            findings.insert(Probe::DataFolder, None);
            findings.extend(layers.collect());
        }
        Err(refusal) => drop(findings.insert(Probe::DataFolder, Some(refusal))),
    }
    let (asked, rust) = asked.collect();
    findings.extend(asked);
    (findings, rust)
}
