//! The questions that take a process of their own: what it prints is the answer.

use anyhow::{Context, Result, bail};
use flate2::Compression;
use nix::unistd::Pid;
use serde_json::{Value, json};

/// What this program is called for it.
pub(crate) const NAME: &str = "desk-answer";
/// So many mounts are named, the others are counted.
const MOUNTS: usize = 6;

/// Finds out what the words ask for, and prints it.
pub(crate) fn print(words: &[String]) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let answer = find(&words).unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
    println!("{answer}");
}

fn find(words: &[&str]) -> Result<Value> {
    match words {
        ["inspect", pid] => Ok(json!({ "seen": drawn(&coracle::inspect::seen(pid.parse()?)?) })),
        // The snapshot is compressed as a whole, and finds what is in it twice.
        ["images"] => {
            coracle::registry::fetch(&[], Compression::none())?;
            Ok(json!({}))
        }
        ["task", name] => tasks::start(name),
        ["verify", name, values] => {
            let values = serde_json::from_str(values).context("the task's values")?;
            // The session's first process is process 1 of what the reader sees.
            tasks::verify(name, &values, Pid::from_raw(1))
        }
        _ => bail!("nobody knows an answer to {words:?}"),
    }
}

/// What the page draws of what `coracle inspect --json` says of a process: a serial line takes its time
/// for each byte.
fn drawn(process: &Value) -> Value {
    let status = &process["status"];
    let every = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let mounts = every(&process["mounts"]);
    let named: Vec<_> = mounts
        .iter()
        .take(MOUNTS)
        .map(|it| {
            let read_only = every(&it["options"]).contains(&"ro".into());
            json!({ "target": it["target"], "fs_type": it["fs_type"], "read_only": read_only })
        })
        .collect();
    let cgroup = every(&process["cgroups"]).into_iter().find(|it| it["version"] == 2);
    json!({
        "namespaces": process["namespaces"],
        "hostname": process["hostname"],
        "root": process["root"],
        "mounts": named,
        "mounts_more": mounts.len() - named.len(),
        "cgroup": cgroup.map(|it| json!({ "path": it["path"], "limits": it["limits"] })),
        "status": {
            "ns_pids": status["ns_pids"],
            "uids": { "effective": status["uids"]["effective"] },
            "uid_map": status["uid_map"],
            "capabilities": { "effective": status["capabilities"]["effective"] },
            "no_new_privs": status["no_new_privs"],
            "seccomp": status["seccomp"],
        },
    })
}
