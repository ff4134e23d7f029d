//! A server under load: many who listen, many who ask, and ticks that run elsewhere.
//!
//! `cargo bench --bench live`, or `make load`. 100 streams and 100 sockets listen to `lemming serve`, which is a process of
//! its own; a hundred times a second somebody asks; twice a second a runner runs a tick of 24 agents whose model is a
//! script. In the end every listener must have been told every event of the records once, and every request answered.
//! `LEMMING_LOAD_SECONDS` says how long (60), `LEMMING_BIN` names another program than the one of this build.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark fails by panicking, and measures real time"
)]

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

const AGENTS: usize = 24;
/// Keys, each with so many streams and so many sockets: nobody has more than twenty connections that stay open.
const KEYS: usize = 10;
const STREAMS_OF_ONE: usize = 10;
const SOCKETS_OF_ONE: usize = 10;
const REQUESTS_PER_SECOND: u64 = 100;

/// At most so often a tick runs. As fast as a processor goes, one machine would tell itself a hundred thousand events a second, and those
/// who listen from the same two processors would be too slow for that, and dropped.
const TICK_EVERY: Duration = Duration::from_millis(500);

/// What is asked, in turn.
const ROUTES: [&str; 5] = ["/api/status", "/api/me", "/api/events?limit=20", "/api/health", "/api/openapi.json"];

/// How long it is waited for what was told last.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with the benchmark.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program(folder: &Path) -> Command {
    let program: PathBuf =
        std::env::var_os("LEMMING_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_lemming").into()).into();
    let mut command = Command::new(program);
    command.current_dir(folder).env_remove("LEMMING_STORE").env("LEMMING_LOG", "error").stderr(Stdio::null());
    command
}

fn found(folder: &Path) {
    let write = |path: String, value: Value| {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, value.to_string()).unwrap();
    };
    write("org.json".to_owned(), json!({"format": 1, "name": "load", "limits": {"agents_per_shard": 8}}));
    let answer = json!({
        "outbox_entries": [{"kind": "report", "payload": {"text": "{{ agent }} at tick {{ tick }}."}}],
        "memory_updates": [{"key": "last", "op": "set", "value": "{{ tick }}"}],
    });
    let config = json!({"rules": [{"fault": {"delay_ms": 40}}, {"answer": answer}]});
    let model = json!({"provider": "scripted", "model_name": "rules", "price": {"input": 0, "output": 0}, "provider_config": config});
    write("config/models.json".to_owned(), json!({ "m": model }));
    for index in 0..AGENTS {
        let name = format!("a{index:02}");
        // Each reads its neighbour, so that inboxes stay short.
        let reads = format!("a{:02}", (index + 1) % AGENTS);
        let resume = json!({
            "name": name, "title": "Hand", "short_description": "Does its part.", "instructions": "Do your part.",
            "model": {"key": "m", "max_tokens": 200}, "permissions": {"read_outboxes": [reads]},
        });
        write(format!("agents/{name}/resume.json"), resume);
    }
}

/// How often each event came to each listener, by its id.
type Told = HashMap<String, usize>;

/// What the listeners have in common.
#[derive(Default)]
struct Heard {
    /// The last tick of which each was told that it is closed.
    closed: Vec<AtomicU64>,
    told: Vec<Mutex<Told>>,
    broken: AtomicUsize,
}

impl Heard {
    async fn take(&self, listener: usize, event: &Value) {
        // Without what depends on who tells it: the order in which turns end, and with it the id, is the follower's.
        let what = [&event["tick"], &event["type"], &event["agent"], &event["message"]["id"], &event["log"]["message"]];
        let what = what.map(Value::to_string).join(" ");
        *self.told[listener].lock().await.entry(what).or_default() += 1;
        if event["type"] == "tick_closed" {
            self.closed[listener].fetch_max(event["tick"].as_u64().unwrap(), Ordering::SeqCst);
        }
    }
}

async fn listen_to_stream(url: String, key: String, heard: Arc<Heard>, listener: usize, ready: Arc<AtomicUsize>) {
    let request = reqwest::Client::new().get(format!("{url}/api/events?after=1.0")).bearer_auth(key);
    let mut response = request.header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(response.status(), 200);
    ready.fetch_add(1, Ordering::SeqCst);
    let mut rest = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        rest.extend_from_slice(&chunk);
        while let Some(end) = rest.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = rest.drain(..end + 2).collect();
            let text = std::str::from_utf8(&block).unwrap();
            if let Some(data) = text.lines().find_map(|line| line.strip_prefix("data: ")) {
                heard.take(listener, &serde_json::from_str(data).unwrap()).await;
            }
        }
    }
    heard.broken.fetch_add(1, Ordering::SeqCst);
}

