//! What is not believed.

use anyhow::Result;
use serde_json::json;

use super::stage::{self, PROBE, Stage, has, seen_by, worked};
use crate::check::claim::{Wrong, expect};
use crate::check::exam::Exam;
use crate::check::registry::{Entry, Image, Layer, Shelf};
use crate::check::world::World;

pub(super) struct Images {
    /// The top layer comes with another byte in it.
    layer: String,
    /// The configuration does.
    config: String,
    /// Another manifest comes than the one of this name.
    manifest: String,
    /// The layer goes on after its end.
    long: String,
    /// Says of its top layer that it is the one of `half`; and what is in it in truth.
    false_id: (String, String),
    /// At first only half of the top layer comes; and a file in it.
    half: (String, (String, String)),
}

/// Where a file that gzip has compressed says when it was written (RFC 1952, 2.3): four bytes that
/// nobody looks at who decompresses it.
const TIME: usize = 4;

impl Images {
    pub(super) fn new(world: &World, base: &Layer, shelf: &mut Shelf) -> Self {
        let file = (world.word(), world.word());
        let small = |name: &str| Layer::new(&[Entry::file(name, world.word())]);

        let layer = world.word();
        let top = small(&world.word());
        shelf.put(&layer, "latest", &Image::new(&[base, &top], &json!({})));
        let mut bytes = top.blob.bytes.clone();
        bytes[TIME] ^= 1 + world.number(255) as u8;
        shelf.swap(&layer, &top.blob.digest, bytes, false);

        let config = world.word();
        let (right, wrong) = (format!("WHO={}", world.word()), format!("WHO={}", world.word()));
        let image = |variable: &str, top| Image::new(&[top], &json!({ "Env": [variable] }));
        let top = small(&world.word());
        let (right, wrong) = (image(&right, &top), image(&wrong, &top));
        shelf.put(&config, "latest", &right);
        shelf.swap(&config, &right.config.digest, wrong.config.bytes, false);

        let manifest = world.word();
        let (right, wrong) = (small(&world.word()), small(&world.word()));
        let [right, wrong] = [right, wrong].map(|top| Image::new(&[&top], &json!({})));
        shelf.put(&manifest, &world.word(), &right);
        shelf.put(&manifest, &world.word(), &wrong);
        shelf.swap_manifest(&manifest, &right.manifest.digest, wrong.manifest.bytes);
        let manifest = format!("{manifest}@{}", right.manifest.digest);

        let long = world.word();
        let top = small(&world.word());
        shelf.put(&long, "latest", &Image::new(&[&top], &json!({})));
        let more = [top.blob.bytes.clone(), world.word().into_bytes()].concat();
        shelf.swap(&long, &top.blob.digest, more, false);

        let half = (world.word(), file);
        let top = Layer::new(&[Entry::file(&half.1.0, half.1.1.as_str())]);
        shelf.put(&half.0, "latest", &Image::new(&[base, &top], &json!({})));
        let bytes = &top.blob.bytes;
        shelf.swap(&half.0, &top.blob.digest, bytes[..bytes.len() / 2].to_vec(), true);

        let false_id = (world.word(), world.word());
        let other = Layer::new(&[Entry::file(&half.1.0, false_id.1.as_str())]);
        let how = json!({ "Env": [format!("WHO={}", world.word())] });
        let image = Image::mistaken(&[base, &other], &top.diff_id, &how);
        shelf.put(&false_id.0, "latest", &image);
        Self { layer, config, manifest, long, false_id, half }
    }

    pub(super) fn examine(&self, exam: &mut Exam, stage: &Stage) -> Result<()> {
        let pulled = stage.pull(exam, &self.layer)?;
        let other = "though one byte of the layer is another than the digest says";
        Stage::refused(exam, "digest-layer", pulled, other);
        let others = [
            ("digest-config", &self.config, "though the configuration is not what its digest says"),
            ("digest-manifest", &self.manifest, "though the manifest is not what its digest says"),
            ("length", &self.long, "though the layer has more bytes than the manifest says"),
        ];
        let names = others.map(|(_, name, _)| stage.name(name));
        for ((id, _, what), pulled) in others.into_iter().zip(stage.pull_each(exam, &names)?) {
            Stage::refused(exam, id, pulled, what);
        }
        if exam.goes_on() && exam.holds("runs") && exam.holds("digest-layer") {
            self.nothing_left(exam, stage)?;
            // Refused or not: what counts is what the next image gets.
            let pulled = stage.pull(exam, &self.false_id.0)?;
            if exam.found("diff-id", pulled).is_some() {
                self.half(exam, stage)?;
            }
        }
        Ok(())
    }

    /// `run` may try to pull it again, but that does not help.
    fn nothing_left(&self, exam: &mut Exam, stage: &Stage) -> Result<()> {
        let word = exam.world.word();
        let call = stage.call(exam.world.call(), &self.layer);
        let call = call.probe(PROBE, &[format!("say:{word}")]);
        let outcome = stage.host.start(&exam.world, &call)?.wait();
        let Some(outcome) = exam.found("nothing-left", outcome) else { return Ok(()) };
        exam.finding(
            "nothing-left",
            expect(outcome.facts.text("say") != word && outcome.status() != 0, || {
                format!("`{}` executed its command", outcome.shown)
            }),
        );
        Ok(())
    }

    /// Whoever asks again by himself may succeed at once.
    fn half(&self, exam: &mut Exam, stage: &Stage) -> Result<()> {
        let (name, (file, content)) = &self.half;
        let mut outcome = stage.pull(exam, name)?;
        if outcome.as_ref().is_ok_and(|outcome| outcome.status() != 0) {
            outcome = stage.pull(exam, name)?;
        }
        let worked = outcome.map_err(Wrong::from).and_then(|it| worked(&it));
        if exam.found("half", worked).is_none() {
            return Ok(());
        }
        let mut running = stage.run(exam, name, &[])?;
        let held = running.held();
        if let Some(pid) = exam.found("half", held) {
            let (path, found) = (seen_by(pid, file), stage::content(pid, file));
            exam.finding(
                "diff-id",
                expect(found != format!("{:?}", self.false_id.1), || {
                    format!("{}: {found}, which is another image's", path.display())
                }),
            );
            if exam.holds("diff-id") {
                exam.finding("half", has(pid, file, content));
            }
            let _ = running.release(pid);
        }
        Ok(())
    }
}
