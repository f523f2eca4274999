//! Who we say we are, to whom, and to whom not.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use testbed::registry::digest;

use crate::folder::Folder;
use crate::image::{Image, options, pull};
use crate::server::{Answer, Request, Server};

/// `me:secret`
const ME: &str = "bWU6c2VjcmV0";

/// A registry that lets nobody in without `token`, and gives out `TOKEN1`, `TOKEN2`, … by itself.
/// Each is good for `uses` requests. `realm` is where it sends people.
fn with_token(uses: usize, realm: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
    let image = Image::new();
    let (given, used) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Server::start(move |request| {
        if request.path.starts_with("/token") {
            used.store(0, Ordering::Relaxed);
            let number = given.fetch_add(1, Ordering::Relaxed) + 1;
            return Answer::ok("application/json", format!(r#"{{"token":"TOKEN{number}"}}"#));
        }
        let token = format!("Bearer TOKEN{}", given.load(Ordering::Relaxed));
        let known = request.header("authorization") == token;
        if request.path == "/v2/" || known && used.fetch_add(1, Ordering::Relaxed) < uses {
            return image.answer(request);
        }
        Answer::new(401).header("WWW-Authenticate", &realm(request.header("host")))
    })
}

fn bearer(host: &str) -> String {
    format!(
        r#"Bearer realm="http://{host}/token",service="a, \"b\"",scope="repository:app:pull,push""#
    )
}

fn name(server: &Server) -> String {
    format!("{}/app:1", server.address)
}

#[test]
fn a_token_for_everybody() {
    let server = with_token(99, bearer);
    let pulled = pull(&name(&server), options(&[])).expect("all is well");
    assert!(pulled.layer == Image::new().layer);
    let asked = server.asked("/token");
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].header("authorization"), "");
    assert_eq!(asked[0].path, "/token?scope=repository%3Aapp%3Apull%2Cpush&service=a%2C%20%22b%22");
}

#[test]
fn a_token_that_expires_in_mid_pull() {
    let server = with_token(1, bearer);
    pull(&name(&server), options(&[])).expect("all is well");
    assert_eq!(server.asked("/token").len(), 3);
}

#[test]
fn a_401_for_ever() {
    let server = with_token(0, bearer);
    let error = pull(&name(&server), options(&[])).expect_err("no way");
    assert!(
        error.contains("does not let us read app") && error.contains("docker login"),
        "{error}"
    );
    assert_eq!(server.asked("/token").len(), 1);
    // And one that never says how.
    for challenge in [
        "",
        "Negotiate",
        "realm=x",
        "Bearer",
        "Bearer realm=\"/token\"",
        "Bearer realm=\"ftp://x/\"",
    ] {
        let server = Server::start(move |request| match request.path.as_str() {
            "/v2/" => Answer::new(200),
            _ => Answer::new(401).header("WWW-Authenticate", challenge),
        });
        let error = pull(&name(&server), options(&[])).expect_err("no way");
        assert!(error.contains("who asks") || error.contains("for a token"), "{error}");
    }
}

