//! Registries that lie, break, stall and go on for ever: each is either got along with, or refused
//! in a sentence that names what was wrong.

use std::time::{Duration, SystemTime};

use testbed::registry::digest;

use crate::image::{GZIP, Image, OCI_INDEX, OCI_MANIFEST, manifest, options, pull};
use crate::server::{Answer, Request, Server};

/// Pulls from a registry that answers good requests by `answer`, or if that has none, well.
fn from(
    image: &Image,
    answer: impl Fn(&Request, &Image) -> Option<Answer> + Send + Sync + 'static,
) -> (Server, Result<(), String>) {
    let (good, served) = (image.clone(), image.clone());
    let server = Server::start(move |request| match request.path.as_str() {
        "/v2/" => Answer::new(200),
        _ => answer(request, &served).unwrap_or_else(|| served.answer(request)),
    });
    let pulled = pull(&format!("{}/app:1", server.address), options(&[]));
    let pulled = pulled.map(|pulled| {
        assert!(pulled.layer == good.layer && pulled.config == good.config);
    });
    (server, pulled)
}

fn for_layer(request: &Request, image: &Image) -> bool {
    request.path.ends_with(&digest(&image.layer))
}

/// A registry of which the layer's answers are wrong.
fn layers(
    answer: impl Fn(&Request, &Image) -> Answer + Send + Sync + 'static,
) -> Result<(), String> {
    from(&Image::new(), move |request, image| {
        for_layer(request, image).then(|| answer(request, image))
    })
    .1
}

/// A registry of which the manifest's answers are wrong.
fn manifests(
    answer: impl Fn(&Request, &Image) -> Answer + Send + Sync + 'static,
) -> Result<(), String> {
    from(&Image::new(), move |request, image| {
        request.is_for("manifests").then(|| answer(request, image))
    })
    .1
}

#[track_caller]
fn refused(pulled: Result<(), String>, why: &str) {
    let error = pulled.expect_err(why);
    assert!(error.contains(why), "expected {why:?}: {error}");
}

#[test]
fn a_good_registry() {
    let (server, pulled) = from(&Image::new(), |_, _| None);
    assert_eq!(pulled, Ok(()));
    for request in server.requests() {
        assert!(request.header("user-agent").starts_with("coracle/"));
        assert_eq!(request.header("authorization"), "");
    }
    let accepted = server.asked("manifests")[0].header("accept").to_owned();
    for kind in ["oci.image.index.v1", "oci.image.manifest.v1", "manifest.list.v2", "manifest.v2"] {
        assert!(accepted.contains(kind), "{accepted}");
    }
}

#[test]
fn a_digest_that_is_a_path() {
    let image = Image::new();
    let bad = manifest("sha256:../../x", 7, GZIP, "", &image.config);
    refused(from(&image.with_manifest(bad), |_, _| None).1, "no digest");
}

#[test]
fn a_size_that_is_off_by_one() {
    let image = Image::new();
    for (size, told) in [(100_001, "100001"), (99_999, "99999")] {
        let bad =
            image.with_manifest(manifest(&digest(&image.layer), size, GZIP, "", &image.config));
        refused(from(&bad, |_, _| None).1, told);
        // If nobody says how long it is, it shows at the end.
        let (_, pulled) = from(&bad, |request, image| {
            let body = image.layer.as_slice();
            for_layer(request, image).then(|| Answer::ok("a/b", body).endless())
        });
        refused(pulled, told);
    }
    refused(
        from(&image.with_manifest(manifest(&digest(b""), -1, GZIP, "", b"")), |_, _| None).1,
        "-1",
    );
}

#[test]
fn a_manifest_that_is_too_large() {
    let large = |answer: Answer| move |_: &Request, _: &Image| answer.clone();
    let body = vec![b' '; (4 << 20) + 1];
    refused(manifests(large(Answer::ok(OCI_MANIFEST, body.clone()))), "more than 4194304 bytes");
    refused(manifests(large(Answer::ok(OCI_MANIFEST, body).endless())), "more than 4194304 bytes");
}

