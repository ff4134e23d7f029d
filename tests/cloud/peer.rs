//! A web server on loopback that answers as it is told, and remembers what it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request, as the peer saw it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The key id that signed it, and the region that it was signed for.
    pub(crate) fn signer(&self) -> (String, String) {
        let scope = self.header("authorization").split("Credential=").nth(1).unwrap_or_default();
        let mut parts = scope.split('/').map(str::to_owned);
        (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default())
    }
}

/// Status, header lines, body.
pub(crate) type Answer = (u16, Vec<(&'static str, String)>, String);

/// An answer of 200 with this body.
pub(crate) fn ok(body: impl Into<String>) -> Answer {
    (200, Vec::new(), body.into())
}

/// Listens until it is dropped.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log), Arc::clone(&answer)));
            }
        });
        Self { url, seen, task }
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("lock").clone()
    }
}

async fn serve(stream: TcpStream, log: Arc<Mutex<Vec<Seen>>>, answer: Arc<impl Fn(&Seen) -> Answer>) {
    let mut stream = BufReader::new(stream);
    while let Some(seen) = read(&mut stream).await {
        let (status, headers, body) = answer(&seen);
        let is_head = seen.method == "HEAD";
        log.lock().expect("lock").push(seen);
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("HTTP/1.1 {status} X\r\n{lines}content-length: {}\r\n\r\n", body.len());
        let body = if is_head { "" } else { &body };
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut seen = Seen::default();
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split_whitespace();
    (seen.method, seen.path) = (words.next()?.to_owned(), words.next()?.to_owned());
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        seen.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; seen.header("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    seen.body = String::from_utf8_lossy(&body).into_owned();
    Some(seen)
}
