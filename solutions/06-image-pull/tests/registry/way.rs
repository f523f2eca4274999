//! Which host is asked, and how it is reached: mirrors, the workshop's own registry, proxies,
//! encryption.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sol06_image_pull::registry::Options;
use testbed::registry::digest;
use testbed::skipped;

use crate::folder::Folder;
use crate::image::{Image, OCI_MANIFEST, find, options, pull};
use crate::server::{Answer, Server};

/// A registry that has `library/alpine`.
fn with_alpine() -> Server {
    let image = Image::new();
    Server::start(move |request| match request.path.as_str() {
        "/v2/" => Answer::new(200),
        path if path.starts_with("/v2/library/alpine/") => image.answer(request),
        _ => Answer::new(404),
    })
}

/// An address where nobody answers.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// Docker Hub, and the workshop's registry, are where the test says.
fn hub(hub: &str, workshop: &str, variables: &[(&str, &str)]) -> Options {
    let (hub, workshop) = (format!("http://{hub}"), format!("http://{workshop}"));
    Options { hub, workshop, ..options(variables) }
}

#[test]
fn docker_hub_itself() {
    let (server, workshop) = (with_alpine(), with_alpine());
    let pulled = pull("alpine", hub(&server.address, &workshop.address, &[])).expect("all is well");
    assert_eq!(pulled.from, "docker.io");
    assert!(server.asked("/v2/library/alpine/manifests/latest").len() == 1);
    let error = pull("nginx", hub(&server.address, &workshop.address, &[])).expect_err("no such");
    assert!(error.contains("docker.io has no latest in library/nginx"), "{error}");
    assert!(workshop.requests().is_empty());
}

#[test]
fn a_mirror_is_asked_first() {
    let (server, mirror) = (with_alpine(), with_alpine());
    let address = format!("http://{}", mirror.address);
    for variable in [mirror.address.as_str(), &address] {
        let variables = [("CORACLE_REGISTRY", variable)];
        let pulled =
            pull("alpine:3", hub(&server.address, &nobody(), &variables)).expect("all is well");
        assert_eq!(pulled.from, mirror.address);
        assert!(server.requests().is_empty());
    }
    // It does not have it, or is not there.
    for other in [Server::start(|_| Answer::new(404)).address, nobody()] {
        let variables = [("CORACLE_REGISTRY", other.as_str())];
        let pulled =
            pull("alpine:3", hub(&server.address, &nobody(), &variables)).expect("all is well");
        assert_eq!(pulled.from, "docker.io");
    }
    // It is for Docker Hub's images only.
    let asked = mirror.requests().len();
    let variables = [("CORACLE_REGISTRY", mirror.address.as_str())];
    let name = format!("{}/library/alpine", server.address);
    let pulled = pull(&name, hub(&nobody(), &nobody(), &variables)).expect("all is well");
    assert_eq!((pulled.from, mirror.requests().len()), (server.address.clone(), asked));
    for wrong in ["http://", "ftp://x", "a b", "http://x/y"] {
        let error = pull("alpine", hub(&nobody(), &nobody(), &[("CORACLE_REGISTRY", wrong)]));
        assert!(error.expect_err("no address").contains("no address of a registry"));
    }
}

#[test]
fn the_workshops_registry_helps_out() {
    let workshop = with_alpine();
    let pulled = pull("alpine:3", hub(&nobody(), &workshop.address, &[])).expect("all is well");
    assert_eq!(pulled.from, workshop.address);
    let workshop = nobody();
    let error = pull("alpine:3", hub(&nobody(), &workshop, &[])).expect_err("nobody is there");
    assert!(error.contains("coracle registry") && error.contains(&workshop), "{error}");
    assert!(error.contains("can't be reached"), "{error}");
    // No web server is taken for one.
    let web = Server::start(|_| Answer::new(404));
    let error = pull("alpine:3", hub(&nobody(), &web.address, &[])).expect_err("no registry");
    assert!(error.contains("coracle registry"), "{error}");
    // Another registry that can't be reached is the user's own affair.
    let error = pull(&format!("{}/a", nobody()), options(&[])).expect_err("nobody is there");
    assert!(error.contains("can't be reached") && !error.contains("coracle registry"), "{error}");
}