#[test]
fn a_manifest_that_is_not_what_it_is_called() {
    refused(
        manifests(|_, image| Answer::ok(OCI_INDEX, image.manifest.as_str())),
        "contradicts itself",
    );
    let both = |_: &Request, image: &Image| {
        let both = image.manifest.replace(r#""layers""#, r#""manifests":[],"layers""#);
        Answer::ok(OCI_MANIFEST, both)
    };
    refused(manifests(both), "contradicts itself");
    refused(manifests(|_, _| Answer::ok("text/html", "<html>Please log in</html>")), "web page");
    refused(
        manifests(|_, _| Answer::ok(OCI_MANIFEST, "<html>Please log in</html>")),
        "no manifest",
    );
    refused(manifests(|_, _| Answer::ok(OCI_MANIFEST, "")), "no manifest");
    let helm = |_: &Request, image: &Image| {
        Answer::ok(
            OCI_MANIFEST,
            image.manifest.replace("vnd.oci.image.config", "vnd.cncf.helm.config"),
        )
    };
    refused(manifests(helm), "helm");
    refused(manifests(|_, _| Answer::ok("application/json", r#"{"schemaVersion":1}"#)), "2016");
}

fn index(of: &str, size: usize, media_type: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{{"mediaType":"{media_type}","digest":"{of}","size":{size},"platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#
    )
}

#[test]
fn an_index_that_leads_nowhere() {
    let by_digest = |request: &Request| request.path.contains("sha256:");
    // What it should be.
    let (server, pulled) = from(&Image::new(), move |request, image| {
        let index = index(&digest(image.manifest.as_bytes()), image.manifest.len(), OCI_MANIFEST);
        (request.is_for("manifests") && !by_digest(request)).then(|| Answer::ok(OCI_INDEX, index))
    });
    assert_eq!((pulled, server.asked("manifests").len()), (Ok(()), 2));
    // It leads to another index; to itself, against its digest; to something of another size; to
    // no machine of ours.
    let inner = index(&digest(b"x"), 1, OCI_MANIFEST);
    let nested = move |request: &Request, _: &Image| match by_digest(request) {
        true => Answer::ok(OCI_INDEX, inner.as_str()),
        false => Answer::ok(OCI_INDEX, index(&digest(inner.as_bytes()), inner.len(), OCI_INDEX)),
    };
    refused(manifests(nested), "another choice");
    let itself = |_: &Request, _: &Image| Answer::ok(OCI_INDEX, index(&digest(b"x"), 9, OCI_INDEX));
    refused(manifests(itself), "another digest");
    let other_size = move |request: &Request, image: &Image| match by_digest(request) {
        true => image.answer(request),
        false => Answer::ok(OCI_INDEX, index(&digest(image.manifest.as_bytes()), 9, OCI_MANIFEST)),
    };
    refused(manifests(other_size), "should have 9 bytes");
    let elsewhere = |_: &Request, _: &Image| {
        Answer::ok(OCI_INDEX, index(&digest(b"x"), 1, OCI_MANIFEST).replace("amd64", "s390x"))
    };
    refused(manifests(elsewhere), "not made for linux/amd64, but for linux/s390x");
}

#[test]
fn a_digest_that_is_not_that_of_the_bytes() {
    let told = |_: &Request, image: &Image| {
        let answer = Answer::ok(OCI_MANIFEST, image.manifest.as_str());
        answer.header("Docker-Content-Digest", &digest(b"something else"))
    };
    refused(manifests(told), "says that it is");
    let other = |_: &Request, image: &Image| {
        let mut layer = image.layer.clone();
        layer[50_000] ^= 1;
        Answer::ok("a/b", layer)
    };
    refused(layers(other), "another digest");
}

#[test]
fn a_layer_from_somewhere_else() {
    let elsewhere = Server::start(|_| Answer::new(200));
    let image = Image::new();
    let urls = format!(r#","urls":["http://{}/layer"]"#, elsewhere.address);
    let bad = manifest(&digest(&image.layer), 100_000, GZIP, &urls, &image.config);
    refused(from(&image.with_manifest(bad), |_, _| None).1, "somewhere else");
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn redirects_without_end_or_sense() {
    let to = |location: &str| {
        let location = location.to_owned();
        move |_: &Request, _: &Image| Answer::new(307).header("Location", &location)
    };
    refused(layers(to("/v2/app/blobs/again")), "404");
    refused(layers(|request, _| Answer::new(307).header("Location", &request.path)), "on and on");
    for nowhere in
        ["", "ftp://a.tld/", "http://me:secret@127.0.0.1/", "::::", "layer", "file:///etc/passwd"]
    {
        refused(layers(to(nowhere)), "nobody can go");
    }
    refused(layers(|_, _| Answer::new(302)), "nobody can go");
    // Not on this machine, and not encrypted.
    refused(layers(to("http://192.0.2.1/layer")), "not encrypted");
}

#[test]
fn interruptions_are_got_over() {
    let cut = |request: &Request, image: &Image| match request.before {
        0 => image.answer(request).cut(40_000),
        _ => image.answer(request),
    };
    let (server, pulled) = from(&Image::new(), move |request, image| {
        for_layer(request, image).then(|| cut(request, image))
    });
    assert_eq!(pulled, Ok(()));
    assert!(server.asked("blobs").iter().any(|request| request.header("range") == "bytes=40000-"));
    // It goes silent in the middle; it breaks three times; it sends all again; it sends less.
    assert_eq!(
        layers(|request, image| match request.before {
            0 => image.answer(request).stall(40_000),
            _ => image.answer(request),
        }),
        Ok(())
    );
    assert_eq!(
        layers(|request, image| match request.before {
            3 => image.answer(request),
            _ => image.answer(request).cut(20_000),
        }),
        Ok(())
    );
    assert_eq!(
        layers(|request, image| match request.before {
            0 => image.answer(request).cut(40_000),
            _ => Answer::ok("a/b", image.layer.as_slice()),
        }),
        Ok(())
    );
    assert_eq!(
        layers(|request, image| match request.before {
            0 => image.answer(request).cut(40_000),
            1 => Answer::new(206)
                .header("Content-Range", "bytes 40000-49999/100000")
                .body(&image.layer[40_000..50_000]),
            _ => image.answer(request),
        }),
        Ok(())
    );
    assert_eq!(
        layers(|request, image| match request.before {
            0 => Answer::raw(""),
            _ => image.answer(request),
        }),
        Ok(())
    );
}

#[test]
fn interruptions_without_end() {
    refused(layers(|request, image| image.answer(request).stall(10_000)), "asked 4 times");
    refused(layers(|request, image| image.answer(request).cut(0)), "asked 4 times");
    refused(layers(|_, _| Answer::raw("")), "asked 4 times");
    refused(
        layers(|request, image| match request.before {
            0 => image.answer(request).cut(40_000),
            _ => Answer::new(416),
        }),
        "ends before byte 40000",
    );
}

#[test]
fn a_rest_that_is_not_the_rest() {
    for range in [
        "bytes 0-99999/100000",
        "bytes 39999-99999/100000",
        "bytes 40000-99999/100001",
        "bytes 40000-100000/100000",
        "bytes 40000-39999/100000",
        "bytes 40000-99999",
        "bytes */100000",
        "lines 1-2/3",
        "",
    ] {
        let wrong = move |request: &Request, image: &Image| match request.before {
            0 => image.answer(request).cut(40_000),
            _ => Answer::new(206).header("Content-Range", range).body(&image.layer[40_000..]),
        };
        refused(layers(wrong), "from byte 40000 on");
    }
    // The right range with other bytes.
    let other = |request: &Request, image: &Image| match request.before {
        0 => image.answer(request).cut(40_000),
        _ => Answer::new(206)
            .header("Content-Range", "bytes 40000-99999/100000")
            .body(&image.layer[..60_000]),
    };
    refused(layers(other), "another digest");
}

#[test]
fn bodies_of_the_wrong_length() {
    let longer = |image: &Image| [image.layer.as_slice(), b"more"].concat();
    refused(layers(move |_, image| Answer::ok("a/b", longer(image))), "the registry sends 100004");
    refused(
        layers(move |_, image| Answer::ok("a/b", longer(image)).endless()),
        "more than the 100000",
    );
    refused(layers(|_, image| Answer::ok("a/b", &image.layer[1..])), "the registry sends 99999");
    refused(layers(|_, _| Answer::ok("text/html", "<html>")), "the registry sends 6");
    let chunked = |_: &Request, image: &Image| {
        let body = [b"186A0\r\n", image.layer.as_slice(), b"\r\n4\r\nmore\r\n0\r\n\r\n"].concat();
        Answer::ok("a/b", body).header("Transfer-Encoding", "chunked").endless()
    };
    refused(layers(chunked), "more than the 100000");
}

#[test]
fn changed_on_the_way() {
    let encoded = |_: &Request, image: &Image| {
        Answer::ok("a/b", image.layer.as_slice()).header("Content-Encoding", "gzip")
    };
    refused(layers(encoded), "Content-Encoding");
    let encoded = |_: &Request, image: &Image| {
        Answer::ok(OCI_MANIFEST, image.manifest.as_str()).header("Content-Encoding", "gzip")
    };
    refused(manifests(encoded), "Content-Encoding");
}

#[test]
fn not_now() {
    let busy = |status: u16, times: usize, after: String| {
        move |request: &Request, image: &Image| {
            if request.before >= times {
                return image.answer(request);
            }
            match after.as_str() {
                "" => Answer::new(status),
                after => Answer::new(status).header("Retry-After", after),
            }
        }
    };
    let in_time = |seconds| httpdate(SystemTime::now() + Duration::from_secs(seconds));
    assert_eq!(manifests(busy(503, 3, String::new())), Ok(()));
    assert_eq!(layers(busy(500, 3, String::new())), Ok(()));
    assert_eq!(manifests(busy(429, 1, "1".into())), Ok(()));
    assert_eq!(manifests(busy(429, 3, "0".into())), Ok(()));
    assert_eq!(manifests(busy(429, 1, in_time(1))), Ok(()));
    assert_eq!(manifests(busy(429, 1, httpdate(SystemTime::UNIX_EPOCH))), Ok(()));
    assert_eq!(manifests(busy(429, 1, "soon".into())), Ok(()));
    refused(manifests(busy(503, 9, String::new())), "asked 4 times");
    refused(layers(busy(429, 9, String::new())), "asked 4 times");
    refused(manifests(busy(429, 1, "3600".into())), "3600 seconds, which is too long");
    refused(manifests(busy(429, 1, "9".repeat(40))), "too long");
    refused(layers(busy(429, 1, in_time(86_400))), "too long");
}

/// A time as HTTP writes it, by date(1).
fn httpdate(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let date = std::process::Command::new("date")
        .env("LC_ALL", "C")
        .args(["-u", "+%a, %d %b %Y %H:%M:%S GMT", "-d", &format!("@{seconds}")])
        .output();
    String::from_utf8(date.expect("date(1)").stdout).expect("letters").trim().into()
}

#[test]
fn what_is_no_http() {
    refused(manifests(|_, _| Answer::raw("SSH-2.0-OpenSSH_9.2\r\n")), "no talk with");
    let head = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(1 << 20));
    refused(manifests(move |_, _| Answer::raw(&head)), "no talk with");
    refused(
        manifests(|_, image| Answer::ok(OCI_MANIFEST, image.manifest.as_str()).drip()),
        "too long",
    );
}

#[test]
fn refusals_in_the_registrys_words() {
    let says = |status: u16, body: &str| {
        let body = body.to_owned();
        move |_: &Request, _: &Image| Answer::new(status).body(body.as_str())
    };
    let unknown = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
    refused(manifests(says(404, unknown)), "MANIFEST_UNKNOWN manifest unknown");
    refused(manifests(says(404, unknown)), "has no 1 in app");
    refused(layers(says(404, "{}")), "has no sha256:");
    refused(manifests(says(403, r#"{"errors":[{"code":"DENIED"}]}"#)), "docker login");
    refused(manifests(says(404, r#"{"errors":[{"message":"\u001b[31mred"}]}"#)), r"\u{1b}[31mred");
    refused(
        manifests(says(404, &format!(r#"{{"errors":[{{"code":"{}"}}]}}"#, "x".repeat(9000)))),
        "404",
    );
    refused(manifests(says(404, &"x".repeat(99_999))), "404");
    refused(manifests(says(418, "<html>")), "418");
}
