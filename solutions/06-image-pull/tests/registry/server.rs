//! A registry that does whatever a test wants: a TCP server that writes down each request and sends
//! back the bytes that it is told to, good or bad.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    /// Names in small letters.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
    /// How often just that was asked before.
    pub(crate) before: usize,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn is_for(&self, kind: &str) -> bool {
        self.path.contains(&format!("/{kind}/"))
    }
}

/// What is sent back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    head: String,
    body: Vec<u8>,
    /// Whether the head says how long the body is.
    length: bool,
    then: Then,
}

/// What happens behind the bytes.
#[derive(Debug, Clone, Copy)]
enum Then {
    Next,
    Close,
    Silence,
    /// The body comes a byte at a time.
    Drip,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        let head = format!("HTTP/1.1 {status} X\r\n");
        Self { head, body: Vec::new(), length: true, then: Then::Next }
    }

    pub(crate) fn ok(media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new(200).header("Content-Type", media_type).body(body)
    }

    /// Bytes that need not be HTTP.
    pub(crate) fn raw(bytes: &str) -> Self {
        Self { head: bytes.into(), body: Vec::new(), length: false, then: Then::Close }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Only the first bytes of the body come, then the end.
    pub(crate) fn cut(self, at: usize) -> Self {
        self.ends(at, Then::Close)
    }

    /// Only the first bytes of the body come, then nothing.
    pub(crate) fn stall(self, at: usize) -> Self {
        self.ends(at, Then::Silence)
    }

    fn ends(mut self, at: usize, then: Then) -> Self {
        let length = self.body.len().to_string();
        self = self.header("Content-Length", &length);
        self.body.truncate(at);
        Self { length: false, then, ..self }
    }

    /// A byte at a time.
    pub(crate) fn drip(self) -> Self {
        Self { then: Then::Drip, ..self }
    }

    /// The body ends where the connection does; nobody knows how long it is.
    pub(crate) fn endless(self) -> Self {
        Self { length: false, then: Then::Close, ..self }
    }

    fn send(&self, mut to: &TcpStream) -> std::io::Result<bool> {
        let mut head = self.head.clone();
        if self.length {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        if head.starts_with("HTTP/") {
            head += "\r\n";
        }
        to.write_all(head.as_bytes())?;
        match self.then {
            Then::Drip => {
                for byte in &self.body {
                    to.write_all(&[*byte])?;
                    thread::sleep(Duration::from_millis(20));
                }
            }
            _ => to.write_all(&self.body)?,
        }
        if let Then::Silence = self.then {
            // Until the other side has had enough.
            let _ = to.read(&mut [0]);
        }
        Ok(matches!(self.then, Then::Next))
    }
}

/// The server. It lives as long as the test.
pub(crate) struct Server {
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts one that answers by `answer`.
    pub(crate) fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (all, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (all, answer) = (Arc::clone(&all), Arc::clone(&answer));
                // A client that goes away is what many tests are about.
                thread::spawn(move || drop(serve(&connection, &all, &*answer)));
            }
        });
        Self { address, requests }
    }

    /// The same server by another name: another host, as far as anybody can tell.
    pub(crate) fn other_name(&self) -> String {
        self.address.replace("127.0.0.1", "localhost")
    }

    /// All that was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }

    /// What was asked for under a path that contains `kind`.
    pub(crate) fn asked(&self, kind: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.path.contains(kind)).collect()
    }
}

fn serve(
    connection: &TcpStream,
    all: &Mutex<Vec<Request>>,
    answer: &(impl Fn(&Request) -> Answer + Sync),
) -> std::io::Result<()> {
    let mut input = BufReader::new(connection);
    while let Some(mut request) = read(&mut input)? {
        if request.method == "CONNECT" {
            // A proxy; and behind it, the registry is this one as well.
            all.lock().expect("no panic").push(request);
            let mut out = connection;
            out.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
            continue;
        }
        {
            let mut all = all.lock().expect("no panic");
            let same = |other: &&Request| other.path == request.path;
            request.before = all.iter().filter(same).count();
            all.push(request.clone());
        }
        if !answer(&request).send(connection)? {
            break;
        }
    }
    Ok(())
}

fn read(input: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(String::from);
    let mut word = || words.next().unwrap_or_default();
    let (method, path) = (word(), word());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        match line.trim().split_once(':') {
            Some((name, value)) => {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
            None => break,
        }
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    input.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(Request { method, path, headers, body, before: 0 }))
}
