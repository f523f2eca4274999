//! The verbs about images that are here: `images`, `inspect`, `rmi`, `prune`; and `pull`'s words.

use std::io::{self, Write};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use indicatif::{DecimalBytes, HumanDuration};
use process::explain;
use serde_json::{Value, json};

use crate::name::Name;
use crate::platform::Platform;
use crate::progress::{Progress, To};
use crate::pull::{self, Pulled};
use crate::registry::Registry;
use crate::store::{Entry, Image, Store};
use crate::texts::store as texts;

/// How an image is fetched.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct PullOptions {
    /// The platform to take from an image that is made for several: `linux/arm64`, `linux/arm/v7`
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// Talk to the registry without encryption. (On this machine itself that needs no permission.)
    #[arg(long)]
    insecure: bool,
}

impl PullOptions {
    /// Whether an image is for the platform that was asked for, if one was.
    fn accepts(&self, image: &Image) -> bool {
        let wanted = self.platform.as_ref();
        wanted.is_none_or(|platform| platform.runs(&image.config.platform()).is_some())
    }

    /// Fetches an image and tells of it as `docker pull` does.
    ///
    /// # Errors
    ///
    /// As [`pull::pull`].
    pub fn fetch(&self, store: &Store, name: &Name, to: To) -> Result<()> {
        // What is unpacked belongs to root, or to whoever is root in a namespace of his own.
        if !process::sys::may_administer() {
            process::rootless::enter()?;
        }
        let progress = Progress::new(to);
        let registry = Registry::new(name, self.insecure)?;
        progress.line(&texts::pulling(name));
        let platform = self.platform.clone().unwrap_or_else(Platform::host);
        let Pulled { digest, was_here } = pull::pull(store, &registry, name, &platform, &progress)
            .with_context(|| texts::not_pulled(name))?;
        progress.line(&texts::pulled(name, &digest, was_here));
        Ok(())
    }
}

/// `pull`: fetches an image; if `quiet`, only its full name is shown.
///
/// # Errors
///
/// As [`pull`](crate::pull::pull).
pub fn pull(store: &Store, options: &PullOptions, name: &Name, quiet: bool) -> Result<()> {
    options.fetch(store, name, if quiet { To::Nobody } else { To::Output })?;
    if quiet {
        writeln!(io::stdout(), "{}", name.canonical())?;
    }
    Ok(())
}

/// When `run` fetches the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// If it is not here.
    Missing,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

/// The image, fetched first if it has to be.
///
/// # Errors
///
/// When it is not here and can't be, or may not be, fetched.
pub fn get(store: &Store, name: &Name, when: When, options: &PullOptions) -> Result<Image> {
    let here = store.image(name)?.filter(|image| options.accepts(image));
    if let (Some(image), true) = (here, when != When::Always) {
        return Ok(image);
    }
    if when == When::Never {
        bail!(texts::not_here_and_never(&name.to_string()));
    }
    if when == When::Missing {
        explain::say(texts::fetching(name));
    }
    options.fetch(store, name, To::Error)?;
    store.image(name)?.with_context(|| texts::not_here(&name.to_string()))
}

/// How `images` shows them.
#[derive(Debug, clap::Args)]
pub struct ListOptions {
    /// Only the IDs
    #[arg(short, long)]
    quiet: bool,
    /// IDs in full
    #[arg(long)]
    no_trunc: bool,
    /// As JSON, for programs
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
}

/// `images`: what is here.
///
/// # Errors
///
/// When the store can't be read, or standard output is closed.
pub fn list(store: &Store, options: &ListOptions) -> Result<()> {
    let mut rows = Vec::new();
    for entry in store.entries()? {
        let name: Name = entry.name.parse()?;
        match store.image(&name) {
            Ok(Some(image)) => rows.push((name, image)),
            // One whose layers are not all here can't be run, but it can be removed.
            Ok(None) => {}
            // So can one that is damaged, and the others are still to be seen.
            Err(error) => explain::say(texts::not_listed(&name, &error)),
        }
    }
    let mut out = io::stdout().lock();
    if options.json {
        let rows: Vec<Value> = rows.iter().map(|(name, image)| row_as_json(name, image)).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?;
        return Ok(());
    }
    let id = |image: &Image| match options.no_trunc {
        true => image.id.to_string(),
        false => image.id.hex()[..12].to_owned(),
    };
    if options.quiet {
        rows.iter().try_for_each(|(_, image)| writeln!(out, "{}", id(image)))?;
        return Ok(());
    }
    let rows: Vec<[String; 5]> = rows
        .iter()
        .map(|(name, image)| {
            let tag = name.tag.clone().unwrap_or_else(|| "<none>".into());
            let size = DecimalBytes(image.size).to_string();
            [name.familiar_repository(), tag, id(image), ago(image), size]
        })
        .collect();
    let heads = ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"].map(String::from);
    let width = |column: usize| {
        let cells = rows.iter().chain([&heads]).map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    for row in [&heads].into_iter().chain(&rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("   ").trim_end())?;
    }
    Ok(())
}