#[test]
fn through_a_proxy() {
    let image = Image::new();
    let proxy = Server::start(move |request| image.answer(request));
    let through = format!("http://me:secret@{}", proxy.address);
    let insecure = |variables: &[(&str, &str)]| Options { insecure: true, ..options(variables) };
    pull("registry.invalid:5000/app:1", insecure(&[("HTTP_PROXY", &through)]))
        .expect("all is well");
    let asked = proxy.requests();
    assert_eq!(
        (asked[0].method.as_str(), asked[0].path.as_str()),
        ("CONNECT", "registry.invalid:5000")
    );
    assert_eq!(asked[0].header("proxy-authorization"), "Basic bWU6c2VjcmV0");
    assert!(asked[1..].iter().all(|request| !request.headers.contains_key("proxy-authorization")));
    // Not everything; and what goes wrong there is told.
    let variables = [("HTTP_PROXY", through.as_str()), ("NO_PROXY", ".invalid")];
    let error =
        pull("registry.invalid:5000/app:1", insecure(&variables)).expect_err("nobody is there");
    assert!(error.contains("can't be reached") && !error.contains("proxy"), "{error}");
    let nobody = nobody();
    let through = format!("http://me:secret@{nobody}");
    let error = pull("registry.invalid/app:1", options(&[("https_proxy", &through)]))
        .expect_err("no proxy");
    assert!(error.contains(&format!("through the proxy {nobody}")), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn without_encryption_only_on_request() {
    // Nobody may be asked for anything before that is clear.
    for name in ["192.0.2.1:5000/app", "registry.invalid/app"] {
        let error = pull(name, options(&[("HTTPS_PROXY", &nobody()), ("HTTP_PROXY", &nobody())]));
        assert!(error.expect_err("no proxy").contains("through the proxy"), "not https");
    }
}

/// An authority, and a host's certificate from it.
const CERTIFICATES: &str = "
    new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
    openssl req -x509 $new -days 2 -subj '/CN=an authority' -keyout authority.key -out authority
    openssl req $new -subj '/CN=a host' -keyout key -out request
    echo subjectAltName=IP:127.0.0.1 > names
    openssl x509 -req -in request -days 2 -extfile names \\
        -CA authority -CAkey authority.key -CAcreateserial -out certificate";

/// `openssl s_server`, which sends files as answers. (None that has a colon in its name, so it can't
/// have blobs.)
struct Encrypted {
    server: Child,
    port: u16,
}

impl Encrypted {
    fn start(folder: &Path) -> Option<Self> {
        let made = Command::new("sh").current_dir(folder).args(["-ec", CERTIFICATES]).output();
        if !made.is_ok_and(|made| made.status.success()) {
            skipped("openssl(1) is not here, or can't make certificates");
            return None;
        }
        let mut server = Command::new("openssl")
            .current_dir(folder)
            .args([
                "s_server",
                "-accept",
                "127.0.0.1:0",
                "-HTTP",
                "-key",
                "key",
                "-cert",
                "certificate",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        // "ACCEPT 127.0.0.1:12345"
        let lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ACCEPT ")?.rsplit(':').next()?.trim().parse().ok());
        Some(Self { server, port: port.expect("openssl says where it listens") })
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn encrypted_with_an_authority_of_its_own() {
    let files = Folder::new();
    let home = files.path();
    let folder = Path::new(&home);
    let Some(server) = Encrypted::start(folder) else { return };
    let manifest = Image::new().manifest;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {OCI_MANIFEST}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        manifest.len()
    );
    files.file("v2/app/manifests/1", &(head + &manifest));
    let away = "HTTP/1.1 307 Away\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    files.file("v2/app/manifests/open", away);

    let host = format!("127.0.0.1:{}", server.port);
    let unknown = find(&format!("{host}/app:1"), options(&[("HOME", &home)])).expect_err("unknown");
    assert!(unknown.contains("certs.d") && unknown.contains("authority"), "{unknown}");
    let known = folder.join(".config/containers/certs.d").join(&host);
    fs::create_dir_all(&known).expect("a folder");
    fs::copy(folder.join("authority"), known.join("ca.crt")).expect("a copy");
    let found = find(&format!("{host}/app:1"), options(&[("HOME", &home)]));
    let open = find(&format!("{host}/app:open"), options(&[("HOME", &home)])).expect_err("open");
    assert!(open.contains("http://127.0.0.1:1/, which is not encrypted"), "{open}");
    assert_eq!(found, Ok(digest(manifest.as_bytes())));
}

#[test]
fn docker_hubs_credentials_are_filed_under_its_old_name() {
    let image = Image::new();
    let server = Server::start(move |request| match request.header("authorization") {
        "Basic bWU6c2VjcmV0" => image.answer(request),
        _ => Answer::new(401).header("WWW-Authenticate", "Basic realm=x"),
    });
    for key in
        ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"]
    {
        let folder = Folder::new();
        folder
            .file("config.json", &format!(r#"{{"auths":{{"{key}":{{"auth":"bWU6c2VjcmV0"}}}}}}"#));
        let variables = [("DOCKER_CONFIG", folder.path())];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        pull("me/app", hub(&server.address, &nobody(), &variables)).expect("all is well");
    }
    assert_eq!(server.asked("/v2/me/app/manifests/latest").len(), 8);
}
