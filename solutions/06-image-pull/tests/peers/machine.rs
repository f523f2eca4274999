//! A host with Debian's docker-registry, and what it takes to fill it and to unpack from it.

#![allow(unreachable_pub)]

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use testbed::{Host, Who, reachable, skipped, stderr, stdout};

use crate::tree::Tree;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sol06-image-pull");

/// Where the registry listens: the host's network is its own.
pub const REGISTRY: &str = "127.0.0.1:5000";

/// Shell functions, one a tool. All that these write is in `/tmp`, `/dev/shm` (podman's locks) and
/// `/var/lib/containers` (skopeo's cache), which are the host's own.
const TOOLS: &str = "
    set -e; cd /tmp; export HOME=/tmp/home TMPDIR=/tmp; R=127.0.0.1:5000
    copy() { skopeo --insecure-policy copy --quiet --src-tls-verify=false --dest-tls-verify=false \"$@\"; }
    pod() { podman --root /tmp/podman/root --runroot /tmp/podman/run --tmpdir /tmp/podman/tmp \
        --cgroup-manager=cgroupfs --events-backend=file --storage-driver=overlay \"$@\"; }
    ";

/// A registry's configuration; its storage goes with the host.
const CONFIGURATION: &str = "version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: /tmp/registry}}
http: {addr: '127.0.0.1:5000'}
";

/// A host with a registry.
pub struct Machine {
    pub host: Host,
    program: PathBuf,
    /// How many stores have been made: each pull gets a fresh one.
    stores: Cell<u32>,
}

impl Machine {
    /// Starts the registry, with these lines more in its configuration.
    pub fn new(more: &str) -> Option<Self> {
        for tool in [
            "docker-registry",
            "dpkg",
            "getfattr",
            "nc",
            "podman",
            "python3",
            "setcap",
            "skopeo",
            "umoci",
        ] {
            let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output();
            if !found.is_ok_and(|output| output.status.success()) {
                skipped(&format!("{tool} is not installed"));
                return None;
            }
        }
        let host = Host::new()?;
        let program = reachable(&host, PROGRAM);
        let machine = Self { host, program, stores: Cell::new(0) };
        let _ = machine.sh(&format!(
            "mkdir -p home /var/lib/containers
             mount -t tmpfs shm /dev/shm; mount -t tmpfs containers /var/lib/containers
             cat > registry.yml <<'END'\n{CONFIGURATION}{more}\nEND
             docker-registry serve registry.yml >registry.log 2>&1 &
             for attempt in $(seq 500); do nc -z 127.0.0.1 5000 && exit; sleep 0.02; done
             cat registry.log >&2; exit 1"
        ));
        Some(machine)
    }

    /// Runs a script with [`TOOLS`], in `/tmp`.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        self.host.sh(&format!("{TOOLS}{script}"))
    }

    /// Brings the small image of `scripts/make-image` here: an OCI layout, `/tmp/small`, tag 1.
    #[track_caller]
    pub fn make_small_image(&self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/make-image");
        let made = Command::new(script).arg("--small").output().expect("scripts/make-image");
        assert!(made.status.success(), "{}", stderr(&made));
        let here = format!("/proc/{}/root/tmp/small", self.host.pid());
        let copied = Command::new("cp").args(["-r", stdout(&made).trim(), &here]).status();
        assert!(copied.expect("cp").success());
    }

    /// Runs the program of this chapter, with the store in `/tmp/store-NUMBER`.
    pub fn run(&self, store: u32, words: &[&str]) -> Output {
        self.host
            .command(Who::Root, &self.program)
            .args(words)
            .env("HOME", "/tmp/home")
            .env_remove("DOCKER_CONFIG")
            .env("XDG_DATA_HOME", format!("/tmp/store-{store}"))
            .output()
            .expect("nsenter")
    }

    /// Pulls an image into a fresh store; its layers under one another, as the kernel's overlay shows
    /// them.
    #[track_caller]
    pub fn ours(&self, image: &str) -> Tree {
        let store = self.stores.replace(self.stores.get() + 1);
        let name = format!("{REGISTRY}/{image}");
        let pulled = self.run(store, &["pull", &name]);
        assert!(pulled.status.success(), "{}", stderr(&pulled));
        let seen = self.run(store, &["inspect", &name]);
        assert!(seen.status.success(), "{}", stderr(&seen));
        let seen: serde_json::Value = serde_json::from_slice(&seen.stdout).expect("JSON");
        let layers = seen[0]["Layers"].as_array().expect("a list of folders").iter();
        let layers: Vec<_> = layers.rev().map(|layer| layer.as_str().expect("a path")).collect();
        // A read-only overlay has two layers at least: an empty one takes no part.
        let mounted = format!("/tmp/ours-{store}");
        let _ = self.sh(&format!(
            "mkdir {mounted} nothing-{store}
             mount -t overlay -o ro,lowerdir={}:/tmp/nothing-{store} overlay {mounted}",
            layers.join(":")
        ));
        Tree::read(&self.host, "ours", &mounted)
    }

    /// What umoci unpacks from an OCI layout: `FOLDER:TAG`.
    #[track_caller]
    pub fn umoci(&self, layout: &str) -> Tree {
        let _ = self.sh(&format!("rm -rf umoci; umoci unpack --image {layout} umoci"));
        Tree::read(&self.host, "umoci", "/tmp/umoci/rootfs")
    }

    /// What podman unpacks from the registry.
    #[track_caller]
    pub fn podman(&self, image: &str) -> Tree {
        let mounted = self.sh(&format!(
            "pod pull --quiet --tls-verify=false $R/{image} >&2; pod image mount $R/{image}"
        ));
        let mut tree = Tree::read(&self.host, "podman", mounted.trim());
        // podman 4.3 does not give the root folder itself what the archive says: it has mode 0555 and
        // the time of the pull, which no image asks for.
        tree.leave_out("");
        tree
    }
}
