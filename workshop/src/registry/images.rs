//! Three images from this host's own programs, made on first use.
//!
//! ```text
//! base      ─ the host's everyday programs and their libraries
//! web       ─ ″   ─ a web server: this very program, and what it needs
//! webapp    ─ ″   ─ ″           ─ a page
//! ```
//!
//! Each is the one before and a layer. A layer that two images share is one blob: whoever has
//! `base` downloads two small layers more for `webapp`. That is what layers are for.
//!
//! The same host makes the same bytes each time, so the digests stay as long as its programs do.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use chroot_jail::{Tree, needs};
use flate2::Compression;
use image_pull::digest::Digest;
use image_pull::platform::Platform;
use process::command::DEFAULT_PATH;
use process::{Attempt, explain};
use serde_json::{Value, json};

use super::layout::Layout;
use super::pack::{self, Layer};
use super::program;
use crate::texts;

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Not now: the same files have to become the same image.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// The names under which each image is served.
const BASE: [&str; 1] = ["base:latest"];
const WEB: [&str; 1] = ["web:latest"];
const WEBAPP: [&str; 2] = ["webapp:1", "webapp:latest"];

/// Makes the images, unless they are there and would be made the same today. Layers are compressed so
/// far.
///
/// `layout` is locked by the caller; `folder` is the registry's own, beside it.
///
/// # Errors
///
/// When this host's programs can't be found or read, or the cache can't be written. The images that
/// were there before stay.
pub fn make(layout: &Layout, folder: &Path, compression: Compression) -> Result<()> {
    let program = our_program()?;
    let source = Source { trimmed: program::trimmed(&program)?, program };
    let (mark, made_from) = (folder.join("made-from"), source.made_from()?);
    let there = layout.repositories()?.contains_key("webapp");
    if there && fs::read_to_string(&mark).is_ok_and(|text| text == made_from) {
        return Ok(());
    }
    explain::say(texts::making_images(folder));
    let new = folder.join("new");
    remove(&new)?;
    let made = source.make(layout, &new, compression);
    let removed = remove(&new);
    made?;
    removed?;
    // What the images before were made of, and these no more.
    layout.sweep()?;
    fs::write(&mark, made_from).tried(&texts::LAYOUT, format_args!("write({mark:?})"))
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.tried(&texts::LAYOUT, format_args!("rmdir({folder:?}, and all in it)")),
    }
}

fn our_program() -> Result<PathBuf> {
    env::current_exe().tried(&texts::OUR_PROGRAM, "readlink(\"/proc/self/exe\")")
}

/// What the images are made from.
struct Source {
    program: PathBuf,
    /// Its bytes, without what only debuggers need.
    trimmed: Vec<u8>,
}

impl Source {
    /// Changes when the images would become others.
    fn made_from(&self) -> Result<String> {
        // Chapter 01 keeps the same programs in a folder, and beside it a list of all that they were
        // made from. It is kept up to date.
        let list = chroot_jail::default_root()?.with_file_name("list");
        let programs = fs::read(&list).tried(&texts::LAYOUT, format_args!("read({list:?})"))?;
        Ok(format!("{}\n{}\n", Digest::of(&programs), Digest::of(&self.trimmed)))
    }

    fn make(&self, layout: &Layout, new: &Path, compression: Compression) -> Result<()> {
        let base = new.join("base");
        chroot_jail::build_default_root(&base)?;
        let web = new.join("web");
        self.web_server(&base, &web)?;
        let page = new.join("page");
        files(&page, &texts::PAGE_FILES)?;

        let layer = |folder: &Path| pack::layer(layout, folder, compression);
        let base = (layer(&base)?, texts::BASE_HISTORY);
        let web = (layer(&web)?, texts::WEB_HISTORY);
        let page = (layer(&page)?, texts::PAGE_HISTORY);
        let shell = json!({ "Env": environment(&[]), "Cmd": ["sh"], "WorkingDir": "/" });
        let server = json!({
            "Env": environment(&[]),
            "Cmd": ["coracle", "web", texts::WEB_FOLDER_INSIDE],
            "ExposedPorts": { "80/tcp": {} },
            "WorkingDir": texts::WEB_FOLDER_INSIDE,
            "StopSignal": "SIGTERM",
        });
        let mut app = server.clone();
        app["Env"] = json!(environment(&["GREETING=ahoy"]));
        app["Labels"] = json!({ "org.opencontainers.image.title": "webapp" });
        image(layout, &BASE, &shell, &[&base])?;
        image(layout, &WEB, &server, &[&base, &web])?;
        image(layout, &WEBAPP, &app, &[&base, &web, &page])
    }

    /// The layer of the web server: this program, and those of its libraries that `base` lacks.
    fn web_server(&self, base: &Path, layer: &Path) -> Result<()> {
        let mut tree = files(layer, &texts::WEB_FILES)?;
        for folder in ["/usr", "/usr/local", "/usr/local/bin"] {
            tree.ensure_folder(folder, 0o755)?;
        }
        let program = layer.join("usr/local/bin/coracle");
        fs::write(&program, &self.trimmed)
            .and_then(|()| fs::set_permissions(&program, Permissions::from_mode(0o755)))
            .tried(&texts::LAYOUT, format_args!("write({program:?})"))?;
        for library in needs::collect(std::slice::from_ref(&self.program))? {
            let inside = base.join(library.strip_prefix("/").unwrap_or(&library));
            if library != self.program && !inside.exists() {
                tree.bring(&library)?;
            }
        }
        Ok(())
    }
}

/// A layer's folder with the web server's files in it.
fn files(layer: &Path, files: &[(&str, &str)]) -> Result<Tree> {
    let mut tree = Tree::open(layer)?;
    for folder in ["/srv", texts::WEB_FOLDER_INSIDE] {
        tree.ensure_folder(folder, 0o755)?;
    }
    for (name, text) in files {
        tree.ensure_file(&format!("{}/{name}", texts::WEB_FOLDER_INSIDE), text)?;
    }
    Ok(tree)
}

fn environment(more: &[&str]) -> Vec<String> {
    let path = format!("PATH={DEFAULT_PATH}");
    std::iter::once(path).chain(more.iter().map(ToString::to_string)).collect()
}

/// Writes an image's configuration and its manifest, and names it.
fn image(layout: &Layout, names: &[&str], run: &Value, layers: &[&(Layer, &str)]) -> Result<()> {
    let platform = Platform::host();
    let mut config = json!({
        "architecture": platform.architecture,
        "os": platform.os,
        "created": CREATED,
        "config": run,
        "rootfs": {
            "type": "layers",
            "diff_ids": layers.iter().map(|(layer, _)| layer.diff_id.to_string()).collect::<Vec<_>>(),
        },
        "history": layers
            .iter()
            .map(|(_, made_by)| json!({ "created": CREATED, "created_by": made_by }))
            .collect::<Vec<_>>(),
    });
    if let Some(variant) = platform.variant {
        config["variant"] = json!(variant);
    }
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(CONFIG_TYPE, &layout.add_bytes(&config)?, config.len() as u64),
        "layers": layers
            .iter()
            .map(|(layer, _)| descriptor(LAYER_TYPE, &layer.digest, layer.size))
            .collect::<Vec<_>>(),
    });
    let manifest = layout.add_bytes(manifest.to_string().as_bytes())?;
    layout.name(&manifest, MANIFEST_TYPE, names)
}

fn descriptor(media_type: &str, digest: &Digest, size: u64) -> Value {
    json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size })
}
