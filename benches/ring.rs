//! Ticks of a ring on local disk, beside a bare program that puts the same objects at the same paths.
//!
//! `cargo bench --bench ring [-- FOLDER [AGENTS [MODE]]]` (default: the temporary folder; the file system matters, and is named in
//! docs/BENCHMARKS.md; with a number of agents and a mode only that ring, for a profile). Every agent reads the one before it, the model answers
//! at once with one message of 200 bytes, and fsync is off. Tick and bare program take turns, so
//! that a machine whose speed drifts slows both.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark fails by panicking, and measures real time"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lemming::clock::{SystemClock, SystemEntropy};
use lemming::domain::model::{Model, Usage};
use lemming::domain::name::ModelKey;
use lemming::engine::{Context, Outcome, Silent, Stop, run_tick};
use lemming::provider::{Answer, CallError, Provider, Providers, Request};
use lemming::record::plan::Trigger;
use lemming::store::Store;
use lemming::store::local::LocalStore;
use serde_json::json;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Clone)]
struct AtOnce(String, Duration);

#[async_trait]
impl Provider for AtOnce {
    async fn complete(&self, _: &Request) -> Result<Answer, CallError> {
        if !self.1.is_zero() {
            tokio::time::sleep(self.1).await;
        }
        let usage = Some(Usage { input_tokens: 100, output_tokens: 50, ..Usage::default() });
        Ok(Answer { text: self.0.clone(), tool_calls: Vec::new(), usage, reported_model: None, response_id: None })
    }
}

#[async_trait]
impl Providers for AtOnce {
    async fn open(&self, _: &ModelKey, _: &Model) -> Result<Arc<dyn Provider>, CallError> {
        Ok(Arc::new(self.clone()))
    }
}

fn found(root: &Path, agents: usize, visibility: &str, ring: bool) {
    fs::create_dir_all(root.join("config")).unwrap();
    let org = json!({"format": 1, "name": "ring", "visibility": visibility, "limits": {"max_prompt_tokens": 8000}});
    fs::write(root.join("org.json"), org.to_string()).unwrap();
    let models = json!({"m": {"provider": "test", "price": {"input": 0.1, "output": 0.1}}});
    fs::write(root.join("config/models.json"), models.to_string()).unwrap();
    for i in 0..agents {
        let name = format!("a{i:04}");
        let reads = if ring { vec![format!("a{:04}", (i + agents - 1) % agents)] } else { vec![] };
        let resume = json!({
            "name": name, "title": "Link", "short_description": "A link of the ring.",
            "instructions": "Say something to the next one.", "model": {"key": "m", "max_tokens": 200},
            "permissions": {"read_outboxes": reads}, "credits": {"max_credits": 1000, "soft_cap": 0},
        });
        fs::create_dir_all(root.join("agents").join(&name)).unwrap();
        fs::write(root.join("agents").join(&name).join("resume.json"), resume.to_string()).unwrap();
    }
}

fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found
}

type Objects = [(PathBuf, Vec<u8>)];

/// Puts objects with nothing but the standard library: two threads, temporary file and link,
/// folders made beforehand. Each thread has half of the objects.
fn bare(root: &Path, objects: &Objects) -> Duration {
    let (first, second) = objects.split_at(objects.len().div_ceil(2));
    put(root, [first, second])
}

/// The same, but one thread has all records of the tick, as in ordered mode each turn is committed
/// only after the one that it reads; the other has the views.
fn in_order(root: &Path, objects: &Objects) -> Duration {
    let is_record = |(path, _): &&(PathBuf, Vec<u8>)| path.starts_with("ticks");
    let records: Vec<_> = objects.iter().filter(is_record).cloned().collect();
    let views: Vec<_> = objects.iter().filter(|object| !is_record(object)).cloned().collect();
    put(root, [&records, &views])
}

fn put(root: &Path, parts: [&Objects; 2]) -> Duration {
    for (path, _) in parts.into_iter().flatten() {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
    }
    let began = Instant::now();
    std::thread::scope(|scope| {
        for (thread, part) in parts.into_iter().enumerate() {
            scope.spawn(move || {
                for (i, (path, bytes)) in part.iter().enumerate() {
                    let path = root.join(path);
                    let staged = path.with_file_name(format!(".{thread}-{i}.tmp"));
                    let mut file = fs::File::create_new(&staged).unwrap();
                    file.write_all(bytes).unwrap();
                    drop(file);
                    if fs::hard_link(&staged, &path).is_err() {
                        fs::rename(&staged, &path).unwrap();
                    } else {
                        fs::remove_file(&staged).unwrap();
                    }
                }
            });
        }
    });
    began.elapsed()
}

fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn context(root: &Path, delay: Duration, fsync: bool) -> Context {
    let store = LocalStore::new(root).with_fsync(fsync);
    let text = json!({"outbox_entries": [{"payload": {"text": "x".repeat(200)}}]}).to_string();
    Context {
        store: Store::new(Arc::new(store), object_store::path::Path::default(), true),
        providers: Arc::new(AtOnce(text, delay)),
        tools: Vec::new(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        seed: None,
        stop: Stop::never(),
        terms: lemming::engine::Terms::default(),
        memo: Arc::default(),
        connector: Arc::new(lemming::tool::Unconnected),
        progress: Arc::new(Silent),
    }
}

async fn tick(ctx: Context) -> Duration {
    tokio::spawn(async move {
        let began = Instant::now();
        match run_tick(&ctx, Trigger::Invocation).await.unwrap() {
            Outcome::Ran(report) => assert!(report.closed && report.skipped.is_empty()),
            Outcome::Idle { .. } => panic!("idle"),
        }
        began.elapsed()
    })
    .await
    .unwrap()
}

/// Whole processes, each doing one tick of 20 agents with the scripted model.
fn cold(root: &Path) -> Vec<f64> {
    found(root, 20, "ordered", true);
    let rule = json!({"answer": {"outbox_entries": [{"payload": {"text": "x".repeat(200)}}]}});
    let models = json!({"m": {"provider": "scripted", "price": {"input": 0.1, "output": 0.1},
        "provider_config": {"rules": [rule]}}});
    fs::write(root.join("config/models.json"), models.to_string()).unwrap();
    let store = format!("file://{}?fsync=off", root.display());
    let mut times = Vec::new();
    for _ in 0..21 {
        let began = Instant::now();
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_lemming"))
            .args(["--store", &store, "tick", "--json"])
            .output()
            .unwrap();
        times.push(began.elapsed().as_secs_f64() * 1e3);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    times
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with('-'));
    let base = args.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let only: Option<usize> = args.next().map(|agents| agents.parse().unwrap());
    let only_mode = args.next();
    let base = base.join(format!("lemming-ring-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("| agents | mode | turns/s | tick ms | bare ms | ratio | in order ms | cpu s per 1,000 turns |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (agents, rounds) in [(10, 60), (100, 24), (1000, 10)] {
        if only.is_some_and(|only| only != agents) {
            continue;
        }
        for mode in ["ordered", "snapshot"] {
            if only_mode.as_ref().is_some_and(|only| only != mode) {
                continue;
            }
            let root = base.join(format!("{mode}-{agents}"));
            found(&root, agents, mode, true);
            let bare_root = base.join(format!("bare-{mode}-{agents}"));
            let ctx = context(&root, Duration::ZERO, false);
            let order_root = base.join(format!("order-{mode}-{agents}"));
            let (mut ours, mut theirs, mut ratios, mut ordered) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            let mut seen: std::collections::BTreeSet<PathBuf> = files(&root).into_iter().collect();
            let mut busy = Duration::ZERO;
            for round in 0..rounds + 2 {
                let before = cpu();
                let took = runtime.block_on(tick(ctx.clone()));
                let used = cpu() - before;
                let now = files(&root);
                let objects: Vec<(PathBuf, Vec<u8>)> = now
                    .iter()
                    .filter(|path| !seen.contains(*path) || path.ends_with("head.json"))
                    .map(|path| (path.strip_prefix(&root).unwrap().to_owned(), fs::read(path).unwrap()))
                    .collect();
                seen.extend(now);
                let bare = bare(&bare_root, &objects);
                let in_order = in_order(&order_root, &objects);
                if round >= 2 {
                    busy += used;
                    ours.push(took.as_secs_f64());
                    theirs.push(bare.as_secs_f64());
                    ordered.push(in_order.as_secs_f64() * 1e3);
                    ratios.push(took.as_secs_f64() / bare.as_secs_f64());
                }
            }
            let (tick, bare) = (median(ours), median(theirs));
            println!(
                "| {agents} | {mode} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {:.3} |",
                agents as f64 / tick,
                tick * 1e3,
                bare * 1e3,
                median(ratios),
                median(ordered),
                busy.as_secs_f64() / (agents * rounds) as f64 * 1e3
            );
        }
    }
    if only.is_some() {
        fs::remove_dir_all(&base).unwrap();
        return;
    }
    let root = base.join("independent");
    found(&root, 100, "ordered", false);
    let ctx = context(&root, Duration::from_millis(50), false);
    let times: Vec<f64> = (0..12).map(|_| runtime.block_on(tick(ctx.clone())).as_secs_f64() * 1e3).collect();
    println!("\n100 independent agents, a model of 50 ms: {:.1} ms a tick", median(times[2..].to_vec()));
    let root = base.join("durable");
    found(&root, 100, "ordered", true);
    let ctx = context(&root, Duration::ZERO, true);
    let times: Vec<f64> = (0..6).map(|_| runtime.block_on(tick(ctx.clone())).as_secs_f64() * 1e3).collect();
    println!("100 agents, ordered, fsync on: {:.1} ms a tick", median(times[1..].to_vec()));
    let root = base.join("history");
    found(&root, 10, "ordered", true);
    let ctx = context(&root, Duration::ZERO, false);
    let times: Vec<f64> = (0..1000).map(|_| runtime.block_on(tick(ctx.clone())).as_secs_f64() * 1e3).collect();
    println!(
        "10 agents: tick 10 {:.2} ms, tick 1,000 {:.2} ms",
        median(times[5..15].to_vec()),
        median(times[990..].to_vec())
    );
    println!("one cold process, one tick of 20 agents, fsync off: {:.1} ms", median(cold(&base.join("cold"))));
    fs::remove_dir_all(&base).unwrap();
}
