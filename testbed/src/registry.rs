//! For the tests: a registry with images of the test's own making.
//!
//! It speaks the least that a pull needs (OCI distribution specification, "Pull"), from memory, one
//! thread a connection, and writes down what it was asked. It can be slow on purpose, so that
//! something can happen while a layer is on its way.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use nix::sched::{CloneFlags, setns};
use sha2::{Digest as _, Sha256};

use crate::Host;

/// An image: layers, and a configuration.
#[derive(Debug, Clone, Default)]
pub struct Image {
    layers: Vec<Layer>,
    /// The part of the configuration that says what to run, as JSON: `{"Cmd":["sh"]}`.
    pub config: String,
    /// The processor that its programs are for, by Go's name: this machine's.
    pub architecture: String,
}

#[derive(Debug, Clone)]
struct Layer {
    blob: Vec<u8>,
    media_type: String,
    diff_id: String,
}

impl Image {
    /// An image without layers that runs `config`, JSON of the configuration's inner part.
    #[must_use]
    pub fn new(config: &str) -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "386",
            "aarch64" => "arm64",
            other => other,
        };
        Self { layers: Vec::new(), config: config.into(), architecture: architecture.into() }
    }

    /// Adds a layer: a tar archive, compressed by gzip on its way.
    #[must_use]
    pub fn layer(mut self, archive: &[u8]) -> Self {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(archive).expect("memory");
        let blob = gzip.finish().expect("memory");
        let media_type = "application/vnd.oci.image.layer.v1.tar+gzip".into();
        self.layers.push(Layer { blob, media_type, diff_id: digest(archive) });
        self
    }

    /// Adds a layer as it is, of any media type.
    #[must_use]
    pub fn blob(mut self, blob: Vec<u8>, media_type: &str, diff_id: &str) -> Self {
        self.layers.push(Layer { blob, media_type: media_type.into(), diff_id: diff_id.into() });
        self
    }
}

/// The name by its content that bytes have: `sha256:…`.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    let hex: Vec<String> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", hex.concat())
}

#[derive(Default)]
struct Content {
    /// What is at a path: its media type, and its bytes.
    paths: HashMap<String, (String, Arc<Vec<u8>>)>,
    requests: Vec<String>,
    pause: Duration,
}

/// A registry that listens on loopback as long as the test runs.
pub struct Registry {
    address: SocketAddr,
    content: Arc<Mutex<Content>>,
}

impl Registry {
    /// Starts one: on the given host, or on the real one.
    ///
    /// # Panics
    ///
    /// When it can't listen.
    #[must_use]
    pub fn start(host: Option<&Host>) -> Self {
        let network = host.map(|host| format!("/proc/{}/ns/net", host.pid()));
        let listen = move || {
            // A socket belongs to the network namespace of the thread that makes it.
            if let Some(network) = network {
                let network = File::open(network).expect("the host's network");
                setns(network, CloneFlags::CLONE_NEWNET).expect("setns");
            }
            TcpListener::bind("127.0.0.1:0").expect("a port")
        };
        let listener = thread::spawn(listen).join().expect("a thread");
        let address = listener.local_addr().expect("an address");
        let content = Arc::new(Mutex::new(Content::default()));
        let shared = Arc::clone(&content);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let content = Arc::clone(&shared);
                // A client that goes away is none of our business.
                thread::spawn(move || drop(serve(&connection, &content)));
            }
        });
        Self { address, content }
    }

    /// The name of an image here: `127.0.0.1:PORT/repository:tag`.
    #[must_use]
    pub fn name(&self, image: &str) -> String {
        format!("{}/{image}", self.address)
    }

    /// Puts an image here as `repository` and `tag`; returns its manifest's digest.
    ///
    /// # Panics
    ///
    /// Never: it is memory.
    pub fn put(&self, repository: &str, tag: &str, image: &Image) -> String {
        let mut content = self.content.lock().expect("no panic");
        let mut blob = |bytes: &[u8]| {
            let digest = digest(bytes);
            let path = format!("/v2/{repository}/blobs/{digest}");
            let bytes = Arc::new(bytes.to_vec());
            content.paths.insert(path, ("application/octet-stream".into(), bytes));
            digest
        };
        let architecture = &image.architecture;
        let quoted = |layer: &Layer| format!("{:?}", layer.diff_id);
        let config = format!(
            r#"{{"architecture":"{architecture}","os":"linux","config":{},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
            image.config,
            image.layers.iter().map(quoted).collect::<Vec<_>>().join(",")
        );
        let mut layers = Vec::new();
        for Layer { blob: bytes, media_type, .. } in &image.layers {
            let (digest, size) = (blob(bytes), bytes.len());
            layers.push(format!(
                r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#
            ));
        }
        let manifest_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{manifest_type}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{}]}}"#,
            blob(config.as_bytes()),
            config.len(),
            layers.join(",")
        );
        let digest = digest(manifest.as_bytes());
        let manifest = (manifest_type.to_owned(), Arc::new(manifest.into_bytes()));
        for reference in [tag, &digest] {
            let path = format!("/v2/{repository}/manifests/{reference}");
            content.paths.insert(path, manifest.clone());
        }
        digest
    }

    /// From now on every 64 KiB of a body take so long.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn be_slow(&self, pause: Duration) {
        self.content.lock().expect("no panic").pause = pause;
    }

    /// What it has been asked since the last time: `GET /v2/…`, and ` from 65536` if not from the
    /// beginning.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.content.lock().expect("no panic").requests)
    }
}

/// Answers the requests of one connection.
fn serve(connection: &TcpStream, content: &Mutex<Content>) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection);
    loop {
        let mut request = String::new();
        if lines.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let (mut from, mut header) = (0, String::new());
        loop {
            header.clear();
            lines.read_line(&mut header)?;
            let range = header.to_ascii_lowercase();
            if let Some(range) = range.strip_prefix("range: bytes=") {
                from = range.split('-').next().and_then(|from| from.parse().ok()).unwrap_or(0);
            }
            if header.trim().is_empty() {
                break;
            }
        }
        let mut words = request.split_whitespace();
        let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let (found, pause) = {
            let mut content = content.lock().expect("no panic");
            let range = if from > 0 { format!(" from {from}") } else { String::new() };
            content.requests.push(format!("{method} {path}{range}"));
            (content.paths.get(path).cloned(), content.pause)
        };
        let mut out = connection;
        match found {
            None => {
                let status = if path == "/v2/" { "200 OK" } else { "404 Not Found" };
                write!(out, "HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}")?;
            }
            Some((media_type, bytes)) => {
                let (from, all) = (from.min(bytes.len()), bytes.len());
                let status = match from {
                    0 => "200 OK".to_owned(),
                    _ => format!(
                        "206 Partial Content\r\nContent-Range: bytes {from}-{}/{all}",
                        all - 1
                    ),
                };
                write!(
                    out,
                    "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
                    all - from
                )?;
                if method == "GET" {
                    for part in bytes[from..].chunks(64 << 10) {
                        thread::sleep(pause);
                        out.write_all(part)?;
                    }
                }
            }
        }
    }
}
