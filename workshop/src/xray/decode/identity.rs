//! Who a process is and what it may: users and groups (`credentials(7)`), capabilities
//! (`capabilities(7)`), filters (`seccomp(2)`), and the other switches of `prctl(2)`.

use nix::libc;

use super::{Entry, Told};
use crate::xray::flags::{self, capabilities, capability};
use crate::xray::texts;

const SET_PDEATHSIG: u32 = libc::PR_SET_PDEATHSIG as u32;
const SET_DUMPABLE: u32 = libc::PR_SET_DUMPABLE as u32;
const SET_KEEPCAPS: u32 = libc::PR_SET_KEEPCAPS as u32;
const SET_SECCOMP: u32 = libc::PR_SET_SECCOMP as u32;
const CAPBSET_DROP: u32 = libc::PR_CAPBSET_DROP as u32;
const SET_SECUREBITS: u32 = libc::PR_SET_SECUREBITS as u32;
const SET_CHILD_SUBREAPER: u32 = libc::PR_SET_CHILD_SUBREAPER as u32;
const SET_NO_NEW_PRIVS: u32 = libc::PR_SET_NO_NEW_PRIVS as u32;
const CAP_AMBIENT: u32 = libc::PR_CAP_AMBIENT as u32;

/// What of `prctl(2)` is told.
pub(in crate::xray) const PRCTL: &[u32] = &[
    SET_PDEATHSIG,
    SET_DUMPABLE,
    SET_KEEPCAPS,
    SET_SECCOMP,
    CAPBSET_DROP,
    SET_SECUREBITS,
    SET_CHILD_SUBREAPER,
    SET_NO_NEW_PRIVS,
    CAP_AMBIENT,
];

pub(in crate::xray) fn prctl(entry: &Entry) -> Option<Told> {
    let value = entry.args[1];
    let number = value.to_string();
    let (option, value, topic, meaning) = match entry.args[0] as u32 {
        SET_PDEATHSIG => {
            ("PR_SET_PDEATHSIG", signal(entry.int(1)), &texts::PROCESS, texts::PDEATHSIG)
        }
        SET_DUMPABLE => ("PR_SET_DUMPABLE", number, &texts::HARDENING, texts::DUMPABLE),
        SET_KEEPCAPS => ("PR_SET_KEEPCAPS", number, &texts::CAPABILITIES, texts::KEEPCAPS),
        SET_SECCOMP => ("PR_SET_SECCOMP", mode(value), &texts::SECCOMP, texts::SECCOMP_FILTER),
        CAPBSET_DROP => {
            ("PR_CAPBSET_DROP", capability(value), &texts::CAPABILITIES, texts::CAPBSET_DROP)
        }
        SET_SECUREBITS => {
            let bits = flags::names(value, flags::SECUREBITS);
            ("PR_SET_SECUREBITS", bits, &texts::CAPABILITIES, texts::SECUREBITS)
        }
        SET_CHILD_SUBREAPER => {
            ("PR_SET_CHILD_SUBREAPER", number, &texts::PROCESS, texts::SUBREAPER)
        }
        SET_NO_NEW_PRIVS => ("PR_SET_NO_NEW_PRIVS", number, &texts::NO_NEW_PRIVS, texts::NNP),
        CAP_AMBIENT => {
            ("PR_CAP_AMBIENT", ambient(entry)?, &texts::CAPABILITIES, texts::CAP_AMBIENT)
        }
        _ => return None,
    };
    let mut told = entry.told(&[option.into(), value], &[topic], meaning)?;
    told.folds = [texts::CAPBSET_DROP, texts::CAP_AMBIENT].contains(&meaning);
    Some(told)
}

fn signal(number: i32) -> String {
    let name = nix::sys::signal::Signal::try_from(number);
    name.map_or_else(|_| number.to_string(), |signal| signal.as_str().into())
}

fn mode(mode: u64) -> String {
    match mode as u32 {
        libc::SECCOMP_MODE_STRICT => "SECCOMP_MODE_STRICT".into(),
        libc::SECCOMP_MODE_FILTER => "SECCOMP_MODE_FILTER".into(),
        other => other.to_string(),
    }
}

