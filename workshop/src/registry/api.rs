//! The answers: the part of the OCI distribution specification that a pull needs (distribution-spec,
//! `spec.md`, "Pull" and "Content Discovery").
//!
//! ```text
//! GET /v2/                                is this a registry?
//! GET /v2/NAME/manifests/TAG-OR-DIGEST    what an image consists of
//! GET /v2/NAME/blobs/DIGEST               one part of it, or a range of that
//! GET /v2/NAME/tags/list?n=5&last=TAG     which tags there are, some at a time
//! GET /v2/NAME/referrers/DIGEST           what was attached to an image: here nothing
//! GET /v2/_catalog?n=5&last=NAME          which repositories there are
//! ```
//!
//! HEAD answers the same without a body. To push is chapter 10's.
//!
//! A name or a tag from a client is only ever compared with those that are there; a digest becomes a
//! file's name, and is parsed for that into 64 hexadecimal digits. So no path leads out.
//!
//! `library/NAME` is NAME: so Docker Hub calls its own images, and a `docker` that takes us for its
//! mirror asks for that.

use anyhow::Result;
use image_pull::digest::Digest;
use serde_json::{Value, json};

use super::layout::{Entry, INDEX_TYPE, Layout, familiar};
use crate::http::{Answer, Method, Request};
use crate::texts;

const JSON: &str = "application/json";

/// An error as the specification wants it told: a status, a code, and a sentence.
#[derive(Debug)]
struct Refusal(u16, &'static str, String);

const MANIFEST_UNKNOWN: &str = "MANIFEST_UNKNOWN";

/// Answers one request.
pub fn answer(layout: &Layout, request: &Request) -> Answer {
    let answer = route(layout, request).unwrap_or_else(|error| {
        // The registry's own trouble, with its folder.
        Err(Refusal(500, "UNKNOWN", format!("{error:#}")))
    });
    let answer = answer.unwrap_or_else(|Refusal(status, code, message)| {
        let error = json!({ "errors": [{ "code": code, "message": message }] });
        let answer = Answer::new(status, JSON, error.to_string());
        if status == 405 { answer.with("Allow", "GET, HEAD") } else { answer }
    });
    answer.with("Docker-Distribution-API-Version", "registry/2.0")
}

/// The outer result is about us, the inner one about what was asked.
type Answered = Result<Result<Answer, Refusal>>;

fn route(layout: &Layout, request: &Request) -> Answered {
    if request.method == Method::Other {
        return Ok(Err(Refusal(405, "UNSUPPORTED", texts::ONLY_PULL.into())));
    }
    let path = match request.path.strip_prefix("/v2/") {
        Some("") => return Ok(Ok(Answer::new(200, JSON, "{}"))),
        Some("_catalog") => return catalog(layout, request),
        Some(path) => path,
        None => "",
    };
    // NAME may hold slashes; the last two words don't.
    let words = path.rsplit_once('/');
    let words = words.and_then(|(rest, last)| Some((rest.rsplit_once('/')?, last)));
    let Some(((name, kind), last)) = words else {
        return Ok(Err(Refusal(404, "UNSUPPORTED", texts::NO_SUCH_CALL.into())));
    };
    let entries = layout.entries()?;
    let name = familiar(name);
    let entries: Vec<_> = entries.iter().filter(|entry| entry.name().0 == name).collect();
    if entries.is_empty() {
        return Ok(Err(Refusal(404, "NAME_UNKNOWN", texts::no_repository(name))));
    }
    match kind {
        "manifests" => manifest(layout, request, &entries, last),
        "blobs" => blob(layout, request, last),
        "tags" if last == "list" => {
            let tags = entries.iter().filter_map(|entry| entry.name().1);
            Ok(page(request, tags.collect(), |tags| json!({ "name": name, "tags": tags })))
        }
        "referrers" => Ok(last.parse::<Digest>().map(|_| referrers()).map_err(bad_digest)),
        _ => Ok(Err(Refusal(404, "UNSUPPORTED", texts::NO_SUCH_CALL.into()))),
    }
}

/// A manifest by its tag or by its digest.
fn manifest(layout: &Layout, request: &Request, entries: &[&Entry], wanted: &str) -> Answered {
    let digest = wanted.parse::<Digest>();
    let is_wanted = |entry: &&&Entry| match &digest {
        Ok(digest) => entry.digest == *digest,
        Err(_) => entry.name().1 == Some(wanted),
    };
    let Some(entry) = entries.iter().find(is_wanted) else {
        return Ok(Err(Refusal(404, MANIFEST_UNKNOWN, texts::no_manifest(wanted))));
    };
    content(layout, request, &entry.digest, &entry.media_type, MANIFEST_UNKNOWN)
}

fn blob(layout: &Layout, request: &Request, digest: &str) -> Answered {
    match digest.parse::<Digest>() {
        Ok(digest) => content(layout, request, &digest, texts::BLOB_TYPE, "BLOB_UNKNOWN"),
        Err(error) => Ok(Err(bad_digest(error))),
    }
}

/// What has this digest: it never changes, so the digest is its `ETag` as well.
fn content(
    layout: &Layout,
    request: &Request,
    digest: &Digest,
    media_type: &str,
    unknown: &'static str,
) -> Answered {
    let Some(file) = layout.blob(digest)? else {
        return Ok(Err(Refusal(404, unknown, texts::no_blob(digest))));
    };
    let tag = format!("\"{digest}\"");
    let answer = if request.field("If-None-Match") == Some(&tag) {
        Answer::new(304, media_type, "")
    } else {
        Answer::file(request, file, media_type)?
    };
    Ok(Ok(answer.with("Docker-Content-Digest", digest.to_string()).with("ETag", tag)))
}

fn bad_digest(error: impl std::fmt::Display) -> Refusal {
    Refusal(400, "DIGEST_INVALID", format!("{error:#}"))
}

fn referrers() -> Answer {
    let none = json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [] });
    Answer::new(200, INDEX_TYPE, none.to_string())
}

fn catalog(layout: &Layout, request: &Request) -> Answered {
    let repositories = layout.repositories()?;
    let names = repositories.keys().map(String::as_str).collect();
    Ok(page(request, names, |names| json!({ "repositories": names })))
}

/// The names after `last`, `n` of them at most; and where the next ones are, if there are more.
fn page(
    request: &Request,
    mut names: Vec<&str>,
    body: impl FnOnce(&[&str]) -> Value,
) -> Result<Answer, Refusal> {
    names.sort_unstable();
    if let Some(last) = request.parameter("last") {
        names.retain(|name| *name > last);
    }
    let mut more = false;
    if let Some(count) = request.parameter("n") {
        let Ok(count) = count.parse::<usize>() else {
            return Err(Refusal(400, "PAGINATION_NUMBER_INVALID", texts::bad_count(count)));
        };
        more = 0 < count && count < names.len();
        names.truncate(count);
    }
    let answer = Answer::new(200, JSON, body(&names).to_string());
    let next = names.last().filter(|_| more).map(|last| {
        // All three are ours or have been understood: nothing of it is copied blindly.
        format!("<{}?n={}&last={last}>; rel=\"next\"", request.path, names.len())
    });
    Ok(match next {
        Some(next) => answer.with("Link", next),
        None => answer,
    })
}
