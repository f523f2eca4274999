//! 06: a manifest to the byte, a layer before it was compressed, and a container from the image.
//!
//! What the image is, the registry is asked that the reader pulls it from.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use coracle::check::claim::expect;
use coracle::lessons::look::{self, identity, link, shown};
use coracle::observe;
use coracle::texts::{PAGE_FILES, WEB_FOLDER_INSIDE};
use image_pull::config::Config;
use image_pull::digest::Digest;
use nix::unistd::Pid;
use serde_json::Value;

use crate::look::{Found, Look};
use crate::task::{Promise, Task};
use crate::values;

pub(super) const TASKS: [Task; 3] = [
    Task {
        name: "06-manifest",
        values: || Ok(values::of([("name", values::name()?)])),
        promises: &[
            REGISTRY,
            Promise::Own("file", "there is a file /tmp/{name}"),
            Promise::Own("digest", "its digest is that of webapp's manifest"),
        ],
        look: manifest_file,
    },
    Task {
        name: "06-layer",
        values: || Ok(values::of([("name", values::name()?)])),
        promises: &[
            REGISTRY,
            Promise::Own("file", "there is a file /tmp/{name}"),
            Promise::Own("digest", "its digest is the last of the configuration's diff_ids"),
        ],
        look: layer_file,
    },
    Task {
        name: "06-run",
        values: || Ok(values::of([("seconds", values::seconds()?)])),
        promises: &[
            REGISTRY,
            Promise::Lesson("00", "runs"),
            Promise::Lesson("05", "overlay"),
            Promise::Lesson("06", "all-layers"),
            Promise::Lesson("06", "whiteout"),
            Promise::Own("env", "it has the environment that the image's configuration gives"),
            Promise::Lesson("06", "workdir"),
        ],
        look: run,
    },
];

const REGISTRY: Promise = Promise::Own("registry", "the registry on localhost:5555 has webapp");

const PORT: u16 = 5555;
const PATIENCE: Duration = Duration::from_secs(5);

/// The image as the registry has it.
struct Image {
    /// The manifest's bytes: the digest is theirs.
    manifest: Vec<u8>,
    config: Config,
    /// The digest of the last layer as it is served.
    layer: String,
}

impl Image {
    fn ask() -> Result<Self> {
        let manifest = get("/v2/webapp/manifests/latest")?;
        let parsed: Value = serde_json::from_slice(&manifest)?;
        let digest = |value: &Value| value["digest"].as_str().unwrap_or_default().to_owned();
        let config = get(&format!("/v2/webapp/blobs/{}", digest(&parsed["config"])))?;
        let layers = parsed["layers"].as_array();
        let layer = layers.and_then(|all| all.last()).map(digest).unwrap_or_default();
        Ok(Self { manifest, config: Config::parse(&config)?, layer })
    }
}

/// Asks the registry of this machine.
fn get(path: &str) -> Result<Vec<u8>> {
    let ask = || -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, PORT))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().with_context(|| format!("GET {path}"))?;
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.context("an answer without a head")? + 4);
    let status = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    match status {
        b"200" => Ok(body.to_vec()),
        status => Err(anyhow!("GET {path}: {}", String::from_utf8_lossy(status))),
    }
}

fn image(look: &mut Look) -> Option<Image> {
    match Image::ask() {
        Ok(image) => {
            let seen = format!("GET /v2/webapp/manifests/latest: {} bytes.", image.manifest.len());
            look.finding("registry", Ok(seen));
            Some(image)
        }
        Err(error) => {
            let seen = format!(
                "{error:#}. `coracle registry` is the registry; it has to run while you work, in the \
                 other terminal or with `&`."
            );
            look.finding("registry", Err(seen));
            None
        }
    }
}

/// The bytes of the task's file.
fn file(look: &mut Look) -> Result<Option<(PathBuf, Vec<u8>)>> {
    let place = look.folder()?;
    Ok(match fs::read(&place) {
        Ok(bytes) => {
            look.finding("file", Ok(format!("{} has {} bytes.", place.display(), bytes.len())));
            Some((place, bytes))
        }
        Err(_) => {
            look.finding("file", Err(format!("{}.", shown(&place))));
            None
        }
    })
}

fn said(place: &Path, bytes: &[u8]) -> String {
    format!("`sha256sum {}`: {}…", place.display(), &Digest::of(bytes).hex()[..12])
}

