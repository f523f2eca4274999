//! The embedded registry: its answers, whom it serves, and what can't upset it.

mod server;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;

use server::{OtherRegistry, Registry, are_there, cache, digests, empty_cache};
use testbed::{BOTH, Host, Who, stderr, stdout};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

#[test]
fn the_whole_of_a_pull() {
    let registry = Registry::start(&[]);
    let ping = registry.get("/v2/");
    assert_eq!((ping.status, ping.text()), (200, "{}"));
    assert_eq!(ping.field("Docker-Distribution-API-Version"), Some("registry/2.0"));

    let manifest = registry.get("/v2/webapp/manifests/latest");
    assert_eq!(manifest.status, 200);
    assert_eq!(manifest.field("Content-Type"), Some(MANIFEST));
    let digest = manifest.field("Docker-Content-Digest").unwrap();
    assert_eq!(digest, server::sha256(&manifest.body), "the manifest is what its digest says");
    assert_eq!(manifest.field("ETag").unwrap(), format!("\"{digest}\""));
    for name in ["webapp", "library/webapp"] {
        for reference in ["1", "latest", digest] {
            let path = format!("/v2/{name}/manifests/{reference}?ns=docker.io");
            assert_eq!(registry.get(&path).body, manifest.body, "{path}");
        }
    }
    let blobs = digests(manifest.text());
    assert_eq!(blobs.len(), 4, "a configuration and three layers: {}", manifest.text());
    for blob in &blobs {
        let path = format!("/v2/webapp/blobs/{blob}");
        let answer = registry.get(&path);
        assert_eq!(answer.status, 200);
        assert_eq!(&server::sha256(&answer.body), blob, "each blob is what its digest says");
        let head = registry.ask("HEAD", &path, "");
        assert_eq!((head.status, head.body.len()), (200, 0));
        let fields = ["Content-Length", "Content-Type", "Docker-Content-Digest", "ETag"];
        for field in fields {
            assert_eq!(head.field(field), answer.field(field), "{field}");
        }
    }
    // Whoever has one image lacks but one layer of the next.
    let layers = |image: &str| {
        let manifest = registry.get(&format!("/v2/{image}/manifests/latest"));
        digests(manifest.text())[1..].to_vec()
    };
    let (base, web, webapp) = (layers("base"), layers("web"), layers("webapp"));
    assert_eq!((&web[..1], &webapp[..2], webapp.len()), (&base[..], &web[..], 3));
}