#[test]
fn what_is_no_token() {
    for (answer, why) in [
        (Answer::ok("text/html", "<html>"), "is no token"),
        (Answer::ok("application/json", "{}"), "is no token"),
        (Answer::ok("application/json", r#"{"token":""}"#), "is no token"),
        (Answer::ok("application/json", r#"{"token":"a\r\nX: b"}"#), "is no token"),
        (Answer::ok("application/json", " ".repeat(300_000)), "more than"),
        (Answer::new(403), "gives no token"),
        (Answer::new(429).header("Retry-After", "7200"), "7200 seconds"),
        (Answer::new(503), "asked 4 times"),
    ] {
        let server = Server::start(move |request| match request.path.as_str() {
            "/v2/" => Answer::new(200),
            path if path.starts_with("/token") => answer.clone(),
            _ => Answer::new(401).header("WWW-Authenticate", &bearer(request.header("host"))),
        });
        let error = pull(&name(&server), options(&[])).expect_err(why);
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_realm_that_is_not_encrypted_gets_nothing() {
    // Not on this machine, so that nothing could be sent there by the way.
    let server = with_token(99, |_| r#"Bearer realm="http://192.0.2.1/token""#.into());
    let folder = logged_in(&server.address, &format!(r#"{{"auth":"{ME}"}}"#));
    for variables in [vec![], vec![("DOCKER_CONFIG", folder.path())]] {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let error = pull(&name(&server), options(&variables)).expect_err("no way");
        assert!(
            error.contains("http://192.0.2.1/token") && error.contains("not encrypted"),
            "{error}"
        );
    }
}

/// A folder with a `config.json` that has an entry for a registry.
fn logged_in(registry: &str, entry: &str) -> Folder {
    let folder = Folder::new();
    folder.file("config.json", &format!(r#"{{"auths":{{"{registry}":{entry}}},"more":1}}"#));
    folder
}

#[test]
fn a_name_and_a_password_for_a_token() {
    let server = with_token(99, bearer);
    let entry = format!(r#"{{"auth":"{ME}"}}"#);
    let old = format!("https://{}/v1/", server.address);
    for key in [&server.address, &old] {
        let folder = logged_in(key, &entry);
        let before = server.asked("/token").len();
        pull(&name(&server), options(&[("DOCKER_CONFIG", &folder.path())])).expect("all is well");
        assert_eq!(server.asked("/token")[before].header("authorization"), format!("Basic {ME}"));
    }
    // In the other files.
    let folder = Folder::new();
    let text = format!(r#"{{"auths":{{"{}":{entry}}}}}"#, server.address);
    let file = folder.file("any", &text);
    folder.file(".docker/config.json", &text);
    folder.file("containers/auth.json", &text);
    for variable in
        [("REGISTRY_AUTH_FILE", file), ("HOME", folder.path()), ("XDG_RUNTIME_DIR", folder.path())]
    {
        let before = server.asked("/token").len();
        pull(&name(&server), options(&[(variable.0, &variable.1)])).expect("all is well");
        assert_eq!(server.asked("/token")[before].header("authorization"), format!("Basic {ME}"));
    }
    // Somebody else's.
    for other in ["docker.io", "127.0.0.1", &server.other_name()] {
        let folder = logged_in(other, &entry);
        let before = server.asked("/token").len();
        pull(&name(&server), options(&[("DOCKER_CONFIG", &folder.path())])).expect("all is well");
        assert_eq!(server.asked("/token")[before].header("authorization"), "");
    }
}

#[test]
fn an_identity_token() {
    let server = with_token(99, bearer);
    let folder = logged_in(&server.address, r#"{"auth":"","identitytoken":"a b&c"}"#);
    pull(&name(&server), options(&[("DOCKER_CONFIG", &folder.path())])).expect("all is well");
    let asked = &server.asked("/token")[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/token"));
    for field in ["grant_type=refresh_token", "refresh_token=a%20b%26c", "scope=repository%3Aapp"] {
        assert!(asked.body.contains(field), "{}", asked.body);
    }
}

/// A registry that wants a password itself.
fn with_password() -> Server {
    let image = Image::new();
    Server::start(move |request| {
        if request.path == "/v2/" || request.header("authorization") == format!("Basic {ME}") {
            return image.answer(request);
        }
        Answer::new(401).header("WWW-Authenticate", r#"Basic realm="x""#)
    })
}

#[test]
fn a_name_and_a_password() {
    let server = with_password();
    let folder = logged_in(&server.address, &format!(r#"{{"auth":"{ME}"}}"#));
    pull(&name(&server), options(&[("DOCKER_CONFIG", &folder.path())])).expect("all is well");
    let error = pull(&name(&server), options(&[])).expect_err("no way");
    assert!(error.contains("wants a name and a password"), "{error}");
    let folder = logged_in(&server.address, r#"{"auth":"bWU6d3Jvbmc="}"#);
    let error =
        pull(&name(&server), options(&[("DOCKER_CONFIG", &folder.path())])).expect_err("no way");
    assert!(error.contains("does not accept your name") && !error.contains("wrong\""), "{error}");
    for nonsense in [r#"{"auth":"?"}"#, r#"{"auth":"bWU="}"#, r#"{"auth":7}"#, "["] {
        let folder = logged_in(&server.address, nonsense);
        let error = pull(&name(&server), options(&[("DOCKER_CONFIG", &folder.path())]))
            .expect_err("no way");
        assert!(error.contains("config.json"), "{error}");
    }
}

#[test]
fn a_program_that_knows_passwords() {
    let server = with_password();
    let folder = Folder::new();
    let say = r#"read name; echo "$1 $name" >> "$(dirname "$0")/asked"; echo '{"Username":"me","Secret":"secret"}'"#;
    folder.program("docker-credential-good", say);
    folder.program(
        "docker-credential-empty",
        "echo credentials not found in native keychain; exit 1",
    );
    folder.program("docker-credential-bad", "echo the key ring is locked; exit 1");
    folder.program("docker-credential-strange", "echo '{'");
    folder.program("docker-credential-much", "exec yes");
    let path = format!("{}:/usr/bin:/bin", folder.path());
    let ask = |config: String| {
        let folder = Folder::new();
        folder.file("config.json", &config);
        let variables = [("DOCKER_CONFIG", folder.path()), ("PATH", path.clone())];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        pull(&name(&server), options(&variables)).map(drop)
    };
    let address = &server.address;
    assert_eq!(ask(r#"{"credsStore":"good"}"#.into()), Ok(()));
    assert_eq!(
        ask(format!(r#"{{"credsStore":"bad","credHelpers":{{"{address}":"good"}}}}"#)),
        Ok(())
    );
    // One that knows nothing leaves it to the file.
    assert_eq!(
        ask(format!(r#"{{"credsStore":"empty","auths":{{"{address}":{{"auth":"{ME}"}}}}}}"#)),
        Ok(())
    );
    let asked = fs::read_to_string(Path::new(&folder.path()).join("asked")).expect("it was asked");
    assert_eq!(asked, format!("get {address}\nget {address}\n"));
    for (store, why) in [
        ("bad", "the key ring is locked"),
        ("strange", "docker-credential-strange"),
        ("much", "far too much"),
        ("missing", "can't be started"),
        ("../../bin/sh", "no name of a program"),
    ] {
        let error = ask(format!(r#"{{"credsStore":"{store}"}}"#)).expect_err(why);
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn another_host_learns_nothing() {
    let image = Image::new();
    let layer = image.layer.clone();
    let other = Server::start(move |_| Answer::ok("a/b", layer.as_slice()));
    let to = format!("http://{}/layer?signature=1", other.other_name());
    let own = image.clone();
    let server = Server::start(move |request| {
        let here = request.path.replace("/moved", "");
        if request.path == "/v2/" {
            return Answer::new(200);
        }
        if request.header("authorization") != format!("Basic {ME}") {
            return Answer::new(401).header("WWW-Authenticate", "Basic realm=x");
        }
        match request.path.ends_with(&digest(&own.layer)) {
            true => Answer::new(307).header("Location", &to),
            // On the same host it may be shown again.
            false if here == request.path => {
                Answer::new(307).header("Location", &format!("{}/moved", request.path))
            }
            false => own.answer(&Request { path: here, ..request.clone() }),
        }
    });
    let folder = logged_in(&server.address, &format!(r#"{{"auth":"{ME}"}}"#));
    let pulled = pull(&name(&server), options(&[("DOCKER_CONFIG", &folder.path())]));
    assert!(pulled.expect("all is well").layer == image.layer);
    let asked = other.requests();
    assert_eq!(asked.len(), 1);
    assert!(!asked[0].headers.contains_key("authorization"), "{asked:?}");
    assert!(server.asked("/moved").len() >= 2);
}

#[test]
fn another_host_may_not_ask_who_we_are() {
    let other = Server::start(|request| {
        let realm = format!(r#"Bearer realm="http://{}/token""#, request.header("host"));
        Answer::new(401).header("WWW-Authenticate", &realm)
    });
    let to = format!("http://{}/layer", other.other_name());
    let image = Image::new();
    let server =
        Server::start(move |request| match request.path.ends_with(&digest(&image.layer)) {
            true => Answer::new(307).header("Location", &to),
            false => image.answer(request),
        });
    // There are credentials for both.
    let folder = Folder::new();
    let entry = format!(r#"{{"auth":"{ME}"}}"#);
    let auths =
        format!(r#"{{"auths":{{"{}":{entry},"{}":{entry}}}}}"#, server.address, other.other_name());
    folder.file("config.json", &auths);
    let error =
        pull(&name(&server), options(&[("DOCKER_CONFIG", &folder.path())])).expect_err("no way");
    assert!(error.contains("401"), "{error}");
    let asked = other.requests();
    assert!(asked.iter().all(|request| request.path == "/layer"), "{asked:?}");
    assert!(
        asked.iter().all(|request| !request.headers.contains_key("authorization")),
        "{asked:?}"
    );
}
