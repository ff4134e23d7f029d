//! The model: a small server on loopback that speaks as OpenAI does, and writes down every call when
//! it comes in, before anything else. From then on the call is paid, whatever becomes of its caller.
//!
//! Its log is the witness that the audit holds the records against.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::organisation::handed_on;

/// How long an answer takes: the shortest, and what is added for one call or another.
const THINKING_MS: u64 = 700;
const SPREAD_MS: u64 = 500;

/// The largest request that is read, in bytes.
const MAX_REQUEST_BYTES: usize = 8 << 20;

/// A line of the model's log: a request that came in, and is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its number, which is the id of its answer.
    pub id: String,
    /// Who asked, by the key that was shown.
    pub runner: u32,
    /// For whom, as the prompt says.
    pub agent: String,
    /// In which tick, as the prompt says.
    pub tick: u64,
}

/// What the model tells of itself.
#[derive(Debug)]
pub enum Event {
    /// A call came in. It is answered when `answer` is sent, and never as long as that is kept.
    Called {
        /// The line of the log.
        call: Call,
        /// Lets the model answer.
        answer: oneshot::Sender<()>,
    },
    /// The call with this id was answered.
    Answered(String),
}

/// A model that listens. Dropping it ends all its calls.
#[derive(Debug)]
pub struct Model {
    /// Where: for `base_url`.
    pub address: String,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Model {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Model {
    /// Listens on a free port of this machine, and tells of every call through `events`.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn listen(events: mpsc::UnboundedSender<Event>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}/v1", listener.local_addr()?);
        let server = tokio::spawn(async move {
            let count = Arc::new(AtomicU64::new(0));
            // Dropped with the server, and all its calls with it.
            let mut serving = JoinSet::new();
            loop {
                tokio::select! {
                    Ok((stream, _)) = listener.accept() => {
                        let (events, count) = (events.clone(), Arc::clone(&count));
                        serving.spawn(async move {
                            // Whoever asked may be dead by now: nobody is left to be told.
                            let _ = serve(stream, &events, &count).await;
                        });
                    }
                    Some(_) = serving.join_next() => {}
                }
            }
        });
        Ok(Self { address, server })
    }
}

async fn serve(mut stream: TcpStream, events: &mpsc::UnboundedSender<Event>, count: &AtomicU64) -> io::Result<()> {
    let Some(request) = read(&mut stream).await? else { return Ok(()) };
    let Some(asked) = Asked::of(&request) else {
        return reply(&mut stream, "400 Bad Request", &json!({ "error": { "message": "this is no request of ours" } }))
            .await;
    };
    let number = count.fetch_add(1, Ordering::SeqCst) + 1;
    let (answer, may_answer) = oneshot::channel();
    let call =
        Call { id: format!("call-{number:03}"), runner: asked.runner, agent: asked.agent.clone(), tick: asked.tick };
    let id = call.id.clone();
    if events.send(Event::Called { call, answer }).is_err() || may_answer.await.is_err() {
        return Ok(());
    }
    tokio::time::sleep(Duration::from_millis(THINKING_MS + number * 137 % SPREAD_MS)).await;
    let message = json!({ "role": "assistant", "content": asked.answer().to_string() });
    let usage = json!({ "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 });
    let choices = json!([{ "index": 0, "message": message, "finish_reason": "stop" }]);
    // Told first: what its caller does next must not be told before.
    let _ = events.send(Event::Answered(id.clone()));
    reply(&mut stream, "200 OK", &json!({ "id": id, "model": "pigeon", "choices": choices, "usage": usage })).await
}

async fn reply(stream: &mut TcpStream, status: &str, body: &Value) -> io::Result<()> {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// A request, as far as it matters.
struct Request {
    authorization: String,
    body: Value,
}

/// Reads one request; `None` where the caller went away or sends too much.
async fn read(stream: &mut TcpStream) -> io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if bytes.len() > MAX_REQUEST_BYTES || stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let header = |wanted: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned())
    };
    let length: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    if length > MAX_REQUEST_BYTES {
        return Ok(None);
    }
    let body = head_end + 4;
    while bytes.len() < body + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    let authorization = header("authorization").unwrap_or_default();
    Ok(Some(Request { authorization, body: serde_json::from_slice(&bytes[body..]).unwrap_or_default() }))
}

/// What a prompt asks: the letters that are new for an agent.
struct Asked {
    runner: u32,
    agent: String,
    tick: u64,
    /// Each with the hands that it has gone through.
    letters: Vec<(u64, Vec<String>)>,
}

impl Asked {
    fn of(request: &Request) -> Option<Self> {
        let runner = request.authorization.strip_prefix("Bearer runner-")?.parse().ok()?;
        let mut messages = request.body["messages"].as_array()?.iter().map(|message| message["content"].as_str());
        let (rules, news) = (messages.next()??, messages.next()??);
        let agent = between(rules, "\nName: ", '\n')?.to_owned();
        let tick = between(news, "\nTick ", ',')?.parse().ok()?;
        let (_, new) = news.split_once("\n# New for you\n")?;
        let entries = new.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Some(Self { runner, agent, tick, letters: entries.filter_map(|entry| letter(&entry["payload"])).collect() })
    }

    fn answer(&self) -> Value {
        let hand_on = |(number, hands): &(u64, Vec<String>)| {
            let hands: Vec<String> = hands.iter().chain([&self.agent]).cloned().collect();
            handed_on(*number, &hands)
        };
        json!({ "outbox_entries": self.letters.iter().map(hand_on).collect::<Vec<_>>() })
    }
}

/// The letter of a payload: a person's has its number in the text, an agent's in fields of their own.
fn letter(payload: &Value) -> Option<(u64, Vec<String>)> {
    match payload["letter"].as_u64() {
        Some(number) => Some((number, serde_json::from_value(payload["hands"].clone()).ok()?)),
        None => Some((between(payload["text"].as_str()?, "Letter ", ':')?.parse().ok()?, Vec::new())),
    }
}

fn between<'a>(text: &'a str, before: &str, after: char) -> Option<&'a str> {
    text.split_once(before)?.1.split(after).next()
}