#[test]
fn lists_come_whole_or_in_pages() {
    let registry = Registry::start(&[]);
    for (path, body, next) in [
        ("/v2/_catalog", r#"{"repositories":["base","web","webapp"]}"#, None),
        (
            "/v2/_catalog?n=2",
            r#"{"repositories":["base","web"]}"#,
            Some("</v2/_catalog?n=2&last=web>; rel=\"next\""),
        ),
        ("/v2/_catalog?n=2&last=web", r#"{"repositories":["webapp"]}"#, None),
        ("/v2/webapp/tags/list", r#"{"name":"webapp","tags":["1","latest"]}"#, None),
        (
            "/v2/webapp/tags/list?n=1",
            r#"{"name":"webapp","tags":["1"]}"#,
            Some("</v2/webapp/tags/list?n=1&last=1>; rel=\"next\""),
        ),
        ("/v2/webapp/tags/list?n=1&last=1", r#"{"name":"webapp","tags":["latest"]}"#, None),
        ("/v2/webapp/tags/list?n=0", r#"{"name":"webapp","tags":[]}"#, None),
    ] {
        let answer = registry.get(path);
        assert_eq!((answer.status, answer.text()), (200, body), "{path}");
        assert_eq!(answer.field("Link"), next, "{path}");
    }
    let zeros = "0".repeat(64);
    let referrers = registry.get(&format!("/v2/webapp/referrers/sha256:{zeros}"));
    assert_eq!(
        (referrers.status, referrers.text()),
        (
            200,
            r#"{"manifests":[],"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}"#
        )
    );
}

#[test]
fn parts_of_a_blob() {
    let registry = Registry::start(&[]);
    let layer = &digests(registry.get("/v2/base/manifests/latest").text())[1];
    let path = format!("/v2/base/blobs/{layer}");
    let whole = registry.get(&path);
    let length = whole.body.len();
    let half = length / 2;
    for (range, from, to) in [
        (format!("bytes={half}-"), half, length),
        ("bytes=0-0".into(), 0, 1),
        ("bytes=-7".into(), length - 7, length),
        (format!("bytes=5-{}", length * 2), 5, length),
    ] {
        let part = registry.ask("GET", &path, &format!("Range: {range}\r\n"));
        assert_eq!(part.status, 206, "{range}");
        let expected = format!("bytes {from}-{}/{length}", to - 1);
        assert_eq!(part.field("Content-Range").unwrap(), expected, "{range}");
        assert!(part.body == whole.body[from..to], "{range}");
    }
    let beyond = registry.ask("GET", &path, &format!("Range: bytes={length}-\r\n"));
    assert_eq!((beyond.status, beyond.body.len()), (416, 0));
    assert_eq!(beyond.field("Content-Range").unwrap(), format!("bytes */{length}"));
    // What is not understood is no range.
    let odd = registry.ask("GET", &path, "Range: lines=1-2\r\n");
    assert_eq!((odd.status, odd.body.len()), (200, length));
    let known = registry.ask("GET", &path, &format!("If-None-Match: \"{layer}\"\r\n"));
    assert_eq!((known.status, known.body.len()), (304, 0));
}

#[test]
fn what_is_not_there_is_said_in_the_specifications_words() {
    let registry = Registry::start(&[]);
    let zeros = "0".repeat(64);
    for (method, path, status, code) in [
        ("GET", "/v2/webapp/manifests/9".into(), 404, "MANIFEST_UNKNOWN"),
        ("GET", format!("/v2/webapp/manifests/sha256:{zeros}"), 404, "MANIFEST_UNKNOWN"),
        ("GET", format!("/v2/webapp/blobs/sha256:{zeros}"), 404, "BLOB_UNKNOWN"),
        ("GET", "/v2/nothing/manifests/latest".into(), 404, "NAME_UNKNOWN"),
        ("GET", "/v2/nothing/tags/list".into(), 404, "NAME_UNKNOWN"),
        ("GET", "/v2/webapp/tags/list?n=-1".into(), 400, "PAGINATION_NUMBER_INVALID"),
        ("GET", "/v2/webapp/blobs/sha256:abc".into(), 400, "DIGEST_INVALID"),
        ("GET", format!("/v2/webapp/blobs/sha256:{}", "A".repeat(64)), 400, "DIGEST_INVALID"),
        ("GET", "/".into(), 404, "UNSUPPORTED"),
        ("GET", "/v1/_ping".into(), 404, "UNSUPPORTED"),
        ("POST", "/v2/webapp/blobs/uploads/".into(), 405, "UNSUPPORTED"),
        ("PUT", "/v2/webapp/manifests/2".into(), 405, "UNSUPPORTED"),
        ("DELETE", "/v2/webapp/manifests/1".into(), 405, "UNSUPPORTED"),
    ] {
        let answer = registry.ask(method, &path, "");
        assert_eq!(answer.status, status, "{method} {path}");
        let begins = format!(r#"{{"errors":[{{"code":"{code}","message":""#);
        assert!(answer.text().starts_with(&begins), "{method} {path}: {}", answer.text());
        assert_eq!(answer.field("Content-Type"), Some("application/json"));
    }
}

#[test]
fn no_path_leads_out() {
    let registry = Registry::start(&[]);
    let hex = "0".repeat(61);
    for path in [
        "/v2/../../etc/passwd".into(),
        "/v2/../../../../../../etc/passwd".into(),
        "/../etc/passwd".into(),
        "//etc/passwd".into(),
        "/v2/%2e%2e/%2e%2e/manifests/latest".into(),
        "/v2/webapp/manifests/../../oci-layout".into(),
        "/v2/webapp/manifests/..%2f..%2findex.json".into(),
        "/v2/webapp/blobs/sha256:../../index.json".into(),
        "/v2/webapp/blobs/sha256:..".into(),
        "/v2/webapp/blobs/..".into(),
        "/v2/webapp/blobs/".into(),
        format!("/v2/webapp/blobs/sha256:../{hex}"),
        "/v2/webapp/blobs/sha512:00".into(),
        "/v2//manifests/latest".into(),
        format!("/v2/{}/manifests/latest", "a".repeat(7000)),
        format!("/v2/{}manifests/latest", "a/".repeat(3000)),
    ] {
        let answer = registry.get(&path);
        let short = &path[..path.len().min(80)];
        assert!([400, 404].contains(&answer.status), "{short}: {}", answer.status);
        assert!(answer.text().starts_with(r#"{"errors":["#), "{short}: {}", answer.text());
    }
    let long = registry.get(&format!("/v2/{}/manifests/latest", "a".repeat(9000)));
    assert_eq!((long.status, long.body.len()), (431, 0));
    assert_eq!(registry.get("/v2/").status, 200);
}

#[test]
fn no_client_upsets_it() {
    let registry = Registry::start(&[]);
    let mut held = Vec::new();
    for nonsense in [
        &b""[..],
        b"\n\n\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /v2/ HTTP/9.9\r\n\r\n",
        b"GET /v2/\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"GET /v2/\x1b[2J HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PUT /v2/a/manifests/b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
        // Half a head: such clients wait, and others don't wait for them.
        b"GET /v2/ HTT",
        &[b'a'; 100_000],
    ] {
        let mut stream = TcpStream::connect(&registry.address).unwrap();
        // It may have hung up before it got everything.
        let _ = stream.write_all(nonsense);
        held.push(stream);
        assert_eq!(registry.get("/v2/").status, 200);
    }
    // One after another on one connection, sent all at once.
    let mut stream = TcpStream::connect(&registry.address).unwrap();
    let request = "GET /v2/_catalog HTTP/1.1\r\nHost: here\r\n";
    stream
        .write_all(format!("{request}\r\n{request}Connection: close\r\n\r\n").as_bytes())
        .unwrap();
    let mut both = String::new();
    stream.read_to_string(&mut both).unwrap();
    assert_eq!(both.matches("HTTP/1.1 200 OK").count(), 2, "{both}");
    // A body that nobody wants does not cost the client its answer.
    let mut stream = TcpStream::connect(&registry.address).unwrap();
    let body = vec![b'x'; 300_000];
    let head = format!("PUT /v2/a/manifests/b HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 405"), "{said}");
}

#[test]
fn a_class_pulls_at_once() {
    let registry = Registry::start(&[]);
    let manifest = registry.get("/v2/webapp/manifests/latest");
    let blobs = digests(manifest.text());
    thread::scope(|scope| {
        for _ in 0..30 {
            for blob in &blobs {
                let registry = &registry;
                scope.spawn(move || {
                    let answer = registry.get(&format!("/v2/webapp/blobs/{blob}"));
                    assert_eq!(answer.status, 200);
                    assert_eq!(&server::sha256(&answer.body), blob);
                });
            }
        }
    });
}

#[test]
fn the_same_host_makes_the_same_images() {
    let folders = ["same-1", "same-2"].map(empty_cache);
    let indexes = folders.clone().map(|folder| {
        drop(Registry::in_cache(&folder, &[]));
        fs::read_to_string(folder.join("coracle/registry/layout/index.json")).unwrap()
    });
    assert_eq!(indexes[0], indexes[1]);
    let blobs = folders.clone().map(|folder| {
        let blobs = fs::read_dir(folder.join("coracle/registry/layout/blobs/sha256")).unwrap();
        blobs.map(|blob| blob.unwrap().file_name()).collect::<BTreeSet<_>>()
    });
    assert_eq!(blobs[0], blobs[1]);
    // 3 manifests, 3 configurations, 3 layers; and nothing that is half made.
    assert_eq!(blobs[0].len(), 9, "{blobs:?}");

    // What a killed run left is swept up when the images are made again.
    let registry = folders[0].join("coracle/registry");
    fs::write(registry.join("layout/blobs/sha256/new-1"), "half").unwrap();
    fs::create_dir(registry.join("new")).unwrap();
    fs::write(registry.join("made-from"), "an older host").unwrap();
    drop(Registry::in_cache(&folders[0], &[]));
    let left = fs::read_dir(registry.join("layout/blobs/sha256")).unwrap().count();
    assert_eq!((left, registry.join("new").exists()), (9, false));
    for folder in folders {
        fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn two_may_begin_at_once() {
    let folder = empty_cache("at-once");
    thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| Registry::in_cache(&folder, &[])));
        for registry in both.map(|thread| thread.join().unwrap()) {
            let manifest = registry.get("/v2/webapp/manifests/latest");
            for blob in digests(manifest.text()) {
                let answer = registry.get(&format!("/v2/webapp/blobs/{blob}"));
                assert_eq!(server::sha256(&answer.body), blob);
            }
        }
    });
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn it_says_what_to_do_next_and_ends_when_asked() {
    let mut registry = Registry::start(&[]);
    let address = registry.address.clone();
    assert!(registry.said.contains("webapp               1, latest\n"), "{}", registry.said);
    let port = address.rsplit_once(':').unwrap().1;
    let next = format!("cargo run -p sol06-image-pull -- pull localhost:{port}/webapp\n");
    assert!(registry.said.contains(&next), "{}", registry.said);

    // A second one on the same port says so.
    let mut second = server::command(&cache());
    let output = second.args(["registry", "--listen", &address]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "coracle: {address} is in use, perhaps by another `coracle registry`; end it, or choose \
         another port\n"
    );
    assert_eq!(stderr(&output), expected);

    assert_eq!(registry.end(), Some(0));
    assert!(TcpStream::connect(&address).is_err());

    let open = Registry::start(&["--listen", "0.0.0.0:0"]);
    assert!(open.said.contains("\n  export CORACLE_REGISTRY=http://"), "{}", open.said);
}

#[test]
fn skopeo_and_podman_take_it_for_a_registry() {
    if !are_there(&["skopeo", "podman"]) {
        return;
    }
    let Some(host) = Host::new() else { return };
    let registry = Registry::on(&host, Who::Root, &[]);
    let address = &registry.address;
    let _ = host.sh(&format!(
        "skopeo --insecure-policy copy -q --src-tls-verify=false docker://{address}/webapp:1 \
         dir:/tmp/copy"
    ));
    let inspected =
        host.sh(&format!("skopeo inspect --tls-verify=false docker://{address}/webapp"));
    assert!(inspected.contains("\"1\",\n        \"latest\""), "{inspected}");
    // The folder is a layout that others can read, too.
    let layout = cache().join("coracle/registry/layout");
    let layout = layout.display();
    let _ =
        host.sh(&format!("skopeo --insecure-policy copy -q oci:{layout}:webapp:1 dir:/tmp/again"));
    assert_eq!(host.sh("diff -r /tmp/copy /tmp/again"), "");

    let podman = "podman --root /tmp/p/root --runroot /tmp/p/run --tmpdir /tmp/p/tmp \
         --storage-driver vfs --events-backend=file";
    let _ = host.sh(&format!("{podman} pull -q --tls-verify=false {address}/webapp"));
    let seen = host.sh(&format!(
        "folder=$({podman} image mount {address}/webapp) && ls -a $folder/srv/www && \
         cat $folder/srv/www/index.html && stat -c %u:%g:%a $folder/usr/local/bin/coracle"
    ));
    assert!(seen.starts_with(".\n..\nindex.html\n"), "the whiteout has taken README: {seen}");
    assert!(seen.contains("an image of three layers") && seen.ends_with("0:0:755\n"), "{seen}");
}

#[test]
fn for_root_and_for_an_ordinary_user() {
    if !are_there(&["curl"]) {
        return;
    }
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let registry = Registry::on(&host, who, &[]);
        let fetched = host.sh(&format!("curl -s {}/v2/_catalog", registry.address));
        assert_eq!(fetched, r#"{"repositories":["base","web","webapp"]}"#);
    }
}

#[test]
fn the_web_server_of_the_images_shows_a_folder_and_nothing_else() {
    let folder = empty_cache("web");
    fs::create_dir_all(folder.join("www/sub")).unwrap();
    for (path, text) in
        [("secret", "no"), ("www/index.html", "<p>hello"), ("www/sub/a.txt", "text")]
    {
        fs::write(folder.join(path), text).unwrap();
    }
    std::os::unix::fs::symlink("../secret", folder.join("www/link")).unwrap();
    let status = Command::new("mkfifo").arg(folder.join("www/pipe")).status().unwrap();
    assert!(status.success());
    let www = folder.join("www").display().to_string();
    let web = Registry::serving(server::command(&cache()).args(["web", &www, "--port", "0"]));
    for (path, status, media_type, body) in [
        ("/", 200, "text/html; charset=utf-8", "<p>hello"),
        ("/index.html", 200, "text/html; charset=utf-8", "<p>hello"),
        ("/sub/a.txt?x=y", 200, "text/plain; charset=utf-8", "text"),
        ("/sub", 404, "text/plain", "there is no such file\n"),
        ("/sub/", 404, "text/plain", "there is no such file\n"),
        ("/link", 404, "text/plain", "there is no such file\n"),
        ("/pipe", 404, "text/plain", "there is no such file\n"),
        ("/../secret", 404, "text/plain", "there is no such file\n"),
        ("//../../secret", 404, "text/plain", "there is no such file\n"),
        ("/%2e%2e/secret", 404, "text/plain", "there is no such file\n"),
    ] {
        let answer = web.get(path);
        assert_eq!((answer.status, answer.text()), (status, body), "{path}");
        assert_eq!(answer.field("Content-Type"), Some(media_type), "{path}");
    }
    assert_eq!(web.ask("POST", "/", "").status, 405);
    drop(web);
    fs::remove_dir_all(folder).unwrap();
    let output = server::command(&cache()).args(["web", "/nonexistent"]).output().unwrap();
    assert_eq!(
        stderr(&output),
        "coracle: open(\"/nonexistent\", O_DIRECTORY) failed: No such file or directory (ENOENT); \
         there is no such folder\n"
    );
    assert_eq!(stdout(&output), "");
}

#[test]
fn images_of_other_registries_are_fetched_once() {
    if !are_there(&["skopeo", "docker-registry", "curl"]) {
        return;
    }
    let Some(host) = Host::new() else { return };
    let other = OtherRegistry::on(&host, "127.0.0.1:5000");
    drop(Registry::start(&[]));
    // The host has a /tmp of its own, and the project may lie in the real one.
    let layout = cache().join("coracle/registry/layout");
    let copy = format!("/proc/{}/root/tmp/layout", host.pid());
    let copied = Command::new("cp").arg("-r").arg(layout).arg(copy).status();
    assert!(copied.unwrap().success());
    // On its way through a folder of plain archives, so that the blobs are others.
    let copy = "skopeo --insecure-policy copy -q --dest-tls-verify=false";
    let _ = host.sh(&format!(
        "{copy} --dest-decompress oci:/tmp/layout:webapp:1 dir:/tmp/plain
         {copy} dir:/tmp/plain docker://127.0.0.1:5000/web:1
         {copy} dir:/tmp/plain docker://127.0.0.1:5000/team/app:2.0"
    ));
    let mirror = |name: &str| {
        let program = testbed::reachable(&host, env!("CARGO_BIN_EXE_coracle"));
        let mut command = host.command(Who::User, program);
        command.args(["registry", "--listen", "127.0.0.1:0", "--mirror", name]).output().unwrap()
    };
    let half = "find /run/user-home/.cache/coracle/registry -name 'new*'";

    // What is not what its digest says is refused, and leaves nothing.
    let largest = host.sh("find /tmp/registry -name data -size +1M | xargs ls -S | head -n 1");
    let largest = largest.trim_end();
    let _ = host.sh(&format!(
        "cp {largest} /tmp/right
         printf '?' | dd of={largest} bs=1 seek=500000 conv=notrunc status=none"
    ));
    let output = mirror("127.0.0.1:5000/web:1");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("coracle: can't fetch 127.0.0.1:5000/web:1: "), "{said}");
    assert_eq!(host.sh(half), "");
    let _ = host.sh(&format!("cp /tmp/right {largest}"));

    let arguments = ["--mirror", "127.0.0.1:5000/web:1,127.0.0.1:5000/team/app:2.0"];
    let fetched = |registry: &Registry| {
        assert!(registry.said.contains("  team/app             2.0\n"), "{}", registry.said);
        assert!(registry.said.contains("  web                  1, latest\n"), "{}", registry.said);
        host.sh(&format!(
            "skopeo --insecure-policy copy -q --src-tls-verify=false \
             docker://{}/library/web:1 dir:/tmp/web && cat /tmp/web/manifest.json",
            registry.address
        ))
    };
    let registry = Registry::on(&host, Who::User, &arguments);
    let manifest = fetched(&registry);
    assert_eq!(digests(&manifest).len(), 4, "{manifest}");
    drop(registry);
    // From then on nobody else is needed.
    drop(other);
    assert_eq!(fetched(&Registry::on(&host, Who::User, &arguments)), manifest);

    // What can't be had is said.
    let output = mirror("127.0.0.1:5000/none");
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("coracle: can't fetch 127.0.0.1:5000/none:latest: "), "{said}");
    let registry = Registry::on(&host, Who::User, &[]);
    assert!(!registry.said.contains("none"), "{}", registry.said);
    assert_eq!(host.sh(half), "");
}
