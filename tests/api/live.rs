//! Live events of a server that is a process, over real connections: streams, sockets and pages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use futures::{SinkExt as _, StreamExt as _};
use lemming::api::Access;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite};
use tower::ServiceExt as _;

use crate::served::{Served, founded, lemming, post, program};
use crate::world::{World, request};

/// So long a test waits for what must come, before it gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// A stream of events, as a client reads it.
struct Events {
    response: reqwest::Response,
    rest: String,
    ready: VecDeque<Value>,
    /// The last id, as a client of streams remembers it.
    last_id: Option<String>,
}

impl Events {
    async fn ask(url: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let request =
            reqwest::Client::new().get(url).header("accept", "text/event-stream").header("accept-encoding", "gzip");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.expect("an answer")
    }

    async fn open(url: &str, headers: &[(&str, &str)]) -> Self {
        let response = Self::ask(url, headers).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("content-encoding"), "what is compressed comes late");
        Self { response, rest: String::new(), ready: VecDeque::new(), last_id: None }
    }

    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Value> {
        tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(event) = self.ready.pop_front() {
                    return Some(event);
                }
                let chunk = self.response.chunk().await.ok()??;
                self.rest.push_str(std::str::from_utf8(&chunk).expect("text"));
                while let Some((block, rest)) = self.rest.split_once("\n\n") {
                    let block = block.to_owned();
                    self.rest = rest.to_owned();
                    self.take(&block);
                }
            }
        })
        .await
        .expect("an event in time")
    }

    fn take(&mut self, block: &str) {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        if let Some(id) = field("id") {
            self.last_id = Some(id.to_owned());
        }
        let Some(data) = field("data") else { return };
        let event: Value = serde_json::from_str(data).expect("json");
        assert_eq!(event["type"].as_str(), field("event"));
        assert_eq!(event["id"].as_str(), field("id"));
        self.ready.push_back(event);
    }

    /// Events up to the first of which this holds.
    async fn until(&mut self, holds: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await.expect("an event");
            let is_last = holds(&event);
            events.push(event);
            if is_last {
                return events;
            }
        }
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn socket(url: &str, headers: &[(&'static str, &str)]) -> Result<Socket, tungstenite::Error> {
    let mut request = url.replace("http://", "ws://").into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a value"));
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

/// The status with which a socket is refused.
fn refused(answer: Result<Socket, tungstenite::Error>) -> u16 {
    match answer {
        Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

/// The next frame of JSON, or how it was closed.
async fn heard(socket: &mut Socket) -> Result<Value, Option<CloseFrame>> {
    loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await.expect("a frame in time") {
            Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("json")),
            Some(Ok(Message::Close(frame))) => return Err(frame),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(None),
        }
    }
}

async fn page(url: &str, query: &str) -> Value {
    let response = reqwest::get(format!("{url}/api/events{query}")).await.expect("an answer");
    let bytes = response.bytes().await.expect("a body");
    serde_json::from_slice(&bytes).expect("json")
}

/// All events of the records, in pages.
async fn all(url: &str) -> Vec<Value> {
    let (mut cursor, mut events) = ("1.0".to_owned(), Vec::new());
    loop {
        let page = page(url, &format!("?after={cursor}&limit=7")).await;
        events.extend(page["events"].as_array().expect("events").iter().cloned());
        page["cursor"].as_str().expect("a cursor").clone_into(&mut cursor);
        if page["more"] == false {
            return events;
        }
    }
}

/// An event without what depends on who tells it, and when.
fn said(event: &Value) -> String {
    let mut event = event.clone();
    event.as_object_mut().expect("an object").retain(|name, _| !["id", "time"].contains(&name.as_str()));
    if let Some(log) = event["log"].as_object_mut() {
        log.remove("timestamp");
    }
    event.to_string()
}

fn counted(events: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in events {
        *counts.entry(said(event)).or_default() += 1;
    }
    counts
}

fn is(kind: &'static str, tick: u64) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == kind && event["tick"] == tick
}

/// So many ticks, each by two runners at once.
async fn race(folder: &Path, ticks: usize) {
    for _ in 0..ticks {
        let mut runners = [0, 1].map(|_| {
            let mut command = program(folder);
            command.arg("tick").env("LEMMING_LOG", "error");
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            command.spawn().expect("the program")
        });
        tokio::task::spawn_blocking(move || {
            for runner in &mut runners {
                assert!(runner.wait().expect("an end").success());
            }
        })
        .await
        .expect("runners");
    }
}

fn ticks(folder: &Path) -> u64 {
    let status = lemming(folder, &["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).expect("json");
    status["tick"].as_u64().expect("a tick")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_is_told_every_event_once_while_runners_elsewhere_race() {
    let folder = founded();
    let served = Served::start(folder.path(), &["--no-wake"]);
    let url = format!("{}/api/events", served.url);
    let mut streams = Vec::new();
    for _ in 0..2 {
        streams.push(Events::open(&format!("{url}?after=1.0"), &[]).await);
    }
    let mut listening = socket(&format!("{}/ws?after=1.0", served.url), &[]).await.expect("a socket");
    let snapshot = heard(&mut listening).await.expect("a snapshot");
    let fields: BTreeSet<&str> = snapshot.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(["cursor", "messages", "status"]));
    assert_eq!(
        (&snapshot["cursor"], &snapshot["messages"], &snapshot["status"]["tick"]),
        (&json!("1.0"), &json!([]), &json!(0))
    );
    for text in ["one", "two"] {
        assert_eq!(post(&served, None, text).await.0, 201);
    }
    race(folder.path(), 3).await;
    let last = ticks(folder.path());
    assert!(last >= 3);
    let mut told = Vec::new();
    for stream in &mut streams {
        told.push(stream.until(is("tick_closed", last)).await);
    }
    let mut frames = Vec::new();
    while !frames.last().is_some_and(is("tick_closed", last)) {
        frames.push(heard(&mut listening).await.expect("an event"));
    }
    told.push(frames);
    let wanted = all(&served.url).await;
    for told in &told {
        let ids: BTreeSet<&str> = told.iter().map(|event| event["id"].as_str().expect("an id")).collect();
        assert_eq!(ids.len(), told.len(), "each has an id of its own");
        assert_eq!(counted(told), counted(&wanted));
        assert!(counted(told).values().all(|count| *count == 1));
    }
    // Who comes now sees what was said, and hears nothing old.
    let mut later = socket(&format!("{}/api/ws", served.url), &[]).await.expect("a socket");
    let snapshot = heard(&mut later).await.expect("a snapshot");
    assert_eq!(snapshot["status"]["tick"], last);
    let texts: Vec<&str> =
        snapshot["messages"].as_array().expect("messages").iter().filter_map(|m| m["text"].as_str()).collect();
    assert!(texts.contains(&"one") && texts.contains(&"two"), "{texts:?}");
    let (code, log) = served.end();
    assert_eq!(code, Some(0), "{log}");
    // All that were open hear that it is over, and are not cut off.
    assert_eq!(heard(&mut later).await.expect_err("a close").map(|close| u16::from(close.code)), Some(1001));
    assert_eq!(streams[0].next().await, None);
    assert!(log.contains(r#""route":"/api/events""#) && log.contains(r#""route":"/ws""#), "{log}");
}

/// Two agents: one answers at once, the other when the file `go` is there.
fn slow_and_fast() -> TempDir {
    let folder = founded();
    let write = |path: &str, value: &Value| {
        std::fs::create_dir_all(folder.path().join(path).parent().expect("a folder")).expect("folders");
        std::fs::write(folder.path().join(path), value.to_string()).expect("written");
    };
    for agent in std::fs::read_dir(folder.path().join("agents")).expect("agents") {
        std::fs::remove_dir_all(agent.expect("an agent").path()).expect("removed");
    }
    let answer = r#"echo '{"outbox_entries": [{"payload": {"text": "done"}}]}'"#;
    let model = |script: &str| {
        let config = json!({"command": ["sh", "-c", script], "cwd": "config", "timeout": 600});
        json!({"provider": "cli", "model_name": "x", "price": {"input": 0, "output": 0}, "provider_config": config})
    };
    let waits = format!("while [ ! -e ../go ]; do sleep 0.05; done; {answer}");
    write("config/models.json", &json!({"fast": model(answer), "slow": model(&waits)}));
    for name in ["fast", "slow"] {
        write(
            &format!("agents/{name}/resume.json"),
            &json!({"name": name, "title": "Hand", "short_description": "Works.", "instructions": "Work.",
                "model": {"key": name, "max_tokens": 100}}),
        );
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_taken_up_in_the_middle_of_an_open_tick() {
    let folder = slow_and_fast();
    let served = Served::start(folder.path(), &["--no-wake"]);
    let url = format!("{}/api/events", served.url);
    let mut first = Events::open(&url, &[]).await;
    let mut runner = program(folder.path())
        .arg("tick")
        .env("LEMMING_LOG", "error")
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("a runner");
    let mut told = first.until(|event| event["type"] == "turn_committed" && event["agent"] == "fast").await;
    let mut other = Events::open(&format!("{url}?types=turn_started"), &[]).await;
    let begun = other.next().await.expect("an event");
    // In the middle of what the turn brought, and at its end.
    for back in [2, 1] {
        let at = told[told.len() - back]["id"].as_str().expect("an id").to_owned();
        let mut again = Events::open(&url, &[("last-event-id", &at)]).await;
        if back == 2 {
            assert_eq!(again.next().await.as_ref(), told.last(), "after {at}");
        }
        drop(again);
    }
    let at = first.last_id.clone().expect("an id");
    drop(first);
    let mut second = Events::open(&format!("{url}?after=1.0"), &[("last-event-id", &at)]).await;
    std::fs::write(folder.path().join("go"), "").expect("written");
    told.extend(second.until(is("tick_closed", 1)).await);
    assert!(runner.wait().expect("an end").success());
    assert_eq!(counted(&told), counted(&all(&served.url).await));
    assert!(counted(&told).values().all(|count| *count == 1), "{told:?}");
    assert_eq!(begun["type"], "turn_started");
    let (code, log) = served.end();
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_needs_a_key_that_may_read_and_a_page_of_this_server() {
    let folder = founded();
    let add = |name: &str, role: &str| {
        let added = lemming(folder.path(), &["keys", "add", name, "--role", role]);
        String::from_utf8(added.stdout).expect("text").trim().to_owned()
    };
    let key = add("page", "viewer");
    let sender =
        String::from_utf8(lemming(folder.path(), &["keys", "add", "hook", "--scope", "send"]).stdout).expect("text");
    let served = Served::start(folder.path(), &["--no-wake"]);
    let url = format!("{}/ws", served.url);
    let offer = |key: &str| format!("lemming.v1, bearer.{key}");
    assert_eq!(refused(socket(&url, &[]).await), 401);
    assert_eq!(refused(socket(&url, &[("sec-websocket-protocol", &offer("lemming_wrong"))]).await), 401);
    assert_eq!(refused(socket(&url, &[("sec-websocket-protocol", &offer(sender.trim()))]).await), 403);
    let foreign = [("sec-websocket-protocol", offer(&key)), ("origin", "https://evil.example".to_owned())];
    let foreign: Vec<(&'static str, &str)> = foreign.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(refused(socket(&url, &foreign).await), 403);
    let own = served.url.clone();
    let mut request = url.replace("http://", "ws://").into_client_request().expect("a request");
    request.headers_mut().insert("origin", own.parse().expect("a value"));
    request.headers_mut().insert("sec-websocket-protocol", offer(&key).parse().expect("a value"));
    let (mut opened, answer) = connect_async(request).await.expect("a socket");
    assert_eq!(answer.headers()["sec-websocket-protocol"], "lemming.v1");
    assert!(heard(&mut opened).await.is_ok());
    assert_eq!(Events::ask(&format!("{}/api/events", served.url), &[]).await.status(), 401);
    let bearer = format!("Bearer {key}");
    Events::open(&format!("{}/api/events", served.url), &[("authorization", &bearer)]).await;
    let plain = Events::ask(&url, &[("authorization", &bearer)]).await;
    assert_eq!(plain.status(), StatusCode::UPGRADE_REQUIRED);
    let envelope: Value = serde_json::from_slice(&plain.bytes().await.expect("a body")).expect("json");
    assert_eq!(envelope["error"]["code"], "upgrade_required");
    drop(opened);
    let (code, log) = served.end();
    assert_eq!(code, Some(0), "{log}");
    for secret in [&key[8..], &sender.trim()[8..]] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_a_socket_has_nothing_to_say() {
    let folder = founded();
    let served = Served::start(folder.path(), &["--no-wake"]);
    let url = format!("{}/ws", served.url);
    let mut polite = socket(&url, &[]).await.expect("a socket");
    assert!(heard(&mut polite).await.is_ok());
    polite.send(Message::Text("{\"type\": \"subscribe\"}".into())).await.expect("sent");
    polite.send(Message::Ping("hello".into())).await.expect("sent");
    match tokio::time::timeout(PATIENCE, polite.next()).await.expect("a frame in time") {
        Some(Ok(Message::Pong(said))) => assert_eq!(said, "hello"),
        other => panic!("{other:?}"),
    }
    let mut talker = socket(&url, &[]).await.expect("a socket");
    assert!(heard(&mut talker).await.is_ok());
    for _ in 0..100 {
        if talker.send(Message::Text("hello".into())).await.is_err() {
            break;
        }
    }
    let closed = heard(&mut talker).await.expect_err("a close");
    assert!(closed.is_none_or(|close| u16::from(close.code) == 1008));
    let mut shouter = socket(&url, &[]).await.expect("a socket");
    assert!(heard(&mut shouter).await.is_ok());
    let _ = shouter.send(Message::Text("x".repeat(100_000).into())).await;
    assert!(heard(&mut shouter).await.is_err());
    polite.send(Message::Close(None)).await.expect("sent");
    assert!(heard(&mut polite).await.is_err());
    let (code, log) = served.end();
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_caller_has_a_few_connections_and_those_that_ended_are_free_again() {
    let folder = founded();
    let served = Served::start(folder.path(), &["--no-wake"]);
    let url = format!("{}/api/events", served.url);
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(Events::open(&url, &[]).await);
    }
    let refusal = Events::ask(&url, &[]).await;
    assert_eq!(refusal.status(), 429);
    assert!(refusal.headers().contains_key("retry-after"));
    assert_eq!(page(&served.url, "").await["events"], json!([]), "pages need no seat");
    open.pop();
    for _ in 0.. {
        if Events::ask(&url, &[]).await.status() == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (code, log) = served.end();
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_ends_whoever_still_holds_a_stream_and_reads_nothing() {
    let folder = founded();
    let served = Served::start(folder.path(), &["--no-wake"]);
    let stream = Events::open(&format!("{}/api/events", served.url), &[]).await;
    let silent = socket(&format!("{}/ws", served.url), &[]).await.expect("a socket");
    let (code, log) = served.end();
    assert_eq!(code, Some(0), "{log}");
    drop((stream, silent));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_organisation_has_its_own_events() {
    let place = tempfile::tempdir().expect("folder");
    for name in ["desk", "lab"] {
        std::fs::create_dir(place.path().join(name)).expect("a folder");
        assert!(lemming(&place.path().join(name), &["bootstrap"]).status.success());
    }
    let served = Served::start(place.path(), &["--store", ".", "--no-wake"]);
    let of = |org: &str| format!("{}/api/orgs/{org}/events?after=1.0", served.url);
    let (mut desk, mut lab) = (Events::open(&of("desk"), &[]).await, Events::open(&of("lab"), &[]).await);
    let socket_url = format!("{}/api/orgs/lab/ws", served.url);
    let mut listening = socket(&socket_url, &[]).await.expect("a socket");
    assert!(heard(&mut listening).await.is_ok());
    race(&place.path().join("desk"), 1).await;
    race(&place.path().join("lab"), 1).await;
    let (desk, lab) = (desk.until(is("tick_closed", 1)).await, lab.until(is("tick_closed", 1)).await);
    let first = heard(&mut listening).await.expect("an event");
    assert_eq!(first["type"], "tick_opened");
    let ids = |events: &[Value]| -> BTreeSet<String> {
        events
            .iter()
            .filter(|event| event["type"] == "message")
            .map(|event| event["message"]["id"].to_string())
            .collect()
    };
    assert!(ids(&desk).is_disjoint(&ids(&lab)));
    let (code, log) = served.end();
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn where_nothing_can_be_kept_open_a_stream_is_what_there_is_and_ends() {
    let world = World::new(Access::Local).await;
    world.tick().await;
    let ask = |path: &str, id: &str| {
        let headers = [("accept", "text/event-stream"), ("last-event-id", id)];
        world.router.clone().oneshot(request("GET", path, &headers).body(Body::empty()).unwrap())
    };
    let text = async |path: &str, id: &str| {
        let response = ask(path, id).await.expect("infallible");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.expect("a body").to_vec()).expect("text")
    };
    let whole = text("/api/events", "1.0").await;
    assert!(whole.starts_with("retry: "), "{whole}");
    assert!(whole.contains("\nevent: tick_closed\n") && whole.ends_with(":\nid: 1.1\n\n"), "{whole}");
    let types = text("/api/events?types=tick_closed", "1.0").await;
    assert_eq!(types.matches("event: ").count(), 1, "{types}");
    assert_eq!(text("/api/events", "1.1").await.matches("data: ").count(), 0);
    let events = world.get("/api/events?after=1.0&limit=2").await.body;
    assert_eq!((events["events"].as_array().unwrap().len(), events["more"].as_bool()), (2, Some(true)), "{events}");
    assert_eq!(events["cursor"], events["events"][1]["id"]);
    for wrong in ["?after=x", "?limit=0", "?limit=501", "?types=none", "?since=1", "?after=1.99999999999999999999"] {
        assert_eq!(world.get(&format!("/api/events{wrong}")).await.error().0, 400, "{wrong}");
    }
    assert_eq!(world.get("/ws").await.error(), (426, "upgrade_required", ""));
}

#[tokio::test]
async fn only_a_key_that_may_read_opens_any_of_the_routes() {
    for access in [Access::Keys, Access::Local, Access::Open] {
        let world = World::new(access).await;
        let named: [(&str, &[&str]); 4] =
            [("read", &["read"]), ("send", &["send"]), ("control", &["control"]), ("none", &[])];
        let keys = world.keys(named).await;
        // What is behind the gate: a page, and that no socket can be kept open in this test.
        for (path, behind) in [("/api/events", 200), ("/ws", 426), ("/api/ws", 426)] {
            assert_eq!(world.get(path).await.error(), (401, "unauthorized", ""), "{access:?} {path}");
            let status = async |headers: &[(&str, &str)]| {
                world.ask(request("GET", path, headers).body(Body::empty()).unwrap()).await.status.as_u16()
            };
            assert_eq!(status(&[("x-api-key", "lemming_unknown")]).await, 401, "{access:?} {path}");
            for ((name, _), key) in named.iter().zip(&keys) {
                let wanted = if *name == "read" { behind } else { 403 };
                assert_eq!(status(&[("x-api-key", key)]).await, wanted, "{access:?} {path} {name}");
                let offered = format!("lemming.v1, bearer.{key}");
                let as_protocol = [("upgrade", "websocket"), ("sec-websocket-protocol", offered.as_str())];
                assert_eq!(status(&as_protocol).await, wanted, "{access:?} {path} {name}");
            }
        }
    }
}