fn ambient(entry: &Entry) -> Option<String> {
    let one = |name: &str| format!("{name}, {}", capability(entry.args[2]));
    match entry.int(1) {
        libc::PR_CAP_AMBIENT_RAISE => Some(one("PR_CAP_AMBIENT_RAISE")),
        libc::PR_CAP_AMBIENT_LOWER => Some(one("PR_CAP_AMBIENT_LOWER")),
        libc::PR_CAP_AMBIENT_CLEAR_ALL => Some("PR_CAP_AMBIENT_CLEAR_ALL".into()),
        // It only asks.
        _ => None,
    }
}

/// Three sets, each in two halves, of which older versions of the call have only the first.
pub(in crate::xray) fn capset(entry: &Entry) -> Option<Told> {
    const VERSION_1: u32 = 0x1998_0330;
    let version = entry.memory.u32(entry.args[0])?;
    let halves = if version == VERSION_1 { 1 } else { 2 };
    let half = |set: usize, half: usize| {
        let place = (half * 3 + set) as u64 * 4;
        entry.memory.u32(entry.args[1].wrapping_add(place)).map(u64::from)
    };
    let sets: Option<Vec<u64>> = (0..3)
        .map(|set| Some(half(set, 0)? | if halves == 2 { half(set, 1)? << 32 } else { 0 }))
        .collect();
    let sets = match sets.as_deref() {
        Some([effective, permitted, inheritable]) => {
            let names = ["effective", "permitted", "inheritable"];
            // Most programs give two or three equal ones: their lists are long.
            let mut parts: Vec<(String, u64)> = Vec::new();
            for (name, set) in names.into_iter().zip([*effective, *permitted, *inheritable]) {
                match parts.iter_mut().find(|(_, other)| *other == set) {
                    Some((same, _)) => *same = format!("{same}={name}"),
                    None => parts.push((name.into(), set)),
                }
            }
            let parts =
                parts.into_iter().map(|(names, set)| format!("{names}={}", capabilities(set)));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
        }
        _ => "?".into(),
    };
    entry.told(&[sets], &[&texts::CAPABILITIES], texts::CAPSET)
}

pub(in crate::xray) fn seccomp(entry: &Entry) -> Option<Told> {
    // Programs that want to know what this kernel can do ask it for what it must refuse.
    if entry.args[0] == 0 && entry.args[1] == 0 {
        let arguments = ["SECCOMP_SET_MODE_STRICT".into()];
        return entry.told(&arguments, &[&texts::SECCOMP], texts::SECCOMP_STRICT);
    }
    if entry.args[0] == 0 || entry.args[2] == 0 {
        return None;
    }
    // `struct sock_fprog`: how many instructions, and where.
    let length = match entry.memory.bytes(entry.args[2], 2).map(<[u8; 2]>::try_from) {
        Some(Ok(length)) => texts::instructions(u16::from_ne_bytes(length)),
        _ => "?".into(),
    };
    let flags = entry.flags(1, flags::SECCOMP);
    let arguments = ["SECCOMP_SET_MODE_FILTER".into(), flags, length];
    entry.told(&arguments, &[&texts::SECCOMP], texts::SECCOMP_FILTER)
}

pub(in crate::xray) fn ids(entry: &Entry) -> Option<Told> {
    identity(entry, 1)
}

pub(in crate::xray) fn ids_2(entry: &Entry) -> Option<Told> {
    identity(entry, 2)
}

pub(in crate::xray) fn ids_3(entry: &Entry) -> Option<Told> {
    identity(entry, 3)
}

/// A call with so many ids, of which -1 leaves one as it is.
fn identity(entry: &Entry, ids: usize) -> Option<Told> {
    let arguments: Vec<_> = (0..ids)
        .map(|place| match entry.int(place) {
            -1 => "-1".into(),
            id => (id as u32).to_string(),
        })
        .collect();
    let meaning = if entry.name.ends_with("uid") { texts::SETUID } else { texts::SETGID };
    entry.told(&arguments, &[&texts::IDENTITY], meaning)
}

pub(in crate::xray) fn setgroups(entry: &Entry) -> Option<Told> {
    const SHOWN: u64 = 16;
    let count = entry.args[0] & 0xffff_ffff;
    let group = |place| entry.memory.u32(entry.args[1].wrapping_add(4 * place));
    let groups = (0..count.min(SHOWN)).map_while(group).map(|group| group.to_string());
    let mut groups: Vec<_> = groups.collect();
    if count > SHOWN {
        groups.push("…".into());
    }
    let arguments = [count.to_string(), format!("[{}]", groups.join(", "))];
    entry.told(&arguments, &[&texts::IDENTITY], texts::SETGROUPS)
}
