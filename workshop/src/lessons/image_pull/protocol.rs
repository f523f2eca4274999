//! In which ways an image may come.

use anyhow::Result;
use serde_json::json;

use super::stage::{Stage, fetched, has};
use crate::check::claim::{Finding, Wrong, expect};
use crate::check::exam::Exam;
use crate::check::registry::image::OCI_INDEX;
use crate::check::registry::{Asked, Door, Entry, Image, Kind, Layer, Shelf, Token};
use crate::check::world::World;

pub(super) struct Images {
    /// For several machines.
    several: (String, Image, Image),
    docker: (String, Image),
    /// With a layer that is not compressed, and a file in it.
    plain: (String, (String, String)),
    /// Only for those who have a token, and with a layer that is elsewhere.
    locked: (String, Image, Token),
}

impl Images {
    pub(super) fn new(world: &World, base: &Layer, shelf: &mut Shelf) -> Self {
        let file = || (world.word(), world.word());
        let entry = |(name, content): &(String, String)| Entry::file(name, content.as_str());
        let small = |kind| Image::of(kind, &[&Layer::new(&[entry(&file())])], &json!({}));

        let (ours, others) = (small(Kind::Oci), small(Kind::Oci));
        let several = world.word();
        for image in [&ours, &others] {
            shelf.put(&several, &image.manifest.digest.to_string(), image);
        }
        shelf.manifest(&several, "latest", OCI_INDEX, &ours.index(&others));
        let several = (several, ours, others);

        let docker = (world.word(), small(Kind::Docker));
        shelf.put(&docker.0, "latest", &docker.1);

        let plain = (world.word(), file());
        let layer = Layer::plain(&[entry(&plain.1)]);
        shelf.put(&plain.0, "latest", &Image::new(&[base, &layer], &json!({})));

        let repository = format!("{}/{}", world.word(), world.word());
        let token = Token {
            realm: format!("/{}/{}", world.word(), world.word()),
            service: format!("{}, {}", world.word(), world.word()),
            scope: format!("repository:{repository}:pull,push"),
            token: world.word() + &world.word(),
        };
        let locked = (repository, small(Kind::Oci), token);
        shelf.put(&locked.0, "latest", &locked.1);
        shelf.redirect(&locked.0, &locked.1.layers[0].blob.digest);
        shelf.lock(locked.2.clone());
        Self { several, docker, plain, locked }
    }

    pub(super) fn examine(&self, exam: &mut Exam, stage: &mut Stage) -> Result<()> {
        let (name, ours, others) = &self.several;
        let (pulled, asked) = stage.asked(exam, Door::Open, name)?;
        let wrong = fetched(&asked, &others.layers).next().map(|asked| asked.path.clone());
        exam.finding(
            "index",
            expect(wrong.is_none(), || {
                format!("{} is for another machine", wrong.unwrap_or_default())
            }),
        );
        exam.finding("index", pulled);
        exam.finding("index", came(&asked, ours));

        let (name, image) = &self.docker;
        let (pulled, asked) = stage.asked(exam, Door::Open, name)?;
        exam.finding("schema2", pulled);
        exam.finding("schema2", came(&asked, image));

        let (name, image, token) = &self.locked;
        let (pulled, asked) = stage.asked(exam, Door::Locked, name)?;
        exam.finding("token", told_of(&asked, token, name, &pulled));
        if exam.holds("token") {
            exam.finding("redirect", redirected(&asked, &pulled));
            let shown = asked.iter().filter(|asked| asked.door == Door::Elsewhere);
            let shown = shown.filter_map(|asked| asked.authorization.as_deref()).next();
            exam.finding(
                "no-token-elsewhere",
                expect(shown.is_none(), || {
                    format!("Authorization: {} on the other address", shown.unwrap_or_default())
                }),
            );
            exam.finding("redirect", came(&asked, image));
        }

        if !exam.goes_on() || !exam.holds("runs") {
            return Ok(());
        }
        let (name, (file, content)) = &self.plain;
        let (pulled, _) = stage.asked(exam, Door::Open, name)?;
        exam.finding("plain-tar", pulled);
        if exam.holds("plain-tar") {
            let mut running = stage.run(exam, name, &[])?;
            let held = running.held();
            if let Some(pid) = exam.found("plain-tar", held) {
                exam.finding("plain-tar", has(pid, file, content));
                let _ = running.release(pid);
            }
        }
        Ok(())
    }
}

/// The image's layers were fetched.
fn came(asked: &[Asked], image: &Image) -> Finding {
    let missing = image
        .layers
        .iter()
        .find(|layer| fetched(asked, std::slice::from_ref(layer)).all(|asked| asked.status != 200));
    expect(missing.is_none(), || {
        let digest = missing.map(|layer| layer.blob.digest.to_string()).unwrap_or_default();
        format!("nobody asked for the layer {digest}")
    })
}

/// Somebody got a token for this repository, and used it.
fn told_of(asked: &[Asked], token: &Token, repository: &str, pulled: &Finding) -> Finding {
    let Token { realm, service, token, .. } = token;
    let Some(fetch) = asked.iter().find(|asked| asked.path == *realm) else {
        return Err(match pulled {
            Err(Wrong::Seen(seen)) => Wrong::Seen(format!("no request for {realm}; {seen}")),
            Err(trouble) => trouble.clone(),
            Ok(()) => Wrong::Seen(format!("no request for {realm}")),
        });
    };
    let shown = |text: &Option<String>| text.clone().unwrap_or_default();
    expect(fetch.service.as_ref() == Some(service), || {
        format!("{realm} was asked with service {:?}, not {service:?}", shown(&fetch.service))
    })?;
    let scope = format!("repository:{repository}:pull");
    let is_right = fetch.scope.as_ref().is_some_and(|it| it.starts_with(&scope));
    expect(is_right, || {
        format!("{realm} was asked with scope {:?}, not {scope:?}", shown(&fetch.scope))
    })?;
    let with_it = asked.iter().any(|asked| {
        let shows = asked.authorization.as_ref().is_some_and(|it| it == &format!("Bearer {token}"));
        shows && asked.path.contains("/manifests/")
    });
    expect(with_it, || "no request for the manifest showed the token".into())
}

/// Somebody went to the other address.
fn redirected(asked: &[Asked], pulled: &Finding) -> Finding {
    let sent = asked.iter().find(|asked| asked.status == 307);
    let came = asked.iter().any(|asked| asked.door == Door::Elsewhere && asked.get);
    if came {
        return pulled.clone();
    }
    Err(Wrong::Seen(match sent {
        Some(sent) => format!("{}: 307, and then no request on the other address", sent.path),
        None => "the layer was not asked for".into(),
    }))
}