fn manifest_file(look: &mut Look) -> Result<()> {
    let (image, file) = (image(look), file(look)?);
    let (Some(image), Some((place, bytes))) = (image, file) else { return Ok(()) };
    look.finding("digest", is_manifest(&place, &bytes, &image.manifest));
    Ok(())
}

fn is_manifest(place: &Path, bytes: &[u8], manifest: &[u8]) -> Found {
    let (seen, wanted) = (said(place, bytes), Digest::of(manifest));
    if bytes == manifest {
        return Ok(format!("{seen}, the registry's Docker-Content-Digest."));
    }
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    let why = match (json(bytes), json(manifest)) {
        (Some(its), Some(wanted)) if its == wanted => {
            "It says the same, and not with the same bytes: a space, or a line end more. Keep what \
             came, as it came."
        }
        _ if bytes.starts_with(b"HTTP/") => "The head of the answer is in the file as well.",
        _ => "It is something else: ask for /v2/webapp/manifests/latest.",
    };
    Err(format!("{seen}, and the manifest's is {}…. {why}", &wanted.hex()[..12]))
}

fn layer_file(look: &mut Look) -> Result<()> {
    let (image, file) = (image(look), file(look)?);
    let (Some(image), Some((place, bytes))) = (image, file) else { return Ok(()) };
    let Some(wanted) = image.config.rootfs.diff_ids.last() else {
        look.finding("digest", Err("The configuration has no diff_ids.".into()));
        return Ok(());
    };
    let (seen, its) = (said(&place, &bytes), Digest::of(&bytes));
    look.finding("digest", if its == *wanted {
        Ok(format!("{seen}, as in diff_ids."))
    } else if String::from(its) == image.layer {
        Err(format!(
            "{seen}. That is the layer as it travels, compressed: its digest stands in the manifest. \
             The configuration's are those of the archives before: `gunzip`."
        ))
    } else {
        Err(format!("{seen}, and the last of diff_ids is {}….", &wanted.hex()[..12]))
    });
    Ok(())
}

fn run(look: &mut Look) -> Result<()> {
    let Some(image) = image(look) else { return Ok(()) };
    look.process("runs", &["sleep", look.value("seconds")?], |look, pid| {
        container(look, pid, &image)
    })
}

fn container(look: &mut Look, pid: Pid, image: &Image) -> Result<()> {
    let right = || format!("`stat -f -c %T /proc/{pid}/root`: overlayfs.");
    let mistake = "The command was not started in a container from the image.";
    look.lesson("overlay", look::is_overlay(pid), right, Some(mistake));
    if !look.holds("overlay") {
        return Ok(());
    }
    let root = format!("/proc/{pid}/root");
    let inside = |path: &str| Path::new(&root).join(path.trim_start_matches('/'));
    for (name, text) in PAGE_FILES {
        let place = |name: &str| inside(WEB_FOLDER_INSIDE).join(name);
        let Some(gone) = name.strip_prefix(".wh.") else {
            let right = || format!("{} is the last layer's.", place(name).display());
            look.lesson("all-layers", look::holds_text(&place(name), text), right, None);
            continue;
        };
        let seen = shown(&place(gone));
        let finding = expect(fs::symlink_metadata(place(gone)).is_err(), || seen.clone());
        look.lesson("whiteout", finding, || format!("{seen}."), None);
    }
    let its = observe::environment(pid)?;
    let missing = image.config.config.env.iter().find(|wanted| {
        !its.iter().any(|variable| variable.as_encoded_bytes() == wanted.as_bytes())
    });
    look.finding(
        "env",
        match missing {
            None => Ok(format!("/proc/{pid}/environ has {}.", image.config.config.env.join(" "))),
            Some(missing) => Err(format!("/proc/{pid}/environ has no {missing}.")),
        },
    );
    let folder = &image.config.config.working_dir;
    let cwd = link(pid, "cwd");
    let stands = identity(&format!("/proc/{pid}/cwd"));
    let there = identity(&inside(folder).display().to_string());
    let finding = expect(stands == there, || {
        format!("/proc/{pid}/cwd -> {cwd}, and the image's WorkingDir is {folder}")
    });
    look.lesson("workdir", finding, || format!("/proc/{pid}/cwd -> {cwd}."), None);
    Ok(())
}
