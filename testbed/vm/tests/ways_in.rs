//! The ways in for those without a Linux: they bring what the project needs.
//!
//! Neither can be started here. What can be seen from here is that they can be read, that their
//! scripts are shell, and that what belongs together fits together.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// For chapter 03: `ip`, `nft`, `pasta`.
const NETWORK: [&str; 3] = ["iproute2", "nftables", "passt"];

/// A file of the project's.
fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

/// The packages that a script installs; it has to be one.
fn installed(script: &str) -> Vec<String> {
    let output = Command::new("sh").args(["-n", "-c", script]).output().unwrap();
    assert!(output.status.success(), "{script}: {}", testbed::stderr(&output));
    let lines = script.replace("\\\n", " ").replace("&&", "\n");
    let installs = lines.lines().filter_map(|line| line.split_once("apt-get install "));
    let words = installs.flat_map(|(_, words)| words.split_whitespace());
    words.filter(|word| !word.starts_with('-')).map(String::from).collect()
}

fn assert_all(packages: &[&str], installed: &[String]) {
    for package in packages {
        assert!(installed.iter().any(|name| name == package), "{package}: {installed:?}");
    }
}

#[test]
fn the_dev_container_may_do_everything_and_has_a_place_for_images() {
    let text = read(".devcontainer/devcontainer.json");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let file: Value = serde_json::from_str(&lines.collect::<String>()).unwrap();
    assert!(file["runArgs"].as_array().unwrap().contains(&"--privileged".into()), "{file:#}");

    // The folder is root's at first, and the editor's user keeps the images there.
    let data = file["containerEnv"]["XDG_DATA_HOME"].as_str().unwrap();
    let volume = file["mounts"][0].as_str().unwrap().split(',').collect::<Vec<_>>();
    assert!(volume.contains(&"type=volume"), "{volume:?}");
    assert!(volume.contains(&format!("target={data}").as_str()), "{data}: {volume:?}");
    let script = file["onCreateCommand"].as_str().unwrap();
    assert!(script.starts_with(&format!("sudo chown \"$(id -u)\" {data} && ")), "{script}");

    assert_all(&NETWORK, &installed(script));
}

#[test]
fn the_machine_on_a_mac_gets_a_compiler_and_what_chapter_03_needs() {
    let text = read("scripts/lima.yaml");
    // The block ends where a line is indented by less.
    let (_, block) = text.split_once("\n  script: |\n").unwrap();
    let inside = |line: &&str| line.is_empty() || line.starts_with("    ");
    let lines = block.lines().take_while(inside).map(|line| line.get(4..).unwrap_or_default());
    let script = lines.collect::<Vec<_>>().join("\n");
    // It is executed as a file.
    assert!(script.starts_with("#!/bin/sh\n"), "{script}");
    let installed = installed(&script);
    assert_all(&NETWORK, &installed);
    assert_all(&["cargo", "rustc", "gcc", "libc6-dev"], &installed);
}
