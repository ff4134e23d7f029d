//! Runner processes side by side on one tick, over a real S3 server.
//!
//! `cargo bench --bench runners`, after `localstack/install.sh versitygw`. 128 agents that read nobody, a model on loopback
//! that thinks for 500 ms, four turns at once per runner. k processes (`lemming tick --scheduled`) are started together;
//! the time is from the start of the first to the end of the last. The model counts its calls itself. `LEMMING_BIN` names
//! another program than the one of this build.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark fails by panicking, and measures real time"
)]

#[path = "../tests/servers/gcs.rs"]
#[allow(dead_code, reason = "the server that needs it is not started here")]
mod gcs;
#[path = "../tests/servers/http.rs"]
#[allow(dead_code, reason = "shared with tests/servers")]
mod http;
#[path = "../tests/servers/loopback.rs"]
#[allow(dead_code, reason = "shared with tests/servers")]
mod loopback;
#[path = "../tests/servers/process.rs"]
mod process;
#[path = "../tests/servers/server.rs"]
#[allow(dead_code, reason = "shared with tests/servers")]
mod server;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use object_store::path::Path as Location;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde_json::{Value, json};

use crate::http::Message;
use crate::loopback::{Loopback, Outcome};
use crate::server::{Kind, Server};

const AGENTS: usize = 128;
const AT_ONCE: usize = 4;
const THINKS: Duration = Duration::from_millis(500);
const RUNNERS: [usize; 4] = [1, 2, 4, 8];
const ROUNDS: usize = 3;

/// The model: how long it thinks, and how often it was asked for each agent.
#[derive(Default)]
struct Model {
    thinks_ms: AtomicU64,
    calls: Mutex<BTreeMap<String, usize>>,
}

/// Ollama's `/api/chat`. Each agent has a model of its name.
fn chat(model: &Model, request: &Message) -> Message {
    let request: Value = serde_json::from_slice(&request.body).unwrap();
    let agent = request["model"].as_str().unwrap();
    *model.calls.lock().unwrap().entry(agent.to_owned()).or_default() += 1;
    std::thread::sleep(Duration::from_millis(model.thinks_ms.load(Ordering::Relaxed)));
    let answer = json!({"outbox_entries": [{"kind": "report", "to": "human", "payload": {"text": "Done."}}]});
    let body = json!({
        "model": agent, "created_at": "2026-11-25T12:00:00Z",
        "message": {"role": "assistant", "content": answer.to_string()},
        "done": true, "done_reason": "stop", "prompt_eval_count": 500, "eval_count": 30,
    });
    let mut message = Message::answer("200 OK", &body.to_string());
    message.set("Content-Type", "application/json");
    message
}

struct Bench {
    server: Server,
    store: Arc<dyn ObjectStore>,
    model: Arc<Model>,
    model_url: String,
    program: PathBuf,
}

impl Bench {
    async fn found(&self, prefix: &str) {
        let agents: Vec<String> = (0..AGENTS).map(|i| format!("a{i:03}")).collect();
        let of = |agent: &String| {
            let model = json!({
                "provider": "ollama", "model_name": agent, "base_url": self.model_url, "context_tokens": 32768,
                "price": {"input": 0.1, "output": 0.1},
            });
            (agent.clone(), model)
        };
        let models: serde_json::Map<String, Value> = agents.iter().map(of).collect();
        // A shard has one holder at a time, so that eight runners need eight of them: no more, as each costs a hold and a
        // seal, and its holder goes on within it without a pause. A hold is as large as what runs at once, so that a
        // runner takes one shard at a time and leaves the others to the others.
        let settings = json!({
            "format": 1, "name": prefix, "pace": {"every": "1h"},
            "limits": {
                "max_parallel_turns": AT_ONCE, "agents_per_hold": AT_ONCE,
                "agents_per_shard": AGENTS / RUNNERS[RUNNERS.len() - 1], "max_prompt_tokens": 8000,
            },
        });
        let mut files = vec![("config/models.json".to_owned(), Value::from(models)), ("org.json".to_owned(), settings)];
        files.extend(agents.iter().map(|agent| {
            let resume = json!({
                "name": agent, "title": "Hand", "short_description": "Does its part.",
                "instructions": "Do your part, and say that it is done.",
                "model": {"key": agent, "max_tokens": 200}, "credits": {"max_credits": 1000, "soft_cap": 0},
            });
            (format!("agents/{agent}/resume.json"), resume)
        }));
        let puts = stream::iter(files).map(|(path, body)| {
            let key = Location::parse(format!("{prefix}/{path}")).unwrap();
            async move { self.store.put(&key, body.to_string().into()).await }
        });
        puts.buffer_unordered(16).try_collect::<Vec<_>>().await.unwrap();
    }