fn row_as_json(name: &Name, image: &Image) -> Value {
    json!({
        "Repository": name.familiar_repository(),
        "Tag": name.tag,
        "ID": image.id,
        "Digest": image.digest,
        "CreatedAt": image.config.created,
        "Size": image.size,
    })
}

/// How long ago an image was made, by its own account.
fn ago(image: &Image) -> String {
    let made = image.config.created.as_deref().map(humantime::parse_rfc3339_weak);
    match made.map(|made| made.map(|made| SystemTime::now().duration_since(made))) {
        Some(Ok(Ok(age))) => format!("{} ago", HumanDuration(age)),
        _ => "N/A".into(),
    }
}

/// `inspect`: all that is known of some images, as JSON.
///
/// # Errors
///
/// When one is not here.
pub fn inspect(store: &Store, names: &[String]) -> Result<()> {
    let mut all = Vec::new();
    for text in names {
        let entries = find(store, text)?;
        let name: Name = entries[0].name.parse()?;
        let image = store.image(&name)?.with_context(|| texts::not_here(text))?;
        let (digests, tags): (Vec<&str>, Vec<&str>) =
            entries.iter().map(|entry| entry.name.as_str()).partition(|name| name.contains('@'));
        let config: Value =
            serde_json::from_slice(&store.read_blob(&image.id, crate::store::MOST_CONFIG)?)?;
        all.push(json!({
            "Id": image.id,
            "RepoTags": tags,
            "RepoDigests": digests,
            "Digest": image.digest,
            "Created": config["created"],
            "Architecture": config["architecture"],
            "Variant": config["variant"],
            "Os": config["os"],
            "Config": config["config"],
            "Size": image.size,
            "RootFS": { "Type": "layers", "Layers": config["rootfs"]["diff_ids"] },
            "Layers": image.layers,
            "History": config["history"],
        }));
    }
    writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&all)?)?;
    Ok(())
}

/// `rmi`: forgets names, and removes what nothing leads to any more.
///
/// # Errors
///
/// When one is not here, or an ID has several names and `force` is not given.
pub fn remove(store: &Store, names: &[String], force: bool) -> Result<()> {
    for text in names {
        let entries = find(store, text)?;
        let by_name = text.parse::<Name>().is_ok_and(|name| name.canonical() == entries[0].name);
        if entries.len() > 1 && !by_name && !force {
            let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
            bail!(texts::several(text, &names));
        }
        let mut out = io::stdout().lock();
        for entry in entries.iter().take(if by_name { 1 } else { usize::MAX }) {
            let removed = store.remove(&entry.name)?;
            writeln!(out, "Untagged: {}", entry.name)?;
            for digest in removed.digests {
                writeln!(out, "Deleted: {digest}")?;
            }
        }
    }
    Ok(())
}

/// `prune`: removes what no image needs, and what killed pulls left.
///
/// # Errors
///
/// When the store can't be changed.
pub fn prune(store: &Store) -> Result<()> {
    let removed = store.prune()?;
    let mut out = io::stdout().lock();
    for digest in &removed.digests {
        writeln!(out, "Deleted: {digest}")?;
    }
    writeln!(out, "{}", texts::reclaimed(removed.bytes))?;
    Ok(())
}

/// The names that somebody means: one by name, all of an image by the beginning of its ID. Never
/// empty.
fn find(store: &Store, text: &str) -> Result<Vec<Entry>> {
    let entries = store.entries()?;
    if let Ok(name) = text.parse::<Name>() {
        let name = name.canonical();
        if let Some(entry) = entries.iter().find(|entry| entry.name == name) {
            return Ok(vec![entry.clone()]);
        }
    }
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    let mut found: Vec<Entry> = Vec::new();
    let mut ids = std::collections::BTreeSet::new();
    if !hex.is_empty() {
        for entry in entries {
            let id = store.manifest(&entry.digest)?.config.digest;
            if id.hex().starts_with(hex) {
                ids.insert(id);
                found.push(entry);
            }
        }
    }
    match ids.len() {
        0 => bail!(texts::not_here(text)),
        1 => Ok(found),
        _ => bail!(texts::ambiguous(text)),
    }
}
