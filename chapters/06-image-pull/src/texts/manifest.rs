//! The words of names, platforms, digests and manifests.

use crate::digest::Digest;
use crate::platform::Platform;

/// What somebody else wrote, so that it can be printed: short, in quotes, with nothing that a
/// terminal would obey.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 120;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// What a library says, made fit for a sentence. It may quote what somebody else wrote.
pub(crate) fn plain(said: &str) -> String {
    match said {
        said if said.starts_with("timeout: ") => "it is silent".into(),
        said => said.chars().filter(|c| !c.is_control()).take(300).collect(),
    }
}

// Digests.

pub(crate) fn unknown_algorithm(text: &str) -> String {
    format!("{} is no digest that is understood: one is sha256: and 64 digits", shown(text))
}

pub(crate) fn bad_digest(text: &str) -> String {
    format!("{} is no digest: behind sha256: stand exactly 64 digits, each 0–9 or a–f", shown(text))
}

pub(crate) fn too_short(received: u64, size: u64) -> String {
    format!("only {received} of {size} bytes arrived")
}

pub(crate) fn too_long(size: u64) -> String {
    format!("there are more than the {size} bytes that were promised")
}

pub(crate) fn other_digest(promised: &Digest, found: &Digest) -> String {
    format!(
        "what arrived is not what was asked for: it has another digest ({found}, promised was {promised}); it was damaged or exchanged on its way"
    )
}

// Names.

pub(crate) const EMPTY_NAME: &str = "an image's name can't be empty";
pub(crate) const NAME_IS_NUMBER: &str = "64 hexadecimal digits are an image's ID, not its name";

pub(crate) const CAPITAL_LETTERS: &str = "a repository is written in small letters";

pub(crate) fn bad_name(name: &str, why: &str) -> String {
    format!("{} is no name of an image: {why}", shown(name))
}

pub(crate) fn name_with_scheme(name: &str) -> String {
    let address = name.split_once("://").map_or(name, |(_, address)| address);
    format!("an image's name is written without https://: {}", shown(address))
}

pub(crate) fn bad_host(registry: &str) -> String {
    format!(
        "what stands before the first / looks like a registry, but {} is no host",
        shown(registry)
    )
}

pub(crate) fn bad_port(port: &str) -> String {
    format!("{} is no port: one is a number from 1 to 65535", shown(port))
}

pub(crate) fn long_repository(most: usize) -> String {
    format!("the repository has at most {most} letters")
}

pub(crate) fn bad_repository(repository: &str) -> String {
    format!(
        "the repository {} should be words of a–z and 0–9, with one . or _ or some - inside a word, and / between words",
        shown(repository)
    )
}

pub(crate) fn bad_tag(tag: &str, most: usize) -> String {
    format!(
        "the tag {} should be at most {most} letters, digits, _, . and -, and not begin with . or -",
        shown(tag)
    )
}

pub(crate) fn bad_platform(text: &str) -> String {
    format!("{} is no platform; one is written like linux/amd64 or linux/arm/v7", shown(text))
}

// Manifests.

pub(crate) fn no_manifest(error: &serde_json::Error) -> String {
    format!("what the registry sent is no manifest: {}", plain(&error.to_string()))
}

pub(crate) const WEB_PAGE: &str = "the registry sent a web page instead of a manifest: perhaps this is no registry, or a network's log-in page stands between";
pub(crate) const SCHEMA_1: &str = "the image is in Docker's format of before 2016 (schema 1), which nobody reads any more; its maker has to build it again";
pub(crate) const INDEX_FOR_MANIFEST: &str =
    "this is a choice of several images where one image should be";

pub(crate) fn two_media_types(told: &str, own: &str) -> String {
    format!(
        "the manifest contradicts itself: the registry calls it {}, it calls itself {}",
        shown(told),
        shown(own)
    )
}

pub(crate) fn unknown_document(media_type: &str) -> String {
    format!("there is no image under this name, but something of the type {}", shown(media_type))
}

pub(crate) fn contradiction(media_type: &str) -> String {
    format!(
        "the manifest contradicts itself: it should be of the type {media_type}, but has not just that type's fields (`manifests`, or `config` and `layers`)"
    )
}

pub(crate) fn no_image(config: &str) -> String {
    format!(
        "this is no image that can be run, but something else that is kept in a registry; its configuration is of the type {}",
        shown(config)
    )
}

pub(crate) fn foreign_layer(layer: &Digest) -> String {
    format!(
        "layer {layer} is to be fetched from somewhere else, outside the registry; only Windows images need that, and others are not to be trusted"
    )
}

pub(crate) fn unknown_layer(layer: &Digest, media_type: &str) -> String {
    format!("layer {layer} is of the type {}, which is no archive of files", shown(media_type))
}

pub(crate) fn not_for_platform(wanted: &Platform, offered: &[String]) -> String {
    const MOST: usize = 20;
    let few: Vec<String> =
        offered.iter().take(MOST).map(|it| it.escape_debug().to_string()).collect();
    match &few[..] {
        [] => format!("there is no image in it for {wanted}, nor for any other machine"),
        few => format!(
            "the image is not made for {wanted}, but for {:.600}; `--platform` takes one of these",
            few.join(", ")
        ),
    }
}
