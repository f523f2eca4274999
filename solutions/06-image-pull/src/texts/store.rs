//! The words of `store`, `pull` and `images`.

use std::path::Path;

use indicatif::HumanBytes;
use nix::errno::Errno;
use process::Step;

use crate::digest::Digest;
use crate::name::Name;
use crate::platform::Platform;

const FULL: (Errno, &str) =
    (Errno::ENOSPC, "the disk is full; `prune` removes what no image needs any more");
const NOT_YOURS: (Errno, &str) =
    (Errno::EACCES, "the folder is not yours to write to; set XDG_DATA_HOME to one that is");

pub(crate) const STORE: Step = Step {
    section: "06#store",
    why: "images are kept on this machine, each blob and each layer once",
    causes: &[FULL, NOT_YOURS, (Errno::EROFS, "the file system can't be written to")],
};

pub(crate) const BLOB: Step = Step {
    section: "06#store",
    why: "what a registry sent is kept under the digest of its bytes",
    causes: &[(Errno::ENOENT, "the store has lost it: pull the image again")],
};

pub(crate) const LAYER: Step = Step {
    section: "06#layers",
    why: "a layer is unpacked once, and then shared by all images and containers that have it",
    causes: &[FULL, NOT_YOURS],
};

pub(crate) const LOCK: Step = Step {
    section: "06#store",
    why: "nobody may remove what somebody else uses",
    causes: &[(Errno::ENOLCK, "this file system has no locks: put the store on another one")],
};

pub(crate) const WAITING_FOR_PULLS: &str = "Waiting: a pull is under way.";
pub(crate) const ANOTHER_LAYER_FAILED: &str = "stopped, since another layer failed";

pub(crate) fn damaged(digest: &Digest) -> String {
    format!(
        "the store's {digest} is damaged: its bytes have another digest; remove the image (`rmi`) and pull it again"
    )
}

pub(crate) fn damaged_layer(facts: &Path) -> String {
    format!(
        "{facts:?} makes no sense, so its layer is damaged, as after a power cut; remove the images that have it (`rmi`) and pull them again"
    )
}

pub(crate) fn not_listed(name: &Name, error: &anyhow::Error) -> String {
    format!("{name} can't be listed: {error:#}")
}

pub(crate) fn unreadable(digest: &Digest) -> String {
    format!("the store's {digest} makes no sense")
}

pub(crate) fn unreadable_index(path: &Path) -> String {
    format!("{path:?} is no index of images; nothing can be found without it")
}

pub(crate) fn in_use(layer: &Path) -> String {
    let name = layer.file_name().unwrap_or_default().to_string_lossy();
    format!("Layer {name:.12} stays: a container uses it.")
}

pub(crate) fn layer_failed(digest: &Digest) -> String {
    format!("layer {digest}")
}

pub(crate) fn config_failed(digest: &Digest) -> String {
    format!("configuration {digest}")
}

pub(crate) fn other_layer_count(diff_ids: usize, layers: usize) -> String {
    format!(
        "the image contradicts itself: its configuration names {diff_ids} layers, its manifest {layers}"
    )
}

pub(crate) fn other_diff_id(promised: &Digest, found: &Digest) -> String {
    format!(
        "the archive in it is not the one that the image's configuration names: its digest is {found}, promised was {promised}"
    )
}

pub(crate) fn config_too_large(size: u64) -> String {
    format!("the image's configuration has {}: no real one is that large", HumanBytes(size))
}

pub(crate) fn not_here(name: &str) -> String {
    format!(
        "there is no image {name:?} here; `pull {name}` fetches it, `images` lists what is here"
    )
}

pub(crate) fn several(id: &str, names: &[&str]) -> String {
    format!("image {id} has several names ({}); say which, or use --force", names.join(", "))
}

pub(crate) fn ambiguous(id: &str) -> String {
    format!("{id} is the beginning of several images' IDs; write more of it")
}

pub(crate) fn not_here_and_never(name: &str) -> String {
    format!("there is no image {name:?} here, and --pull never forbids to fetch it")
}

pub(crate) fn reclaimed(bytes: u64) -> String {
    format!("Total reclaimed space: {}", HumanBytes(bytes))
}

pub(crate) const SAME_IMAGE: &str = "Waiting: somebody else is pulling this image.";

pub(crate) fn pulling(name: &Name) -> String {
    let what = name.tag.as_deref().unwrap_or("by digest");
    format!("{what}: Pulling from {}", name.repository)
}

pub(crate) fn fetching(name: &Name) -> String {
    format!("The image {name} is not here yet; fetching it.")
}

pub(crate) fn not_pulled(name: &Name) -> String {
    format!("can't pull {name}")
}

pub(crate) fn pulled(name: &Name, digest: &Digest, was_here: bool) -> String {
    let status = match was_here {
        true => "Image is up to date for",
        false => "Downloaded newer image for",
    };
    format!("Digest: {digest}\nStatus: {status} {name}\n{}", name.canonical())
}

pub(crate) fn devices_left_out(count: u64) -> String {
    format!(
        "{count} device files were left out: only root can make them, and a container has its own /dev"
    )
}

pub(crate) fn other_platform(name: &Name, image: &Platform, wanted: &Platform) -> String {
    // The image says what it is made for, so it may be anything.
    let image: String = image.to_string().escape_debug().take(200).collect();
    format!(
        "{name} is made for {image}, not for {wanted}; `--platform {image}` takes it all the same"
    )
}
