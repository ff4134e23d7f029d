//! A peer: an HTTP server of a few lines, which keeps what it is sent and answers from a list.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) path: String,
    /// The headers, their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

/// How the peer answers one request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// With a status, headers and a body.
    Says(u16, Vec<(&'static str, String)>, String),
    /// With all headers that it was sent, keys among them, wherever an error may stand.
    Echoes(u16),
    /// With a length that is longer than its body, and hangs up.
    CutOff(String),
    /// Never; it keeps the connection.
    Never,
    /// By hanging up.
    HangsUp,
}

impl Reply {
    pub(crate) fn json(body: &Value) -> Self {
        Self::Says(200, Vec::new(), body.to_string())
    }

    pub(crate) fn status(status: u16, body: &Value) -> Self {
        Self::Says(status, Vec::new(), body.to_string())
    }
}

/// A running peer. Stops with the test.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Got>>>,
    serving: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Peer {
    /// Starts a peer that gives these answers, the last one again and again.
    pub(crate) async fn answering(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("address"));
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let replies: VecDeque<Reply> = replies.into_iter().collect();
        let serving = tokio::spawn(serve(listener, got.clone(), replies));
        Self { url, got, serving }
    }

    /// What it was sent so far.
    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().expect("lock").clone()
    }

    /// The one request that it was sent.
    pub(crate) fn only(&self) -> Got {
        let got = self.got();
        assert_eq!(got.len(), 1, "{got:#?}");
        got.into_iter().next().expect("one")
    }
}

async fn serve(listener: TcpListener, got: Arc<Mutex<Vec<Got>>>, mut replies: VecDeque<Reply>) {
    let mut silent = Vec::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        let Some(request) = read(&mut stream).await else { continue };
        let sent = request.headers.values().cloned().collect::<Vec<_>>().join(" ");
        got.lock().expect("lock").push(request);
        let reply = if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() };
        let reply = match reply.expect("a reply") {
            Reply::Echoes(status) => {
                let error = json!({"error": {"message": sent, "code": sent, "type": sent}, "message": sent,
                    "__type": sent});
                Reply::Says(status, vec![("X-Echo", sent), ("Retry-After", "9999".to_owned())], error.to_string())
            }
            reply => reply,
        };
        match reply {
            Reply::Echoes(_) => {}
            Reply::Says(status, headers, body) => {
                let mut head =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
                if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                    head.push_str("Content-Type: application/json\r\n");
                }
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes()).await;
            }
            Reply::CutOff(body) => {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n";
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
            Reply::Never => silent.push(stream),
            Reply::HangsUp => {}
        }
    }
}

pub(crate) async fn read(stream: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < head_end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = serde_json::from_slice(&bytes[head_end + 4..]).unwrap_or(Value::Null);
    Some(Got { path, headers, body })
}
