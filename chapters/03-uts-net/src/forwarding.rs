//! Forwarding: whether the host passes on packets that are not for itself (`ip(7)`, `ip_forward`).
//!
//! A container's packet to the world comes in through the bridge and has to go out through another
//! interface. A host does that only when it is a router, and most are not. So it is switched on for
//! the first container and back after the last. A note in a file, made before the change, says that
//! it was off: so also the run after a killed one knows.

use std::fs;

use anyhow::Result;
use process::Attempt;

use crate::pool::Pool;
use crate::texts;

const SWITCH: &str = "/proc/sys/net/ipv4/ip_forward";

/// Switches forwarding on.
///
/// # Errors
///
/// EROFS where `/proc/sys` is read-only.
pub fn switch_on(pool: &Pool) -> Result<()> {
    let now =
        fs::read_to_string(SWITCH).tried(&texts::FORWARD, format_args!("read({SWITCH:?})"))?;
    if now.trim() != "0" {
        return Ok(());
    }
    let note = pool.forwarding_note();
    fs::write(&note, "").tried(&texts::FORWARD, format_args!("write({note:?})"))?;
    set("1").inspect_err(|_| {
        // Nothing has changed, so there will be nothing to put back.
        let _ = fs::remove_file(&note);
    })
}

/// Switches it back, if it was off before.
///
/// # Errors
///
/// As above.
pub fn switch_back(pool: &Pool) -> Result<()> {
    let note = pool.forwarding_note();
    if !note.exists() {
        return Ok(());
    }
    set("0")?;
    fs::remove_file(&note).tried(&texts::FORWARD, format_args!("unlink({note:?})"))
}

fn set(value: &str) -> Result<()> {
    fs::write(SWITCH, value).step(&texts::FORWARD, format_args!("write({SWITCH:?}, {value:?})"))
}
