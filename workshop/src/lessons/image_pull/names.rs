//! Which image is asked for, and where.

use anyhow::Result;
use serde_json::json;

use super::stage::{Stage, fetched, has, worked};
use crate::check::claim::{Finding, Wrong, expect};
use crate::check::exam::Exam;
use crate::check::registry::image::{DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use crate::check::registry::{Asked, Door, Entry, Image, Layer, Shelf};
use crate::check::world::World;

pub(super) struct Images {
    /// With three words in its name.
    long: String,
    tag: String,
    /// With one word.
    short: String,
    image: Image,
    /// A file of its top layer.
    file: (String, String),
    other: String,
    other_image: Image,
}

impl Images {
    pub(super) fn new(world: &World, base: &Layer, shelf: &mut Shelf) -> Self {
        let long = [world.word(), world.word(), world.word()].join("/");
        let (short, other) = (world.word(), world.word());
        let tag = format!("{}.{}", world.number(100), world.word());
        let file = (world.word(), world.word());
        let top = Layer::new(&[Entry::file(&file.0, file.1.as_str())]);
        let image = Image::new(&[base, &top], &json!({}));
        shelf.put(&long, &tag, &image);
        shelf.put(&short, "latest", &image);
        let top = Layer::new(&[Entry::file(world.word(), world.word())]);
        let other_image = Image::new(&[base, &top], &json!({}));
        shelf.put(&other, &world.word(), &other_image);
        Self { long, tag, short, image, file, other, other_image }
    }

    /// From the name to the first command that runs.
    pub(super) fn examine(&self, exam: &mut Exam, stage: &mut Stage) -> Result<()> {
        let name = format!("{}:{}", self.long, self.tag);
        let (pulled, asked) = stage.asked(exam, Door::Open, &name)?;
        let address = stage.registry.address(Door::Open);
        exam.finding(
            "registry",
            match &pulled {
                _ if !asked.is_empty() => Ok(()),
                Ok(()) => Err(Wrong::Seen(format!("no request came to {address}"))),
                Err(Wrong::Seen(seen)) => {
                    Err(Wrong::Seen(format!("no request came to {address}; {seen}")))
                }
                trouble => trouble.clone(),
            },
        );
        if !exam.holds("registry") {
            return Ok(());
        }
        exam.finding("repository", repository(&asked, &self.long));
        exam.finding("tag", reference(&asked, &self.tag));
        exam.finding("accept", accept(&asked));
        exam.finding("pulls", pulled);
        let config = self.image.config.digest.to_string();
        let has_config = asked.iter().any(|asked| asked.get && asked.path.ends_with(&config));
        let layers = fetched(&asked, &self.image.layers).count();
        exam.finding(
            "pulls",
            expect(has_config && layers >= self.image.layers.len(), || {
                format!("the registry was asked for {}", paths(&asked))
            }),
        );
        if !exam.goes_on() || !exam.holds("pulls") {
            return Ok(());
        }

        let mut running = stage.run(exam, &name, &[])?;
        let held = running.held();
        if let Some(pid) = exam.found("runs", held) {
            exam.finding("all-layers", has(pid, &self.file.0, &self.file.1));
            let outcome = running.release(pid);
            exam.finding("runs", outcome.map_err(Wrong::from).and_then(|it| worked(&it)));
        }
        if !exam.goes_on() {
            return Ok(());
        }

        // Again; and the same under another name.
        for name in [&name, &self.short] {
            let (pulled, asked) = stage.asked(exam, Door::Open, name)?;
            if *name == self.short {
                exam.finding("repository", repository(&asked, &self.short));
                exam.finding("tag", reference(&asked, "latest"));
            }
            exam.finding("pulls", pulled);
            let again: Vec<Asked> = fetched(&asked, &self.image.layers).cloned().collect();
            exam.finding(
                "cached",
                expect(again.is_empty(), || format!("fetched again: {}", paths(&again))),
            );
        }
        Ok(())
    }

    /// A registry without a dot in its name: the colon says that it is one.
    pub(super) fn examine_port(&self, exam: &mut Exam, stage: &mut Stage) -> Result<()> {
        let port = stage.registry.address(Door::Open).port();
        let name = format!("localhost:{port}/{}", self.short);
        stage.registry.asked()?;
        let outcomes = stage.pull_each(exam, std::slice::from_ref(&name))?;
        let asked = stage.registry.asked()?;
        // An open exercise says so itself.
        if let Some(Err(trouble)) = outcomes.into_iter().next() {
            exam.finding("registry", Err(trouble.into()));
        }
        exam.finding(
            "registry",
            expect(!asked.is_empty(), || format!("for {name} no request came to port {port}")),
        );
        Ok(())
    }

    /// An image by its digest.
    pub(super) fn examine_digest(&self, exam: &mut Exam, stage: &mut Stage) -> Result<()> {
        let digest = self.other_image.manifest.digest.to_string();
        let (pulled, asked) = stage.asked(exam, Door::Open, &format!("{}@{digest}", self.other))?;
        exam.finding("by-digest", reference(&asked, &digest));
        exam.finding("by-digest", pulled);
        let again: Vec<Asked> = fetched(&asked, &self.other_image.layers[..1]).cloned().collect();
        exam.finding(
            "cached",
            expect(again.is_empty(), || format!("fetched again: {}", paths(&again))),
        );
        Ok(())
    }

    /// Images that are not there.
    pub(super) fn examine_refusals(&self, exam: &mut Exam, stage: &Stage) -> Result<()> {
        let address = stage.registry.address(Door::Open);
        let names = [
            stage.name(&format!("{}:{}", self.short, exam.world.word())),
            format!("127.0.0.3:{}/{}", address.port(), self.short),
            stage.name(&self.short.to_uppercase()),
        ];
        // A name that can't be one may be refused by what reads the command line, with more words.
        let most = [1, 1, usize::MAX];
        for (outcome, most) in stage.pull_each(exam, &names)?.into_iter().zip(most) {
            let Some(outcome) = exam.found("refusals", outcome) else { return Ok(()) };
            // What an ordinary user is told beforehand is no part of the refusal.
            let lines = outcome.errors.lines().filter(|line| !line.starts_with("Not root:"));
            let (lines, status) = (lines.count(), outcome.status());
            exam.finding(
                "refusals",
                expect(status != 0 && (1..=most).contains(&lines), || {
                    format!(
                        "`{}` ended with status {status}, and said {:?}",
                        outcome.shown, outcome.errors
                    )
                }),
            );
        }
        Ok(())
    }
}

/// The part of a path between `/v2/` and `/manifests/`, and what follows.
fn manifest(asked: &Asked) -> Option<(&str, &str)> {
    asked.path.strip_prefix("/v2/")?.split_once("/manifests/")
}

fn paths(asked: &[Asked]) -> String {
    if asked.is_empty() {
        return "nothing".into();
    }
    let paths = asked.iter().map(|asked| format!("{} ({})", asked.path, asked.status));
    paths.collect::<Vec<_>>().join(", ")
}

fn repository(asked: &[Asked], expected: &str) -> Finding {
    let right = asked.iter().filter_map(manifest).any(|(repository, _)| repository == expected);
    expect(right, || format!("the registry was asked for {}, not for {expected}", paths(asked)))
}

fn reference(asked: &[Asked], expected: &str) -> Finding {
    let right = asked.iter().filter_map(manifest).any(|(_, reference)| reference == expected);
    expect(right, || format!("the registry was asked for {}, not for {expected}", paths(asked)))
}

fn accept(asked: &[Asked]) -> Finding {
    let Some(first) = asked.iter().find(|asked| manifest(asked).is_some()) else { return Ok(()) };
    let all = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX];
    let missing: Vec<_> = all.into_iter().filter(|kind| !first.accept.contains(kind)).collect();
    expect(missing.is_empty(), || {
        format!("{}: Accept is {:?}, without {}", first.path, first.accept, missing.join(", "))
    })
}