async fn listen_to_socket(url: String, key: String, heard: Arc<Heard>, listener: usize, ready: Arc<AtomicUsize>) {
    let url = format!("{}/ws?after=1.0", url.replace("http://", "ws://"));
    let mut request = url.into_client_request().unwrap();
    let offered = format!("lemming.v1, bearer.{key}");
    request.headers_mut().insert("sec-websocket-protocol", offered.parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    ready.fetch_add(1, Ordering::SeqCst);
    let mut is_first = true;
    while let Some(Ok(frame)) = socket.next().await {
        let Message::Text(text) = frame else { continue };
        if !std::mem::take(&mut is_first) {
            heard.take(listener, &serde_json::from_str(&text).unwrap()).await;
        }
    }
    heard.broken.fetch_add(1, Ordering::SeqCst);
}

/// Asks so many times a second until it is over; how long each took in milliseconds, and how many failed.
async fn ask(url: &str, keys: &[String], is_over: &AtomicBool) -> (Vec<f64>, usize) {
    let client = reqwest::Client::new();
    let mut interval = tokio::time::interval(Duration::from_millis(1000 / REQUESTS_PER_SECOND));
    let mut asked = Vec::new();
    for number in 0.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        interval.tick().await;
        let request =
            client.get(format!("{url}{}", ROUTES[number % ROUTES.len()])).bearer_auth(&keys[number % keys.len()]);
        asked.push(tokio::spawn(async move {
            let began = Instant::now();
            let answer = match request.send().await {
                Ok(answer) if answer.status() == 200 => answer.bytes().await.is_ok(),
                _ => false,
            };
            (began.elapsed().as_secs_f64() * 1000.0, answer)
        }));
    }
    let answers: Vec<(f64, bool)> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    let failed = answers.iter().filter(|(_, is_ok)| !is_ok).count();
    (answers.into_iter().map(|(took, _)| took).collect(), failed)
}

/// Runs ticks, one after the other, until it is over; how many.
fn run(folder: &Path, is_over: &AtomicBool) -> u64 {
    let mut ticks = 0;
    while !is_over.load(Ordering::SeqCst) {
        let begun = Instant::now();
        assert!(program(folder).arg("tick").stdout(Stdio::null()).status().unwrap().success());
        ticks += 1;
        std::thread::sleep(TICK_EVERY.saturating_sub(begun.elapsed()));
    }
    ticks
}

/// What a process has in memory, in MiB.
fn memory(process: &Process) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.0.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// All events of the records, as one is told them who asks for pages now and then, until it is over.
async fn all(url: &str, key: &str, heard: &Heard, listener: usize, is_over: &AtomicBool) {
    let client = reqwest::Client::new();
    let mut cursor = "1.0".to_owned();
    loop {
        let was_over = is_over.load(Ordering::SeqCst);
        let asked = client.get(format!("{url}/api/events?limit=500&after={cursor}")).bearer_auth(key);
        let answer = asked.send().await.unwrap();
        if answer.status() == 429 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        }
        let page: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        for event in page["events"].as_array().unwrap() {
            assert_ne!(event["type"], "reset", "whoever asks so often is not away for too long");
            heard.take(listener, event).await;
        }
        page["cursor"].as_str().unwrap().clone_into(&mut cursor);
        match (page["more"] == false, was_over) {
            (true, true) => return,
            (true, false) => tokio::time::sleep(Duration::from_millis(500)).await,
            (false, _) => {}
        }
    }
}