    /// Starts so many runners on one slot, and waits for all of them.
    fn tick(&self, prefix: &str, runners: usize, slot: &str) -> Duration {
        let url = self.server.url(self.server.address(), prefix);
        let began = Instant::now();
        let runners: Vec<_> = (0..runners)
            .map(|index| {
                Command::new(&self.program)
                    // As the pods of an Indexed Job.
                    .args([
                        "tick",
                        &format!("--scheduled={slot}"),
                        &format!("--shards={index}/{runners}"),
                        "--store",
                        &url,
                    ])
                    .env_remove("LEMMING_STORE")
                    .env("LEMMING_LOG", "warn")
                    .envs(self.server.env())
                    .stdout(Stdio::null())
                    // For whom they wait is of no interest here.
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for mut runner in runners {
            assert!(runner.wait().unwrap().success());
        }
        began.elapsed()
    }

    /// The time of one tick with so many runners.
    async fn measure(&self, runners: usize, round: usize) -> Duration {
        let prefix = format!("k{runners}-{round}");
        self.found(&prefix).await;
        // The first tick pins 128 resumes; the one that is measured is like all others.
        self.model.thinks_ms.store(0, Ordering::Relaxed);
        self.tick(&prefix, 1, "2026-11-25T12:00:00Z");
        self.model.thinks_ms.store(u64::try_from(THINKS.as_millis()).unwrap(), Ordering::Relaxed);
        self.model.calls.lock().unwrap().clear();
        let took = self.tick(&prefix, runners, "2026-11-25T13:00:00Z");
        let calls = self.model.calls.lock().unwrap().clone();
        assert_eq!(calls.len(), AGENTS);
        assert!(calls.values().all(|calls| *calls == 1), "a call was made twice: {calls:?}");
        let closed = Location::parse(format!("{prefix}/ticks/000000000002/closed.json")).unwrap();
        assert!(self.store.head(&closed).await.is_ok(), "{closed} is missing");
        took
    }
}

#[tokio::main]
async fn main() {
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/bin/versitygw").exists() {
        println!("runners: skipped, its S3 server is not there: localstack/install.sh versitygw");
        return;
    }
    let server = Server::run(Kind::Versitygw);
    let model = Arc::new(Model::default());
    let asked = Arc::clone(&model);
    // There is nothing behind it.
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let peer = Loopback::start(nobody, move |request, _| Ok(Outcome::Answer(chat(&asked, &request))));
    let model_url = format!("http://{}/", peer.address());
    let program = std::env::var_os("LEMMING_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_lemming").into()).into();
    let bench = Bench { store: server.open(server.address()), server, model, model_url, program };

    let ideal = THINKS * u32::try_from(AGENTS / AT_ONCE).unwrap();
    println!(
        "{AGENTS} agents, {} ms a call, {AT_ONCE} at once: {:.1} s / k at best",
        THINKS.as_millis(),
        ideal.as_secs_f64()
    );
    println!("| runners | s (median of {ROUNDS}) | speed-up | of k | calls |\n| --- | --- | --- | --- | --- |");
    let mut alone = None;
    for runners in RUNNERS {
        let mut times = Vec::new();
        for round in 0..ROUNDS {
            times.push(bench.measure(runners, round).await.as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        let time = times[ROUNDS / 2];
        let speedup = *alone.get_or_insert(time) / time;
        println!("| {runners} | {time:.2} | {speedup:.2} | {:.2} | {AGENTS} |", speedup / runners as f64);
    }
}