#[tokio::main]
async fn main() {
    let seconds = std::env::var("LEMMING_LOAD_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let time = Duration::from_secs(seconds);
    let folder = tempfile::tempdir().unwrap();
    found(folder.path());
    let add = |index: usize| {
        let added =
            program(folder.path()).args(["keys", "add", &format!("load{index}"), "--role", "viewer"]).output().unwrap();
        String::from_utf8(added.stdout).unwrap().trim().to_owned()
    };
    let keys: Vec<String> = (0..KEYS).map(add).collect();
    let mut child =
        program(folder.path()).args(["serve", "--port", "0", "--no-wake"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let server = Process(child);
    let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();

    let listeners = KEYS * (STREAMS_OF_ONE + SOCKETS_OF_ONE);
    let heard = Arc::new(Heard {
        // And one place for what the records say.
        closed: (0..=listeners).map(|_| AtomicU64::new(0)).collect(),
        told: (0..=listeners).map(|_| Mutex::default()).collect(),
        broken: AtomicUsize::new(0),
    });
    let ready = Arc::new(AtomicUsize::new(0));
    let mut listening = tokio::task::JoinSet::new();
    for (listener, (place, key)) in
        (0..STREAMS_OF_ONE + SOCKETS_OF_ONE).flat_map(|at| keys.iter().map(move |key| (at, key))).enumerate()
    {
        let (url, key, heard, ready) = (url.clone(), key.clone(), Arc::clone(&heard), Arc::clone(&ready));
        if place < STREAMS_OF_ONE {
            listening.spawn(listen_to_stream(url, key, heard, listener, ready));
        } else {
            listening.spawn(listen_to_socket(url, key, heard, listener, ready));
        }
    }
    while ready.load(Ordering::SeqCst) < listeners {
        assert_eq!(listening.try_join_next().map(|ended| ended.is_ok()), None, "a listener was not let in");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let idle = memory(&server);

    let is_over = Arc::new(AtomicBool::new(false));
    let runner = {
        let (folder, is_over) = (folder.path().to_owned(), Arc::clone(&is_over));
        tokio::task::spawn_blocking(move || run(&folder, &is_over))
    };
    // Nothing happens any more.
    let has_ended = Arc::new(AtomicBool::new(false));
    let paging = {
        let (url, key, heard, has_ended) = (url.clone(), keys[0].clone(), Arc::clone(&heard), Arc::clone(&has_ended));
        tokio::spawn(async move { all(&url, &key, &heard, listeners, &has_ended).await })
    };
    let watch = async {
        let mut seen = Vec::new();
        for _ in 0..4 {
            tokio::time::sleep(time / 4).await;
            seen.push(memory(&server));
        }
        is_over.store(true, Ordering::SeqCst);
        seen
    };
    let ((mut took, failed), seen) = tokio::join!(ask(&url, &keys, &is_over), watch);
    let ticks = runner.await.unwrap();
    has_ended.store(true, Ordering::SeqCst);
    let began = Instant::now();
    while heard.closed[..listeners].iter().any(|closed| closed.load(Ordering::SeqCst) < ticks) {
        if began.elapsed() > PATIENCE {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let behind = began.elapsed();
    let end = memory(&server);
    paging.await.unwrap();
    let wanted: BTreeMap<String, usize> = heard.told[listeners].lock().await.clone().into_iter().collect();
    let events: usize = wanted.values().sum();
    let (mut lost, mut doubled) = (0, 0);
    for told in &heard.told[..listeners] {
        let told = told.lock().await;
        for (what, count) in &wanted {
            let came = told.get(what).copied().unwrap_or(0);
            lost += count.saturating_sub(came);
            doubled += came.saturating_sub(*count);
        }
        doubled += told.keys().filter(|what| !wanted.contains_key(*what)).count();
    }
    took.sort_by(f64::total_cmp);
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    println!("| what | |\n| --- | --- |");
    println!("| listeners | {} streams, {} sockets |", KEYS * STREAMS_OF_ONE, KEYS * SOCKETS_OF_ONE);
    println!("| ticks, turns | {ticks}, {} in {seconds} s |", ticks as usize * AGENTS);
    println!(
        "| events told | {events} to each, {} a second to all |",
        events * listeners / usize::try_from(seconds).unwrap()
    );
    println!("| lost, told twice, streams broken | {lost}, {doubled}, {} |", heard.broken.load(Ordering::SeqCst));
    println!("| all had heard of the last tick after | {} ms |", behind.as_millis());
    println!("| requests, failed | {}, {failed} |", took.len());
    println!(
        "| their time: median, 95th, 99th percentile, longest | {:.1}, {:.1}, {:.1}, {:.1} ms |",
        at(0.5),
        at(0.95),
        at(0.99),
        at(1.0)
    );
    println!(
        "| the server's memory: listening; after each quarter; in the end | {idle:.0}; {}; {end:.0} MiB |",
        seen.iter().map(|mib| format!("{mib:.0}")).collect::<Vec<_>>().join(", ")
    );
    listening.shutdown().await;
    assert_eq!((lost, doubled, failed, heard.broken.load(Ordering::SeqCst)), (0, 0, 0, 0));
}
